# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads the dumps of a backup into a scratch server and compares what is there then with what was there at the dump."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import re

from ansible_collections.microbosh.director.plugins.module_utils._backup._snapshots import read_report
from ansible_collections.microbosh.director.plugins.module_utils._core import _layout as layout
from ansible_collections.microbosh.director.plugins.module_utils._core._clock import seconds_since, uptime
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._text import encoded
from ansible_collections.microbosh.director.plugins.module_utils._dump._database_properties import ENDING, Traits
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump import chunks_of, read_dump
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump_file import (
    DumpFile,
    RolesFile,
    dumped_from,
    properties_beside,
)
from ansible_collections.microbosh.director.plugins.module_utils._postgres._containment import find_containment
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres import PLACES, PostgresError
from ansible_collections.microbosh.director.plugins.module_utils._postgres._psql import Psql, identifier
from ansible_collections.microbosh.director.plugins.module_utils._postgres._scratch_limits import Limits
from ansible_collections.microbosh.director.plugins.module_utils._postgres._scratch_postgres import (
    ScratchServer,
    matching_binaries,
    unprivileged,
)
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore import (
    DatabaseRestore,
    DatabaseServer,
)

GLOBALS = "globals"
# In extra/: what belongs to no database on a server that is not the director's.
ELSEWHERE = "elsewhere"
NAME = "rehearsed"
# Owns what a dump leaves to nobody, where the roles of its server could not be read.
HEIR = "microbosh_heir"
# Tables and their indexes, and the log of writing them.
SPACE_FACTOR = 4
SPACE_OF_A_CLUSTER = 256 << 20
# A dump that takes more than this, in bytes or seconds, is made to: the narrowest rows take 24 times their text.
ROOM_FACTOR = 32
ROOM_OF_A_CLUSTER = 512 << 20
ROOM_OF_OTHERS = 128 << 20
SECONDS = 3600


def dumps_of(backup):
    """Given a backup's directory, return {database: path} of its dumps, that of the globals among them."""
    directory = os.path.join(backup, layout.DUMPS)
    names = sorted(os.listdir(directory)) if os.path.isdir(directory) else []
    return dict((name[:-4], os.path.join(directory, name)) for name in names if name.endswith(".sql"))


def version_needed(dumps):
    """Return the newest version that one of the dumps is of, or None if none of them says."""
    versions = [read_dump(chunks_of(path)).server_version for path in dumps.values()]
    return max([dumped_from(version) for version in versions if version] or [None])


def require_space(parent, dumps):
    """Raise DirectorError unless the dumps can be loaded below a directory."""
    needed = SPACE_OF_A_CLUSTER + SPACE_FACTOR * sum(os.stat(path).st_size for path in dumps.values())
    found = os.statvfs(parent)
    if found.f_bavail * found.f_frsize < needed:
        raise DirectorError(
            "Not enough space to rehearse in %s: %d bytes are free there, up to %d are needed. Choose another "
            "directory." % (parent, found.f_bavail * found.f_frsize, needed)
        )


def recorded_rows(backup, records=None):
    """Return {database: {table: rows}} as they were when the databases were dumped, for those that were recorded."""
    if not os.path.lexists(os.path.join(backup, layout.REPORT)):
        return {}
    dumps = read_report(backup, records).get("dumps") or []
    return dict((dump["database"], dump["rows"]) for dump in dumps if "rows" in dump)


def databases_without_roles(backup):
    """Return the databases of a server elsewhere whose roles could not be read, as the backup records."""
    if not os.path.lexists(os.path.join(backup, layout.REPORT)):
        return ()
    roles = os.path.join(backup, layout.EXTRA, ELSEWHERE, GLOBALS + ".sql")
    return () if os.path.isfile(roles) else (read_report(backup).get("elsewhere") or {}).get("databases") or ()


def _fitting(properties):
    """Return properties without the locale: the controller need not have the director's."""
    if properties is None:
        return None
    return properties._replace(traits=Traits(encoding=properties.traits.encoding))


class Rehearsal(object):
    """The dumps of one backup, and the server that they are loaded into."""

    def __init__(self, backup, scratch, run_command, as_superuser=False, vouched=None, records=None):
        self._backup = backup
        # A dump is a program, and who can write there may exchange it after it was verified.
        self._vouched = vouched or {}
        self._scratch = scratch
        self._as_superuser = as_superuser
        self._dumps = dumps_of(backup)
        self._recorded = recorded_rows(backup, records)
        self._without_roles = databases_without_roles(backup)
        self._psql = Psql(scratch.binaries, scratch.endpoint, run_command)
        self.server = DatabaseServer(scratch.binaries.version, ["postgres"], self._psql)
        self.problems = []

    def load_globals(self):
        """Make the roles, those of the server elsewhere after those of the director's, and return their names."""
        paths = [self._dumps.get(GLOBALS), os.path.join(self._backup, layout.EXTRA, ELSEWHERE, GLOBALS + ".sql")]
        made = set()
        for path in paths:
            if path is not None and os.path.isfile(path) and self._is_cluster(path):
                made |= self._load_roles(path)
        return sorted(made)

    def _load_roles(self, path):
        """Make the roles of a file that are not there yet; return the names of all that it makes.

        They get their names and who is in whom, and no more: whatever they may on the director, here they own what the
        dumps give them. No statement of the file reaches the server.
        """
        try:
            said = RolesFile(path, self._digest(path)).said()
            there = self.server.roles()
            pieces = ["CREATE ROLE %s NOLOGIN;" % identifier(role) for role in said.made if role not in there]
            pieces += ["GRANT %s TO %s;" % (identifier(group), identifier(member))
                       for group, member in said.memberships(set(said.made) - there)]
            self._psql.load("postgres", [encoded("\n".join(pieces) + "\n")])
        except DirectorError as error:
            self.problems.append("The dump %s of the roles cannot be loaded: %s." % (path, str(error).rstrip(".")))
            return set()
        return set(said.made)

    def require_alone(self):
        """Allow only our own role to connect to the databases that every server has."""
        for database in ("postgres", "template1"):
            self._psql.load(database, [
                b"REVOKE ALL ON SCHEMA public FROM PUBLIC;\n",
                encoded("REVOKE ALL ON DATABASE %s FROM PUBLIC;\n" % identifier(database)),
            ])
        self._psql.load("postgres", [encoded("CREATE ROLE %s NOLOGIN;\n" % identifier(HEIR))])

    def _digest(self, path):
        """Return the digest that a file of the backup has to have, None if nothing says it."""
        return self._vouched.get(os.path.relpath(path, self._backup))

    @staticmethod
    def _is_cluster(path):
        return read_dump(chunks_of(path)).kind == "cluster"

    def databases(self):
        """Return the names of the databases whose dumps there are, or should be."""
        names = [name for name, path in self._dumps.items() if name != GLOBALS or not self._is_cluster(path)]
        return sorted(set(names) | set(self._recorded))

    def load(self, database):
        """Load a database and compare it; return what there is to tell."""
        began = uptime()
        rows = {}
        path = self._dumps.get(database)
        if path is None:
            self.problems.append("There is no dump of the database %s, which backup.json names." % database)
        else:
            rows = self._load(database, path)
        differences = self._compare(database, rows) if path is not None and rows is not None else []
        return {
            "database": database,
            "tables": len(rows or {}),
            "rows": sum((rows or {}).values()),
            "compared": database in self._recorded,
            "differences": differences,
            "loaded": path is not None and rows is not None,
            "seconds": seconds_since(began),
        }

    def _load(self, database, path):
        """Return the rows by table as the server counts them after loading, or None if that failed."""
        try:
            source = DumpFile(path, self._digest(path), None)
            beside = re.sub(r"\.sql\Z", "", path) + ENDING
            source.properties = _fitting(properties_beside(path, self._digest(beside)))
            # Under a name of ours: one of the databases may be called like one that every server has.
            wanted = {"database": database, "target": NAME, "replace": True, "as_superuser": self._as_superuser,
                      "heir": HEIR if database in self._without_roles else None}
            restore = DatabaseRestore(source, self.server, wanted)
            restore.require_harmless()
            restore.load({}, {})
            rows = restore.found
            self.server.drop(NAME)
        except (DirectorError, PostgresError) as error:
            self.problems.append("The dump %s cannot be loaded: %s" % (path, self._scratch.ended or error))
            return None
        self.problems.extend(
            "The dump %s needs the role %s, which no dump makes." % (path, role)
            for role in restore.lost_roles if database not in self._without_roles
        )
        return rows

    def _compare(self, database, rows):
        """Return where the rows are not those that were recorded when the database was dumped."""
        recorded = self._recorded.get(database)
        if recorded is None:
            return []
        differences = [
            {"table": table, "recorded": recorded.get(table), "found": rows.get(table)}
            for table in sorted(set(rows) | set(recorded))
            if rows.get(table) != recorded.get(table)
        ]
        self.problems.extend(
            "Database %s: %s has %s rows after loading, and had %s when it was dumped."
            % (database, item["table"], _number(item["found"]), _number(item["recorded"]))
            for item in differences
        )
        return differences


def _number(count):
    return "no table and no" if count is None else str(count)


def require_possible(parent, user, run_command):
    """Raise DirectorError if this controller could rehearse no backup at all."""
    if not os.path.isdir(parent):
        raise DirectorError("There is no directory %s to rehearse in. Make it, or set another." % parent)
    binaries = matching_binaries(None, PLACES, run_command)
    find_containment(binaries.package, parent, unprivileged(user))


def limits_of(dumps, seconds):
    """Return the Limits of a server that these dumps are loaded into."""
    size = sum(os.stat(path).st_size for path in dumps.values())
    return Limits(seconds, ROOM_OF_A_CLUSTER + ROOM_FACTOR * size, ROOM_OF_OTHERS)


def rehearse(backup, scratch_server, run_command, as_superuser=False, vouched=None, records=None):
    """Load every dump of a backup into a server of our own, not started yet; return what came of it."""
    began = uptime()
    binaries = scratch_server.binaries
    with scratch_server as scratch:
        rehearsal = Rehearsal(backup, scratch, run_command, as_superuser, vouched, records)
        rehearsal.require_alone()
        roles = rehearsal.load_globals()
        databases = [rehearsal.load(name) for name in rehearsal.databases()]
    return {
        "good": not rehearsal.problems,
        "problems": rehearsal.problems,
        "roles": roles,
        "databases": databases,
        "server_version": str(binaries.version),
        "contained_by": list(scratch.containment.means),
        "seconds": seconds_since(began),
    }


def rehearse_backup(
    backup, parent, user, run_command, seconds=SECONDS, as_superuser=False, vouched=None, records=None
):
    """Given a backup's directory, and the directory and account of a server, rehearse it; return the result.

    ``vouched`` has the digests of its dumps as they were verified, ``records`` those of its records.
    """
    if not os.path.isdir(parent):
        raise DirectorError("There is no directory %s to rehearse in. Make it, or set another." % parent)
    dumps = dumps_of(backup)
    binaries = matching_binaries(version_needed(dumps), PLACES, run_command)
    account = unprivileged(user)
    containment = find_containment(binaries.package, parent, account)
    require_space(parent, dumps)
    server = ScratchServer(binaries, parent, account, containment, limits_of(dumps, seconds))
    return rehearse(backup, server, run_command, as_superuser, vouched, records)
