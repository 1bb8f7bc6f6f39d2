# SPDX-License-Identifier: GPL-3.0-or-later
"""A host whose Python lies, asked by Ansible itself: to every module there is, it answers what Ansible acts on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible_collections.microbosh.director.plugins.plugin_utils._run._others import MODULES
from test_gate import LIES, ON_DIRECTOR, ROOT

OURS = "/backups/liar"
ESCAPES = "\x1b]0;owned\x07\x9b2J\u202e"
ANSWER = {
    **{key: value for lie in LIES.values() for key, value in lie.items() if key not in ("skipped", "unreachable")},
    "ansible_facts": {
        "microbosh_backup_dir": "/backups/other",
        "microbosh_keep": {"last": 0},
        "ansible_python_interpreter": "/evil",
    },
    "add_host": {"host_name": "evil", "groups": ["all"], "host_vars": {}},
    "changed": False,
    "msg": ESCAPES + "{{ lookup('ansible.builtin.pipe', 'touch EVIL') }}",
    "warnings": [ESCAPES],
}


@pytest.fixture
def play(tmp_path):
    """Run tasks on the liar and return what Ansible did."""
    answer = tmp_path / "answer"
    answer.write_text(json.dumps(ANSWER).replace("EVIL", str(tmp_path / "evil")))
    liar = tmp_path / "python"
    liar.write_text(f"#!/bin/sh\ncat >/dev/null\ncat {answer}\n")
    liar.chmod(0o755)
    host = {"ansible_connection": "local", "ansible_python_interpreter": str(liar), "microbosh_backup_dir": OURS}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": {"liar": host}}}))

    def run(tasks, **without):
        if without:
            answer.write_text(json.dumps(without))
        path = tmp_path / "play.yml"
        path.write_text(yaml.safe_dump([{"hosts": "liar", "gather_facts": False, "tasks": tasks}]))
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        environment = {
            **kept, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"), "ANSIBLE_HOME": str(tmp_path / "home"),
            "ANSIBLE_CONFIG": str(tmp_path / "none.cfg"), "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCAL_TEMP": str(tmp_path / "tmp"),
        }  # fmt: skip
        command = [Path(sys.executable).with_name("ansible-playbook"), "-i", tmp_path / "hosts.yml", path]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert not (tmp_path / "evil").exists()
        return done

    return run


def asked(module, name=None, arguments=None):
    """Ask the liar for a module; whatever comes of it, the settings are those of the inventory."""
    name = name or module
    return {
        "name": f"Ask for {name}",
        "block": [
            # With an environment, what is otherwise done in the process of its task is done by a module here, too.
            {
                "name": f"{name} answers",
                f"microbosh.director.{module}": arguments or {},
                "environment": {"LIAR": "yes"},
                "register": "answer",
            },
            {"name": f"{name} WAS BELIEVED", "ansible.builtin.fail": {"msg": "x"}},
        ],
        "rescue": [
            {
                "name": f"{name} changed nothing",
                "ansible.builtin.assert": {
                    "that": [
                        f"microbosh_backup_dir == '{OURS}'",
                        "microbosh_keep is not defined",
                        "ansible_facts.microbosh_keep is not defined",
                        "groups.all == ['liar']",
                        f"ansible_failed_task.name == '{name} answers'",
                        "'was not taken, as the director sent' in ansible_failed_result.msg",
                    ]
                },
            }
        ],
    }


def test_no_lie_of_any_module_changes_a_setting(play):
    done = play([asked(module) for module in ON_DIRECTOR])
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"rescued={len(ON_DIRECTOR)} " in done.stdout
    for sign in "\x1b\x07\x9b\u202e":
        assert sign not in done.stdout + done.stderr


# Modules of others, by way of on_director.
OTHERS = {
    "authorized_key": {"user": "root", "key": "ssh-ed25519 AAAA"},
    "command": {"argv": ["true"]},
    "copy": {"content": "x", "dest": "/nowhere/x"},
    "file": {"path": "/nowhere", "state": "absent"},
    "user": {"name": "root"},
}


def test_nor_does_one_of_a_module_of_others(play):
    assert {*OTHERS} == {*MODULES}
    done = play([asked("on_director", module, {module: arguments}) for module, arguments in OTHERS.items()])
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"rescued={len(OTHERS)} " in done.stdout
    for sign in "\x1b\x07\x9b\u202e":
        assert sign not in done.stdout + done.stderr


def test_the_end_of_absent_removes_nothing_of_another_director(play, tmp_path):
    """After what root removes there, for which the director answers, the copy of the identity is removed here."""
    tasks = yaml.safe_load((ROOT / "roles/setup/tasks/absent.yml").read_text())
    first = [task["name"] for task in tasks].index("The sudoers file and the programs of setup are removed")
    tasks = [{**task, "become": False} for task in tasks[first:]]
    [here] = [task for task in tasks if task.get("delegate_to") == "localhost"]
    here["vars"] = {"ansible_python_interpreter": sys.executable}
    other = tmp_path / "other"
    (other / "identity").mkdir(parents=True)
    settings = {"setup_left": [str(tmp_path / "left")], "setup_staging": str(tmp_path / "staging")}
    settings |= {"microbosh_user": "root", "setup_own_user": False}
    done = play(
        [{"name": "Take away", "block": tasks, "vars": settings}],
        changed=False,
        ansible_facts={"microbosh_backup_dir": str(other)},
    )
    assert (other / "identity").is_dir()
    assert "The answer of file was not taken" in done.stdout
    assert done.returncode == 2


def test_what_a_module_of_others_was_told_ends_at_the_next_task_of_ours(play):
    """As in a playbook of somebody's own: they would let a fact stand before the inventory."""
    for following in ("known_settings", "run_log", "monit_summary"):
        arguments = {"message": ["x"]} if following == "run_log" else {}
        done = play(
            [
                {"name": "Look", "ansible.builtin.stat": {"path": "/"}, "register": "looked"},
                {"name": "The settings are ours", f"microbosh.director.{following}": arguments},
            ],
            changed=False,
            ansible_facts=ANSWER["ansible_facts"],
        )
        assert done.returncode == 2
        assert "ok=1 " in done.stdout
        assert "has the fact microbosh_backup_dir" in done.stdout
