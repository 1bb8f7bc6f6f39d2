# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of copies elsewhere without asking anybody: a file beside the backups, written after each contact."""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ansible_collections.microbosh.director.plugins.module_utils._backup._snapshots import parse_id
from ansible_collections.microbosh.director.plugins.module_utils._core import _layout as layout
from ansible_collections.microbosh.director.plugins.module_utils._core._files import read_plain, write_durably
from ansible_collections.microbosh.director.plugins.plugin_utils._offsite._repository import SNAPSHOT, Copy

SCHEMA = 1
STAMP = "%Y-%m-%dT%H:%M:%SZ"
MOST_BYTES = 16 * 1024 * 1024


@dataclass
class Reread:
    """Which of so many parts of the repository is read next, and since when all were."""

    next: int = 1
    of: int = 30
    since: str | None = None
    began: str | None = None

    def done(self, now: str) -> None:
        """One part has been read."""
        self.began = now if self.next == 1 else self.began
        if self.next >= self.of:
            self.next, self.since = 1, self.began
        else:
            self.next += 1


@dataclass
class Record:
    """What was found when the repository was last reached, and what failed."""

    repository: str = ""
    repository_id: str = ""
    at: str | None = None
    copies: list[dict] = field(default_factory=list)
    checked: dict | None = None
    reread: Reread = field(default_factory=Reread)
    failed: dict | None = None

    def seen(self, copies: list[Copy], sizes: dict[str, int], now: str) -> None:
        """Note which copies there are; of those that were there before, their sizes are known."""
        known = {one.get("id"): one.get("size") for one in self.copies} | sizes
        self.at = now
        self.copies = [
            {"id": one.id, "snapshot": one.snapshot, "of": one.of, "size": known.get(one.id)} for one in copies
        ]

    def ids(self) -> list[str]:
        """The ids of the backups that have a copy."""
        return [one["id"] for one in self.copies]


def stamp(now: float | None = None) -> str:
    """Return a time as it is written down."""
    return time.strftime(STAMP, time.gmtime(now))


def recorded(directory: Path, repository: str, of: int) -> Record:
    """Return what is known of a repository at an address; nothing if the file is of another one, or is no such file."""
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        found = json.loads(read_plain(str(directory / layout.OFFSITE), MOST_BYTES).decode("utf-8"))
        if found["schema"] == SCHEMA and found["repository"] == repository:
            return _record_of(found, of)
    return Record(repository=repository, reread=Reread(of=of))


def _record_of(found, of):
    """Return a record of what a file says; whatever is of another type than it should be is not known."""
    failed, reread = _typed(found.get("failed"), dict), _typed(found.get("reread"), dict) or {}
    there = _typed(found.get("copies"), list) or []
    return Record(
        repository=found["repository"],
        repository_id=_typed(found.get("repository_id"), str) or "",
        at=_typed(found.get("at"), str),
        copies=[one for one in there if parse_id(str(one["id"])) and SNAPSHOT.fullmatch(str(one["snapshot"]))],
        checked=_typed(found.get("checked"), dict),
        reread=_reread_of(reread, of),
        failed=failed and {**failed, "missing": [one for one in failed.get("missing") or () if parse_id(str(one))]},
    )


def _reread_of(found, of):
    since = _typed(found.get("since"), str)
    turn = _typed(found.get("next"), int) or 1
    if found.get("of") != of or not 1 <= turn <= of:
        return Reread(of=of, since=since)
    return Reread(turn, of, since, _typed(found.get("began"), str))


def _typed(value, kind):
    return value if isinstance(value, kind) and not isinstance(value, bool) else None


def keep(directory: Path, record: Record) -> None:
    """Write it down, whole or not at all."""
    content = json.dumps({"schema": SCHEMA, **asdict(record)}, indent=1, sort_keys=True) + "\n"
    write_durably(str(directory / layout.OFFSITE), content.encode("ascii"))
