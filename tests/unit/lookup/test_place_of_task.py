# SPDX-License-Identifier: GPL-3.0-or-later
"""A task runs where its play says, with the Python that is there."""

from __future__ import annotations

import sys

import pytest
from ansible_collections.microbosh.director.plugins.lookup.place_of_task import LookupModule

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
    lookup = LookupModule(templar=Plain)
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
