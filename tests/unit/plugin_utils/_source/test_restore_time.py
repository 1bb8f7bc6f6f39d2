# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a restore takes is told from what was measured, and what was not measured is told as such."""

from __future__ import annotations

import json

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._source._restore_time import (
    MOST_REPORTS,
    SERVER_SECONDS,
    STOP_AND_START,
    TASK_SECONDS,
    TASKS_AFTER,
    TASKS_AWAY,
    TASKS_BEFORE,
    TASKS_OF_AN_OUTAGE,
    TASKS_READY,
    measured_of,
    part,
    rehearsed_time,
    restore_time,
    run_time,
    said_of,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._source._source import find
from director_backup import make_director_backup, pack

MIB = 1024 * 1024
REPORT = {
    "moved": {"files": 100, "bytes": 120 * MIB, "seconds": 4.0},
    "all": {"files": 1000, "bytes": 240 * MIB},
    "outage_seconds": 9.0,
    "outage": [
        {"part": "agent", "seconds": 0.5},
        {"part": "stop", "seconds": 2.0, "services": {"director": 1.0}},
        {"part": "dumps", "seconds": 1.0},
        {"part": "stop_postgresql", "seconds": 0.5},
        {"part": "start", "seconds": 3.0},
        {"part": "between", "seconds": 0.2 * TASKS_OF_AN_OUTAGE},
    ],
}
VERDICT = {"rehearsed": {"good": True, "databases": [{"database": "bosh", "seconds": 1.5}]}}
BEFORE = part("until_then", 10.0, "this run")
NOTHING = {"files": 0, "bytes": 0}
FOUND = {"push": NOTHING, "read": 1.0, "read_by": "this run", "task": (0.2, "backup"), "dumps": [], "digest_rate": 0}


def told(report=REPORT, verdict=VERDICT, dumps=(), **found):
    return restore_time(measured_of(report, verdict), [BEFORE], {**FOUND, "dumps": list(dumps), **found})


def seconds(result):
    return {one["part"]: (one["seconds"], one["by"]) for one in result["parts"]}


def test_the_parts_make_the_whole_and_the_stop_begins_the_outage():
    result = told(push=REPORT["all"])
    assert sum(one["seconds"] for one in result["parts"]) == pytest.approx(result["seconds"], abs=0.1)
    assert seconds(result)["stopping_agent"] == (0.5, "backup")
    assert seconds(result)["stopping"] == (2.5, "backup")
    assert seconds(result)["starting"] == (3.0, "backup")
    assert seconds(result)["proving"] == (SERVER_SECONDS + 1.0, "backup")
    assert result["away_seconds"] == pytest.approx(2.5 + 3.0 + SERVER_SECONDS + 1.0 + 0.2 * TASKS_AWAY)
    assert seconds(result)["tasks"] == (pytest.approx(0.2 * TASKS_READY), "backup")


def test_a_push_has_the_rate_of_a_backup_that_moved_enough():
    twice = {"files": 200, "bytes": 240 * MIB}
    assert seconds(told(push=twice))["pushing"] == (8.0, "backup")


@pytest.mark.parametrize(("read", "pushing"), [(2.0, (4.0, "backup")), (6.0, (6.0, "this run")), (0, (4.0, "backup"))])
def test_all_is_read_while_it_is_pushed(read, pushing):
    assert seconds(told(push=REPORT["moved"], read=read))["pushing"] == pushing


def test_what_nobody_has_read_yet_is_read_at_a_rate_that_is_assumed():
    much = {**REPORT, "all": {"files": 0, "bytes": 4000 * MIB}}
    assert seconds(told(much, read=0))["pushing"] == (10.0, "assumed")


def test_the_director_says_itself_how_quickly_it_reads():
    push = {"files": 0, "bytes": 300 * MIB}
    slow, quick = (seconds(told(push=push, digest_rate=rate * MIB))["making_ready"] for rate in (100, 1000))
    assert slow == (4.0, "this run")
    assert quick == (1.3, "this run")
    assert seconds(told(push=push))["making_ready"] == (1.8, "assumed")


@pytest.mark.parametrize("moved", [{}, {"files": 3, "bytes": 4000, "seconds": 2.0}, {"files": 1, "bytes": 999 * MIB}])
def test_a_pass_that_moved_little_or_was_not_timed_says_nothing(moved):
    time = told({**REPORT, "moved": moved}, push={"files": 0, "bytes": 120 * MIB}, read=0.1)
    assert seconds(time)["pushing"] == (2.0, "assumed")


def test_loads_are_those_of_the_rehearsal_if_all_were_rehearsed():
    dumps = [{"database": "bosh", "size": 16 * MIB}]
    by_files, loaded = told(), told(dumps=dumps)
    assert seconds(loaded)["loading"] == (1.5, "rehearsal")
    assert loaded["away_seconds"] == pytest.approx(by_files["away_seconds"] + 1.5)
    assert "loading" not in seconds(by_files)
    assert seconds(told(dumps=[*dumps, {"database": "uaa", "size": 8 * MIB}]))["loading"] == (3.0, "assumed")


def test_what_an_earlier_version_measured_counts():
    earlier = {"outage_seconds": 7.0, "moved": {"files": 1, "bytes": 2}}
    assert seconds(told(earlier))["stopping_and_starting"] == (7.0, "backup")
    time = rehearsed_time(measured_of(earlier, {}), {"seconds": 1.0}, [])
    assert seconds(time)["tasks_after"] == (round(TASK_SECONDS * TASKS_AFTER, 1), "assumed")


def test_of_an_online_backup_nothing_is_known_of_stop_and_start():
    time = told({"mode": "online", "outage_seconds": 0})
    assert seconds(time)["stopping_and_starting"] == (STOP_AND_START, "assumed")


LITTLE = {"mode": "online", "moved": {"files": 3, "bytes": 4000, "seconds": 2.0}, "outage_seconds": 0, "outage": []}


def test_what_a_backup_did_not_measure_an_earlier_one_did():
    """An online backup has no outage, and one that moved little no rate."""
    seen = []

    def earlier():
        for report in (LITTLE, {"outage_seconds": 7.0}, {**REPORT, "outage_seconds": 9.0}, "never read"):
            seen.append(report)
            yield report

    measured = measured_of(LITTLE, {}, earlier())
    assert measured["moved"] == measured_of(REPORT, {})["moved"]
    assert measured["outage"] == measured_of(REPORT, {})["outage"]
    assert measured["outage_seconds"] == 9.0
    assert "never read" not in seen
    assert measured_of(REPORT, {}, earlier())["moved"] == measured["moved"]
    assert measured["all"] == {"files": 0.0, "bytes": 0.0}  # that is of this backup


@pytest.mark.parametrize("packed", [False, True])
def test_earlier_backups_are_those_beside_it(tmp_path, packed):
    directory = tmp_path / "director1"
    wanted = make_director_backup(directory, "20261122T221326Z")
    for name, report in (("20261119T000000Z", {"outage_seconds": 99.0}), ("20261121T000000Z", REPORT)):
        (directory / name).mkdir()
        (directory / name / "backup.json").write_text(json.dumps(report))
    (directory / "20261120T000000Z").mkdir()  # without a report
    called = str(pack(wanted, tmp_path / "elsewhere" / "packed.tar")) if packed else wanted.name
    found = find(called, directory, tmp_path / "scratch").describe()["measured"]
    assert found["moved"] == measured_of(REPORT, {})["moved"]
    assert found["outage"]["start"] == 3.0


def test_where_no_backup_tells_the_parts_of_its_outage_the_newest_tells_its_length():
    measured = measured_of(LITTLE, {}, [{"outage_seconds": 7.0}, {"outage_seconds": 8.0}])
    assert measured["outage_seconds"] == 7.0
    assert seconds(restore_time(measured, [], FOUND))["stopping_and_starting"] == (7.0, "backup")


def test_no_more_reports_are_read_than_it_is_worth():
    seen = []
    measured_of({}, {}, (seen.append(number) or {} for number in range(10**4)))
    assert len(seen) == MOST_REPORTS


@pytest.mark.parametrize(
    "odd",
    [
        None, "x", [1], {"moved": "x"}, {"outage": {"part": 1}}, {"outage": [1, {"part": []}]},
        10**400, float("inf"), float("nan"), {"outage_seconds": -1e9}, {"moved": {"bytes": 10**9, "seconds": 1e400}},
    ],
)  # fmt: skip
def test_a_report_of_anybody_is_survived(odd):
    report = odd if isinstance(odd, dict) else {"moved": odd, "all": odd, "outage": odd, "outage_seconds": odd}
    time = told(report, {"rehearsed": odd})
    assert time["seconds"] > 0
    assert said_of(time)


def test_a_rehearsal_tells_what_all_of_it_takes_onto_a_director_that_has_nothing():
    time = rehearsed_time(measured_of(REPORT, VERDICT), {"seconds": 10.0}, [])
    found = seconds(time)
    assert found["tasks_before"] == (pytest.approx(0.2 * TASKS_BEFORE), "backup")
    assert found["pushing"] == (10.0, "verification")
    assert seconds(rehearsed_time(measured_of(REPORT, VERDICT), {"seconds": 1.0}, []))["pushing"] == (8.4, "backup")


def test_a_run_knows_what_it_took_until_now_and_what_its_tasks_take():
    push = {"files": "0", "bytes": "0"}
    run = {"measured": measured_of(REPORT, {}), "push": push, "dumps": [], "digest_rate": "1000"}
    time = run_time({**run, "seconds": str(5.0 + TASKS_BEFORE), "worked": "5.0", "read": "4.0"})
    assert seconds(time)["until_then"] == (1.0 + TASKS_BEFORE, "this run")
    assert seconds(time)["pushing"] == (4.0, "this run")
    assert seconds(time)["tasks_away"] == (float(TASKS_AWAY), "this run")
    assert run_time({**run, "seconds": 4, "worked": 5, "read": 0})["seconds"] > 4  # a clock that was set back


# Restores that were timed: what they knew before the push; then what all of it took, and for how long the director was
# away. With 1.1 GB on a busy machine: one whose director had nearly all of it, one whose director had nothing (without
# the wait for its redis, which did not stop), one in between.
TIMED = [
    ({"seconds": 19.5, "worked": 5.0, "read": 2.6, "push": {"files": 1476, "bytes": 101.06e6}}, 69.0, 21.4),
    ({"seconds": 15.1, "worked": 2.1, "read": 0.0, "push": {"files": 2279, "bytes": 1.1e9}}, 86.0, 24.6),
    ({"seconds": 13.7, "worked": 2.0, "read": 0.0, "push": {"files": 1874, "bytes": 598.61e6}}, 63.0, 18.6),
]
THEIRS = {
    "moved": {"files": 2362, "bytes": 1.17e9, "seconds": 14.4},
    "all": {"files": 2286, "bytes": 1.12e9},
    "outage_seconds": 21.61,
    "outage": [
        {"part": name, "seconds": took}
        for name, took in (
            ("agent", 0.46), ("intake", 0.82), ("stop", 2.87), ("dumps", 0.9), ("stop_postgresql", 1.03),
            ("start", 4.71), ("between", 8.57),
        )
    ],
}  # fmt: skip


@pytest.mark.parametrize(("run", "seconds", "away"), TIMED)
def test_restores_that_were_timed_are_foreseen_within_a_third(run, seconds, away):
    time = run_time({**run, "measured": measured_of(THEIRS, {}), "dumps": [], "digest_rate": 400 * MIB})
    assert time["seconds"] == pytest.approx(seconds, rel=1 / 3)
    assert time["away_seconds"] == pytest.approx(away, rel=1 / 3)


def test_it_is_said_in_a_few_words():
    said = said_of({"seconds": 130.0, "away_seconds": 9.44})
    assert said == "about 2 min 10 s, of which the director is away for about 9.4 s"
