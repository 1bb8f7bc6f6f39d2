"""A director that answers every module with lies, in a run beside a good one: nothing of the good one's changes."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from breakage import replaced
from conftest import Run, playbook_command, run_ansible, write_inventory
from standing import listing, whole

# Runs the real Python. To the answer of whatever module Ansible sends, which comes by its standard input, it adds lies.
LIAR = r"""#!/bin/sh
[ $# = 0 ] || exec REAL "$@"
REAL >/tmp/answer.$$
rc=$?
REAL -c '
import json, sys
text = open(sys.argv[1]).read()
try:
    answer = json.loads(text.strip().splitlines()[-1])
except Exception:
    sys.stdout.write(text)
else:
    answer.update(json.loads(sys.argv[2]))
    print(json.dumps(answer))
' /tmp/answer.$$ 'LIES'
rm -f /tmp/answer.$$
exit $rc
"""
ESCAPES = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e"


@dataclass
class Beside:
    """The run, and what the good director had before and after it."""

    run: Run
    before: dict
    after: dict


def lies(good):
    """Facts that would stand before the inventory, and everything else that Ansible acts on."""
    return {
        "ansible_facts": {
            "microbosh_backup_dir": str(good.backups),
            "microbosh_keep": {"last": 1, "daily": 0, "weekly": 0, "monthly": 0},
            "run_dir": str(good.backups),
        },
        "add_host": {"host_name": "evil", "groups": ["microbosh"], "host_vars": {"ansible_connection": "local"}},
        "add_group": "microbosh",
        "_ansible_verbose_always": True,
        "warnings": [ESCAPES],
        "msg": ESCAPES,
        "results": [],
    }


def backups(director):
    return {name: listing(director.backups / name) for name in director.ids}


@pytest.fixture(scope="module")
def beside(micro, victim, tmp_path_factory):
    python = victim.shell("readlink -f $(command -v python3 python2.7 | head -n 1)").strip()
    # What is in /tmp is the login user's.
    liar = LIAR.replace("REAL", f"{python}.aside").replace("LIES", json.dumps(lies(micro)).replace("'", ""))
    inventory = tmp_path_factory.mktemp("liar") / "hosts.yml"
    write_inventory(inventory, {micro.name: micro.variables(), victim.name: victim.variables()})
    kept, before = backups(victim), backups(micro)
    with replaced(victim, python, liar):
        run = run_ansible(playbook_command(inventory, "microbosh.director.backup"))
    assert backups(victim) == kept
    return Beside(run, before, backups(micro))


def test_the_liar_has_no_backup_and_it_is_said_why(victim, beside):
    assert beside.run.status == 2
    assert beside.run.recap[victim.name]["failed"] == 1
    told = beside.run.told(victim.name)
    assert "was not taken, as the director sent" in told
    assert "Nothing was stopped on the director" in told
    assert "evil" not in beside.run.recap


def test_the_good_one_is_backed_up_and_what_it_had_is_as_it_was(micro, beside):
    assert beside.run.recap[micro.name]["failed"] == 0
    assert whole(micro.latest) is True
    assert {name: beside.after[name] for name in beside.before} == beside.before
    assert len(beside.after) == len(beside.before) + 1


def test_no_escape_reaches_the_terminal_or_the_log(victim, beside):
    logs = "".join(path.read_text() for path in (victim.backups / "logs").glob("*.log"))
    for sign in ESCAPES:
        if not sign.isprintable():
            assert sign not in beside.run.output
            assert sign not in logs
