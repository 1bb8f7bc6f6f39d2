# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watches a transfer: tells how far it is, and ends it when the other side sends more than it may."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

from ansible_collections.microbosh.director.plugins.plugin_utils._run._lines import duration, size
from ansible_collections.microbosh.director.plugins.plugin_utils._run._screen import show_progress

PROGRESS_SECONDS = 10
LOOK_SECONDS = 0.25
RESERVE = 32 * 1024 * 1024
MIB = 1024 * 1024
# The slowest that a transfer may go on: so much, or so many names, in each of these spans.
SPAN_SECONDS = 1800
SPAN_BYTES = SPAN_SECONDS * 16 * 1024
SPAN_ENTRIES = 5000
# Beyond that it has to come at a rate that ends.
ENOUGH_SECONDS = 21600
ENOUGH_RATE = MIB


PAGE = os.sysconf("SC_PAGE_SIZE")
MEMORY_LOOKS = 20
MOST_MEMORY = max(1024 * MIB, os.sysconf("SC_PHYS_PAGES") * PAGE // 2)


class Watch:
    """Shows a line every few seconds while a transfer runs, and stops it at a limit.

    ``limit`` is the number of bytes that may come, ``limit_files`` that of names, 0 for any; ``reserve`` the bytes that
    stay free on the file system of ``dest``; ``refused`` is asked why the transfer is not to go on, "" if nothing is
    against it. ``exceeded`` says what was wrong when the transfer was stopped.
    """

    def __init__(self, host, transfer, dest, total=0, limit=0, reserve=RESERVE, limit_files=0, refused=str):
        self._host, self._transfer, self._dest = host, transfer, dest
        self._total, self._limit, self._reserve = total, limit, reserve
        self._limit_files, self._refused = limit_files, refused
        self._looks = 0
        self._pace = Pace(max(limit, total), time.monotonic())
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.exceeded = ""

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *dummy):
        self._done.set()
        self._thread.join()
        # What came since the last look, or all of it if that was quick, is no less than too much.
        self._transfer.read()
        self.exceeded = self.exceeded or self._more_than_announced(self._transfer.bytes)

    def _watch(self):
        began = told = time.monotonic()
        while not self._done.wait(LOOK_SECONDS):
            self._transfer.read()
            in_flight = self._transfer.in_flight()
            moved = self._transfer.bytes + in_flight
            self.exceeded = self.exceeded or self._refused() or self._excess(moved) or self._too_slow(in_flight)
            if self.exceeded:
                end_rsync(os.getpid())
            elif time.monotonic() - told >= PROGRESS_SECONDS:
                told = time.monotonic()
                show_progress(self._host, self._line(moved, told - began))

    def _excess(self, moved):
        return self._more_than_announced(moved) or self._no_room()

    def _more_than_announced(self, moved):
        if self._limit and moved > self._limit:
            return f"the director sent more than the {size(self._limit)} that it can have, by what it announced"
        if self._limit_files and self._transfer.entries > self._limit_files:
            return f"the director sent more than the {self._limit_files} names that it can have, by what it announced"
        return ""

    def _no_room(self):
        self._looks += 1
        if self._looks % MEMORY_LOOKS == 0 and memory_of_rsync(os.getpid()) > MOST_MEMORY:
            return f"it takes more than {size(MOST_MEMORY)} of memory, which no list of files needs"
        free = free_space(self._dest)
        if free < self._reserve:
            return f"only {size(free)} are free in {self._dest}, and {size(self._reserve)} are kept free"
        return ""

    def _too_slow(self, in_flight):
        return self._pace.problem(self._transfer.covered + in_flight, self._transfer.entries, time.monotonic())

    def _line(self, moved, seconds):
        share = f" of {size(self._total)} ({min(moved * 100 // self._total, 100)} %)" if self._total else ""
        return f"copied {size(moved)}{share}, {self._transfer.files} files, {duration(seconds)}"


class Pace:
    """Decides from bytes and time whether a transfer goes on: a director may send slowly for ever."""

    def __init__(self, most: int, now: float):
        self._most, self._began = most, now
        self._since, self._bytes, self._entries = now, 0, 0

    def problem(self, count: int, entries: int, now: float) -> str:
        """Given the bytes and names gone through until now, return why it is ended, "" if it is not."""
        enough = ENOUGH_SECONDS + self._most / ENOUGH_RATE
        if now - self._began > enough:
            return f"it was not done after {duration(enough)}"
        if now - self._since < SPAN_SECONDS:
            return ""
        came, named = count - self._bytes, entries - self._entries
        self._since, self._bytes, self._entries = now, count, entries
        if came >= SPAN_BYTES or named >= SPAN_ENTRIES:
            return ""
        return (
            f"in {duration(SPAN_SECONDS)} no more than {size(max(came, 0))} and {named} names came, which would not end"
        )


def free_space(path):
    """Return the bytes that are free where a path is, or will be."""
    while not os.path.isdir(path):
        path = os.path.dirname(path.rstrip("/")) or "/"
    return shutil.disk_usage(path).free


def end_rsync(ancestor):
    """End every rsync below a process in order, so that a begun file can be continued."""
    for pid, command in descendants(ancestor):
        if os.path.basename(command) == "rsync":
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)


def memory_of_rsync(ancestor):
    """Return the bytes of memory that a process has, which reads what rsync prints, and all processes below it."""
    total = 0
    for pid in [ancestor, *(pid for pid, dummy in descendants(ancestor))]:
        with contextlib.suppress(OSError, ValueError, IndexError):
            total += int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * PAGE
    return total


def descendants(ancestor):
    """Return (pid, command) of every process below one."""
    listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,comm="], capture_output=True, text=True, check=False).stdout
    children = {}
    for line in listing.splitlines():
        pid, parent, command = line.split(None, 2)
        children.setdefault(int(parent), []).append((int(pid), command))
    found = list(children.get(ancestor, []))
    for pid, dummy in found:
        found.extend(children.get(pid, []))
    return found
