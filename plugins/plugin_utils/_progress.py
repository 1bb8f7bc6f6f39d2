# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells a person how far a transfer is."""

from __future__ import annotations

import threading
import time

from ansible.utils.display import Display
from ansible_collections.microbosh.director.plugins.plugin_utils._lines import duration, size

PROGRESS_SECONDS = 10


class Progress:
    """Shows a line every few seconds while a transfer runs."""

    def __init__(self, host, verb, transfer, total):
        self._host, self._verb, self._transfer, self._total = host, verb, transfer, total
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *dummy):
        self._done.set()
        self._thread.join()

    def _watch(self):
        began = time.monotonic()
        while not self._done.wait(PROGRESS_SECONDS):
            Display().display(f"{self._host}: {self._line(time.monotonic() - began)}")

    def _line(self, seconds):
        self._transfer.read()
        moved = self._transfer.bytes + self._transfer.in_flight()
        share = f" of {size(self._total)} ({min(moved * 100 // self._total, 100)} %)" if self._total else ""
        return f"{self._verb} {size(moved)}{share}, {self._transfer.files} files, {duration(seconds)}"
