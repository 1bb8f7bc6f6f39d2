# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A transfer is rsync's in the task's own process: the same command, place, environment and result as by a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._run import _synchronize_here as here
from places import REPOSITORY

ANSIBLES = [path for path in (Path(sys.prefix), REPOSITORY / ".venv-2.16") if (path / "bin/ansible-playbook").exists()]
# It says how it was called, and by whom.
RSYNC = f"""#!{sys.executable}
import json, os, sys
from pathlib import Path
with open(f"/proc/{{os.getppid()}}/cmdline", "rb") as file:
    parent = file.read().decode().split("\\0")
run = [sys.argv, dict(os.environ), os.getcwd(), os.readlink("/proc/self/fd/0"), parent]
(Path(__file__).parent / f"{{os.getpid()}}.json").write_text(json.dumps(run))
print("<<CHANGED>>.f a file")
if Path(__file__).with_name("broken").exists():
    sys.exit("rsync: no \\N{{SNOWMAN}} $HOME" + " and more" * 3)
"""
# Ansible's ssh may have one as well, and another way to hand on its password.
SSHPASS = f"""#!{sys.executable}
import os, sys
from pathlib import Path
if not sys.argv[1:]:
    sys.exit(1)
if sys.argv[2].endswith("/rsync"):
    with Path(__file__).with_name("passwords").open("a") as file:
        file.write(os.read(int(sys.argv[1][2:]), 100).decode())
os.execvp(sys.argv[2], sys.argv[2:])
"""
# Ansible makes sure of its connection before a transfer.
SSH = """#!/bin/sh
for command; do :; done
exec sh -c "$command"
"""
PLAY = """
- hosts: all
  gather_facts: false
  vars:
    ansible_ssh_executable: "{{ here }}/programs/ssh"
    ansible_remote_tmp: "{{ here }}/tmp"
  tasks:
    - name: Pulled here
      microbosh.director.pull: &what
        src: /var/vcap
        dest: "{{ here }}/to"
        listing: "{{ here }}/log"
        look: "{{ looking }}"
      register: in_task
      ignore_errors: "{{ broken }}" # only where it is to fail, in the same words
    - name: Pulled by a process
      microbosh.director.pull: *what
      environment: {APART: "1"}
      register: in_process
      ignore_errors: "{{ broken }}"
    - name: What came of both
      ansible.builtin.copy:
        content: "{{ [in_task, in_process] | to_json }}"
        dest: "{{ here }}/results"
      delegate_to: localhost
      check_mode: false
"""
# What a shell between them adds, and what differs by its purpose.
OF_BASH = "BASH_FUNC_"  # another shell hands no functions on
OF_SHELLS = {"APART", "_", "PWD", "OLDPWD", "SHLVL", "LINES", "COLUMNS"}


@pytest.fixture(params=ANSIBLES, ids=lambda path: path.name)
def pulled(tmp_path, request):
    """Pull twice, in the task's process and not; return how rsync was called each time, and both results."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, text in (("rsync", RSYNC), ("ssh", SSH), ("sshpass", SSHPASS)):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    (tmp_path / "play.yml").write_text(PLAY)

    def pull(*options, broken=False, looking=False):
        (programs / "broken").touch() if broken else None
        environment = {
            **os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8",
            "ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / ".collections"),
        }  # fmt: skip
        extra = json.dumps({"here": str(tmp_path), "looking": looking, "broken": broken})
        playbook = [request.param / "bin/ansible-playbook", "-i", "director,", tmp_path / "play.yml", "-e", extra]
        command = [*playbook, *options]
        run = subprocess.run(command, env=environment, capture_output=True, text=True, cwd="/", check=False)
        assert run.returncode == 0, run.stdout + run.stderr
        runs = sorted(programs.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
        return [json.loads(path.read_text()) for path in runs], json.loads((tmp_path / "results").read_text())

    return pull


def by_process(run):
    return "AnsiballZ" in " ".join(run[-1]) or "ansible-playbook" not in " ".join(run[-1])


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ([], {}),
        (["-e", "ansible_password=c1oudc0w"], {"broken": True}),
        (["--check", "--diff"], {"looking": True}),
    ],
    ids=["with a key", "broken, with a password", "a look, in check mode"],
)
def test_it_is_the_same_command_with_the_same_result(pulled, tmp_path, options, what):
    (ours, theirs), results = pulled(*options, **what)
    assert [by_process(ours), by_process(theirs)] == [False, True]
    assert "--rsh=" in " ".join(ours[0])
    assert ours[0] == theirs[0]
    assert ("--dry-run" in ours[0]) == bool(what.get("looking"))
    assert [ours[1]["LC_ALL"], ours[1]["LANG"]] == ["C", "C"]
    for run in (ours, theirs):
        run[1] = {
            name: value for name, value in run[1].items() if not name.startswith(OF_BASH) and name not in OF_SHELLS
        }
    assert ours[1:3] == theirs[1:3]
    assert ours[3] == "/dev/null"
    for result in results:
        result.pop("seconds", None)
    assert results[0] == results[1]
    assert results[0].get("rc", 0) == bool(what.get("broken"))
    if "ansible_password=c1oudc0w" in options:
        assert (tmp_path / "programs/passwords").read_text().splitlines() == ["c1oudc0w"] * 2


def delegate(ran):
    def execute(**given):
        ran.append(given)
        return {"by": "process"}

    return SimpleNamespace(
        _execute_module=execute,
        _connection=SimpleNamespace(transport="local"),
        _loader=SimpleNamespace(get_basedir=lambda: "/"),
        _update_module_args=lambda name, arguments, task_vars: arguments.update(_ansible_check_mode=True),
    )


def stand_in(main):
    module = ModuleType("synchronize")
    module.AnsibleModule = object
    module.main = lambda: main(module.AnsibleModule)
    return module


def answered(kind):
    module = kind(argument_spec={"src": {}}, supports_check_mode=True)
    module.exit_json(src=module.params["src"], check=module.check_mode)


def of_another_world(kind):
    raise ImportError("it needs what this Ansible has not")


def silent(kind):
    pass


def test_what_the_module_answers_is_the_answer(monkeypatch):
    module = stand_in(answered)
    monkeypatch.setattr(here, "MODULE", module)
    ran = []
    action = delegate(ran)
    here.in_this_process(action, {})
    answer = action._execute_module(here.NAME, module_args={"src": "a"}, task_vars={})
    assert answer == {"changed": False, "src": "a", "check": True}
    assert ran == []
    assert module.AnsibleModule is object


@pytest.mark.parametrize("module", [None, ModuleType("empty"), stand_in(of_another_world), stand_in(silent)])
def test_a_module_that_comes_to_no_answer_has_a_process(monkeypatch, module):
    monkeypatch.setattr(here, "MODULE", module)
    ran = []
    action = delegate(ran)
    here.in_this_process(action, {})
    assert action._execute_module(here.NAME, module_args={"src": "a"}, task_vars={}) == {"by": "process"}
    assert ran == [{"module_name": here.NAME, "module_args": {"src": "a"}, "task_vars": {}}]


@pytest.mark.parametrize("given", [{"module_name": "ansible.builtin.ping"}, {"wrap_async": True}])
def test_what_is_not_known_has_a_process(monkeypatch, given):
    monkeypatch.setattr(here, "MODULE", stand_in(answered))
    ran = []
    action = delegate(ran)
    here.in_this_process(action, {})
    action._execute_module(**{"module_name": here.NAME, "module_args": {"src": "a"}, "task_vars": {}, **given})
    assert len(ran) == 1
