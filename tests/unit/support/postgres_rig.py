# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real PostgreSQL server, where its programs are installed: shared by the tests of restore and rehearsal."""

from __future__ import annotations

import os
import subprocess

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres import PLACES
from ansible_collections.microbosh.director.plugins.module_utils._postgres._scratch_postgres import (
    ScratchServer,
    find_binaries,
    unprivileged,
)


def let_in(directory):
    """Open pytest's directory to the account of a server; that of a worker is one deeper."""
    for path in (directory, *directory.parents):
        path.chmod(0o755)
        if path.name.startswith("pytest-of-"):
            break


def run_command(argv, environ_update=None, handle_exceptions=True):
    """Do what AnsibleModule.run_command does, as far as it is used."""
    done = subprocess.run(
        argv, env={**os.environ, **(environ_update or {})}, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


def newest_binaries():
    """The newest server that is installed; without one, the test is skipped and says so."""
    found = find_binaries(PLACES, run_command)
    if not found:
        pytest.skip("no PostgreSQL server is installed: script/setup installs one")
    return found[-1]


def running_server(parent):
    return ScratchServer(newest_binaries(), str(parent), unprivileged(None))
