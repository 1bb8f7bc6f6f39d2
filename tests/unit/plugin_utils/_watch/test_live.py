# SPDX-License-Identifier: GPL-3.0-or-later
"""A board below what is printed, in a real terminal: nothing printed is lost, and no run waits for a picture."""

from __future__ import annotations

import io
import os
import pty
import select
import termios
import threading
import time

import pyte
import pytest
from ansible import constants
from ansible_collections.microbosh.director.plugins.plugin_utils._run import _notes as notes
from ansible_collections.microbosh.director.plugins.plugin_utils._watch import _live
from ansible_collections.microbosh.director.plugins.plugin_utils._watch._board import Board
from ansible_collections.microbosh.director.plugins.plugin_utils._watch._live import Live
from ansible_collections.microbosh.director.plugins.plugin_utils._watch._region import Region

COLUMNS, LINES = 40, 10


class Display:
    """What Ansible prints with."""

    def __init__(self, stream):
        self._lock, self._stream = threading.RLock(), stream

    def display(self, message, color=None, newline=True, log_only=False):
        with self._lock:
            self._stream.write(message + ("\n" if newline else ""))

    def prompt_until(self, message):
        self.display(message)
        with self._lock:
            return self.answer()


class Rig:
    """A terminal, with what is seen in it."""

    def __init__(self):
        self.master, self.slave = pty.openpty()
        termios.tcsetwinsize(self.slave, (LINES, COLUMNS))
        self.stream = io.TextIOWrapper(io.FileIO(os.dup(self.slave), "w"), write_through=True)
        self.screen = pyte.HistoryScreen(COLUMNS, LINES, history=1000, ratio=1)
        self._feed = pyte.ByteStream(self.screen)
        self.display = Display(self.stream)
        self.region = Region(self.stream)

    def close(self):
        self.stream.close()
        for descriptor in (self.master, self.slave):
            os.close(descriptor)

    def seen(self):
        while select.select([self.master], [], [], 0)[0]:
            self._feed.feed(os.read(self.master, 65536))
        return [line.rstrip() for line in self.screen.display if line.strip()]

    def until(self, *lines):
        end = time.monotonic() + 10
        while self.seen() != list(lines):
            assert time.monotonic() < end, self.seen()
            time.sleep(0.01)

    def fill(self):
        """Have the terminal full, as one that nobody reads."""
        os.set_blocking(self.slave, False)
        try:
            while select.select([], [self.slave], [], 0)[1]:
                os.write(self.slave, b"x" * 1000)
        except BlockingIOError:
            pass
        os.set_blocking(self.slave, True)


@pytest.fixture
def rig(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    monkeypatch.setattr(_live, "SHORTEST_WAIT", 0.02)
    made = Rig()
    yield made
    made.close()


@pytest.fixture
def live(rig):
    """A board that shows the state of its only director."""
    board = Board("", ["d1"], 0.0)
    board.begin_task("d1", "first", time.monotonic())
    board.enter("d1", "Preflight")
    made = Live(rig.display, rig.region, lambda board, *size: ["= board", f"= {board.row('d1').task}"])
    made.board = board
    assert made.begin(board)
    yield made
    made.end()


def test_what_is_printed_is_above_the_board(rig, live):
    rig.until("= board", "= first")
    rig.display.display("one")
    rig.display.display("two\nthree")
    rig.until("one", "two", "three", "= board", "= first")
    live.board.begin_task("d1", "second", time.monotonic())
    rig.until("one", "two", "three", "= board", "= second")


def test_a_burst_is_printed_whole_and_has_the_board_below_it(rig, live):
    rig.until("= board", "= first")
    for number in range(50):
        rig.display.display(f"line {number}")
    rig.until(*[f"line {number}" for number in range(43, 50)], "= board", "= first")
    above = ["".join(line[column].data for column in range(COLUMNS)).rstrip() for line in rig.screen.history.top]
    assert above == [f"line {number}" for number in range(43)]


def test_at_the_end_it_stays_and_printing_is_as_before(rig, live):
    rig.until("= board", "= first")
    live.board.begin_task("d1", "last", time.monotonic())
    live.end()
    rig.display.display("RECAP")
    rig.until("= board", "= last", "RECAP")
    assert "display" not in vars(rig.display)
    assert "prompt_until" not in vars(rig.display)
    assert not notes.directory().exists()


def test_of_a_play_without_phases_nothing_stays(rig, live):
    rig.until("= board", "= first")
    live.board.row("d1").phase = ""
    live.end()
    rig.until()


def test_what_ends_before_it_was_seen_leaves_nothing(rig, monkeypatch):
    monkeypatch.setattr(_live, "SHORTEST_WAIT", 10)
    made = Live(rig.display, rig.region, lambda *dummy: ["= board"])
    assert made.begin(Board("", [], 0.0))
    rig.display.display("one")
    made.end()
    rig.until("one")


def test_a_picture_that_fails_is_the_end_of_the_board_and_of_nothing_else(rig):
    def lines(board, *size):
        if board.row("d1").task == "worse":
            raise ValueError("no picture")
        return ["= board"]

    board = Board("", ["d1"], 0.0)
    made = Live(rig.display, rig.region, lines)
    assert made.begin(board)
    rig.until("= board")
    board.begin_task("d1", "worse", time.monotonic())
    rig.until()
    made._thread.join(10)
    rig.display.display("one")
    rig.until("one")
    assert made.problem == "ValueError: no picture"
    assert notes.note("d1", moved=1) is False  # so tasks print their progress again
    made.end()


def test_a_picture_that_fails_at_once_never_begins(rig):
    made = Live(rig.display, rig.region, lambda *dummy: 1 / 0)
    assert not made.begin(Board("", [], 0.0))
    rig.display.display("one")
    rig.until("one")


def test_whoever_is_asked_has_the_screen(rig, live):
    asked, answered = threading.Event(), threading.Event()
    rig.display.answer = lambda: (asked.set(), answered.wait(10))[1]
    rig.until("= board", "= first")
    thread = threading.Thread(target=rig.display.prompt_until, args=["Type the name:"])
    thread.start()
    assert asked.wait(10)
    rig.until("Type the name:")
    time.sleep(5 * _live.SHORTEST_WAIT)  # there would have been pictures
    rig.until("Type the name:")
    answered.set()
    thread.join()
    rig.until("Type the name:", "= board", "= first")


def test_a_line_that_has_only_begun_is_not_cut(rig, live):
    rig.until("= board", "= first")
    rig.display.display("one, ", newline=False)
    time.sleep(5 * _live.SHORTEST_WAIT)
    rig.until("one,")
    rig.display.display("two")
    rig.until("one, two", "= board", "= first")


def test_no_picture_waits_for_a_terminal_that_takes_nothing(rig, live):
    rig.until("= board", "= first")
    rig.fill()
    live.board.begin_task("d1", "second", time.monotonic())
    time.sleep(5 * _live.SHORTEST_WAIT)
    assert rig.display._lock.acquire(timeout=5)  # without it no task begins
    rig.display._lock.release()
    rig.seen()  # whoever prints waits for it, as ever


def test_the_process_of_a_task_takes_nothing_away(rig, live):
    rig.until("= board", "= first")
    with rig.display._lock:  # as Ansible does
        pid = os.fork()
        if pid == 0:
            live.end()
            os._exit(0 if live._elsewhere() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert notes.note("d1", said="something")
    live.board.begin_task("d1", "second", time.monotonic())
    rig.until("= board", "= second")


def test_a_window_that_became_narrow_loses_no_line(rig, live):
    rig.display.display("one")
    rig.until("one", "= board", "= first")
    termios.tcsetwinsize(rig.slave, (LINES, 20))
    live.board.begin_task("d1", "second", time.monotonic())
    rig.until("one", "= board", "= first", "= board", "= second")


def test_after_a_long_stop_it_is_drawn_anew(rig, live):
    """A shell has printed meanwhile, whose lines are not erased."""
    rig.until("= board", "= first")
    with rig.display._lock:
        rig.stream.write("$ fg\n")
        live._draw_in_time(time.monotonic() - 100)
    rig.until("= board", "= first", "$ fg", "= board", "= first")


def test_warnings_reach_the_board(rig, live):
    rig.display.display("d1: the connection was lost", color="bright purple")
    assert live.board.row("d1").attention == ["the connection was lost"]


def test_nothing_has_to_be_put_right_afterwards(rig, live):
    """No mode is set, no cursor hidden: whatever ends a run leaves the terminal as it was."""
    before = termios.tcgetattr(rig.slave)
    rig.until("= board", "= first")
    rig.display.display("one")
    rig.until("one", "= board", "= first")
    assert termios.tcgetattr(rig.slave) == before
    assert (rig.screen.cursor.hidden, rig.screen.cursor.x) == (False, 0)
    assert rig.screen.mode == pyte.HistoryScreen(COLUMNS, LINES).mode
