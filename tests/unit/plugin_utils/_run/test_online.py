# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows from an online attempt: nothing is published as still that moved, and no outage begins unasked."""

from __future__ import annotations

import itertools

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._run._online import (
    moved_but,
    moved_said,
    online_next,
    online_record,
    online_said,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._run._online_verdict import online_verdict

OPEN = {"open": True, "words": "", "refusal": ""}
CLOSED = {"open": False, "words": "01:00-04:00 CET", "refusal": "No outage may begin now. It opens at 01:00 CET"}
TASKS = {"database": "bosh", "table": "public.tasks", "what": "rows"}
STILL = {"verdict": "still", "moved": [], "harmless": [{"database": "bosh", "table": "public.locks", "what": "rows"}]}
SECRET = {"database": "credhub", "table": "credential", "what": ""}
MOVED = {"verdict": "moved", "moved": [TASKS, SECRET], "harmless": []}
ASKED = {"mode": "online", "attempt": "3", "attempts": 3, "moved": "refuse", "window": OPEN}


def step(verdict=MOVED, **asked):
    found = online_next(verdict, {**ASKED, **asked})
    assert bool(found["refusal"]) is (found["step"] == "refuse")
    return found["step"]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"attempt": 1}, "again"),
        ({"attempt": 2}, "again"),
        ({}, "refuse"),
        ({"attempt": 1, "attempts": 1}, "refuse"),
        ({"moved": "publish"}, "publish"),
        ({"moved": "publish", "attempt": 2}, "again"),
        ({"window": CLOSED}, "refuse"),
        ({"mode": "auto"}, "outage"),
        ({"mode": "auto", "attempt": 2}, "again"),
        ({"mode": "auto", "window": CLOSED}, "refuse"),
        ({"mode": "auto", "window": CLOSED, "moved": "publish"}, "refuse"),
        ({"mode": "auto", "moved": "publish"}, "outage"),
    ],
)
def test_what_follows_where_it_moved(asked, expected):
    assert step(**asked) == expected


def test_what_held_still_is_done_and_nothing_else_is():
    modes, moved, attempts = ("online", "auto"), ("refuse", "publish"), ("1", "2", "3", "4")
    for mode, what, attempt, window in itertools.product(modes, moved, attempts, (OPEN, CLOSED)):
        asked = {"mode": mode, "moved": what, "attempt": attempt, "window": window}
        assert step(STILL, **asked) == "done"
        for verdict in (MOVED, {"verdict": "moved"}, {"verdict": ""}, {"verdict": "Still"}):
            assert step(verdict, **asked) != "done"
            assert step(verdict, **asked) != "outage" or (mode, window) == ("auto", OPEN)
            assert step(verdict, **asked) != "publish" or (mode, what) == ("online", "publish")


MARK = {"tables": {}, "sequences": {}, "catalog": "1", "transactions": "7:7:", "counts": True, "problem": None}


def dumped(began):
    """Return what pg_dump_bosh tells of a director's database that nobody writes to."""
    content = {"schema": "a", "tables": {}, "sequences": {}, "marks": {"before": MARK, "after": MARK}, "settled": True}
    content.update(began=began, ended=began + 0.5)
    dump = {"database": "bosh", "content": content, "properties": {"sha256": "p"}}
    return {"dumps": [dump], "globals": {"content": {"schema": "g"}}}


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ([dumped(9.0), {"skipped": True}], "done"),
        ([{"skipped": True}, {"skipped": True}], "refuse"),
        ([{}, {}], "refuse"),
        ([dumped(1.0), {"skipped": True}], "refuse"),
    ],
)
def test_a_second_dump_that_was_not_made_proves_nothing(second, expected):
    """The planted fault: what is handed in as the second dump was skipped, or is the first one once more."""
    idle = {"known": True, "running": []}
    verdict = online_verdict([dumped(1.0), {}], second, "bosh", {"after": idle})
    assert step(verdict) == expected


def test_a_refusal_names_what_moved_and_the_ways_out():
    said = online_next(MOVED, ASKED)["refusal"]
    assert said.startswith(
        "The director did not hold still in 3 attempts. In the last one moved: bosh: public.tasks (rows); "
        "credhub: credential. Nothing was stopped or published."
    )
    assert all(way in said for way in ("quieter time", "microbosh_mode: auto", "microbosh_online_moved: publish"))


def test_a_refusal_of_auto_says_when_the_window_opens():
    said = online_next(MOVED, {**ASKED, "mode": "auto", "window": CLOSED})["refusal"]
    assert "It opens at 01:00 CET. Nothing was stopped" in said
    assert "microbosh_mode: auto" not in said


def test_each_attempt_is_told():
    assert online_next(STILL, {**ASKED, "attempt": 1})["lines"] == ["The director held still"]
    assert online_next(STILL, ASKED)["lines"] == ["The director held still, in attempt 3 of 3"]
    told = online_next(MOVED, {**ASKED, "attempt": 1})["lines"]
    assert told == [
        "Attempt 1 of 3: the director did not hold still: bosh: public.tasks (rows); credhub: credential"
    ]
    assert len(online_next(MOVED, {**ASKED, "mode": "auto"})["lines"]) == 2


def test_of_many_tables_some_are_named():
    many = {"moved": [{"database": "bosh", "table": f"t{number}", "what": "rows"} for number in range(20)]}
    assert moved_said(many).count("(rows)") == 8
    assert moved_said(many).endswith("t7 (rows); 12 more")
    assert moved_said({"moved": [{"database": "", "table": "", "what": "a task runs"}]}) == "a task runs"
    assert moved_said({"moved": []}) == "what could not be compared"


def test_what_backup_json_has_of_it():
    assert online_record({}, "0", "offline") is None
    assert online_record(STILL, "2", "online") == {
        "verdict": "still", "attempts": 2, "moved": [], "harmless": STILL["harmless"],
    }  # fmt: skip
    assert online_record(MOVED, 3, "online")["verdict"] == "moved"
    outage = online_record(MOVED, "4", "offline")
    assert (outage["verdict"], outage["attempts"], outage["moved"]) == ("outage", 3, MOVED["moved"])


def test_what_the_report_says_of_it():
    assert online_said(None) == []
    still = online_said(online_record(STILL, 1, "online"))
    assert still[0] == (
        "  online   still: databases and blobs are of one moment, as in an outage; moved without harm: bosh: "
        "public.locks (rows)"
    )
    assert still[1] == "           other files of the store, such as logs of tasks, are each of their own"
    assert online_said(online_record(STILL, 2, "online"))[0].startswith("  online   still in attempt 2: ")
    moved = online_record(MOVED, 3, "online")
    assert online_said(moved) == [
        "  online   MOVED in 3 attempts: bosh: public.tasks (rows); credhub: credential"
    ]
    outage = online_record(MOVED, 2, "offline")
    assert online_said(outage)[0].startswith("  online   not still in the one attempt, so there was an outage; moved b")
    assert [moved_but(one) for one in (None, outage, online_record(STILL, 1, "online"))] == [""] * 3
    assert moved_but(moved) == "ITS DATABASES MOVED WHILE IT WAS COPIED"
