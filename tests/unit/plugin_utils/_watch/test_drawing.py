# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines for a terminal of any size, with or without colours and letters beyond ASCII."""

from __future__ import annotations

import re

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._watch._board import Board
from ansible_collections.microbosh.director.plugins.plugin_utils._watch._drawing import Painter, clock, rounded
from rich.cells import cell_len

GIB = 1024**3
SGR = re.compile(r"\x1b\[[0-9;]*m")
HOSTILE = "\x1b]0;owned\x07\x1b[2J\r\nd1: all is well \u202e"


@pytest.fixture(autouse=True)
def _colours(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def filled(count=20):
    """A board with a director in each state."""
    board = Board("Back up directors", [f"director{number}" for number in range(1, count + 1)], 0.0)
    for host in list(board.rows)[:-1]:
        board.begin_task(host, "Everything is copied while the director works", 1.0)
        board.enter(host, "First pass")
        board.take_note(host, {"at": 11.0, "moved": GIB, "total": 10 * GIB})
    board.begin_task("director2", "Every service is stopped", 12.0)
    board.enter("director2", "Outage")
    board.stop("director2", 12.0)
    board.end("director3", {"outcome": "succeeded", "outage_seconds": 7.09}, 15.0)
    board.end("director4", {"outcome": "failed", "error": "First pass: rsync ended with 23"}, 15.0)
    board.end("director5", {"outcome": "refused", "error": "Lease: another run has it"}, 15.0)
    board.hear("director6: the connection was lost")
    return board


def _without_bar(line):
    """Without colours no part of a bar is drawn that is still to come."""
    return re.sub("[━╸╺ ]+", " ", line)


def drawn(board, columns=80, rows=24, encoding="utf-8", no_color=False):
    return Painter(encoding, no_color).lines(board, columns, rows, 20.0)


def texts(lines):
    return [SGR.sub("", line).rstrip() for line in lines]


def test_each_director_says_where_it_is():
    lines = texts(drawn(filled()))
    assert re.fullmatch(r"Back up.* 1 failed  1 refused  1 away  15 working  1 waiting  1 done +0:20", lines[0])
    assert re.fullmatch(r"● director1  First pass [╸━]+ +10 %  1.0/10.0 GiB  102 MiB/s  1:30 +0:19", lines[1])
    assert re.fullmatch(r"● director2  Outage     away 8 s  Every service is stopped +0:19", lines[2])
    assert re.fullmatch(r"✓ director3             done, was away 7.1 s +0:14", lines[3])
    assert re.fullmatch(r"✗ director4  First pass rsync ended with 23 +0:14", lines[4])
    assert re.fullmatch(r"○ director5  First pass Lease: another run has it +0:14", lines[5])
    assert lines[6].startswith("! director6  First pass ╸━")
    assert lines[20] == "· director20            waiting"


@pytest.mark.parametrize("columns", [8, 20, 30, 50, 59, 60, 80, 100, 132, 200])
@pytest.mark.parametrize("rows", [2, 3, 10, 24, 50])
def test_it_never_takes_more_than_the_terminal_has(columns, rows):
    lines = drawn(filled(), columns, rows)
    assert len(lines) <= rows - 1
    assert max(cell_len(text) for text in texts(lines)) <= columns - 1


def test_twenty_fit_and_of_more_the_urgent_ones():
    assert len(drawn(filled(20))) == 21
    lines = texts(drawn(filled(40)))
    assert len(lines) == 23
    assert lines[-1] == "  and 19 more: 17 working, 1 waiting, 1 done"
    assert any("director4 " in line for line in lines)


def test_a_wide_terminal_has_room_for_all_of_it():
    line = texts(drawn(filled(), 200, 50))[1]
    assert "10 %  1.0 GiB of 10.0 GiB  102.4 MiB/s  1:30 left" in line
    assert line.count("━") + line.count("╸") + line.count("╺") == 40


@pytest.mark.parametrize(("row", "colour"), [(2, "35"), (4, "31"), (5, "33"), (6, "33"), (3, "32")])
def test_what_needs_attention_is_in_colour(row, colour):
    line = drawn(filled())[row]
    assert re.search(rf"\x1b\[[0-9;]*\b{colour}m", line)
    assert line.count("\x1b[") % 2 == 0  # each colour ends


@pytest.mark.parametrize("how", ["setting", "variable"])
def test_without_colours_it_says_the_same(monkeypatch, how):
    if how == "variable":
        monkeypatch.setenv("NO_COLOR", "1")
    lines = drawn(filled(), no_color=how == "setting")
    assert [_without_bar(line) for line in texts(lines)] == [_without_bar(line) for line in texts(drawn(filled()))]
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]", "".join(lines))


def test_a_terminal_without_utf8_gets_ascii():
    text = "\n".join(drawn(filled(), encoding="ascii"))
    assert text.isascii() or set(re.findall(r"[^\x00-\x7f]", text)) == {"…"}
    assert "x director4" in SGR.sub("", text)


def test_what_a_director_says_does_nothing_to_a_terminal():
    board = Board(HOSTILE, ["d1", "d2", "d3"], 0.0)
    board.begin_task("d1", HOSTILE, 1.0)
    board.enter("d1", HOSTILE)
    board.begin_task("d2", "x", 1.0)
    board.take_note("d2", {"at": 2.0, "said": HOSTILE})
    board.end("d3", {"outcome": "failed", "error": HOSTILE}, 3.0)
    lines = drawn(board, 200)
    assert len(lines) == 4
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202e]", SGR.sub("", "".join(lines)))
    assert re.search(r"\\x1b\]0;owned", "".join(lines))


def test_a_long_task_says_how_long_it_takes():
    board = Board("", ["d1"], 0.0)
    board.begin_task("d1", "The manifest is written", 1.0)
    assert "The manifest is written, 0:19" in texts(drawn(board))[1]
    board.take_note("d1", {"at": 2.0, "moved": 3 * GIB, "total": 0})
    assert "The manifest is written  3.0 GiB, 0:19" in texts(drawn(board))[1]


def test_clocks():
    assert [clock(seconds) for seconds in (-1, 0, 59.9, 60, 3599, 3600, 90061)] == [
        "0:00", "0:00", "0:59", "1:00", "59:59", "1:00:00", "25:01:01",
    ]
    assert [rounded(text) for text in ("1.2 GiB", "99.9 MiB", "476.8 MiB", "1023.9 KiB", "7 B", "")] == [
        "1.2 GiB", "99.9 MiB", "476 MiB", "1023 KiB", "7 B", "",
    ]
