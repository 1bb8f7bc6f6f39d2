# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which share of all files of a director's backups is due to be read again, and what is remembered of it.

Files are in order of their recorded digests, as on the face of a clock: a hand goes round once in so many days. So what
was read longest ago comes next, all names of one content come in the same run, and all that has to be remembered is
where the hand is. A file that is new was read when its backup was proven, and waits for the hand like any other.
"""

from __future__ import annotations

import calendar
import contextlib
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.microbosh.director.plugins.module_utils._core._files import read_plain, write_durably

# Twelve digits of a digest: few enough for what reads JSON as floating point.
DIGITS = 12
CIRCLE = 16**DIGITS
# What is read before it is remembered: a run that is killed has the rest of such a piece before it.
PIECE = CIRCLE // 64
DAY = 86400.0
FORMAT = 1
STAMP = "%Y-%m-%dT%H:%M:%SZ"
MOST_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Share:
    """A part of the circle, from a place on."""

    start: int
    width: int

    def has(self, digest: str | bytes) -> bool:
        """Return whether what has this digest is in it."""
        return (int(digest[:DIGITS], 16) - self.start) % CIRCLE < self.width

    def pieces(self) -> Iterator[Share]:
        """Yield it in parts, none of them large."""
        for gone in range(0, self.width, PIECE):
            yield Share((self.start + gone) % CIRCLE, min(PIECE, self.width - gone))


@dataclass(frozen=True)
class Progress:
    """How far the hand is: where it goes on, when it last went, what it owes, and when it was where, newest last."""

    start: int = 0
    at: float | None = None
    owed: int = 0
    passes: tuple[tuple[float, int], ...] = field(default=())

    def due(self, days: int, now: float) -> Share:
        """Return what has to be read now, so that no file waits for longer than so many days.

        The next run comes after the same time as this one, and by then nothing may be late: so that time is not in the
        days that a round takes. Where there was no run yet, or the clock was set back, a day has gone by.
        """
        gone = 1.0 if self.at is None or self.at > now else (now - self.at) / DAY
        if 2 * gone >= days:
            return Share(self.start, CIRCLE)
        return Share(self.start, min(CIRCLE, math.ceil(CIRCLE * gone / (days - gone)) + self.owed))

    def gone(self, piece: Share, left: int, now: float) -> Progress:
        """Return how far it is when a piece was read by a run at a time, and so much of what was due is left."""
        passes = list(self.passes)
        if passes and 0 <= now - passes[-1][0] < DAY:
            # One entry a day, and that says no later time than is true of all of it.
            passes[-1] = (passes[-1][0], passes[-1][1] + piece.width)
        else:
            passes.append((now, piece.width))
        while sum(width for dummy, width in passes[1:]) >= CIRCLE:
            del passes[0]
        return Progress((piece.start + piece.width) % CIRCLE, now, left, tuple(passes))

    def since(self) -> float | None:
        """Return the time since when every file was read, None if the hand has not been everywhere yet."""
        width = 0
        for at, more in reversed(self.passes):
            width += more
            if width >= CIRCLE:
                return at
        return None


def stamp(when: float | None) -> str:
    """Return a time as people and programs read it, nothing for none."""
    return "" if when is None else time.strftime(STAMP, time.gmtime(when))


def _from_stamp(text):
    return float(calendar.timegm(time.strptime(text, STAMP)))


def remembered(path: Path) -> Progress:
    """Return what a file remembers; of one that is not there, or is no such file, that nothing was read yet."""
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        found = json.loads(read_plain(str(path), MOST_BYTES).decode("ascii"))
        passes = tuple((_from_stamp(one["at"]), _width(one["width"])) for one in found["passes"])
        return Progress(int(found["next"], 16) % CIRCLE, _from_stamp(found["at"]), _width(found["owed"]), passes)
    return Progress()


def _width(number):
    if not 0 <= number <= CIRCLE:
        raise ValueError(number)
    return int(number)


def remember(path: Path, progress: Progress) -> None:
    """Write it down, whole or not at all."""
    content = {
        "format": FORMAT,
        "next": f"{progress.start:0{DIGITS}x}",
        "at": stamp(progress.at),
        "owed": progress.owed,
        "circle": CIRCLE,
        "since": stamp(progress.since()),
        "passes": [{"at": stamp(at), "width": width} for at, width in progress.passes],
    }
    write_durably(str(path), (json.dumps(content, indent=2, sort_keys=True) + "\n").encode("ascii"))
