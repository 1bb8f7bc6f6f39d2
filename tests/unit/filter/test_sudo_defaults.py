# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of sudo for our command lines are those that the director's sudo knows."""

from __future__ import annotations

import pytest
from ansible_collections.microbosh.director.plugins.filter.sudo_defaults import SINCE, sudo_defaults

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
ALWAYS = {"env_reset", "!setenv", "!requiretty", "always_set_home", "!env_keep", "!env_check", "!noexec"}


@pytest.mark.parametrize(
    ("said", "newest"),
    [
        ("Sudo version 1.7.2p1", "!noexec"),
        ("Sudo version 1.8.9p5\nConfigure options: x", "!log_output"),
        ("Sudo version 1.8.31", "!command_timeout"),
        ("Sudo version 1.9.5p2", "!runcwd"),
        ("Sudo version 1.9.13p3", "!log_subcmds"),
        ("Sudo version 1.10", "!log_subcmds"),
        ("", "!noexec"),
    ],
)
def test_what_a_version_knows(said, newest):
    found = sudo_defaults(PATH, said)
    assert set(found) >= ALWAYS
    assert found[-1] == f'secure_path="{PATH}"'
    assert found[-2] == newest


def test_all_of_them_are_known_to_the_newest_one():
    assert len(sudo_defaults(PATH, "Sudo version 1.9.15")) == len(SINCE) + 1
