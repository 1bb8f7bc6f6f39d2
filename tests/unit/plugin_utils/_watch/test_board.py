# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of each director, from events and notes."""

from __future__ import annotations

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._watch._board import Board


@pytest.fixture
def board():
    return Board("Back up directors", ["d1", "d2", "d3"], 100.0)


def moving(board, *amounts, total=1000):
    """A transfer of d1 that has moved so much after each second."""
    board.begin_task("d1", "Everything is copied", 200.0)
    for second, moved in enumerate(amounts, 1):
        board.take_note("d1", {"at": 200.0 + second, "moved": moved, "total": total})
    return board.row("d1")


def test_a_director_waits_until_its_first_task(board):
    assert board.counts() == {"waiting": 3}
    board.begin_task("d2", "The run begins", 110.0)
    board.enter("d2", "Preflight")
    row = board.row("d2")
    assert (row.state, row.phase, row.task, row.seconds(115.0)) == ("working", "Preflight", "The run begins", 5.0)
    assert board.counts() == {"working": 1, "waiting": 2}


def test_a_transfer_has_a_rate_and_a_time_that_is_left(board):
    row = moving(board, 100, 200, 300)
    assert (row.moved, row.total, row.rate, row.left()) == (300, 1000, 100.0, 7.0)


def test_a_rate_follows_what_changes_without_jumping(board):
    assert 100 < moving(board, 100, 200, 600).rate < 400


@pytest.mark.parametrize("amounts", [(0,), (0, 0), (1000,), (2000,)])
def test_no_time_is_left_that_cannot_be_told(board, amounts):
    assert moving(board, *amounts).left() is None


def test_a_transfer_without_a_known_size_has_no_time_left(board):
    assert moving(board, 100, 200, total=0).left() is None


def test_what_an_earlier_task_noted_is_not_of_this_one(board):
    moving(board, 100)
    board.begin_task("d1", "The dumps are copied", 210.0)
    board.take_note("d1", {"at": 201.5, "moved": 150, "total": 1000})
    assert board.row("d1").moved is None


def test_a_task_says_what_it_waits_for(board):
    board.begin_task("d1", "The turn has come", 200.0)
    board.take_note("d1", {"at": 201.0, "said": "waiting for\x1b[2J d2"})
    assert board.row("d1").said == "waiting for\\x1b[2J d2"


@pytest.mark.parametrize("note", [{"moved": "9"}, {}, {"moved": 5, "total": ""}, {"moved": 5, "said": 7}])
def test_a_note_that_makes_no_sense_harms_nothing(board, note):
    board.begin_task("d1", "Everything is copied", 200.0)
    board.take_note("d1", {})
    board.take_note("d1", note | {"at": 201.0})
    assert board.row("d1").left() is None


def test_the_seconds_of_an_outage_count_until_the_director_runs_again(board):
    board.begin_task("d1", "Every service is stopped", 200.0)
    board.stop("d1", 200.0)
    board.stop("d1", 203.0)  # of PostgreSQL
    row = board.row("d1")
    assert (row.away(207.0), row.kind()) == (7.0, "away")
    board.runs("d1", 208.0)
    assert (row.away(209.0), row.outage, row.kind()) == (None, 8.0, "working")


def test_a_stop_that_was_skipped_is_none(board):
    board.begin_task("d1", "No new task can come in", 200.0)
    board.stop("d1", 200.0)
    board.was_not_stopped("d1")
    assert board.row("d1").away(201.0) is None


def test_a_skipped_stop_of_postgresql_ends_no_outage(board):
    board.begin_task("d1", "Every service is stopped", 200.0)
    board.stop("d1", 200.0)
    board.begin_task("d1", "PostgreSQL is stopped", 204.0)
    board.stop("d1", 204.0)
    board.was_not_stopped("d1")
    assert board.row("d1").away(206.0) == 6.0


@pytest.mark.parametrize(
    ("artifact", "state", "message"),
    [
        ({"outcome": "succeeded", "outage_seconds": 7.09}, "done", ""),
        ({"outcome": "checked"}, "done", ""),
        ({"outcome": "failed", "error": "Preflight: no\nwhy"}, "failed", "Preflight: no why"),
        ({"outcome": "refused", "error": "Lease: held"}, "refused", "Lease: held"),
    ],
)
def test_how_a_run_ended_is_in_its_artifact(board, artifact, state, message):
    board.begin_task("d1", "Report", 200.0)
    board.end("d1", artifact, 230.0)
    row = board.row("d1")
    assert (row.state, row.message, row.seconds(500.0)) == (state, message, 30.0)
    assert row.outage == artifact.get("outage_seconds")


def test_a_failure_after_the_artifact_keeps_what_that_said(board):
    board.begin_task("d1", "The backup failed", 200.0)
    board.end("d1", {"outcome": "failed", "error": "Preflight: why"}, 230.0)
    board.fail("d1", "why", False, 231.0)
    assert (board.row("d1").state, board.row("d1").message) == ("failed", "Preflight: why")
    board.fail("d2", "gone", True, 231.0)
    assert board.row("d2").state == "refused"


def test_a_warning_is_of_the_director_that_it_names(board):
    board.begin_task("d1", "Preflight", 200.0)
    board.hear("d1: the connection was lost: 255")
    board.hear("d9: the connection was lost")
    board.hear("[WARNING]: deprecated")
    assert [row.attention for row in board.rows.values()] == [["the connection was lost: 255"], [], []]


def test_what_has_begun_is_done_when_the_play_is_over(board):
    board.begin_task("d1", "Preflight", 200.0)
    board.fail("d1", "why", False, 201.0)
    board.begin_task("d2", "Preflight", 200.0)
    board.finish(210.0)
    assert board.counts() == {"failed": 1, "waiting": 1, "done": 1}


def test_where_there_is_no_room_the_urgent_ones_are_shown_in_their_order():
    board = Board("", [f"d{number}" for number in range(6)], 0.0)
    for number in range(1, 6):
        board.begin_task(f"d{number}", "", 1.0)
    board.end("d1", {"outcome": "succeeded"}, 2.0)
    board.stop("d4", 2.0)
    board.fail("d5", "", False, 2.0)
    shown, hidden = board.most_urgent(3)
    assert [row.host for row in shown] == ["d2", "d4", "d5"]
    assert [row.host for row in hidden] == ["d0", "d1", "d3"]
    assert board.most_urgent(6)[1] == []
