# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what rsync says of a transfer: its log while it runs, its statistics at the end."""

from __future__ import annotations

import contextlib
import os
import re

# Owners do not matter here: without root, rsync lists a foreign group as DEFAULT, not as a number.
ENTRY = re.compile(rb"^\S+ \S+ \[\d+\] ([<>ch.])([fdLDS])[^|\s]*\|\d+\|(?:\d+|DEFAULT)\|[^|]*\|(\d+)\|")
WIRE = re.compile(rb"\[\d+\] sent [\d,]+ bytes +received ([\d,]+) bytes")
STATS = {
    "total_files": re.compile(r"^Number of files: ([\d,.]+)", re.MULTILINE),
    "total_bytes": re.compile(r"^Total file size: ([\d,.]+)", re.MULTILINE),
    "transfer_files": re.compile(r"^Number of (?:regular )?files transferred: ([\d,.]+)", re.MULTILINE),
    "transfer_bytes": re.compile(r"^Total transferred file size: ([\d,.]+)", re.MULTILINE),
}


class Transfer:
    """The files and bytes that a running rsync has moved so far, read from its log as it grows."""

    def __init__(self, log, staging):
        self._log, self._staging = log, staging
        self._offset = os.path.getsize(log) if log and os.path.exists(log) else 0
        self.files = self.bytes = self.wire_bytes = 0
        # Files gone through, moved or not.
        self.entries = self.covered = 0

    def read(self):
        """Take in the lines that rsync has written since the last call."""
        if not self._log or not os.path.exists(self._log):
            return
        with open(self._log, "rb") as log:
            log.seek(self._offset)
            for line in log:
                if not line.endswith(b"\n"):
                    break
                self._offset += len(line)
                self._take(line)

    def _take(self, line):
        entry = ENTRY.match(line)
        if entry:
            change, kind, length = entry.groups()
            self.entries += 1
            self.covered += int(length) if kind == b"f" else 0
            if change in b"<>" and kind == b"f":
                self.files += 1
                self.bytes += int(length)
        wire = WIRE.search(line)
        if wire:
            self.wire_bytes += int(wire.group(1).replace(b",", b""))

    def in_flight(self) -> int:
        """Return the bytes of the file that is being written now."""
        total = 0
        if not self._staging or not os.path.isdir(self._staging):
            return total
        with os.scandir(self._staging) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):  # rsync has just put it in its place
                    total += entry.stat(follow_symlinks=False).st_size
        return total

    def counts(self) -> dict:
        """Return files and bytes moved, and the bytes that crossed the network."""
        return {"files": self.files, "bytes": self.bytes, "wire_bytes": self.wire_bytes}


def stats(text: str) -> dict:
    """Given the output of ``rsync --stats``, return its numbers; an absent one is an error of the caller."""
    found = {}
    for name, pattern in STATS.items():
        match = pattern.search(text)
        if match is None:
            raise ValueError(f"rsync gave no statistics: {name} is missing in its output")
        found[name] = int(re.sub(r"\D", "", match.group(1)))
    return found
