# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ssh forwards nothing, whatever options come before ours."""

from __future__ import annotations

import subprocess

import pytest
from ansible_collections.microbosh.director.plugins.filter.without_forwarding import without_forwarding

BEFORE = ["", "-A", "-o ForwardAgent=yes -A", "-AX -Y", "-o HostKeyAlias=other -A"]


@pytest.mark.parametrize("given", BEFORE)
def test_ssh_forwards_nothing(given):
    last = without_forwarding(given).split()
    command = ["ssh", "-G", "-F", "/dev/null", "-o", "ForwardAgent=yes", *last, "192.0.2.1"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert {"forwardagent no", "forwardx11 no"} <= set(lines)


@pytest.mark.parametrize("given", BEFORE)
def test_what_was_given_comes_before_it(given):
    assert without_forwarding(given) == f"{given} -a -x".strip()
