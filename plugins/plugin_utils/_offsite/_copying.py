# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes the backups of a director that have no copy yet elsewhere, and looks after the copies there.

Whatever fails here takes nothing from the backup, which lies whole on the controller: it is told, written down, and
made good by the next run.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.microbosh.director.plugins.module_utils._backup._retention import choose
from ansible_collections.microbosh.director.plugins.module_utils._backup._snapshots import list_ids, read_report
from ansible_collections.microbosh.director.plugins.module_utils._backup._verdict import found_damaged
from ansible_collections.microbosh.director.plugins.module_utils._core import _layout as layout
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.plugin_utils._offsite._record import Record, keep, recorded, stamp
from ansible_collections.microbosh.director.plugins.plugin_utils._offsite._repository import (
    DamagedError,
    Repository,
    Sent,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._offsite._restic import Restic
from ansible_collections.microbosh.director.plugins.plugin_utils._offsite._settings import (
    ARCHIVE,
    Offsite,
    OffsiteError,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._run._lines import duration, size
from ansible_collections.microbosh.director.plugins.plugin_utils._run._outage_slots import SlotError, slots_directory

CACHE = "offsite-cache"
REACH, COPY, FORGET, CHECK = "reach", "copy", "forget", "check"


@dataclass
class Outcome:
    """What one run did, and what failed."""

    copied: list[str] = field(default_factory=list)
    copies: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    bytes: int = 0
    new_bytes: int = 0
    step: str = REACH
    problem: str = ""
    damaged: bool = False

    def take(self, name: str, sent: Sent) -> None:
        """Note that a backup was copied."""
        self.copied.append(name)
        self.bytes, self.new_bytes = self.bytes + sent.bytes, self.new_bytes + sent.new_bytes


@contextlib.contextmanager
def alone(repository: str) -> Iterator[None]:
    """Wait for other runs of this controller that work on a repository: they would only lock each other out of it."""
    try:
        place = slots_directory()
    except SlotError:
        yield
        return
    name = hashlib.sha256(repository.encode()).hexdigest()[:16]
    descriptor = os.open(os.path.join(place, f"offsite-{name}"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


class Copying:
    """The copies of one director's backups, whose directory this is."""

    def __init__(self, offsite: Offsite, host: str, directory: Path):
        self._offsite, self._host, self._directory = offsite, host, directory

    def run(self, seen: Callable) -> Outcome:
        """Copy what has no copy yet, forget, and check; whatever fails is in the outcome, and written down."""
        outcome = Outcome()
        with alone(self._offsite.repository):
            record = recorded(self._directory, self._offsite.shown, self._offsite.reread_runs)
            repository = Repository(Restic(self._offsite, self._directory / CACHE), self._host)
            try:
                self._steps(repository, record, outcome, seen)
                record.failed = None
            except (OffsiteError, OSError) as error:
                outcome.problem, outcome.damaged = self._offsite.hide(str(error)), isinstance(error, DamagedError)
                outcome.missing = outcome.missing or self._due(record.newest())
                record.failed = {
                    "at": stamp(), "step": outcome.step, "said": outcome.problem, "missing": outcome.missing,
                }  # fmt: skip
            keep(self._directory, record)
        outcome.copies = [one["id"] for one in record.copies]
        return outcome

    def _steps(self, repository, record: Record, outcome: Outcome, seen):
        record.repository_id = repository.open(record.repository_id, create=True)
        before = [one["id"] for one in record.copies]
        copies = self._look(repository, record, {})
        outcome.gone = sorted(set(before).difference(copy.id for copy in copies))
        outcome.step, outcome.missing = COPY, self._due(record.newest())
        parent, sizes = copies[0].snapshot if copies else "", {}
        while outcome.missing:
            name = outcome.missing[0]
            sent = repository.copy(name, self._path(name), parent, seen)
            parent, sizes[name] = sent.snapshot, sent.bytes
            outcome.take(outcome.missing.pop(0), sent)
        if sizes:
            copies = self._look(repository, record, sizes)
        outcome.step = FORGET
        old = self._not_kept(copies)
        if old:
            repository.forget(old)
            self._look(repository, record, {})
        outcome.step = CHECK
        _check(repository, record)

    @staticmethod
    def _look(repository, record, sizes):
        copies = repository.copies()
        record.seen(copies, sizes, stamp())
        return copies

    def _due(self, newest):
        """Return the published backups that are newer than the newest copy; where there is none, the newest one."""
        found = [name for name in list_ids(str(self._directory)) if name > newest and self._is_fit(name)]
        return found if newest else found[-1:]

    def _is_fit(self, name):
        path = str(self._directory / name)
        try:
            return read_report(path).get("status") == "published" and not found_damaged(path)
        except DirectorError:
            return False

    def _path(self, name):
        """Return what is copied of a backup. Raise OffsiteError if it has no archive, and that is what is asked for."""
        if self._offsite.of != ARCHIVE:
            return self._directory / name
        place = self._directory / layout.ARCHIVES
        beside = sorted(place.glob(f"*{name}*.sha256")) if place.is_dir() else []
        for path in (one.with_suffix("") for one in beside):
            if path.is_file():
                return path
        raise OffsiteError(
            f"{name} has no archive in {place} that could be copied. Set microbosh_archive, or copy: backup."
        )

    def _not_kept(self, copies):
        """Return the copies that no rule keeps, but those of pinned backups; none where there is no rule."""
        if not self._offsite.keep:
            return []
        kept = choose([copy.id for copy in copies], self._offsite.keep)
        return [copy for copy in copies if copy.id not in kept and not self._is_pinned(copy.id)]

    def _is_pinned(self, name):
        return os.path.lexists(self._directory / name / layout.PINNED)


def _check(repository, record):
    """Have the repository checked, and the part of its data whose turn it is; a damaged one has the next turn, too."""
    try:
        repository.check(record.reread.next, record.reread.of)
    except DamagedError as error:
        record.checked = {"at": stamp(), "good": False, "said": str(error)}
        raise
    record.checked = {"at": stamp(), "good": True, "said": ""}
    record.reread.done(stamp())


def said_of(outcome: Outcome, shown: str, seconds: float) -> list[str]:
    """Return as lines for a person what was done."""
    lines = []
    if outcome.copied:
        lines.append(
            f"Copied {', '.join(outcome.copied)} to {shown}: {size(outcome.bytes)}, of which {size(outcome.new_bytes)} "
            f"were new ({duration(seconds)}), {len(outcome.copies)} copies there"
        )
    if outcome.gone:
        lines.append(f"Somebody else removed from {shown}: {', '.join(outcome.gone)}")
    return lines
