# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends a command on a director that answers without end, so slowly that it is without end, or not at all.

Ansible reads an answer into memory until there is no more. How much came, the kernel counts.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from pathlib import Path

from ansible_collections.microbosh.director.plugins.plugin_utils._run._gate import MOST_BYTES
from ansible_collections.microbosh.director.plugins.plugin_utils._run._lines import duration, size
from ansible_collections.microbosh.director.plugins.plugin_utils._run._transfer_watch import descendants

LOOK_SECONDS = 0.5
# What Ansible itself reads on the way, files of its own for one, is no answer.
NOTHING = 64 * 1024 * 1024
FLOOR_SECONDS = 60
FLOOR_BYTES = 64 * 1024
COUNTS = Path("/proc/self/io")


class AnswerWatch:
    """Watches what this process reads while a command runs; ``exceeded`` says why the command was ended.

    Where ``most`` is 0, only the time is watched.
    """

    def __init__(self, seconds: float, most: int = MOST_BYTES):
        self._seconds, self._most = seconds, most
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.exceeded = ""

    def __enter__(self) -> AnswerWatch:
        self._thread.start()
        return self

    def __exit__(self, *dummy: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self):
        pace = Pace(read_so_far(), self._seconds, self._most, time.monotonic())
        while not self._done.wait(LOOK_SECONDS):
            self.exceeded = self.exceeded or pace.problem(read_so_far(), time.monotonic())
            if self.exceeded:
                end_children()


class Pace:
    """Decides from bytes and time whether an answer is too large, too slow or too late."""

    def __init__(self, before: int, seconds: float, most: int, now: float):
        self._before, self._seconds, self._most = before, seconds, most
        self._began = self._mark_at = now
        self._mark = 0

    def problem(self, count: int, now: float) -> str:
        """Given the bytes read until now, return why the answer is no longer waited for, or ""."""
        came = count - self._before
        if self._most and came > 2 * self._most + NOTHING:  # what its ssh has read counts again when that ends
            return f"it is larger than {size(self._most)}"
        if now - self._began > self._seconds:
            return f"it was not complete after {duration(self._seconds)}"
        if now - self._mark_at < FLOOR_SECONDS:
            return ""
        slow = self._most and came > NOTHING and came - self._mark < FLOOR_BYTES
        self._mark, self._mark_at = came, now
        return f"less than {size(FLOOR_BYTES)} of it came in {duration(FLOOR_SECONDS)}" if slow else ""


def read_so_far() -> int:
    """Return how many bytes this process has read, 0 where the kernel does not tell."""
    try:
        return int(
            next(line for line in COUNTS.read_text(encoding="ascii").splitlines() if line.startswith("rchar")).split()[
                1
            ]
        )
    except (OSError, StopIteration, ValueError):
        return 0


def end_children() -> None:
    """End what this process runs: the ssh of the command. A shared connection is nobody's child, and goes on."""
    for pid, dummy in descendants(os.getpid()):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
