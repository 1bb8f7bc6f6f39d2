# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps a board on the screen while a run goes on, below whatever Ansible prints.

A thread of Ansible's own process draws it. What is printed meanwhile goes the way that it always goes: the board is
taken away for that moment. Whatever fails here ends the board, and never the run.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time

from ansible_collections.microbosh.director.plugins.plugin_utils._run import _notes as notes
from ansible_collections.microbosh.director.plugins.plugin_utils._run._screen import WARNED
from ansible_collections.microbosh.director.plugins.plugin_utils._watch._board import WORKING

SHORTEST_WAIT = 0.5
# Lines that come within that time are printed before the board is drawn again.
BURST = 0.1
# Of one processor no more than this is taken for drawing.
SHARE = 1 / 100
# A process that was stopped that long, by Ctrl-Z or with its machine, does not know what is on the screen.
STOPPED = 5


class Live:
    """A board on a terminal. ``lines`` makes lines of it, given its columns, how many lines there are, and the time."""

    def __init__(self, display, region, lines):
        self._display, self._region, self._lines = display, region, lines
        # Ansible holds it while it prints, asks, or makes the process of a task.
        self._lock = display._lock
        self._pid = os.getpid()
        self._ended, self._hurry = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._keep, name="microbosh-phases", daemon=True)
        self._board = self._drawn = None
        self._put_at = 0.0
        self._held = self._asked = False
        self.problem = ""

    def begin(self, board) -> bool:
        """Show a board from now on, if that can be; return whether it can."""
        self._board = board
        try:
            # What drawing needs is loaded now: never while the process of a task is made.
            self._lines(board, *self._region.size(), time.monotonic())
            notes.begin()
            self._display.display = self._printing(self._display.display)
            self._display.prompt_until = self._asking(self._display.prompt_until)
            self._thread.start()
        except Exception as error:
            self._give_up(f"{type(error).__name__}: {error}")
        return not self.problem

    def end(self) -> None:
        """Leave on the screen what came to be, if there was something to be seen."""
        if self._elsewhere():
            return
        with self._lock:
            with contextlib.suppress(Exception):
                if not self._board.has_phases():
                    self._region.clear()
                elif self._drawn:
                    self._region.draw(*self._picture(time.monotonic()), wait=True)
            self._give_up("")
        self._thread.join(1)
        with contextlib.suppress(Exception):
            self._region.close()

    def _give_up(self, problem):
        """Print as Ansible does from now on."""
        self.problem = problem
        self._ended.set()
        self._hurry.set()
        for name in ("display", "prompt_until"):
            self._display.__dict__.pop(name, None)
        notes.end()

    def _keep(self):
        """Draw again and again, as often as that costs next to nothing."""
        due = time.monotonic() + SHORTEST_WAIT
        while not self._ended.is_set():
            hurried = self._hurry.wait(max(due - time.monotonic(), 0))
            try:
                if hurried:
                    self._hurry.clear()
                    self._ended.wait(BURST)
                    self._put(blocking=True)
                else:
                    due = self._draw_in_time(due)
            except Exception as error:
                with self._lock:
                    self._clear()
                    self._give_up(f"{type(error).__name__}: {error}")

    def _draw_in_time(self, due):
        """Draw; return when to do so again."""
        now, cost = time.monotonic(), time.thread_time()
        if now > due + STOPPED:
            self._region.leave()
        for row in list(self._board.rows.values()):
            if row.state == WORKING:
                self._board.take_note(row.host, notes.note_of(row.host))
        self._drawn = self._picture(now)
        # Who prints, asks or makes a process does not wait for a picture.
        self._put(blocking=False)
        return time.monotonic() + max(SHORTEST_WAIT, (time.thread_time() - cost) / SHARE)

    def _picture(self, now):
        columns, lines = self._region.size()
        return self._lines(self._board, columns, lines, now), columns - 1

    def _put(self, blocking):
        """Put on the screen what was drawn, unless something else has it."""
        if self._lock.acquire(blocking=blocking):
            try:
                if self._drawn and not (self._held or self._ended.is_set()):
                    self._region.draw(*self._drawn)
                    self._put_at = time.monotonic()
            finally:
                self._lock.release()

    def _clear(self):
        with contextlib.suppress(Exception):
            self._region.clear()

    def _elsewhere(self):
        """Return whether this is the process of a task, or nothing is drawn any more."""
        return os.getpid() != self._pid or self._ended.is_set()

    def _printing(self, printed):
        def display(*args, **kwargs):
            if self._elsewhere() or kwargs.get("log_only"):
                return printed(*args, **kwargs)
            with self._lock:
                self._clear()
                self._hear(*args, **kwargs)
                try:
                    return printed(*args, **kwargs)
                finally:
                    # What begins a line, or asks, has the screen for itself.
                    self._held = self._asked or not kwargs.get("newline", True)
                    self._below()

        return display

    def _hear(self, message="", color=None, *dummy, **others):
        if color == WARNED and self._board:
            self._board.hear(str(message))

    def _below(self):
        """Have the board again, as it was, below what was printed: at once, or after the lines of a burst."""
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            if time.monotonic() - self._put_at < BURST:
                self._hurry.set()
            else:
                self._put(blocking=True)

    def _asking(self, asked):
        def prompt_until(*args, **kwargs):
            if self._elsewhere():
                return asked(*args, **kwargs)
            with self._lock:
                self._clear()
                self._held = self._asked = True
                try:
                    return asked(*args, **kwargs)
                finally:
                    self._held = self._asked = False

        return prompt_until
