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
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.microbosh.director.plugins.module_utils._backup._retention import choose
from ansible_collections.microbosh.director.plugins.module_utils._backup._snapshots import (
    STAMP,
    list_ids,
    read_report,
)
from ansible_collections.microbosh.director.plugins.module_utils._backup._verdict import found_damaged
from ansible_collections.microbosh.director.plugins.module_utils._core import _layout as layout
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.plugin_utils._offsite._record import Record, keep, recorded, stamp
from ansible_collections.microbosh.director.plugins.plugin_utils._offsite._repository import (
    DamagedError,
    IncompleteError,
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
CLOCKS_DIFFER = 3600
REACH, COPY, FORGET, CHECK = "reach", "copy", "forget", "check"


@dataclass
class Outcome:
    """What one run did, and what failed: in which step first, and of which backups there is no copy."""

    copied: list[str] = field(default_factory=list)
    copies: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    bytes: int = 0
    new_bytes: int = 0
    step: str = REACH
    problems: list[str] = field(default_factory=list)
    damaged: bool = False

    @property
    def problem(self) -> str:
        """All that failed."""
        return "; ".join(self.problems)

    def fail(self, step: str, error: Exception) -> None:
        """Note that something failed."""
        self.step = self.step if self.problems else step
        self.problems.append(str(error).rstrip("."))
        self.damaged = self.damaged or isinstance(error, DamagedError)

    def take(self, name: str, sent: Sent) -> None:
        """Note that a backup was copied."""
        self.copied.append(name)
        self.missing.remove(name)
        self.bytes, self.new_bytes = self.bytes + sent.bytes, self.new_bytes + sent.new_bytes


@contextlib.contextmanager
def alone(repository: str) -> Iterator[None]:
    """Wait for other runs of this controller that work on a repository: they would only lock each other out of it."""
    try:
        place = slots_directory()
    except SlotError:
        yield
        return
    path = os.path.join(place, f"offsite-{hashlib.sha256(repository.encode()).hexdigest()[:16]}")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


class NoArchiveError(OffsiteError):
    """A backup has no archive, and that is what is to be copied."""


def ahead() -> str:
    """Return the id that a backup would have that is made in an hour: later ones are of a clock that was wrong."""
    return time.strftime(STAMP, time.gmtime(time.time() + CLOCKS_DIFFER))


class Copying:
    """The copies of one director's backups, whose directory this is."""

    def __init__(self, offsite: Offsite, host: str, directory: Path):
        self._offsite, self._host, self._directory = offsite, host, directory

    def run(self, seen: Callable) -> Outcome:
        """Copy what has no copy yet, check, and forget; whatever fails is in the outcome, and written down."""
        outcome = Outcome()
        with alone(self._offsite.repository):
            record = recorded(self._directory, self._offsite.shown, self._offsite.reread_runs)
            outcome.missing = self._due(record)
            self._clear_cache()
            repository = Repository(Restic(self._offsite, self._directory / CACHE, self._offsite.seconds), self._host)
            try:
                self._steps(repository, record, outcome, seen)
            except (OffsiteError, OSError) as error:
                outcome.fail(outcome.step, error)
            self._note(record, outcome)
        outcome.copies = record.ids()
        return outcome

    def _note(self, record, outcome):
        """Write down how it ended; if that cannot be, it is one more thing that failed."""
        outcome.problems = [self._offsite.hide(one) for one in outcome.problems]
        record.failed = None
        if outcome.problems:
            said = {"said": outcome.problem, "missing": outcome.missing}
            record.failed = {"at": stamp(), "step": outcome.step, **said}
        try:
            keep(self._directory, record)
        except OSError as error:
            outcome.fail(outcome.step, OffsiteError(f"{layout.OFFSITE} cannot be written: {error.strerror}"))

    def _clear_cache(self):
        """Remove what a check that was killed has left: it has a cache of its own each time."""
        for path in (self._directory / CACHE).glob("restic-check-cache-*"):
            shutil.rmtree(path, ignore_errors=True)

    def _steps(self, repository, record: Record, outcome: Outcome, seen):
        record.repository_id = repository.open(record.repository_id, create=True)
        outcome.gone = sorted(set(record.ids()).difference(self._look(repository, record)))
        outcome.missing, outcome.step = self._due(record), COPY
        try:
            self._copy(repository, record, outcome, seen)
        except OffsiteError as error:
            outcome.fail(COPY, error)
        outcome.step = outcome.step if outcome.problems else CHECK
        try:
            # What has failed already is not waited for again.
            _check(repository, record, 0 if outcome.problems else None)
        except OffsiteError as error:
            outcome.fail(CHECK, error)
        # Of a repository that is not whole nothing is let go, and nothing before all is there that should be.
        if not outcome.problems:
            outcome.step = FORGET
            self._forget(repository, record)
            outcome.step = CHECK

    def _copy(self, repository, record, outcome, seen):
        """Copy what is due, the newest first; one that cannot be read is in no other one's way."""
        sizes = {}
        for name in list(outcome.missing):
            try:
                sent = repository.copy(name, self._path(name), self._parent(record, name), seen)
            except (IncompleteError, NoArchiveError) as error:
                outcome.fail(COPY, error)
                continue
            sizes[name] = sent.bytes
            outcome.take(name, sent)
            record.damaged = [one for one in record.damaged if one != name]
            self._look(repository, record, sizes)

    def _parent(self, record, name):
        """Return the snapshot that a copy is compared with: of a backup that is here, as its inodes are no other one's.

        What came back damaged is read anew.
        """
        if name in record.damaged:
            return ""
        here = (one["snapshot"] for one in record.copies if (self._directory / one["id"]).is_dir())
        return next(here, "")

    @staticmethod
    def _look(repository, record, sizes=None):
        """Note which copies there are; return their ids."""
        record.seen(repository.copies(), sizes or {}, stamp())
        return record.ids()

    def _due(self, record):
        """Return the backups that should have a copy and have none, newest first.

        They are those newer than the newest copy, or the newest one if there is none; and those that failed before.
        What a rule has let go is older than that. A copy of the future says nothing of what is older.
        """
        there, now = set(record.ids()).difference(record.damaged), ahead()
        published = [name for name in reversed(list_ids(str(self._directory))) if self._is_fit(name)]
        newest = max((name for name in there if name <= now), default="")
        due = [name for name in published if name > newest] if newest else published[:1]
        failed = (record.failed or {}).get("missing") or []
        wanted = {*due, *published[:1], *(name for name in published if name in failed)} - there
        return sorted(wanted, reverse=True)

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
        raise NoArchiveError(
            f"{name} has no archive in {place} that could be copied. Set microbosh_archive, or copy: backup."
        )

    def _forget(self, repository, record):
        """Forget the copies that no rule keeps, but those of pinned backups, and what is no copy.

        Without a rule nothing is removed: perhaps nothing can be.
        """
        if not self._offsite.keep:
            return
        copies = repository.pin(self._is_pinned)
        repository.clear()
        # One that is not good, or of a date to come, takes no other one's place.
        counted = [copy for copy in copies if copy.id <= ahead() and self._is_good(copy.id, record)]
        kept = choose([copy.id for copy in counted], self._offsite.keep)
        old = [copy for copy in counted if copy.id not in kept and not copy.pinned]
        try:
            if old:
                repository.forget(old)
        finally:
            self._look(repository, record)

    def _is_good(self, name, record):
        return name not in record.damaged and not found_damaged(str(self._directory / name))

    def _is_pinned(self, copy):
        """Return whether the backup of a copy is pinned, None if it is not here any more."""
        path = self._directory / copy.id
        return os.path.lexists(path / layout.PINNED) if path.is_dir() else None


def _check(repository, record, patience):
    """Have the repository checked, and the part of its data whose turn it is; a damaged one has the next turn, too."""
    try:
        repository.check(record.reread.next, record.reread.of, patience)
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
            f"were new ({duration(seconds)}); {len(outcome.copies)} there now"
        )
    if outcome.gone:
        lines.append(f"Somebody else removed from {shown}: {', '.join(outcome.gone)}")
    return lines
