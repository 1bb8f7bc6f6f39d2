"""A director that answers every module with lies, in a run beside a good one: nothing of the good one's changes."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass

import pytest
from breakage import replaced
from conftest import Run, playbook_command, run_ansible, write_inventory
from standing import listing, whole

pytestmark = pytest.mark.rotating

# Runs the real Python. To the answer of whatever module Ansible sends, which comes by its standard input, it adds lies.
# What is asked for is named in front of what is sent.
LIAR = r"""#!/bin/sh
[ $# = 0 ] || exec REAL "$@"
cat >/tmp/asked.$$
REAL </tmp/asked.$$ >/tmp/answer.$$
rc=$?
if ! grep -qE 'ASKED' /tmp/asked.$$; then
    cat /tmp/answer.$$
    rm -f /tmp/asked.$$ /tmp/answer.$$
    exit $rc
fi
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
rm -f /tmp/asked.$$ /tmp/answer.$$
exit $rc
"""
OTHERS = r"ansible\.modules\.|ansible_collections\.ansible\.posix\."
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


@contextlib.contextmanager
def lying(director, told, asked=""):
    """The director tells these lies to whoever asks for one of these modules, or for any."""
    python = director.shell("readlink -f $(command -v python3 python2.7 | head -n 1)").strip()
    # What is in /tmp is the login user's.
    liar = LIAR.replace("REAL", f"{python}.aside").replace("ASKED", asked)
    with replaced(director, python, liar.replace("LIES", json.dumps(told).replace("'", ""))):
        yield


def backups(director):
    return {name: listing(director.backups / name) for name in director.ids}


@pytest.fixture(scope="module")
def beside(micro, victim, tmp_path_factory):
    inventory = tmp_path_factory.mktemp("liar") / "hosts.yml"
    write_inventory(inventory, {micro.name: micro.variables(), victim.name: victim.variables()})
    kept, before = backups(victim), backups(micro)
    with lying(victim, lies(micro)):
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


def kept(director):
    """All that the controller has of a director but its logs: backups, the copy of the identity, the key."""
    here = {name: content for name, content in listing(director.backups).items() if not name.startswith(b"logs")}
    return here, *((director.directory / name).read_text() for name in ("key", "key.pub"))


@pytest.mark.parametrize("setup", ["present", "rotate"])
def test_setup_believes_no_lie_of_a_module_of_others(micro, victim, setup):
    """The good one's backups and key are where the liar would have setup look."""
    told = {**lies(micro), "ansible_facts": {**lies(micro)["ansible_facts"], **key_of(micro)}}
    before = kept(micro)
    with lying(victim, told, OTHERS):
        run = victim.setup(microbosh_setup=setup)
    assert run.status == 2
    assert kept(micro) == before
    assert "was not taken, as the director sent ansible_facts" in run
    assert not [sign for sign in ESCAPES if not sign.isprintable() and sign in run.output]


def test_absent_removes_no_copy_of_anothers_identity(micro, victim):
    """Nothing of ours looks between what removes programs there and what removes the copy of the identity here."""
    before = kept(micro)
    try:
        with lying(victim, lies(micro), OTHERS):
            run = victim.setup(microbosh_setup="absent")
        assert kept(micro) == before
        assert run.status == 2
        assert "was not taken, as the director sent ansible_facts" in run
    finally:
        again = victim.setup()
    assert again.status == 0, again.output


def key_of(director):
    key = f"{director.directory}/key"
    return {"microbosh_private_key": key, "microbosh_public_key": f"{key}.pub"}
