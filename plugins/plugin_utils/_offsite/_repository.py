# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The copies of one director's backups in a repository of restic: making them, forgetting, checking, having them back.

A copy is a snapshot with the director as its host, the time of its backup, and three tags: ours, the backup's id, and
what it is a copy of. Its files have names within the backup, so that one copy is compared with the one before.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.microbosh.director.plugins.module_utils._backup._snapshots import STAMP, parse_id
from ansible_collections.microbosh.director.plugins.plugin_utils._offsite._restic import DAMAGED, Restic, ResticError
from ansible_collections.microbosh.director.plugins.plugin_utils._offsite._settings import ARCHIVE, BACKUP, OffsiteError
from ansible_collections.microbosh.director.plugins.plugin_utils._run._lines import size

TAG = "microbosh"
LATEST = "latest"
TIME = "%Y-%m-%d %H:%M:%S"
SNAPSHOT = re.compile(r"[0-9a-f]{64}")
SHORT = re.compile(r"[0-9a-f]{8,64}")
RESERVE = 64 * 1024 * 1024


class DamagedError(OffsiteError):
    """restic found that the repository is not whole."""


@dataclass(frozen=True)
class Copy:
    """A copy of one backup."""

    id: str
    snapshot: str
    of: str
    made: str = ""
    size: int | None = None


@dataclass
class Sent:
    """What restic says of a copy while it makes it."""

    snapshot: str = ""
    bytes: int = 0
    new_bytes: int = 0

    def hear(self, message: dict, seen: Callable) -> None:
        """Take one of its messages; hand on how far it is."""
        if message.get("message_type") == "summary":
            self.snapshot = str(message.get("snapshot_id") or "")
            self.bytes = int(message.get("total_bytes_processed") or 0)
            self.new_bytes = int(message.get("data_added") or 0)
        elif message.get("message_type") == "status":
            seen(int(message.get("bytes_done") or 0), int(message.get("total_bytes") or 0))


class Repository:
    """One director's part of a repository."""

    def __init__(self, restic: Restic, host: str):
        self._restic, self._host = restic, host

    def open(self, expected: str = "", create: bool = False) -> str:
        """Return the id of the repository; make one if there is none and none is expected.

        Raise OffsiteError if another one lies there than was expected, or if it is gone: copies made to one that
        somebody has just made would be all that is left of those before.
        """
        try:
            found = str(self._restic.json("cat", "config")["id"])
        except ResticError as error:
            if not create or expected:
                raise
            self._make(error)
            found = str(self._restic.json("cat", "config")["id"])
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
            if refused.tells(("config file already exists",)):
                try:
                    self._restic.run("cat", "config")  # the run of another director has made it meanwhile
                    return
                except ResticError as again:
                    raise again from refused
            raise error from refused

    def copies(self) -> list[Copy]:
        """Return its copies, newest first, one for each backup."""
        found: dict[str, Copy] = {}
        listed = self._restic.json("snapshots", "--host", self._host, "--tag", TAG)
        for one in sorted(listed or [], key=lambda one: str(one.get("time"))):
            copy = _copy_of(one)
            if copy:
                found[copy.id] = copy
        return sorted(found.values(), key=lambda copy: copy.id, reverse=True)

    def copy(self, name: str, path: Path, parent: str, seen: Callable) -> Sent:
        """Copy a backup's directory, or its archive with what lies beside it; ``parent`` is a snapshot to compare with.

        What is not all there is no copy: it is forgotten again.
        """
        of = BACKUP if path.is_dir() else ARCHIVE
        what = ["."] if of == BACKUP else [path.name, f"{path.name}.sha256"]
        # A file that later backups share has another time of change with each of them, and is still the same.
        compared = ["--ignore-ctime", *(["--parent", parent] if parent else [])] if of == BACKUP else []
        tags = [word for tag in (TAG, name, of) for word in ("--tag", tag)]
        when = time.strftime(TIME, time.strptime(name, STAMP))
        sent = Sent()
        try:
            self._restic.run(
                "backup", "--json", "--host", self._host, "--time", when, *tags, *compared, *what,
                directory=path if of == BACKUP else path.parent, seen=lambda message: sent.hear(message, seen),
            )  # fmt: skip
        except ResticError:
            self._take_back(sent.snapshot)
            raise
        return sent

    def _take_back(self, snapshot):
        if SHORT.fullmatch(snapshot):
            self._restic.alone("forget", snapshot)

    def forget(self, copies: list[Copy]) -> None:
        """Forget copies, and remove from the repository what only they had."""
        self._restic.alone("forget", *[copy.snapshot for copy in copies], "--prune")

    def check(self, part: int, of: int) -> None:
        """Have restic check the repository, and read one of so many parts of its data.

        Raise DamagedError if it is not whole.
        """
        try:
            self._restic.alone("check", f"--read-data-subset={part}/{of}")
        except ResticError as error:
            if error.tells(DAMAGED):
                raise DamagedError(
                    f"{self._restic.offsite.shown} is damaged, says {error}. Copies in it may not come back: "
                    "look at it with restic."
                ) from error
            raise

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

    def retrieve(self, copy: Copy, target: Path) -> None:
        """Bring a copy into an empty directory, if there is space for it."""
        needed = int(self._restic.json("stats", "--mode", "restore-size", copy.snapshot)["total_size"])
        free = shutil.disk_usage(target).free
        if needed + RESERVE > free:
            raise OffsiteError(
                f"The copy {copy.id} has {size(needed)}, and {target} has room for {size(max(free - RESERVE, 0))} "
                "(microbosh_backup_dir)."
            )
        self._restic.run("restore", copy.snapshot, "--target", str(target))
        if not os.listdir(target):
            raise OffsiteError(f"Nothing came of the copy {copy.id}. Restore another one.")


def _copy_of(listed):
    """Return the copy that a snapshot is, None if it is none."""
    tags = [str(tag) for tag in listed.get("tags") or []]
    ids = [tag for tag in tags if parse_id(tag)]
    snapshot = str(listed.get("id"))
    if TAG not in tags or len(ids) != 1 or not SNAPSHOT.fullmatch(snapshot):
        return None
    return Copy(ids[0], snapshot, ARCHIVE if ARCHIVE in tags else BACKUP, str(listed.get("time") or ""))
