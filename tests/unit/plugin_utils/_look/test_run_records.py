# SPDX-License-Identifier: GPL-3.0-or-later
"""A run is on record: that it began, and how it ended, whole or not at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._look import _records as records
from ansible_collections.microbosh.director.plugins.plugin_utils._look._runs import Place, runs_of
from ansible_collections.microbosh.director.plugins.plugin_utils._run import _run_lock as run_lock
from ansible_collections.microbosh.director.plugins.plugin_utils._run._controller_process import identify
from backup_place import DAY, HOUR, NOW, BackupPlace, name_of

ID = "20261128T015900Z"
RUN = {"id": ID, "host": "director1", "playbook": "backup", "began": NOW - 60.0}
ARTIFACT = {
    "host": "director1", "playbook": "backup", "id": ID, "outcome": "failed", "reason": "error",
    "error": "Proof: torn", "seconds": 12.5, "path": "", "archive": "",
    "phases": [{"phase": "proof", "start": "x", "seconds": 1.0}], "dumps": ["what no record needs"],
}  # fmt: skip
SEEN = {"lease_fired": None, "restore_open": False}


@pytest.fixture
def place(tmp_path):
    return BackupPlace(tmp_path / "director1")


def runs(place, backups=(), problems=None, now=NOW):
    return runs_of(Place(place.path, now), list(backups), [] if problems is None else problems)


def dead():
    """Return the name of a process that is gone."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        name = identify(process.pid)
        process.stdin.close()
    return name


def test_a_run_that_lives_is_running(place):
    assert records.begin(place.path, RUN, identify(os.getpid())) == ""
    (run,) = runs(place)
    assert (run["id"], run["kind"], run["outcome"]) == (ID, "backup", "running")
    assert (run["began"], run["ended"]) == ("2026-11-28T01:59:00Z", None)


def test_how_it_ended_takes_the_place_of_that_it_began(place):
    records.begin(place.path, RUN, identify(os.getpid()))
    assert records.end(place.path, ARTIFACT, SEEN) == (records.record_path(place.path, ID, "backup"), "")
    assert [path.name for path in place.path.joinpath("logs").iterdir()] == [f"{ID}.backup.json"]
    (run,) = runs(place, now=time.time())
    assert (run["outcome"], run["reason"], run["error"], run["phase"]) == ("failed", "error", "Proof: torn", "proof")
    assert (run["seconds"], run["restore_open"], run["known_by"]) == (12.5, False, "record")
    content = json.loads(records.record_path(place.path, ID, "backup").read_text(encoding="utf-8"))
    assert content["ended"] - content["began"] == pytest.approx(12.5)
    assert content["free_bytes"] > 0
    assert "dumps" not in content


def test_a_record_is_read_by_its_owner_alone(place):
    records.end(place.path, ARTIFACT, SEEN)
    assert records.record_path(place.path, ID, "backup").stat().st_mode & 0o777 == 0o600


def test_a_run_whose_process_is_gone_was_killed(place):
    records.begin(place.path, RUN, dead())
    place.log(ID, "Checking monit processes: 13 running", "First pass")
    (run,) = runs(place)
    assert (run["outcome"], run["reason"]) == ("killed", "killed")
    assert run["log_end"][-1].endswith("First pass")
    assert run["log"] == str(place.path / "logs" / f"{ID}.log")


@pytest.mark.parametrize(
    ("began", "newer", "outcome"),
    [(HOUR, None, "running"), (3 * DAY, None, "killed"), (HOUR, "backup", "killed"), (HOUR, "verify", "running")],
)
def test_of_another_machine_time_tells_and_whether_another_of_its_kind_has_begun(place, began, newer, outcome):
    stranger = "00000000-0000-0000-0000-000000000000:1/4711/1"
    name = place.record(began, ended=None, controller=stranger)
    if newer:
        place.record(HOUR / 2, newer)
    assert next(run["outcome"] for run in runs(place) if run["id"] == name) == outcome


def test_a_run_that_is_seen_to_live_is_running_whatever_has_begun_since(place):
    name = place.record(3 * DAY, ended=None, controller=identify(os.getpid()))
    place.record(HOUR)
    assert [run["outcome"] for run in runs(place) if run["id"] == name] == ["running"]


def test_a_run_that_was_refused_for_another_one_does_not_make_that_a_dead_one(place):
    name = place.record(2 * HOUR, ended=None, controller="00000000-0000-0000-0000-000000000000:1/4711/1")
    place.record(HOUR, outcome="refused", reason="held")
    assert [run["outcome"] for run in runs(place)] == ["refused", "running"]
    assert runs(place)[1]["id"] == name


def test_in_another_container_the_lock_tells(place):
    identity = "a:1/2/3"
    name = place.record(ended=None, controller=identity)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        run_lock.keep(place.path, identity, process.pid)
        assert run_lock.is_locked(place.path)
        assert [run["outcome"] for run in runs(place) if run["id"] == name] == ["running"]
        holder = int(place.path.joinpath("run.lock").read_text(encoding="ascii").split()[1])
        os.killpg(holder, 9)
        process.stdin.close()
    wait_for(lambda: not run_lock.is_locked(place.path))
    assert [run["outcome"] for run in runs(place) if run["id"] == name] == ["killed"]


def wait_for(condition):
    """Look until it is so, and fail after ten seconds."""
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_oldest_records_go(place, monkeypatch):
    monkeypatch.setattr(records, "KEPT", 3)
    for age in (5, 4, 3, 2):
        place.record(age * DAY)
    place.log(name_of(5 * DAY), "a log")
    records.end(place.path, ARTIFACT, SEEN)
    assert records.names(place.path) == [f"{name}.backup.json" for name in (ID, name_of(2 * DAY), name_of(3 * DAY))]
    assert (place.path / "logs" / f"{name_of(5 * DAY)}.log").exists()


def test_without_a_directory_of_logs_nothing_is_made(tmp_path):
    assert records.begin(tmp_path / "none", RUN, "") == ""
    assert records.end(tmp_path / "none", ARTIFACT, SEEN) == (None, "")
    assert list(tmp_path.iterdir()) == []


def test_a_record_that_cannot_be_written_is_told(place, monkeypatch):
    monkeypatch.setattr(records, "write_durably", failing)
    assert "cannot be written" in records.begin(place.path, RUN, "")
    assert "No space left" in records.end(place.path, ARTIFACT, SEEN)[1]


def failing(*dummies):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("kind", ["../../x", "a/b", "", "other"])
def test_a_name_that_is_none_makes_no_file(place, kind):
    assert records.begin(place.path, {**RUN, "playbook": kind}, "") == ""
    assert list(Path(place.path, "logs").iterdir()) == []


AWAY = ("x" * 300, "nul\0", 13, 5, 116)


@pytest.fixture(params=AWAY, ids=str)
def away(request, place, monkeypatch):
    """Return a directory of backups that the file system will not even say of whether it is there."""
    if isinstance(request.param, str):
        return f"{place.path}/{request.param}"
    looked = os.stat

    def look(path, *more, **options):
        if str(path).startswith(str(place.path)):
            raise OSError(request.param, os.strerror(request.param))
        return looked(path, *more, **options)

    monkeypatch.setattr(os, "stat", look)
    return str(place.path)


def test_a_directory_that_cannot_be_reached_is_told_and_raises_nothing(away):
    assert "cannot be written" in records.begin(away, RUN, "")
    path, problem = records.end(away, ARTIFACT, SEEN)
    assert (path, "cannot be written" in problem) == (None, True)


def test_an_artifact_that_is_none_is_told_and_raises_nothing(place):
    assert "cannot be written" in records.end(place.path, {}, SEEN)[1]
    assert "cannot be written" in records.begin(place.path, {**RUN, "began": object()}, "")
