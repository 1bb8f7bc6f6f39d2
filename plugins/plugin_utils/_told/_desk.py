# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the directors of a run say that they have begun and how they ended, for one message about all of them.

Tasks are processes that are forked from ansible-playbook, and only that one knows when all of them are done. So it
opens a file before the first play, which its tasks find open, and which has no name: nobody else can read it, it is in
no directory, and it is gone with the run. Vaulted settings in it are in memory, as they are in Ansible's own processes.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
import uuid
from collections.abc import Iterator
from hashlib import sha256

# Locks of claims lie behind whatever is ever written.
FAR = 2**40


class Desk:
    """A file without a name, shared with all tasks that are forked after it was opened."""

    def __init__(self):
        self.run = str(uuid.uuid4())
        self.process = os.getpid()
        self._file = nameless()
        fcntl.fcntl(self._file, fcntl.F_SETFL, fcntl.fcntl(self._file, fcntl.F_GETFL) | os.O_APPEND)

    def say(self, what: str, **record: object) -> None:
        """Add a record."""
        line = f"{json.dumps({'what': what, **record})}\n".encode("ascii")
        while line:
            line = line[os.write(self._file, line) :]

    def records(self) -> list[dict]:
        """Return all records, in the order in which they were added; one that is just being added comes later."""
        text = os.pread(self._file, os.fstat(self._file).st_size, 0)
        return [json.loads(line) for line in text[: text.rfind(b"\n") + 1].splitlines()]

    @contextlib.contextmanager
    def claim(self, key: str) -> Iterator[dict | None]:
        """Give what was said last of a key, None if nothing was yet; others with this key wait meanwhile.

        What is ``begun`` and not settled() was begun by a process that is no more.
        """
        place = FAR + int.from_bytes(sha256(key.encode("utf-8")).digest()[:4], "big")
        fcntl.lockf(self._file, fcntl.LOCK_EX, 1, place)
        try:
            found = [one for one in self.records() if one["what"] in ("begun", "settled") and one["key"] == key]
            if not found:
                self.say("begun", key=key)
            yield found[-1] if found else None
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, place)

    def settle(self, key: str, **result: object) -> None:
        """Say what came of a key that this process has claimed."""
        self.say("settled", key=key, **result)


def nameless() -> int:
    """Return the descriptor of a file that has no name, in memory where that is possible: a disk may be full."""
    with contextlib.suppress(AttributeError, OSError):  # where there is no such thing, or it is not allowed
        return os.memfd_create("microbosh-run")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


_DESK: list[Desk] = []


def open_desk() -> Desk:
    """Open the desk of this process, or return the one that is open."""
    if not _DESK or _DESK[0].process != os.getpid():
        _DESK[:] = [Desk()]
    return _DESK[0]


def desk() -> Desk | None:
    """Return the desk of the run that this task belongs to, None if its playbook has none."""
    return _DESK[0] if _DESK else None
