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

from ansible.utils.display import Display
from ansible_collections.microbosh.director.plugins.plugin_utils._lines import duration, size

PROGRESS_SECONDS = 10
LOOK_SECONDS = 0.25
RESERVE = 32 * 1024 * 1024


class Watch:
    """Shows a line every few seconds while a transfer runs, and stops it at a limit.

    ``limit`` is the number of bytes that may come, 0 for any; ``reserve`` those that stay free on the file system of
    ``dest``. ``exceeded`` says what was wrong when the transfer was stopped.
    """

    def __init__(self, host, transfer, dest, total=0, limit=0, reserve=RESERVE):
        self._host, self._transfer, self._dest = host, transfer, dest
        self._total, self._limit, self._reserve = total, limit, reserve
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.exceeded = ""

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *dummy):
        self._done.set()
        self._thread.join()

    def _watch(self):
        began = told = time.monotonic()
        while not self._done.wait(LOOK_SECONDS):
            self._transfer.read()
            moved = self._transfer.bytes + self._transfer.in_flight()
            self.exceeded = self.exceeded or self._excess(moved)
            if self.exceeded:
                end_rsync(os.getpid())
            elif time.monotonic() - told >= PROGRESS_SECONDS:
                told = time.monotonic()
                Display().display(f"{self._host}: {self._line(moved, told - began)}")

    def _excess(self, moved):
        if self._limit and moved > self._limit:
            return f"the director sent more than the {size(self._limit)} that it can have, by what it announced"
        free = free_space(self._dest)
        if free < self._reserve:
            return f"only {size(free)} are free in {self._dest}, and {size(self._reserve)} are kept free"
        return ""

    def _line(self, moved, seconds):
        share = f" of {size(self._total)} ({min(moved * 100 // self._total, 100)} %)" if self._total else ""
        return f"copied {size(moved)}{share}, {self._transfer.files} files, {duration(seconds)}"


def free_space(path):
    """Return the bytes that are free where a path is, or will be."""
    while not os.path.isdir(path):
        path = os.path.dirname(path.rstrip("/")) or "/"
    return shutil.disk_usage(path).free


def end_rsync(ancestor):
    """Ask every rsync below a process to end, which it does in order: a file that was begun can be gone on with."""
    for pid, command in descendants(ancestor):
        if os.path.basename(command) == "rsync":
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)


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
