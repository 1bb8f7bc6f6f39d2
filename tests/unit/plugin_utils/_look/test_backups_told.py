# SPDX-License-Identifier: GPL-3.0-or-later
"""What backups tell of themselves, by their small files alone: whoever wrote these, and in whatever state they are."""

from __future__ import annotations

import json
import os

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._look import _picture
from ansible_collections.microbosh.director.plugins.plugin_utils._look._picture import director_at, picture
from ansible_collections.microbosh.director.plugins.plugin_utils._run._version import collection_version
from backup_place import DAY, HOUR, NOW, REPORT, BackupPlace, name_of

BLOBS = {"lost": [{"id": "a"}], "damaged": [{"id": "b"}], "newly_lost": [{"id": "a"}]}
MOVED = {"verdict": "moved", "attempts": 3, "moved": [{"database": "bosh", "table": "vms"}], "harmless": []}
WHOLE = {"verified": {"whole": True, "at": "2026-11-28T01:00:00Z", "files": 7, "seconds": 0.5, "findings": []}}
TORN = {"whole": False, "at": "x", "findings": [{"kind": "altered", "path": "vcap/x", "detail": "it has not"}]}
LOADED = {
    "rehearsed": {"good": True, "at": "2026-11-27T02:00:00Z", "seconds": 5, "problems": []},
    "restore": {"seconds": 58.3, "away_seconds": 14.9},
}


@pytest.fixture
def place(tmp_path):
    return BackupPlace(tmp_path / "director1")


def look(place, **rules):
    return director_at({"name": "director1", "directory": str(place.path), "rules": rules}, NOW)


def test_the_whole_of_one(place):
    name = place.backup(4 * HOUR, verdict={**WHOLE, **LOADED})
    (place.path / name / "pinned").touch()
    (place.path / name / "signature").touch()
    (place.path / "archives").mkdir()
    (place.path / "archives" / f"d.example.com_{name}.tar.zst.age").write_bytes(b"x" * 7)
    (place.path / "archives" / f"d.example.com_{name}.tar.zst.age.sha256").write_bytes(b"x")
    (backup,) = look(place)["backups"]
    assert backup == {
        "id": name, "path": str(place.path / name), "began": "2026-11-27T22:00:00Z", "age_seconds": 4 * HOUR,
        "proven": True, "verdict": "proven", "looked_at": True, "problem": "", "mode": "offline", "without": "",
        "new": {"files": 50, "bytes": 48_040_000}, "all": {"files": 1648, "bytes": 284_010_000},
        "copied": {"files": 52, "bytes": 59_310_000, "seconds": 3.1}, "outage_seconds": 7.1,
        "outage": [{"part": "stop", "seconds": 2.8}], "seconds": 4.0, "phases": REPORT["phases"], "online_moved": [],
        "lost_blobs": 0, "newly_lost": 0,
        "verified": {"at": "2026-11-28T01:00:00Z", "whole": True, "files": 7, "seconds": 0.5, "findings": []},
        "rehearsed": {
            "at": "2026-11-27T02:00:00Z", "good": True, "seconds": 5, "problems": [], "rto_seconds": 58.3,
            "away_seconds": 14.9,
        },
        "pinned": True, "signed": True, "offsite": None,
        "archive": {
            "path": str(place.path / "archives" / f"d.example.com_{name}.tar.zst.age"), "bytes": 7, "encrypted": True,
            "verified": None,
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    ("report", "verdict", "expected", "proven"),
    [
        ({}, None, "proven", True),
        ({}, WHOLE, "proven", True),
        ({"online": {"verdict": "still"}}, None, "still", True),
        ({"online": {"verdict": "outage", "moved": MOVED["moved"]}}, None, "proven", True),
        ({"online": MOVED}, None, "moved", False),
        ({"proof": {"whole": True, "blobs": BLOBS}}, None, "lost_blobs", True),
        ({"proof": {"whole": False}}, None, "not_proven", False),
        ({"proof": None}, None, "not_proven", False),
        ({"status": "failed"}, None, "not_proven", False),
        ({}, {"verified": TORN}, "damaged", False),
        ({"online": MOVED}, {"verified": TORN}, "damaged", False),
        ("{", {"verified": TORN}, "damaged", False),
        ("{", WHOLE, "unreadable", False),
        ("", None, "unreadable", False),
        ("[]", None, "unreadable", False),
        ("[" * 100_000, None, "unreadable", False),
        ("\x00\xff", None, "unreadable", False),
    ],
)
def test_verdicts(place, report, verdict, expected, proven):
    good = place.backup(2 * HOUR)
    place.backup(HOUR, report, verdict)
    backups = look(place)["backups"]
    assert (backups[0]["verdict"], backups[0]["proven"]) == (expected, proven)
    assert (backups[1]["id"], backups[1]["verdict"]) == (good, "proven")


def test_what_moved_and_what_is_lost_is_told(place):
    place.backup(2 * HOUR, {"proof": {"whole": True, "blobs": BLOBS}})
    place.backup(HOUR, {"online": MOVED})
    newer, older = look(place)["backups"]
    assert newer["online_moved"] == ["bosh.vms"]
    assert (older["lost_blobs"], older["newly_lost"]) == (2, 1)


def test_a_damaged_one_says_why(place):
    place.backup(HOUR, verdict={"verified": TORN})
    (backup,) = look(place)["backups"]
    assert backup["problem"] == "altered vcap/x it has not"


@pytest.mark.parametrize("verdict", ["", "{", "7", "[1", "\x00"])
def test_a_half_written_verdict_is_named_and_takes_nothing_from_the_backup(place, verdict):
    name = place.backup(HOUR, verdict=verdict)
    director = look(place)
    assert director["backups"][0]["verdict"] == "proven"
    assert any(name in problem and "verdict.json" in problem for problem in director["problems"])
    assert [one["rule"] for one in director["health"]["problems"] if "verdict" in one["said"]] == ["unreadable"]


KEYS = ("status", "mode", "phases", "outage_seconds", "outage", "online", "moved", "new", "all", "without", "proof")
WRONG = ("text", 7, -1, True, None, [], ["x"], {}, {"x": 1}, [[]], [{"phase": [], "seconds": "x", "part": 1}], 10**40)


@pytest.mark.parametrize("value", WRONG, ids=str)
def test_nothing_in_a_report_ends_the_look(place, value):
    """Each key of each other type: what is told stays plain data, and the other backup is told as ever."""
    for number, key in enumerate(KEYS):
        place.backup((number + 2) * HOUR, {key: value})
    for number, key in enumerate(("verified", "rehearsed", "restore")):
        place.backup((number + 20) * HOUR, verdict={key: value})
    last = place.backup(HOUR)
    director = look(place)
    assert len(director["backups"]) == len(KEYS) + 4
    assert (director["newest_proven"], director["backups"][0]["id"]) == (last, last)
    json.dumps(director, allow_nan=False)


def test_numbers_that_are_none_are_named(place):
    text = json.dumps({**REPORT, "outage_seconds": 1})
    name = place.backup(HOUR, text.replace('"outage_seconds": 1', '"outage_seconds": 1e999'))
    director = look(place)
    assert director["backups"][0]["outage_seconds"] is None
    assert f"{name}: outage_seconds is not a number" in director["problems"]


def test_texts_of_a_director_are_data(place):
    hostile = "\x1b[31m<script>alert(1)</script>\u202e" + "x" * 5000
    place.backup(HOUR, {"mode": hostile, "without": hostile, "phases": [{"phase": hostile, "start": "", "seconds": 1}]})
    told = json.dumps(look(place), ensure_ascii=False)
    assert not {"\x1b", "\u202e"} & set(told)
    assert len(told) < 8000


def test_a_report_that_is_a_pipe_or_a_link_holds_nobody_up(place, tmp_path):
    for age, make in ((HOUR, os.mkfifo), (2 * HOUR, lambda path: os.symlink("/dev/zero", path))):
        name = place.backup(age)
        (place.path / name / "backup.json").unlink()
        make(place.path / name / "backup.json")
    assert [one["verdict"] for one in look(place)["backups"]] == ["unreadable"] * 2


def test_what_is_no_backup_is_not_told(place):
    for name in ("latest", "identity", "20261301T000000Z", "x" * 16, f"{name_of(HOUR)}.partial"):
        (place.path / name).mkdir()
    (place.path / name_of(HOUR)).write_text("a file")
    director = look(place)
    assert (director["backups"], director["newest"], director["proven_age_seconds"]) == ([], None, None)


def test_the_newest_of_each_kind(place):
    place.backup(HOUR, {"online": MOVED})
    proven = place.backup(2 * HOUR)
    rehearsed = place.backup(3 * DAY, verdict=LOADED)
    place.backup(4 * DAY, verdict={"rehearsed": {**LOADED["rehearsed"], "good": False, "at": "2026-11-28T01:00:00Z"}})
    director = look(place)
    assert (director["newest_proven"], director["proven_age_seconds"]) == (proven, 2 * HOUR)
    assert (director["newest_rehearsed"], director["rehearsed_age_seconds"]) == (rehearsed, DAY)


def test_the_state(place):
    assert look(place)["state"] == "none"
    place.backup(2 * HOUR)
    assert look(place)["state"] == "ok"
    place.record(HOUR, outcome="failed", reason="error", error="Proof: torn")
    assert look(place)["state"] == "failed"
    place.record(HOUR / 2, ended=None, controller="")
    assert look(place)["state"] == "running"


def test_a_directory_that_is_not_there(tmp_path):
    director = director_at({"name": "new", "directory": str(tmp_path / "not" / "there"), "rules": {}}, NOW)
    assert (director["state"], director["backups"], director["runs"]) == ("none", [], [])
    assert director["volume"]["path"] == str(tmp_path)


def test_space_by_what_was_free_at_the_end_of_runs(place):
    for days in range(5):
        place.record(days * DAY + HOUR, free_bytes=1000 + days * 100)
    assert look(place)["free_shrinks_bytes_a_day"] == 100.0


def test_too_few_runs_say_nothing_of_space(place):
    place.record(HOUR, free_bytes=1000)
    place.record(2 * DAY, free_bytes=9000)
    assert look(place)["free_shrinks_bytes_a_day"] is None


def test_growth_is_what_is_new_by_day_but_for_the_oldest(place):
    for days in range(5):
        place.backup(days * DAY + HOUR, {"new": {"files": 1, "bytes": 100}})
    assert look(place)["growth_bytes_a_day"] == 100.0


@pytest.mark.parametrize(
    ("records", "is_open"),
    [
        ([("restore", {"restore_open": True})], True),
        ([("restore", {"restore_open": False})], False),
        ([("restore", {"restore_open": True}), ("verify", {"restore_open": None})], True),
        ([("restore", {"restore_open": True}), ("backup", {"restore_open": False})], False),
        ([("restore", {"ended": None, "controller": "", "began": 1})], True),
        ([("backup", {"restore_open": True})], True),
        ([], False),
    ],
)
def test_a_restore_is_open_until_a_run_has_seen_that_it_is_not(place, records, is_open):
    for number, (kind, content) in enumerate(records):
        place.record((9 - number) * HOUR, kind, **content)
    director = look(place)
    assert bool(director["restore_open"]) == is_open
    assert ("restore_open" in [one["rule"] for one in director["health"]["problems"]]) == is_open


def test_the_picture_is_of_all_and_says_its_schema(place, tmp_path):
    made = picture([{"name": name, "directory": str(place.path), "rules": {}} for name in ("a", "b")], NOW)
    assert (made["schema"], made["at"], made["collection"]) == (1, "2026-11-28T02:00:00Z", collection_version())
    assert [one["name"] for one in made["directors"]] == ["a", "b"]


def test_problems_are_bounded(place):
    for number in range(_picture.MOST_PROBLEMS + 5):
        place.backup((number + 1) * HOUR, "{")
    assert len(look(place)["problems"]) == _picture.MOST_PROBLEMS


def denied(call, path, code):
    """Return a call of the system as it is where it may not do anything with a path."""

    def made(where, *more, **options):
        if str(where).startswith(str(path)):
            raise OSError(code, os.strerror(code))
        return call(where, *more, **options)

    return made


CALLS = ("stat", "lstat", "listdir", "scandir", "statvfs", "open")


@pytest.mark.parametrize("why", ["x" * 300, "nul\0", "~nul\0", 13, 5, 116], ids=str)
def test_a_directory_that_cannot_be_reached_takes_nothing_from_the_other_directors(place, tmp_path, monkeypatch, why):
    place.backup(HOUR)
    away = BackupPlace(tmp_path / "away")
    away.record(HOUR)
    for call in CALLS if isinstance(why, int) else ():
        monkeypatch.setattr(os, call, denied(getattr(os, call), away.path, why))
    where = str(away.path) if isinstance(why, int) else f"{tmp_path}/{why}"
    given = [{"name": name, "directory": path, "rules": {}} for name, path in (("a", where), ("b", str(place.path)))]
    odd, good = picture(given, NOW)["directors"]
    assert (good["state"], len(good["backups"])) == ("ok", 1)
    assert (odd["state"], odd["health"]["status"]) == ("unreadable", 3)
    assert [problem["rule"] for problem in odd["health"]["problems"]] == ["unreadable"]
    assert "cannot be read: " in odd["health"]["problems"][0]["said"]
    json.dumps(odd, allow_nan=False)


@pytest.mark.parametrize("what", ["archives_in", "list_ids", "backup_at", "runs_of", "_volume"])
def test_whatever_goes_wrong_with_one_director_takes_nothing_from_the_others(place, tmp_path, monkeypatch, what):
    place.backup(HOUR)
    BackupPlace(tmp_path / "odd").backup(HOUR)
    usual = getattr(_picture, what)

    def odd_there(where, *more):
        if str(getattr(where, "directory", where)).startswith(str(tmp_path / "odd")):
            raise RuntimeError("what nobody thought of")
        return usual(where, *more)

    monkeypatch.setattr(_picture, what, odd_there)
    given = [{"name": "a", "directory": str(tmp_path / "odd"), "rules": {}}]
    odd, good = picture([*given, {"name": "b", "directory": str(place.path), "rules": {}}], NOW)["directors"]
    assert (good["state"], len(good["backups"])) == ("ok", 1)
    assert (odd["state"], odd["backups"], odd["health"]["status"]) == ("unreadable", [], 3)
    assert "RuntimeError" in odd["health"]["problems"][0]["said"]


def test_a_directory_that_may_be_listed_and_not_entered_is_unreadable(place, monkeypatch):
    place.backup(HOUR)
    monkeypatch.setattr(os, "stat", denied(os.stat, f"{place.path}/", 13))
    assert look(place)["state"] == "unreadable"


def test_a_backup_of_the_future_does_not_make_those_of_the_past_young(place):
    ahead, old = place.backup(-30 * DAY, verdict=LOADED), place.backup(9 * DAY)
    director = look(place)
    assert (director["newest"], director["newest_proven"], director["proven_age_seconds"]) == (ahead, old, 9 * DAY)
    assert director["backups"][0]["age_seconds"] is None
    said = {problem["rule"]: problem["said"] for problem in director["health"]["problems"]}
    assert "proven_age" in said
    assert said["unreadable"].startswith(f"{ahead}: it is dated in the future")


def test_clocks_may_differ_a_little(place):
    name = place.backup(-HOUR / 2)
    director = look(place)
    assert (director["newest_proven"], director["proven_age_seconds"], director["problems"]) == (name, 0, [])


def test_a_rehearsal_of_the_future_counts_for_nothing(place):
    future = {"rehearsed": {**LOADED["rehearsed"], "at": "2027-11-27T02:00:00Z"}}
    place.backup(HOUR, verdict=future)
    old = place.backup(2 * DAY, verdict={"rehearsed": {**LOADED["rehearsed"], "at": "2026-09-28T02:00:00Z"}})
    director = look(place)
    assert (director["newest_rehearsed"], director["rehearsed_age_seconds"]) == (old, 61 * DAY)
    assert any("its rehearsal is dated in the future" in problem for problem in director["problems"])


@pytest.mark.parametrize("after", ["verify", "backup"])
def test_a_restore_that_is_open_is_not_forgotten_however_many_runs_come_after_it(place, after):
    """A verify never looks at the director, and a backup that fails early has not looked."""
    restore = place.record(60 * HOUR, "restore", ended=None, controller="")
    place.record(61 * HOUR, "checkup", restore_open=False)
    for number in range(1, 40):
        place.record(number * HOUR, after, outcome="failed", restore_open=None)
        place.backup(number * HOUR + 60)
    director = look(place)
    assert restore in director["restore_open"]["said"]
    assert director["last_runs"]["restore"] == restore
    assert len(director["runs"]) < 23


def test_space_is_measured_over_the_last_runs_alone(place):
    place.record(300 * DAY, "restore", free_bytes=10**12)
    for days in range(30):
        place.record(days * DAY + HOUR, free_bytes=1000 + days * 100)
    assert look(place)["free_shrinks_bytes_a_day"] == 100.0
