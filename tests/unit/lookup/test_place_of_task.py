# SPDX-License-Identifier: GPL-3.0-or-later
"""A task runs where its play says, with the Python that is there."""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib import import_module
from multiprocessing import current_process
from types import SimpleNamespace

import pytest
from ansible_collections.microbosh.director.plugins.lookup import place_of_task
from places import REPOSITORY

HERE = {"inventory_hostname_short": "localhost", "group_names": ["ungrouped"]}


class Inventory(dict):
    """The variables of hosts."""

    raw_get = dict.__getitem__


class Plain:
    """A templar of variables without templates."""

    @staticmethod
    def template(value):
        return value


def place(name="d1.example.com", delegated=None, **said):
    """Return connection and Python of a task, whose variables are its own or the controller's."""
    host = {"inventory_hostname_short": name.split(".")[0], "group_names": ["microbosh"], **said}
    known = {"inventory_hostname": name, "hostvars": Inventory({name: host}), "ansible_playbook_python": sys.executable}
    lookup = place_of_task.LookupModule(templar=Plain)
    return lookup.run(["connection", "python"], {**host, **known, **(delegated or {})})


@pytest.mark.parametrize("name", ["d1.example.com", "localhost.example.com", "192.0.2.1", "localhost"])
@pytest.mark.parametrize("delegated", [HERE, {"ansible_delegated_vars": {"localhost": {}}}])
def test_on_the_controller_it_runs_there(name, delegated):
    said = {"ansible_connection": "ssh", "ansible_python_interpreter": "/usr/bin/python2.7"}
    assert place(name, delegated, **said) == ["local", sys.executable]


def test_on_the_director_the_inventory_says_it():
    said = {"ansible_connection": "ansible.builtin.paramiko_ssh", "ansible_python_interpreter": "/usr/bin/python2.7"}
    assert place(**said) == list(said.values())


def test_where_it_says_nothing_the_configuration_does(monkeypatch):
    assert place()[0] == "ssh"
    assert place()[1].startswith("auto")
    monkeypatch.setenv("ANSIBLE_PYTHON_INTERPRETER", "/opt/python")
    assert place() == ["ssh", "/opt/python"]


def class_of(name, class_only):
    """Load an action as Ansible's loader does, or return None where there is none."""
    assert class_only
    with suppress(ImportError):
        return import_module(f"ansible.plugins.action.{name.removeprefix('ansible.builtin.')}").ActionModule


def as_task_of(monkeypatch, action):
    monkeypatch.setattr(place_of_task, "action_loader", SimpleNamespace(get=class_of))
    task = SimpleNamespace(_task=SimpleNamespace(action=action))
    monkeypatch.setattr(place_of_task, "current_process", lambda: task)


@pytest.mark.parametrize("action", ["ansible.builtin.set_fact", "ansible.builtin.assert", "ansible.builtin.fail"])
def test_what_connects_to_nothing_is_given_no_way_to_the_director(monkeypatch, action):
    as_task_of(monkeypatch, action)
    assert place(ansible_connection="smart")[0] == "local"


@pytest.mark.parametrize("action", ["ansible.builtin.raw", "ansible.builtin.command", "microbosh.director.other"])
def test_what_may_connect_goes_to_the_director(monkeypatch, action):
    as_task_of(monkeypatch, action)
    assert place()[0] == "ssh"


def test_a_process_that_is_no_tasks_connects():
    assert not place_of_task.connects_to_nothing(current_process())
    assert not place_of_task.connects_to_nothing(SimpleNamespace(_task=None))


def test_no_action_of_ours_that_connects_to_nothing_asks_its_connection():
    actions = {path.stem: path.read_text() for path in (REPOSITORY / "plugins" / "action").glob("*.py")}
    without = {name for name, source in actions.items() if "_requires_connection = False" in source}
    assert "run_log" in without
    assert {name for name in without if "self._connection" in actions[name]} == set()
