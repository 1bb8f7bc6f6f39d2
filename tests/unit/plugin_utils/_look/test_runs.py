# SPDX-License-Identifier: GPL-3.0-or-later
"""The last runs of a director: by their records, and by what earlier versions left; whatever lies there."""

from __future__ import annotations

import json

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._look import _runs
from ansible_collections.microbosh.director.plugins.plugin_utils._look._backups import Kept, backup_at
from ansible_collections.microbosh.director.plugins.plugin_utils._look._runs import Place, runs_of
from backup_place import DAY, HOUR, NOW, BackupPlace, name_of


@pytest.fixture
def place(tmp_path):
    return BackupPlace(tmp_path / "director1")


@pytest.fixture
def look(place):
    """Return the runs that are told, and what was odd, of a place with backups of these ids."""

    def made(*ids):
        problems = []
        backups = [backup_at(place.path / name, NOW, Kept(), problems) for name in ids]
        return runs_of(Place(place.path, NOW), backups, problems), problems

    return made


def test_newest_first_and_of_all_kinds(place, look):
    ids = [place.record(age * HOUR, kind) for age, kind in ((3, "backup"), (2, "verify"), (1, "restore"))]
    runs, problems = look()
    assert [run["id"] for run in runs] == ids[::-1]
    assert [run["kind"] for run in runs] == ["restore", "verify", "backup"]
    assert problems == []


def test_a_backup_without_a_record_was_a_run(place, look):
    newer, older = place.backup(HOUR), place.backup(2 * HOUR)
    place.record(HOUR, error="what its record says")
    runs, dummy = look(newer, older)
    assert [(run["id"], run["known_by"], run["outcome"]) for run in runs] == [
        (newer, "record", "succeeded"), (older, "report", "succeeded")
    ]  # fmt: skip
    assert runs[1]["seconds"] == 4.0


def test_what_an_earlier_version_left_half_made_failed_or_was_killed(place, look):
    failed, killed = name_of(2 * HOUR), name_of(HOUR)
    for name in (failed, killed):
        (place.path / f"{name}.partial").mkdir()
    place.log(failed, f"Backup {failed} of director1 FAILED", "  Proof: 2 blobs are missing", "  The director is up.")
    place.log(killed, "First pass")
    runs, dummy = look()
    assert [(run["id"], run["outcome"]) for run in runs] == [(killed, "killed"), (failed, "failed")]
    assert runs[1]["error"] == "Proof: 2 blobs are missing"
    assert runs[0]["known_by"] == "partial"


def test_a_log_alone_tells_of_a_failed_backup_if_it_is_newer_than_all_backups(place, look):
    backup = place.backup(2 * HOUR)
    old, failed, restore = name_of(3 * HOUR), name_of(HOUR), name_of(HOUR / 2)
    for name in (old, failed):
        place.log(name, f"Backup {name} of director1 FAILED", "  Preflight: a service is down")
    place.log(restore, f"Restore {restore} of director1 FAILED", "  Source: none")
    runs, dummy = look(backup)
    assert [(run["id"], run["known_by"]) for run in runs] == [(failed, "log"), (backup, "report")]


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "[" * 100_000, '{"began": 1e999, "ended": NaN}', "\x00"])
def test_a_record_that_is_none_is_named_and_the_others_are_told(place, look, content):
    good, bad = place.record(2 * HOUR), name_of(HOUR)
    (place.path / "logs" / f"{bad}.backup.json").write_text(content, encoding="utf-8")
    runs, problems = look()
    assert [run["id"] for run in runs] == [bad, good]
    assert runs[1]["outcome"] == "succeeded"
    assert bad in problems[0]


WRONG = {
    "began": "yesterday", "ended": [], "seconds": True, "outcome": 7, "reason": {}, "error": ["x"],
    "phases": [1, {"phase": 2, "seconds": "x"}, None], "path": 1, "controller": {}, "lease_fired": "x",
    "restore_open": "no", "free_bytes": -1,
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(WRONG))
def test_what_is_of_another_type_is_named_and_as_good_as_not_there(place, look, name):
    run = place.record(HOUR, **{name: WRONG[name]})
    runs, problems = look()
    assert runs[0]["id"] == run
    assert any(name in problem for problem in problems)
    json.dumps(runs, allow_nan=False)


def test_texts_are_printable_and_bounded(place, look):
    hostile = "\x1b]0;owned\x07\u202eevil\n" + "x" * 10_000
    name = place.record(HOUR, outcome="failed", error=hostile, path=hostile)
    place.log(name, *([hostile] * 100))
    (run,), dummy = look()
    told = json.dumps(run, ensure_ascii=False)
    assert all(sign not in told for sign in ("\x1b", "\x07", "\u202e"))
    assert len(run["error"]) < 2100
    assert len(run["log_end"]) <= _runs.LOG_LINES
    assert max(map(len, run["log_end"])) < 600


def test_no_more_runs_are_told_than_a_person_reads(place, look):
    for hours in range(1, 40):
        place.record(hours * HOUR)
    runs, dummy = look()
    assert len(runs) == _runs.MOST
    assert runs[0]["id"] == name_of(HOUR)


def test_a_log_that_is_a_pipe_or_a_link_is_not_read(place, look, tmp_path):
    name = place.record(HOUR, outcome="failed")
    (tmp_path / "secret").write_text("secret", encoding="utf-8")
    (place.path / "logs" / f"{name}.log").symlink_to(tmp_path / "secret")
    (run,), dummy = look()
    assert run["log_end"] == []


def test_a_lease_that_fired_is_told(place, look):
    record = {"run": "20261127T020000Z", "fired_at": "2026-11-27T02:31:00Z", "reason": "late", "on_deadline": "start"}
    place.record(HOUR, lease_fired=record)
    place.record(2 * HOUR, lease_fired={**record, "on_deadline": "tell"})
    place.record(3 * DAY, lease_fired=None)
    runs, problems = look()
    assert "20261127T020000Z left the director stopped" in runs[0]["lease_fired"]["said"]
    assert [run["lease_fired"] for run in runs[1:]] == [None, None]
    assert problems == []


@pytest.mark.parametrize("where", ["x" * 300, "nul\0"])
def test_of_a_directory_that_cannot_be_reached_there_are_no_runs(tmp_path, where):
    """Nobody would be told how this run ends if what is asked of the ones before it raised."""
    assert runs_of(Place(tmp_path / where, NOW), [], []) == []


def test_of_a_directory_that_cannot_be_listed_there_are_no_runs(place, monkeypatch):
    place.record(HOUR)
    monkeypatch.setattr("os.listdir", failing)
    assert runs_of(Place(place.path, NOW), [], []) == []


def failing(*dummies):
    raise OSError(116, "Stale file handle")


def test_the_last_of_each_kind_that_says_anything_is_told(place, look):
    verify = place.record(80 * HOUR, "verify", outcome="failed")
    place.record(81 * HOUR, "verify")
    held = place.record(50 * HOUR, "verify", outcome="refused", reason="held")
    for hours in range(1, 40):
        place.record(hours * HOUR)
    runs, dummy = look()
    assert [run["id"] for run in runs[_runs.MOST :]] == [held, verify]
