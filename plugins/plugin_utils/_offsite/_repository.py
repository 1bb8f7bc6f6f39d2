# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The copies of one director's backups in a repository of restic: making them, forgetting, checking, having them back.

A copy is a snapshot with the director as its host, the time of its backup, and three tags: ours, the backup's id, and
what it is a copy of. It counts once it has a seal, which is another snapshot: what was interrupted, or could not be
read as a whole, has none. So it works as well where nothing can be changed or removed. Its files have names within the
backup, so that one copy is compared with the one before.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.microbosh.director.plugins.module_utils._backup._snapshots import STAMP, parse_id
from ansible_collections.microbosh.director.plugins.plugin_utils._offsite._restic import (
    FIRST_ANSWER,
    INCOMPLETE,
    LOCKED,
    TOO_LATE,
    Restic,
    ResticError,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._offsite._settings import ARCHIVE, BACKUP, OffsiteError
from ansible_collections.microbosh.director.plugins.plugin_utils._run._lines import size

TAG, SEAL, PINNED = "microbosh", "microbosh-whole", "pinned"
LATEST = "latest"
TIME = "%Y-%m-%d %H:%M:%S"
SNAPSHOT, SHORT = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{8,64}")
RESERVE = 64 * 1024 * 1024


class DamagedError(OffsiteError):
    """restic found that the repository is not whole."""


@dataclass(frozen=True)
class Copy:
    """A copy of one backup."""

    id: str
    snapshot: str
    of: str
    pinned: bool = False


class IncompleteError(OffsiteError):
    """A backup could not be read as a whole, so there is no copy of it; of others there may be."""


@dataclass
class Sent:
    """What restic says of a copy while it makes it."""

    snapshot: str = ""
    files: int = 0
    bytes: int = 0
    new_bytes: int = 0

    def hear(self, message: dict, seen: Callable) -> None:
        """Take one of its messages; hand on how far it is."""
        if message.get("message_type") == "summary":
            self.snapshot = str(message.get("snapshot_id") or "")
            self.files = int(message.get("total_files_processed") or 0)
            self.bytes = int(message.get("total_bytes_processed") or 0)
            self.new_bytes = int(message.get("data_added") or 0)
        elif message.get("message_type") == "status":
            seen(int(message.get("bytes_done") or 0), int(message.get("total_bytes") or 0))


class Repository:
    """One director's part of a repository."""

    def __init__(self, restic: Restic, host: str):
        self._restic, self._host = restic, host
        # What was there when copies() last looked.
        self._listed: list[dict] = []
        self._copies: list[Copy] = []

    def open(self, expected: str = "", create: bool = False) -> str:
        """Return the id of the repository; make one if there is none and none is expected.

        Raise OffsiteError if another one lies there than was expected, or if it is gone: copies made to one that
        somebody has just made would be all that is left of those before.
        """
        try:
            found = str(self._restic.json("cat", "config", seconds=FIRST_ANSWER)["id"])
        except ResticError as error:
            if not create or expected:
                raise
            self._make(error)
            found = str(self._restic.json("cat", "config", seconds=FIRST_ANSWER)["id"])
        if expected and found != expected:
            raise OffsiteError(
                f"{self._restic.offsite.shown} is not the repository that copies were made to: it is {found[:10]}, and "
                f"was {expected[:10]}. Bring that one back, or give microbosh_offsite.repository another address."
            )
        return found

    def _make(self, error):
        try:
            self._restic.run("init")
        except ResticError as refused:
            if not refused.tells(("config file already exists",)):
                raise OffsiteError(f"{error}; and none could be made: {refused}") from refused
            # The run of another director has made it meanwhile, or it cannot be opened: who reads it next says so.

    def copies(self) -> list[Copy]:
        """Return its copies, newest first, one for each backup."""
        self._listed = self._restic.json("snapshots", "--host", self._host) or []
        seals = sorted((str(one.get("time")), *pair) for one in self._listed for pair in _sealed_by(one))
        found: dict[str, Copy] = {}
        # Both copies of one backup have its time; which of them is the later one their seals say.
        for dummy, name, snapshot in seals:
            for one in self._listed:
                copy = _copy_of(one)
                if copy and copy.id == name and _is_called(one, snapshot):
                    found[name] = copy
        self._copies = sorted(found.values(), key=lambda copy: copy.id, reverse=True)
        return self._copies

    def copy(self, name: str, path: Path, parent: str, seen: Callable) -> Sent:
        """Copy a backup's directory, or its archive with what lies beside it; ``parent`` is a snapshot to compare with.

        Raise IncompleteError if something of it could not be read: then there is no copy.
        """
        of = BACKUP if path.is_dir() else ARCHIVE
        what = ["."] if of == BACKUP else [path.name, f"{path.name}.sha256"]
        # A file that later backups share has another time of change with each of them, and is still the same.
        compared = ["--parent", parent, "--ignore-ctime"] if parent and of == BACKUP else ["--force"]
        when = time.strftime(TIME, time.strptime(name, STAMP))
        sent, meant = Sent(), _files_in(path) if of == BACKUP else len(what)
        try:
            self._restic.run(
                "backup", "--json", *self._named(TAG, name, of), "--time", when, *compared, *what,
                directory=path if of == BACKUP else path.parent, seen=lambda message: sent.hear(message, seen),
            )  # fmt: skip
        except ResticError as error:
            if error.status == INCOMPLETE:
                raise IncompleteError(str(error)) from error
            raise
        if not SHORT.fullmatch(sent.snapshot) or sent.files < meant:
            raise IncompleteError(
                f"restic backup has made a snapshot with {sent.files} files of {name}, which has {meant}"
            )
        seal = ["--stdin", "--stdin-filename", "whole", *self._named(SEAL, name, sent.snapshot)]
        self._restic.run("backup", *seal, given=f"{name} {sent.snapshot}\n")
        return sent

    def _named(self, *tags):
        """Return the options by which a snapshot belongs to this director."""
        return ["--host", self._host, *[word for tag in tags for word in ("--tag", tag)]]

    def clear(self) -> None:
        """Forget what was begun and is no copy, and seals without one. Their data goes when copies are forgotten."""
        whole, ids = {copy.snapshot for copy in self._copies}, {copy.id for copy in self._copies}
        left = [
            str(one["id"])
            for one in self._listed
            if (_copy_of(one) and _copy_of(one).snapshot not in whole)
            or any(name not in ids for name, dummy in _sealed_by(one))
        ]
        if left:
            self._restic.run("forget", *left)

    def pin(self, pinned: Callable[[Copy], bool | None]) -> list[Copy]:
        """Have copies say whether their backups are pinned, as far as that is known here; return all of them."""
        wrong = [copy for copy in self._copies if pinned(copy) not in (None, copy.pinned)]
        for copy in wrong:
            self._restic.run("tag", "--remove" if copy.pinned else "--add", PINNED, copy.snapshot)
        return self.copies() if wrong else self._copies

    def forget(self, copies: list[Copy]) -> None:
        """Forget copies with their seals, and remove from the repository what only they had."""
        gone = {copy.id for copy in copies}
        seals = [str(one["id"]) for one in self._listed if any(name in gone for name, dummy in _sealed_by(one))]
        self._restic.run("forget", *[copy.snapshot for copy in copies], *seals, "--prune")

    def check(self, part: int, of: int, patience: float | None) -> None:
        """Have restic check the repository, and read one of so many parts of its data.

        Raise DamagedError if it is not whole: if restic can reach it, and nobody is in the way for so many seconds.
        """
        try:
            self._restic.run("check", f"--read-data-subset={part}/{of}", patience=patience)
        except ResticError as error:
            if error.tells(LOCKED) or error.status in TOO_LATE:
                raise
            self.open()
            raise DamagedError(
                f"{self._restic.offsite.shown} is damaged, says {error}. Copies in it may not come back: "
                "look at it with restic."
            ) from error

    def find(self, wanted: str, copies: list[Copy]) -> Copy:
        """Return the copy that is meant, by id or as the newest one. Raise OffsiteError if there is none."""
        for copy in copies:
            if wanted in (copy.id, LATEST):
                return copy
        there = ", ".join(copy.id for copy in copies) or "none"
        raise OffsiteError(
            f"There is no copy {wanted} of {self._host} in {self._restic.offsite.shown}. There are: {there}. "
            "The director's inventory name has to be the one that it was backed up with (microbosh_restore_host)."
        )

    def retrieve(self, copy: Copy, target: Path, sparse: bool) -> None:
        """Bring a copy into an empty directory, if there is space for it; with the holes of its files if restic can."""
        needed = int(self._restic.json("stats", "--mode", "restore-size", copy.snapshot)["total_size"])
        free = shutil.disk_usage(target).free
        if needed + RESERVE > free:
            raise OffsiteError(
                f"The copy {copy.id} has {size(needed)}, and {target} has room for {size(max(free - RESERVE, 0))} "
                "(microbosh_backup_dir)."
            )
        holes = ["--sparse"] if sparse else []
        self._restic.read("restore", copy.snapshot, "--target", str(target), *holes)
        if not os.listdir(target):
            raise OffsiteError(f"Nothing came of the copy {copy.id}. Restore another one.")


def _files_in(path):
    """Return how many files there are in a directory, as restic counts them."""
    return sum(
        stat.S_ISREG(os.lstat(os.path.join(top, name)).st_mode)
        for top, dummy, names in os.walk(os.fsencode(path))
        for name in names
    )


def _tags_of(listed):
    """Return the tags of a snapshot, and the id of the backup that one of them is, "" for none."""
    tags = [str(tag) for tag in listed.get("tags") or []]
    ids = [tag for tag in tags if parse_id(tag)]
    return tags, ids[0] if len(ids) == 1 else ""


def _copy_of(listed):
    """Return the copy that a snapshot is, sealed or not; None if it is none."""
    tags, name = _tags_of(listed)
    snapshot = str(listed.get("id"))
    if TAG not in tags or not name or not SNAPSHOT.fullmatch(snapshot):
        return None
    return Copy(name, snapshot, ARCHIVE if ARCHIVE in tags else BACKUP, PINNED in tags)


def _sealed_by(listed):
    """Return of a seal which snapshot it says is a whole copy, as (id of the backup, snapshot); nothing of others."""
    tags, name = _tags_of(listed)
    return [(name, tag) for tag in tags if name and SEAL in tags and SHORT.fullmatch(tag)]


def _is_called(listed, snapshot):
    """Return whether a snapshot has this short id; with another tag it has another one, and says which it had."""
    return any(str(listed.get(key)).startswith(snapshot) for key in ("id", "original"))
