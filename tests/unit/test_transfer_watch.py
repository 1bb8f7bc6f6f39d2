# SPDX-License-Identifier: GPL-3.0-or-later
"""A transfer is stopped when more comes than may come, or when the disk is about to be full, and not before."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer_watch import Watch, descendants


class Transfer:
    """A transfer that has moved so much."""

    files = 1

    def __init__(self, done, in_flight=0):
        self.bytes, self._in_flight = done, in_flight

    def read(self):
        pass

    def in_flight(self):
        return self._in_flight


@pytest.fixture
def rsync(tmp_path):
    """A process below this one that is called rsync."""
    program = tmp_path / "rsync"
    shutil.copy(shutil.which("sleep"), program)
    process = subprocess.Popen([program, "60"])
    yield process
    process.kill()
    process.wait()


def stopped(rsync, path, transfer, **amounts):
    """Watch until rsync has ended; return what was exceeded."""
    with Watch("m1", transfer, path, **amounts) as watch:
        rsync.wait(timeout=10)
    return watch.exceeded


def test_too_many_bytes_end_rsync(rsync, tmp_path):
    exceeded = stopped(rsync, str(tmp_path), Transfer(60, in_flight=41), limit=100)
    assert "more than the 100 B" in exceeded
    assert rsync.returncode == -15


def test_a_disk_about_to_be_full_ends_rsync(rsync, tmp_path):
    free = shutil.disk_usage(tmp_path).free
    exceeded = stopped(rsync, str(tmp_path / "not" / "yet"), Transfer(0), reserve=2 * free)
    assert "are free in" in exceeded
    assert rsync.returncode == -15


@pytest.mark.parametrize("limit", [0, 100])
def test_what_is_within_the_limits_goes_on(rsync, tmp_path, limit):
    looked = threading.Event()
    transfer = Transfer(50, in_flight=50)
    with Watch("m1", transfer, str(tmp_path), limit=limit, reserve=0) as watch:
        transfer.read = looked.set
        assert looked.wait(10)
    assert watch.exceeded == ""
    assert rsync.poll() is None


def test_only_processes_below_are_ended(rsync):
    assert (rsync.pid, "rsync") in [(pid, os.path.basename(command)) for pid, command in descendants(os.getpid())]
    assert descendants(rsync.pid) == []
