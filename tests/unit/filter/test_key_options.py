# SPDX-License-Identifier: GPL-3.0-or-later
"""The backup key forwards nothing, but to the one database server that is not on the director."""

from __future__ import annotations

import pytest
from ansible_collections.microbosh.director.plugins.filter.key_options import key_options

REST = "no-agent-forwarding,no-X11-forwarding"


def test_nothing_without_a_server_elsewhere():
    assert key_options("", "OpenSSH_9.6p1") == f"no-port-forwarding,{REST}"


@pytest.mark.parametrize("version", ["OpenSSH_7.8p1", "OpenSSH_8.9p1 Ubuntu-3", "OpenSSH_10.0p2"])
def test_it_listens_nowhere_where_sshd_can_forbid_that(version):
    assert key_options("db:5432", version) == f'permitopen="db:5432",permitlisten="127.0.0.1:1",{REST}'


@pytest.mark.parametrize("version", ["OpenSSH_7.7p1", "OpenSSH_6.6.1p1", ""])
def test_an_option_that_sshd_does_not_know_is_left_out(version):
    assert key_options("db:5432", version) == f'permitopen="db:5432",{REST}'
