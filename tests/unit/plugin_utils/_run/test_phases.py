# SPDX-License-Identifier: GPL-3.0-or-later
"""The phases of a run: no facts, of this run only, each host's own."""

from __future__ import annotations

import os
import stat

import pytest
from ansible import constants
from ansible_collections.microbosh.director.plugins.plugin_utils._run import _phases as phases


@pytest.fixture(autouse=True)
def clock(monkeypatch, tmp_path):
    """The time, which a test sets."""
    now = [1000.0]
    monkeypatch.setattr(phases.time, "time", lambda: now[0])
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    return now


def test_a_phase_begins_where_the_one_before_ended(clock, tmp_path):
    clock[0] = 1003.5
    assert phases.end_phase("m1", "preflight", 1000.0) == {
        "phase": "preflight", "start": "1970-01-01T00:16:40.000+00:00", "seconds": 3.5, "ended": 1003.5
    }  # fmt: skip
    clock[0] = 1005.0
    phases.end_phase("m1", "dumps", 1000.0)
    assert [(phase["phase"], phase["seconds"]) for phase in phases.phases_of("m1", 1000.0)] == [
        ("preflight", 3.5), ("dumps", 1.5)
    ]  # fmt: skip
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600


def test_another_host_and_another_run_have_their_own(clock):
    phases.end_phase("m1", "preflight", 1000.0)
    assert phases.phases_of("M 1.x/../\udcff") == []
    phases.end_phase("M 1.x/../\udcff", "preflight", 1000.0)
    clock[0] = 2000.0
    assert phases.phases_of("m1", 1999.0) == []
    phases.end_phase("m1", "verification", 1999.0)
    assert [phase["seconds"] for phase in phases.phases_of("m1", 1999.0)] == [1.0]


def test_without_a_beginning_the_first_takes_no_time():
    assert phases.end_phase("m1", "start", 0)["seconds"] == 0


def test_what_cannot_be_read_is_no_phase(tmp_path, clock):
    phases.end_phase("m1", "preflight", 1000.0)
    (file,) = tmp_path.iterdir()
    file.write_text("[{")
    assert phases.phases_of("m1") == []
