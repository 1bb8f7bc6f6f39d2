# SPDX-License-Identifier: GPL-3.0-or-later
"""A transfer is stopped when more comes than may come, or when the disk is about to be full, and not before."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._run import _transfer_watch
from ansible_collections.microbosh.director.plugins.plugin_utils._run._transfer_watch import (
    ENOUGH_RATE,
    ENOUGH_SECONDS,
    SPAN_BYTES,
    SPAN_ENTRIES,
    SPAN_SECONDS,
    Pace,
    Watch,
    descendants,
)


class Transfer:
    """A transfer that has moved so much."""

    files = 1

    def __init__(self, done, in_flight=0, entries=1):
        self.bytes, self._in_flight = done, in_flight
        self.covered, self.entries = done, entries

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


def test_what_came_at_once_is_too_much_as_well(tmp_path):
    with Watch("m1", Transfer(101), str(tmp_path), limit=100, reserve=0) as watch:
        pass
    assert "more than the 100 B" in watch.exceeded


def test_too_many_names_end_rsync(rsync, tmp_path):
    exceeded = stopped(rsync, str(tmp_path), Transfer(0, entries=11), limit_files=10)
    assert "more than the 10 names" in exceeded
    assert rsync.returncode == -15


def test_too_much_memory_ends_rsync(rsync, tmp_path, monkeypatch):
    monkeypatch.setattr(_transfer_watch, "MOST_MEMORY", 1)
    monkeypatch.setattr(_transfer_watch, "MEMORY_LOOKS", 1)
    assert "of memory" in stopped(rsync, str(tmp_path), Transfer(0))
    assert rsync.returncode == -15


def test_what_reads_the_output_of_rsync_counts_as_well(monkeypatch):
    """It is this very process."""
    monkeypatch.setattr(_transfer_watch, "descendants", lambda ancestor: [])
    assert _transfer_watch.memory_of_rsync(os.getpid()) > 1024 * 1024


def test_a_transfer_that_trickles_ends_rsync(rsync, tmp_path, monkeypatch):
    monkeypatch.setattr(_transfer_watch, "SPAN_SECONDS", 0.5)
    assert "would not end" in stopped(rsync, str(tmp_path), Transfer(5))
    assert rsync.returncode == -15


@pytest.mark.parametrize(
    ("now", "count", "entries", "said"),
    [
        (SPAN_SECONDS - 1, 0, 0, ""),
        (SPAN_SECONDS, SPAN_BYTES, 0, ""),
        (SPAN_SECONDS, 0, SPAN_ENTRIES, ""),
        (SPAN_SECONDS, SPAN_BYTES - 1, SPAN_ENTRIES - 1, "would not end"),
        (ENOUGH_SECONDS + 1, SPAN_BYTES, 0, "not done after"),
    ],
)
def test_the_slowest_that_may_be(now, count, entries, said):
    problem = Pace(0, now=0).problem(count, entries, now)
    assert said in problem
    assert bool(said) == bool(problem)


def test_what_is_large_may_take_longer():
    assert Pace(ENOUGH_RATE * 1000, now=0).problem(SPAN_BYTES, 0, ENOUGH_SECONDS + 900) == ""


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
