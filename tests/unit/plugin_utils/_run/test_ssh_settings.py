# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator sets for ssh counts in every run, and what a run needs counts more."""

from __future__ import annotations

import shlex
import subprocess

import pytest
from ansible import context
from ansible.utils.context_objects import CLIArgs
from ansible_collections.microbosh.director.plugins.filter.control_path import control_path
from ansible_collections.microbosh.director.plugins.filter.shared_connection import shared_connection
from ansible_collections.microbosh.director.plugins.filter.ssh_identity import ssh_identity
from ansible_collections.microbosh.director.plugins.plugin_utils._run._ssh_settings import ssh_path

HOST = {"inventory_hostname": "director1"}
ONLY = "-o IdentitiesOnly=yes"


@pytest.fixture(autouse=True)
def command_line(monkeypatch):
    monkeypatch.setattr(context, "CLIARGS", CLIArgs({}))
    monkeypatch.delenv("ANSIBLE_SSH_ARGS", raising=False)


def made_of(options):
    """What ssh makes of them."""
    command = ["ssh", "-G", "-F", "/dev/null", *shlex.split(options), "192.0.2.1"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return dict(line.partition(" ")[::2] for line in said.splitlines())


@pytest.mark.parametrize(
    "given",
    [
        "",
        "-C -o ControlMaster=auto -o ControlPersist=60s",
        "-C -M -S /elsewhere -o ControlPath=/elsewhere -o Compression=yes -o StrictHostKeyChecking=no",
        "-S/elsewhere -o ControlPersist=no -o ForwardAgent=yes",
    ],
)
def test_what_a_run_needs_counts_more(given):
    made = made_of(shared_connection({**HOST, "ansible_ssh_args": given}, "/cp"))
    expected = {"controlmaster": "auto", "controlpersist": "120", "compression": "no"}
    assert expected.items() <= made.items()
    assert made["stricthostkeychecking"] == "true"
    assert made["controlpath"].startswith("/cp/")


@pytest.mark.parametrize(
    ("given", "option", "value"),
    [
        ("-o UserKnownHostsFile=/keys/known_hosts", "userknownhostsfile", "/keys/known_hosts"),
        ("-C -o 'UserKnownHostsFile=\"/keys/of mine\"'", "userknownhostsfile", "/keys/of mine"),
        ("-J jump.example:2222", "proxyjump", "jump.example:2222"),
        ("-o 'ProxyCommand=sh -c '\"'\"'nc \"%h\" %p'\"'\"", "proxycommand", "sh -c 'nc \"%h\" %p'"),
        ("-S /elsewhere -4", "addressfamily", "inet"),
    ],
)
def test_what_an_operator_sets_counts(given, option, value):
    assert made_of(shared_connection({**HOST, "ansible_ssh_args": given}, "/cp"))[option] == value


def test_the_environment_counts_where_the_inventory_says_nothing(monkeypatch):
    monkeypatch.setenv("ANSIBLE_SSH_ARGS", "-o UserKnownHostsFile=/keys/known_hosts")
    assert made_of(shared_connection(HOST, "/cp"))["userknownhostsfile"] == "/keys/known_hosts"


def test_a_quote_that_nobody_closed_is_left_to_ansible():
    given = "-o 'ProxyCommand=nc"
    assert shared_connection({**HOST, "ansible_ssh_args": given}, "/cp").endswith(f" {given}")


def test_one_address_behind_two_jump_hosts_is_two_connections():
    """Every environment may have its director at 10.0.0.6: whoever shares a connection must not get another's."""
    hosts = [
        {"inventory_hostname": "a", "ansible_ssh_common_args": "-J jump-a"},
        {"inventory_hostname": "a", "ansible_ssh_common_args": "-J jump-b"},
        {"inventory_hostname": "b", "ansible_ssh_common_args": "-J jump-b"},
        {"inventory_hostname": "b", "ansible_ssh_args": "-J jump-b"},
    ]
    assert len({shared_connection(host, "/cp") for host in hosts}) == len(hosts)
    assert len({control_path(host) for host in hosts}) == len(hosts)
    assert control_path(hosts[0]) == control_path(dict(hosts[0]))
    assert (control_path(hosts[0]) % {"directory": "/cp"}).startswith("/cp/")
    assert (control_path(hosts[0]) % {"directory": "/cp"}).endswith("%C")


@pytest.mark.parametrize("there", ["key", "key.pub"])
def test_a_key_that_is_named_is_the_only_one(tmp_path, there):
    (tmp_path / there).touch()
    assert ssh_identity(HOST, str(tmp_path / "key")) == ONLY


@pytest.mark.parametrize("name", ["ansible_ssh_common_args", "ansible_ssh_extra_args", "ansible_ssh_args"])
@pytest.mark.parametrize("given", ["-i /k", "-i/k", "-o IdentityFile=/k", "-oIdentityFile=/k", "-o 'identityfile /k'"])
def test_so_is_one_in_the_arguments(name, given):
    assert ssh_identity({**HOST, name: given}) == ONLY


def test_without_one_the_agent_is_asked():
    assert ssh_identity({**HOST, "ansible_ssh_common_args": "-4 -o ProxyCommand='ssh -i /k jump'"}) == ""
    assert ssh_identity(HOST, "/nowhere/key") == ""


@pytest.mark.parametrize("name", ["ansible_password", "ansible_ssh_pass", "ansible_ssh_password"])
def test_a_password_comes_before_an_agents_keys(name):
    methods = made_of(ssh_identity({**HOST, name: "secret"}))["preferredauthentications"].split(",")
    assert methods.index("password") < methods.index("publickey")


def test_so_does_one_that_is_asked_for(monkeypatch):
    monkeypatch.setattr(context, "CLIARGS", CLIArgs({"ask_pass": True}))
    assert "PreferredAuthentications" in ssh_identity(HOST)


def test_a_key_comes_before_a_password(tmp_path):
    (tmp_path / "key").touch()
    assert ssh_identity({**HOST, "ansible_password": "secret"}, str(tmp_path / "key")) == ONLY


@pytest.mark.parametrize("name", ["key", "of mine", "it's", 'the "one"', "a\\b", '\\"', "100%", "%h", "ü"])
def test_ssh_finds_a_key_by_whatever_name(tmp_path, name):
    path = tmp_path / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    # As Ansible gives it. Without a server to log in to, ssh says which of its keys it cannot find.
    option = f'IdentityFile="{ssh_path(str(path))}"'
    command = ["ssh", "-F", "/dev/null", "-v", "-o", option, "-o", "ProxyCommand=cat /dev/null", "192.0.2.1"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    assert "identity file" in said
    assert "type -1" not in said.partition("cert")[0]
    assert ssh_identity(HOST, ssh_path(str(path))) == ONLY
