# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides whether a restore brings databases back by PostgreSQL's files or by their dumps.

Of several data directories one counts: the one that the server has. The others are what upgrades left, only files.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import re

from ansible_collections.microbosh.director.plugins.module_utils._core import _layout as layout
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._postgres._data_directories import (
    CONTROL,
    data_directories,
    first_line,
    is_usual,
    names_in,
    serving,
)

HOME = "/var/vcap"
STORE = "store"
FILES, DUMP, AUTO = "files", "dump", "auto"
# Without one of these PostgreSQL does not start. It was called pg_xlog before 10.
LOGS = ("pg_wal", "pg_xlog")
TABLESPACES = "pg_tblspc"
# Where the release keeps the version of glibc that its indexes were made with last: its text is "2.35", say.
TRACKED_LIBC = os.path.join("postgres-previous-glibc-tracking", "previous-glibc-version.txt")
# The locales that sort by the bytes, with every glibc alike, as PostgreSQL itself has it.
_SORTS_BYTES = re.compile(r"(C|POSIX)$|C\.", re.IGNORECASE)


_GONE = (
    "the director has no PostgreSQL to load them into: its data directory is gone, and %s. Deploy the director again "
    "(bosh create-env --recreate), which makes one, and restore then"
)


class NoWayBack(DirectorError):
    """The databases of a backup cannot come back on this director in the way that was asked for."""


def numbers_of(version):
    """Given a version or a major as text, such as 9.4.26, 15.18 or 16beta1, return the numbers of its major."""
    numbers = tuple(int(number) for number in re.findall(r"\d+", version or ""))
    return numbers[:1] if numbers and numbers[0] >= 10 else numbers[:2]


def live_of(directories, recorded=None, major=None, like=None):
    """Return the name of the directory that counts, None if there is none.

    ``recorded`` is what the server said, below the store; ``major`` the version that answered; else the newest counts,
    and of several of one version the one that is called ``like`` that, or else as BOSH's release calls it.
    """
    if recorded:
        return recorded
    same = [found for found in directories if major and numbers_of(found["major"]) == numbers_of(major)]
    newest = sorted(same or directories, key=lambda found: (
        numbers_of(found["major"]), found["name"] == like, is_usual(found["name"]), found["name"]))  # fmt: skip
    return newest[-1]["name"] if newest else None


class FileLayout(object):
    """The files of PostgreSQL in a backup, and why they would not do."""

    def __init__(self, path, report):
        self._tree = os.path.join(path, layout.TREE)
        self._report = report or {}
        self._server = self._report.get("postgresql") or {}
        self._recorded = self._recorded_directory()
        told = [self._recorded] if self._recorded and not os.path.isabs(self._recorded) else []
        self.directories = data_directories(os.path.join(self._tree, STORE), told)
        self.live = self._live()
        self.refusals = self._refusals()

    def facts(self):
        """Return what a restore and a report have to know."""
        return {
            "postgres": self.directories,
            "live": self.live,
            "unrestorable": "; ".join(self.refusals) or None,
        }

    def _recorded_directory(self):
        """Return where the server said that its files are, below the store if they are there."""
        recorded = self._server.get("data_directory")
        if not recorded:
            return None
        recorded = os.path.relpath(os.path.join(HOME, recorded), os.path.join(HOME, STORE))
        recorded = recorded if not recorded.startswith("..") else os.path.join(HOME, STORE, recorded)
        return os.path.normpath(recorded)

    def _live(self):
        """Return the path of the directory that counts, below the store if it is there."""
        if self._nobody_lived():
            return None
        version = self._server.get("version") or (self._report.get("versions") or {}).get("postgresql")
        store = os.path.join(self._tree, STORE)
        likely = serving(store, self.directories, place=os.path.join(HOME, STORE))
        return live_of(likely or self.directories, self._recorded, version)

    def _nobody_lived(self):
        """Return whether the director had no server: its database is elsewhere, and the files here are left over."""
        return bool(self._report.get("elsewhere")) and self._report.get("postgresql", "not asked") is None

    def _refusals(self):
        if self._report.get("mode") == "online":
            return ["it was made online%s, while PostgreSQL ran, so its files are not in it" % self._held_still()]
        if self.live is None:
            return ["it has no files of PostgreSQL"]
        if self.live not in [found["name"] for found in self.directories]:
            return ["the files of PostgreSQL are in %s, which is not in it" % os.path.join(HOME, STORE, self.live)]
        return self._missing() + self._elsewhere()

    def _held_still(self):
        """Return in words whether anything moved while an online backup was copied; earlier versions did not look."""
        online = self._report.get("online")
        verdict = online.get("verdict") if isinstance(online, dict) else None
        return {"still": " of a director that held still", "moved": " OF A DIRECTOR THAT MOVED"}.get(str(verdict), "")

    def _missing(self):
        """Return what of the data directory is not there."""
        directory = os.path.join(self._tree, STORE, self.live)
        missing = [name for name in (CONTROL, "base") if not os.path.lexists(os.path.join(directory, name))]
        if not any(os.path.lexists(os.path.join(directory, name)) for name in LOGS):
            missing.append(LOGS[0])
        return ["%s has no %s in it" % (os.path.join(STORE, self.live), name) for name in missing]

    def _elsewhere(self):
        """Return what of PostgreSQL lies outside of what was copied."""
        directory = os.path.join(HOME, STORE, self.live)
        places = [("its %s" % name, os.path.join(directory, name)) for name in LOGS]
        listed = names_in(os.path.join(self._tree, STORE, self.live, TABLESPACES), "")
        places += [("the tablespace %s" % name, os.path.join(directory, TABLESPACES, name)) for name in listed]
        found = [(what, self._target(path)) for what, path in places]
        found += [
            ("the tablespace %s" % space.get("name"), self._told(space.get("location")))
            for space in self._server.get("tablespaces") or []
        ]
        found.append(("its pg_wal", self._told(self._server.get("wal_directory"))))
        outside = sorted(set((what, path) for what, path in found if path and not self._has(path)))
        return ["%s is in %s, which is not in it" % pair for pair in outside]

    def _copy_of(self, path):
        return os.path.join(self._tree, os.path.relpath(path, HOME))

    def _target(self, path):
        """Return where a link of the director leads, None if it is none."""
        here = self._copy_of(path)
        if not os.path.islink(here):
            return None
        return os.path.normpath(os.path.join(os.path.dirname(path), os.readlink(here)))

    @staticmethod
    def _told(path):
        """Return a path of the report as one of the director: what is below /var/vcap is told from there."""
        return path and os.path.normpath(os.path.join(HOME, path))

    def _has(self, path):
        """Return whether a directory of the director is in the backup as one."""
        if not path.startswith(HOME + "/"):
            return False
        here = self._copy_of(path)
        return os.path.isdir(here) and not os.path.islink(here)


def file_layout(path, report):
    """Given a backup's directory and its report, return whether its databases can come back by files, and why not."""
    return FileLayout(path, report).facts()


def libc_version():
    """Return the version of this host's glibc as text, None if it has another library."""
    try:
        name, dummy, version = os.confstr("CS_GNU_LIBC_VERSION").partition(" ")
    except (AttributeError, TypeError, ValueError, EnvironmentError):
        return None
    return version if name == "glibc" else None


def sorting(path, report):
    """Given a backup's directory and its report, return which glibc sorted its indexes, and in which databases.

    A database without a recorded collation counts as sorted by glibc.
    """
    tracked = first_line(os.path.join(path, layout.TREE, STORE, TRACKED_LIBC))
    collates = (report.get("postgresql") or {}).get("collates")
    sorted_by_libc = sorted(name for name, collate in (collates or {}).items() if not _SORTS_BYTES.match(collate or ""))
    return {
        "libc": tracked or (report.get("machine") or {}).get("libc"),
        "databases": sorted_by_libc if collates is not None else None,
    }


def why_unsorted(backup, host):
    """Return why indexes of a backup's files may be wrong on a host, as texts."""
    by = backup.get("sorting") or {}
    here = host.get("libc")
    if not by.get("libc") or not here or by["libc"] == here or by.get("databases") == []:
        return []
    names = ", ".join(by["databases"]) if by.get("databases") else "its databases"
    return [
        "the indexes in the files of %s were sorted with glibc %s, and the director has %s, which may sort texts in "
        "another order" % (names, by["libc"], here)
    ]


def _named(directories, name):
    """Return how a person calls a data directory."""
    majors = [found["major"] for found in directories if found["name"] == name]
    return "PostgreSQL %s in %s" % (majors[0] if majors else "?", os.path.join(STORE, name))


def _major_of(directories, name):
    return ([found["major"] for found in directories if found["name"] == name] or [""])[0]


def why_no_files(backup, host):
    """Return why the files of a backup would not do on a host, as texts."""
    live = backup.get("live")
    if backup.get("unrestorable") or not live:
        return [backup.get("unrestorable") or "it has no files of PostgreSQL"]
    refusals = []
    major = _major_of(backup["postgres"], live)
    if numbers_of(major) not in [numbers_of(found) for found in host["majors"]]:
        refusals.append(
            "it has the files of %s, and the director has the programs of %s"
            % (_named(backup["postgres"], live), " and ".join(host["majors"]) or "no PostgreSQL")
        )
    there = host.get("live")
    if there and (there, _major_of(host["postgres"], there)) != (live, major):
        refusals.append(
            "it has the files of %s, and the director has %s"
            % (_named(backup["postgres"], live), _named(host["postgres"], there))
        )
    machines = backup.get("architecture"), host.get("architecture")
    if all(machines) and machines[0] != machines[1]:
        refusals.append("its files are those of a machine with %s, and the director has %s" % machines)
    return refusals


def why_no_dump(backup, host):
    """Return why the dumps of a backup would not do on a host, as texts."""
    dumps = backup.get("dumps") or []
    there, maker = host.get("live"), host.get("maker")
    if not dumps:
        return ["it has no dumps"]
    if not there and not maker:
        return [_GONE % (host.get("no_maker") or "nothing on the director makes one")]
    directories = host["postgres"] if there else [{"name": maker["data_directory"], "major": maker["major"]}]
    there = there or maker["data_directory"]
    major = _major_of(directories, there)
    if numbers_of(major) not in [numbers_of(found) for found in host["majors"]]:
        return ["no programs on the director can run %s" % _named(directories, there)]
    newer = [dump for dump in dumps if numbers_of(dump.get("server_version")) > numbers_of(major)]
    return [
        "the dump of %s is of PostgreSQL %s, which is newer than the director's %s"
        % (dump["database"], dump["server_version"], major)
        for dump in newer
    ]


def choose(asked, backup, host):
    """Given what was asked for and what is known of both sides, return (files or dump, why).

    Raise NoWayBack if there is no way, or not the one that was asked for.
    """
    if not backup.get("dumps") and not (backup.get("postgres") and backup.get("live")):
        _require_nothing_to_lose(backup, host)
        if backup.get("elsewhere"):
            return FILES, "its databases are on a server elsewhere"
        return FILES, "the backup has no databases"
    no_files, no_dump = why_no_files(backup, host), why_no_dump(backup, host)
    unsorted = "; ".join(why_unsorted(backup, host))
    if asked == FILES:
        _require(no_files, FILES, no_dump, DUMP)
        return FILES, "microbosh_restore_database=files asks for it" + _to_mend(unsorted)
    if asked == DUMP:
        _require(no_dump, DUMP, no_files, FILES)
        return DUMP, "microbosh_restore_database=dump asks for it"
    if backup.get("rewrite"):
        _require(no_dump, DUMP, ["ids are rewritten while dumps are loaded"], FILES)
        return DUMP, "ids are rewritten while dumps are loaded"
    if not no_files and unsorted and not no_dump:
        return DUMP, unsorted
    if not no_files:
        return FILES, "the director can use PostgreSQL's files as they are" + _to_mend(unsorted)
    _require(no_dump, DUMP, no_files, FILES)
    return DUMP, "the files of the backup do not serve here, as " + "; ".join(no_files)


def _to_mend(unsorted):
    advice = ". BUT %s: after the restore, REINDEX DATABASE in each, or microbosh_restore_database=dump makes them anew"
    return advice % unsorted if unsorted else ""


def _require_nothing_to_lose(backup, host):
    """Raise an error if a restore by files would lose a server's data; directories without a server are only files."""
    live = host.get("live")
    if live and (live in host.get("inhabited", [live]) or live not in [found["name"] for found in backup["postgres"]]):
        raise NoWayBack(
            "The backup has no databases, neither files nor dumps, and the director has %s, which would go away. "
            "Nothing was touched. Restore another backup." % _named(host["postgres"], host["live"])
        )


def _require(refusals, way, others, other):
    if not refusals:
        return
    words = {FILES: "as files", DUMP: "from their dumps"}
    advice = "Load the dumps instead" if other == DUMP else "Restore the files instead"
    way_out = "%s: add -e microbosh_restore_database=%s." % (advice, other)
    if others:
        way_out = "Nor can they come back %s: %s. Restore another backup, or mend what is missing."
        way_out %= (words[other], "; ".join(others))
    raise NoWayBack(
        "The databases of this backup cannot come back %s: %s. Nothing was touched. %s"
        % (words[way], "; ".join(refusals), way_out)
    )
