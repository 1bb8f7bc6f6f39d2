# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A login that fails says what a person can mend, and only the network is a reason to try again later."""

from __future__ import annotations

import pytest
from ansible_collections.microbosh.director.plugins.filter import connection_hint as filters
from ansible_collections.microbosh.director.plugins.plugin_utils._run._connection_hint import (
    connection_hint,
    transfer_hint,
)

hint = filters.FilterModule().filters()["connection_hint"]
SSH = "Failed to connect to the host via ssh: "
PATH = "/home/x/.ansible/cp/" + "0" * 90
# What the programs really say, and a word of the hint.
KNOWN = {
    f'unix_listener: path "{PATH}.4Gjd6f" too long for Unix domain socket': "ANSIBLE_SSH_CONTROL_PATH_DIR",
    f"ControlPath too long ('{PATH}' >= 108 bytes)": "ANSIBLE_SSH_CONTROL_PATH_DIR",
    "muxserver_listen: link mux listener /cp/a.x => /cp/a: Operation not permitted": "ANSIBLE_SSH_CONTROL_PATH_DIR",
    "@@@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @@@ Host key verification failed.": "pin the new one",
    "No ED25519 host key is known for 10.0.0.6.\nHost key verification failed.": "pin it once",
    "Received disconnect from 10.0.0.6 port 22:2: Too many authentication failures": "MaxAuthTries",
    'WARNING: UNPROTECTED PRIVATE KEY FILE!\nLoad key "k": bad permissions\nPermission denied (publickey).': "0600",
    'Load key "k": error in libcrypto\nx@y: Permission denied (publickey).': "without a passphrase",
    "vcap@10.0.0.6: Permission denied (publickey,password).": "refuses the key or the password",
    "Invalid/incorrect password: Permission denied, please try again.": "refuses the key or the password",
    "to use the 'ssh' connection type with passwords, you must install the sshpass program": "sshpass",
    "Failed to connect to the host via ssh: No user exists for uid 1000660000": "entrypoint",
    "sudo: sorry, you must have a tty to run sudo": "requiretty",
    "sudo: a password is required": "setup playbook",
    "protocol version mismatch -- is your shell clean?\n(see the rsync manpage for an explanation)": "prints text",
    "Received message too long 1466067820": "prints text",
    "This account is currently not available.": "its shell",
    "sh: 1: rsync: not found": "Install the package rsync",
    "bash: rsync: command not found": "Install the package rsync",
    "Task failed: No closing quotation": "quotes",
    "Missing trailing-' in remote-shell command.": "quotes",
    "command-line: line 0: Bad configuration option: proxyjmp": "ansible_ssh_common_args",
    "Bad owner or permissions on /root/.ssh/config": "ssh's own configuration",
    "kex_exchange_identification: closed by remote host\nConnection closed by UNKNOWN port 65535": "jump host",
    'rsync: server sent "Welcome to the director" rather than greeting': "prints text",
    "channel 0: open failed: connect failed: x\nstdio forwarding failed": "jump host",
}
NETWORK = [
    "ssh: connect to host 10.0.0.6 port 22: Connection refused",
    "ssh: connect to host 10.0.0.6 port 22: Connection timed out",
    "ssh: connect to host 10.0.0.6 port 22: No route to host",
    "ssh: Could not resolve hostname director.invalid: Name or service not known",
    "kex_exchange_identification: read: Connection reset by peer\nConnection reset by 10.0.0.6 port 22",
    "Connection timed out during banner exchange\nConnection to 10.0.0.6 port 22 timed out",
    "Shared connection to 10.0.0.6 closed.",
    "",
    "ssh: connect to host jump port 22: Connection refused\nConnection closed by UNKNOWN port 65535",
]


@pytest.mark.parametrize("said", KNOWN)
@pytest.mark.parametrize("find", [connection_hint, transfer_hint])
def test_a_known_cause_has_its_hint(said, find):
    assert KNOWN[said] in find(SSH + said)
    assert "network" not in find(SSH + said)


@pytest.mark.parametrize("said", NETWORK)
def test_the_network_is_a_reason_to_try_again(said):
    assert connection_hint(SSH + said) == ""


def test_what_nobody_knows_is_no_reason_to_try_again():
    assert connection_hint(SSH + "ssh: your horoscope is not good") != ""
    assert transfer_hint("rsync: your horoscope is not good") == ""


def test_a_file_that_may_not_be_read_is_not_the_key():
    assert transfer_hint('rsync: [sender] send_files failed to open "/x": Permission denied (13)') == ""


def test_brackets_are_not_for_ssh():
    assert "brackets" in hint("Connection closed by UNKNOWN port 65535", "[::1]")
    assert "brackets" not in hint("Connection closed by UNKNOWN port 65535", "::1")
