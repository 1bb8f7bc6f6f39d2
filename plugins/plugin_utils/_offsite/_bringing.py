# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings a copy back from elsewhere, for a restore or a verification."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.microbosh.director.plugins.plugin_utils._offsite._copying import CACHE
from ansible_collections.microbosh.director.plugins.plugin_utils._offsite._record import keep, recorded, stamp
from ansible_collections.microbosh.director.plugins.plugin_utils._offsite._repository import LATEST, Repository
from ansible_collections.microbosh.director.plugins.plugin_utils._offsite._restic import (
    LONGEST,
    Restic,
    require_password,
    require_program,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._offsite._settings import (
    BACKUP,
    Offsite,
    OffsiteError,
    offsite_of,
)

PREFIX = "offsite:"
HAS_SPARSE = (0, 15)


def is_elsewhere(wanted: str) -> bool:
    """Return whether a name is that of a copy elsewhere: ``offsite:latest``, or with the id of a backup."""
    return wanted.startswith(PREFIX)


@dataclass(frozen=True)
class Elsewhere:
    """Where copies of backups are. ``host`` is the director they are of, ``own`` whether it is this one.

    What was seen there is written down, unless it only ``looks``, as in check mode.
    """

    offsite: Offsite
    host: str
    own: bool = True
    looks: bool = False

    def bring(self, wanted: str, directory: Path, target: Path) -> Path:
        """Bring a copy into an empty directory; return the path of the backup or of its archive.

        A backup has its id as its name. Raise OffsiteError if nothing comes.
        """
        require_password(self.offsite)
        version = require_program()
        # A restore takes the time that it takes.
        repository = Repository(Restic(self.offsite, directory / CACHE, LONGEST), self.host)
        record, repository_id, name = self._record(directory), repository.open(), wanted.removeprefix(PREFIX)
        copies = repository.copies()
        if self.own and record.repository_id in ("", repository_id):
            self._note(directory, record, repository_id, copies, name)
        copy = repository.find(name, [one for one in copies if name == one.id or one.id not in record.damaged])
        place = target / copy.id
        place.mkdir(mode=0o700)
        repository.retrieve(copy, place, version >= HAS_SPARSE)
        return place if copy.of == BACKUP else _archive_in(place)

    def _record(self, directory):
        return recorded(directory, self.offsite.shown, self.offsite.reread_runs)

    def _note(self, directory, record, repository_id, copies, name):
        """Write down which copies there are: of a controller that is new, nobody knew.

        Raise OffsiteError if the newest is wanted, and what was known as the newest is gone: somebody removed it.
        """
        gone = sorted(set(record.ids()).difference(copy.id for copy in copies))
        if gone and name == LATEST and gone[-1] > max((copy.id for copy in copies), default=""):
            raise OffsiteError(
                f"{gone[-1]} was the newest copy in {self.offsite.shown}, and somebody has removed it. Name the one "
                "that is meant instead of latest."
            )
        if not gone:
            record.repository_id = repository_id
            record.seen(copies, {}, stamp())
            self._keep(directory, record)

    def _keep(self, directory, record):
        if not self.looks:
            with contextlib.suppress(OSError):
                keep(directory, record)

    def found(self, directory: Path, name: str, whole: bool) -> None:
        """Note whether a copy that came back is whole: if not, it is made anew, and no other one goes for it."""
        record = self._record(directory)
        if self.own and whole == (name in record.damaged):
            record.damaged = [one for one in record.damaged if one != name] + ([] if whole else [name])
            self._keep(directory, record)


def _archive_in(place):
    found = [path.with_suffix("") for path in sorted(place.glob("*.sha256"))]
    if len(found) != 1 or not found[0].is_file():
        raise OffsiteError(f"The copy {place.name} has no archive in it. Restore another one.")
    return found[0]


def elsewhere_of(wanted: str, given: object, host: str, own: bool = True, looks: bool = False) -> Elsewhere | None:
    """Given what is wanted and the setting, return where copies are, None if that is no copy or the setting is empty.

    Raise OffsiteError if the setting makes no sense, which is in the way of nothing that lies here.
    """
    offsite = offsite_of(given) if is_elsewhere(wanted) else None
    return Elsewhere(offsite, host, own, looks) if offsite else None
