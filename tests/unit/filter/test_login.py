# SPDX-License-Identifier: GPL-3.0-or-later
"""The user and the key of a login are found in the order in which Ansible looks for them."""

from __future__ import annotations

import pytest
from ansible import context
from ansible.utils.context_objects import CLIArgs
from ansible_collections.microbosh.director.plugins.filter.login_key import login_key
from ansible_collections.microbosh.director.plugins.filter.login_user import login_user

KEY, SSH_KEY = "ansible_private_key_file", "ansible_ssh_private_key_file"


@pytest.fixture(autouse=True)
def command_line(monkeypatch):
    options = CLIArgs({"remote_user": "of_the_command_line", "private_key_file": "/key/of/the/command/line"})
    monkeypatch.setattr(context, "CLIARGS", options)


@pytest.mark.parametrize(
    ("variables", "user"),
    [
        ({"ansible_user": "vcap"}, "vcap"),
        ({"ansible_user": "vcap", "ansible_ssh_user": "jumpbox"}, "jumpbox"),
        ({"ansible_user": ""}, "of_the_command_line"),
        ({}, "of_the_command_line"),
    ],
)
def test_the_user(variables, user):
    assert login_user(variables) == user


@pytest.mark.parametrize(
    ("variables", "key"),
    [
        ({KEY: "~/.ssh/a"}, "~/.ssh/a"),
        ({KEY: "~/.ssh/a", SSH_KEY: "~/.ssh/b"}, "~/.ssh/b"),
        ({}, "/key/of/the/command/line"),
    ],
)
def test_the_key(variables, key):
    assert login_key(variables) == key


def test_nothing_is_named(monkeypatch):
    monkeypatch.setattr(context, "CLIARGS", CLIArgs({"remote_user": None}))
    assert (login_user({}), login_key({})) == ("", "")
