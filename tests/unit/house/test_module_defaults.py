# SPDX-License-Identifier: GPL-3.0-or-later
"""Defaults for groups of modules: a group that does not apply, or an option that a member lacks, is silent or late."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from places import REPOSITORY

COLLECTION = "microbosh.director."
MODULES = sorted(path.stem for path in (REPOSITORY / "plugins/modules").glob("*.py"))
GROUPS = yaml.safe_load((REPOSITORY / "meta/runtime.yml").read_text(encoding="utf-8"))["action_groups"]
SMALL = sorted(set(GROUPS) - {"director"})
ANSIBLES = [path for path in (Path(sys.prefix), REPOSITORY / ".venv-2.16") if (path / "bin/ansible-playbook").exists()]

SERVER = {"host", "port", "user", "packages", "address", "ca", "passfile", "elsewhere"}
IDENTITY = {"directory", "host", "named", "answer", "reader"}
OF_GROUPS = {"monit", "manager", "staging", "workspace", *SERVER, *IDENTITY}

# What arrives at a module from the play's defaults.
LEASE = {"monit", "manager", "staging"}
ARRIVING = {
    "backup": {
        "monit_summary": {"monit"},
        "director_info": {"monit", "manager"},
        "monit_all": {"monit", "timeout", "staging"},
        "bosh_agent": {"manager", "staging"},
        "bosh_agent_info": {"manager"},
        "director_lease": LEASE,
        "director_lease_info": {"staging"},
        "identity_info": IDENTITY,
        "identity_place": IDENTITY,
        "pg_dump_bosh": {"port", "user"},
        "pg_dump_info": {"port", "user"},
        "postgres_info": {"port", "user"},
        "director_tasks_info": {"port", "user", "database", "elsewhere"},
    },
    "restore": {
        "monit_summary": {"monit"},
        "director_info": {"monit", "manager"},
        "monit_all": {"monit", "timeout", "staging"},
        "bosh_agent": {"manager", "staging"},
        "bosh_agent_info": {"manager"},
        "director_lease": LEASE,
        "director_lease_info": {"staging"},
        "pg_check_info": {"port"},
        "pg_restore_bosh": set(),
        "pg_restore_info": set(),
        "restore_tree": {"workspace", "incoming", "incoming_dumps"},
        "restore_tree_info": {"workspace"},
        "restore_compare_info": {"workspace", "incoming", "port"},
    },
    "checkup": {
        "monit_summary": {"monit"},
        "director_info": {"monit", "manager"},
        "monit_all": {"monit", "timeout", "staging"},
        "bosh_agent": {"manager", "staging"},
        "bosh_agent_info": {"manager"},
        "director_lease": LEASE,
        "director_lease_info": {"staging"},
    },
}


@pytest.fixture(scope="module")
def arriving():
    """What each playbook gives to each module."""
    program = [sys.executable, REPOSITORY / "tests/unit/support/arriving_defaults.py", REPOSITORY]
    return json.loads(subprocess.run(program, capture_output=True, text=True, check=True).stdout)


@pytest.fixture(scope="module")
def options():
    """The options that each module or its action takes, by its documentation."""
    names = [COLLECTION + module for module in MODULES]
    command = [Path(sys.prefix) / "bin/ansible-doc", "--json", "--type", "module", *names]
    said = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return {module: set(said[COLLECTION + module]["doc"].get("options") or {}) for module in MODULES}


def members(group):
    named = [name for name in GROUPS[group] if isinstance(name, str)]
    extended = [name for item in GROUPS[group] if isinstance(item, dict) for name in item["metadata"]["extend_group"]]
    return named + [name for other in extended for name in members(other.removeprefix(COLLECTION))]


def test_every_module_is_in_the_group_of_all_and_nothing_else_is():
    assert sorted(set(members("director"))) == MODULES
    assert [name for name in GROUPS["director"] if GROUPS["director"].count(name) > 1] == []
    for group in SMALL:
        assert set(members(group)) <= set(MODULES)


def test_every_default_is_an_option_of_whatever_it_arrives_at(arriving, options):
    found = [(playbook, module, set(names)) for playbook in arriving for module, names in arriving[playbook].items()]
    unknown = [(playbook, module, names - options[module]) for playbook, module, names in found]
    assert [item for item in unknown if item[2]] == []
    assert sum(bool(names) for dummy, dummy, names in found) >= 17


def test_the_options_of_a_group_are_those_that_all_its_modules_take(options):
    """As meta/runtime.yml says beside each."""
    shared = {group: set.intersection(*(options[module] for module in members(group))) for group in SMALL}
    assert {group: names & OF_GROUPS for group, names in shared.items()} == {
        "monit": {"monit"},
        "agent": {"manager"},
        "lease": {"staging"},
        "postgres": SERVER,
        "restore": {"workspace"},
        "identity": IDENTITY,
    }


@pytest.mark.parametrize(("playbook", "module"), [(p, m) for p, modules in ARRIVING.items() for m in modules])
def test_what_a_playbook_sets_arrives(arriving, playbook, module):
    assert set(arriving[playbook][module]) == ARRIVING[playbook][module]


def test_no_playbook_with_defaults_is_forgotten(arriving):
    assert set(arriving) == set(ARRIVING)


PLAY = """
- hosts: localhost
  gather_facts: false
  module_defaults:
    group/microbosh.director.postgres: {port: none}
    group/microbosh.director.agent: {manager: nobody}
    microbosh.director.bosh_agent: {state: started}
  tasks:
    - {microbosh.director.bosh_agent: , register: agent, failed_when: false}
    - {microbosh.director.pg_check_info: , register: server, failed_when: false}
    - {pg_check_info: , collections: [microbosh.director], register: short, failed_when: false}
    - debug: {msg: "said {{ [agent.msg, server.msg, short.msg] | to_json }}"}
"""


@pytest.mark.parametrize("ansible", ANSIBLES, ids=lambda path: path.name)
def test_groups_apply_in_a_real_run(ansible, tmp_path):
    """By values that no module takes, and by what is said of them, with every ansible-core that is here."""
    (tmp_path / "play.yml").write_text(PLAY, encoding="utf-8")
    command = [ansible / "bin/ansible-playbook", "-i", "localhost,", "-c", "local", tmp_path / "play.yml"]
    command += ["-e", f"ansible_python_interpreter={sys.executable}"]
    environment = {**os.environ, "ANSIBLE_LOCAL_TEMP": str(tmp_path), "ANSIBLE_REMOTE_TEMP": str(tmp_path)}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    (line,) = [line for line in run.stdout.splitlines() if '"msg": "said' in line]
    agent, server, short = json.loads(json.loads(line.partition(": ")[2]).removeprefix("said "))
    assert "value of manager must be one of: auto, runit, systemd, got: nobody" in agent
    assert "'port' is of type" in server
    assert short == server
