# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads one database out of a dump: under another name first, so that the one that is there survives a failure."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import contextlib
import fcntl
import hashlib
import itertools
import os
import re
from collections import namedtuple

from ansible_collections.microbosh.director.plugins.module_utils._clock import seconds_since, uptime
from ansible_collections.microbosh.director.plugins.module_utils._dump import CHUNK
from ansible_collections.microbosh.director.plugins.module_utils._dump_statements import Fit
from ansible_collections.microbosh.director.plugins.module_utils._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._iaas_ids import resolve
from ansible_collections.microbosh.director.plugins.module_utils._postgres import (
    MAINTENANCE_DATABASES,
    PostgresError,
    Version,
    ask_server,
    encoded,
    find_clients,
    matching_client,
)
from ansible_collections.microbosh.director.plugins.module_utils._psql import (
    Psql,
    count_rows,
    hexadecimal,
    identifier,
    literal,
    select,
)
from ansible_collections.microbosh.director.plugins.module_utils._restore_sql import (
    Contents,
    DumpRefused,
    databases_in,
    statements,
)

NEW = "microbosh_restore_"
OLD = "microbosh_replaced_"
# Nobody is asked on the other side: its slot belongs to the subscription of the same name in the new database.
_END_OF_SUBSCRIPTION = (
    "ALTER SUBSCRIPTION %s DISABLE", "ALTER SUBSCRIPTION %s SET (slot_name = NONE)", "DROP SUBSCRIPTION %s",
)
NOT_TO_REPLACE = MAINTENANCE_DATABASES + ("template0",)

Traits = namedtuple("Traits", "owner encoding collate ctype")


class RestoreError(DirectorError):
    """A database cannot be restored."""


def version_of(text):
    """Given the version in a dump, such as 15.18, 9.0.3 or 16beta1, return it as Version."""
    return Version(tuple(int(number) for number in re.findall(r"\d+", text)))


class DumpFile(object):
    """A dump on disk, and what its first reading found in it."""

    def __init__(self, path, checksum, database):
        self.path = path
        self.sha256 = self._vouched(checksum)
        self.contents = self._read(database)

    def _error(self, why, advice):
        return RestoreError("The dump %s is not restored: %s. %s" % (self.path, why, advice))

    def _vouched(self, checksum):
        digest = hashlib.sha256()
        for chunk in self._chunks():
            digest.update(chunk)
        found = digest.hexdigest()
        if checksum and checksum.lower() != found:
            raise self._error(
                "its SHA-256 is %s, and %s was expected" % (found, checksum.lower()),
                "A dump is a program: take one that its checksum vouches for.",
            )
        return found

    @contextlib.contextmanager
    def _opened(self):
        try:
            with open(encoded(self.path), "rb") as stream:
                yield stream
        except EnvironmentError as error:
            raise self._error("it cannot be read (%s)" % error.strerror, "Give the path of a dump on this host.")

    def _chunks(self):
        with self._opened() as stream:
            while True:
                chunk = stream.read(CHUNK)
                if not chunk:
                    return
                yield chunk

    def _read(self, database):
        kind, names = databases_in(self._chunks())
        contents = Contents(self._choose(kind, names, database))
        contents.databases = names
        try:
            contents.read(self._chunks())
        except DumpRefused as error:
            raise self._error(str(error), "Take another one, or load it by hand if you know what it does.")
        return contents

    def _choose(self, kind, names, database):
        """Return the name that a database has within the file, or None if the file is all of it."""
        if kind != "cluster" and not names:
            return None
        if not database and len(names) == 1:
            return names[0]
        if database not in names:
            raise self._error(
                "it holds the databases %s, and %s" % (
                    ", ".join(names) or "none", "not " + database if database else "which one to take was not said"
                ),
                "Name one of them.",
            )
        return database

    @contextlib.contextmanager
    def locked(self):
        """Wait for a restore of this very dump that may still run: one whose connection was lost, say."""
        descriptor = os.open(encoded(self.path), os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def pieces(self, mapping, missing_roles, expected, fit=None):
        """Return what psql is to run, piece by piece; raise if the file is no longer the one that was examined.

        ``expected`` is how many ids are to be replaced, by column.
        """
        digest = hashlib.sha256()
        counts = {}
        pieces = statements(self._hashed(digest), self.contents, mapping, missing_roles, counts, fit)
        return itertools.chain(pieces, self._end(digest, counts, expected))

    def _end(self, digest, counts, expected):
        """Yield nothing to run, at the moment when all of it was read."""
        if digest.hexdigest() != self.sha256 or counts != expected:
            raise self._error("it was changed while it was read", "Nothing was loaded.")
        yield b""

    def _hashed(self, digest):
        for chunk in self._chunks():
            digest.update(chunk)
            yield chunk


class Server(object):
    """The server that a database is loaded into."""

    def __init__(self, version, databases, psql):
        self.version = version
        self.databases = databases
        self._psql = psql
        self._maintenance = "postgres" if "postgres" in databases else "template1"

    @classmethod
    def find(cls, endpoint, packages, run_command):
        """Return the running server; raise PostgresError if it does not answer, or if there is no client for it."""
        clients, rejected = find_clients(packages, run_command)
        found = ask_server(endpoint, clients, rejected, run_command)
        client = matching_client(found.version, clients, rejected)
        return cls(found.version, [database.name for database in found.databases], Psql(client, endpoint, run_command))

    def ask(self, query):
        return self._psql.ask(self._maintenance, query)

    def load(self, database, pieces):
        self._psql.load(database, pieces)

    def roles(self):
        return set(row[0] for row in self.ask(select([hexadecimal("rolname")], "pg_catalog.pg_roles")))

    def traits(self, database):
        """Return the Traits of a database, or None if there is none of that name."""
        columns = ("pg_catalog.pg_get_userbyid(datdba)", "pg_catalog.pg_encoding_to_char(encoding)", "datcollate",
                   "datctype")
        source = "pg_catalog.pg_database WHERE datname =" + literal(database)
        rows = self.ask(select([hexadecimal(column) for column in columns], source))
        return Traits(*rows[0]) if rows else None

    def _subscriptions(self, database):
        if self.version.major < (10,):
            return []
        source = ("pg_catalog.pg_subscription s JOIN pg_catalog.pg_database d ON d.oid = s.subdbid WHERE datname ="
                  + literal(database))
        return [row[0] for row in self.ask(select([hexadecimal("subname")], source))]

    def connections(self, database):
        """Return who else is connected to a database, as texts."""
        # These functions are in every release; the columns of pg_stat_activity have had several names.
        columns = ("pg_stat_get_backend_pid(s.id)", "pg_get_userbyid(pg_stat_get_backend_userid(s.id))",
                   "coalesce(host(pg_stat_get_backend_client_addr(s.id)), 'the socket')")
        source = (
            "(SELECT pg_stat_get_backend_idset() AS id) s, pg_catalog.pg_database d"
            " WHERE d.oid = pg_stat_get_backend_dbid(s.id) AND d.datname =" + literal(database) +
            # The server's own workers have no client, and make room.
            " AND pg_stat_get_backend_client_port(s.id) IS NOT NULL"
            " AND pg_stat_get_backend_pid(s.id) <> pg_backend_pid()"
        )
        rows = self.ask(select([hexadecimal(column) for column in columns], source))
        return ["process %s, role %s, from %s" % tuple(row) for row in rows]

    def create(self, name, traits):
        parts = ["CREATE DATABASE %s TEMPLATE template0" % identifier(name)]
        if traits.owner:
            parts.append("OWNER %s" % identifier(traits.owner))
        for word, value in (("ENCODING", traits.encoding), ("LC_COLLATE", traits.collate), ("LC_CTYPE", traits.ctype)):
            if value:
                parts.append("%s%s" % (word, literal(value)))
        self.ask(" ".join(parts))

    def drop(self, name):
        """Drop a database if there is one of that name, with what keeps PostgreSQL from doing so."""
        for subscription in self._subscriptions(name):
            for action in _END_OF_SUBSCRIPTION:
                self._psql.ask(name, action % identifier(subscription))
        self.ask("DROP DATABASE IF EXISTS %s" % identifier(name))

    def rename(self, *pairs):
        """Rename databases, all or none of them."""
        self.ask("BEGIN; %s COMMIT" % " ".join(
            "ALTER DATABASE %s RENAME TO %s;" % (identifier(old), identifier(new)) for old, new in pairs))

    def count(self, database, tables):
        """Return the number of rows by table, as the server counts them."""
        return count_rows(self._psql, database, tables)

    def count_large_objects(self, database):
        return int(self._psql.ask(database, "SELECT count(*) FROM pg_catalog.pg_largeobject_metadata")[0][0])

    def fit(self):
        """Return what of a dump this server takes."""
        names = [set(row[0] for row in self.ask(select([hexadecimal(column)], "pg_catalog." + table)))
                 for column, table in (("lower(name)", "pg_settings"), ("spcname", "pg_tablespace"))]
        return Fit(self.version, *names)


class Restore(object):
    """One database on its way from a dump into a server."""

    def __init__(self, source, server, database, target, replace):
        self._source = source
        self._server = server
        self._target = target or source.contents.name or database
        self._database = source.contents.name or database or self._target
        self._replace = replace
        if not self._target:
            raise RestoreError("The dump %s does not say what its database is called: name the target." % source.path)
        # Two names that an operator recognises, and that fit into the 63 bytes a name may have.
        mark = hashlib.sha256(encoded(self._target)).hexdigest()[:16]
        self._new, self._old = NEW + mark, OLD + mark
        self.warnings = []
        self.exists = self._target in server.databases
        self.missing_roles = set(source.contents.statements_by_role) - server.roles()

    def check(self):
        """Raise RestoreError unless the database could be loaded now."""
        dumped = self._source.contents.dump.server_version
        if dumped and version_of(dumped).major > self._server.version.major:
            raise RestoreError(
                "The dump %s is of PostgreSQL %s, and the server has %s: an older server does not understand it. "
                "Restore it into a server that is not older." % (self._source.path, dumped, self._server.version)
            )
        if self._target in NOT_TO_REPLACE or self._target.startswith((NEW, OLD)):
            raise RestoreError("The database %s belongs to the server and is not replaced." % self._target)
        if self.exists and not self._replace:
            raise RestoreError(
                "There is a database %s already, and nothing was said about replacing it. Nothing was changed. Give "
                "another target, such as %s-backup, or allow it to be replaced." % (self._target, self._target)
            )
        self._require_alone()

    def _require_alone(self):
        others = self._server.connections(self._target) if self.exists else []
        if others:
            raise RestoreError(
                "The database %s is in use, so it is not replaced: %s. Stop what is connected (on a director: every "
                "service but postgres) and run again." % (self._target, "; ".join(others)),
                connections=others,
            )

    def load(self, mapping, expected):
        """Load, compare, and give the database its name."""
        self._server.drop(self._new)
        self._server.create(self._new, self._traits())
        try:
            fit = self._server.fit()
            self._server.load(self._new, self._source.pieces(mapping, self.missing_roles, expected, fit))
            self.warnings.extend("Left out: %s (%d times)." % item for item in sorted(fit.left_out.items()))
            self._compare()
            self._swap()
        except BaseException:
            self._discard(self._new)
            raise
        self._discard(self._old)

    def _discard(self, name):
        """Drop what is of no use any more. If that fails, the next restore of this database does it."""
        try:
            self._server.drop(name)
        except PostgresError as error:
            self.warnings.append("The database %s is left over and could not be dropped: %s." % (name, error))

    def _traits(self):
        """Return what the new database is to be like: as the one of its name is, else as the dump says."""
        likeness = self._server.traits(self._target) or self._server.traits(self._database)
        return likeness or Traits(None, self._source.contents.encoding, None, None)

    def _compare(self):
        expected = self._source.contents.rows
        found = self._server.count(self._new, sorted(expected))
        wrong = ["%s has %d rows instead of %d" % (table, found.get(table, 0), count)
                 for table, count in sorted(expected.items()) if found.get(table) != count]
        large = self._server.count_large_objects(self._new)
        if large != self._source.contents.large_objects:
            wrong.append("there are %d large objects instead of %d" % (large, self._source.contents.large_objects))
        if wrong:
            raise RestoreError("The dump %s was loaded, but %s." % (self._source.path, "; ".join(wrong)))

    def _swap(self):
        if not self.exists:
            self._server.rename((self._new, self._target))
            return
        self._server.drop(self._old)
        self._require_alone()
        self._server.rename((self._target, self._old), (self._new, self._target))

    def warn_of_roles(self):
        for role in sorted(self.missing_roles):
            self.warnings.append(
                "The role %s of the dump is not on this server: %d statements that make it an owner or give it rights "
                "were left out, its objects belong to the role that restores."
                % (role, self._source.contents.statements_by_role[role])
            )

    def facts(self):
        contents = self._source.contents
        return {
            "database": self._database,
            "target": self._target,
            "replaced": self.exists,
            "rows": contents.rows,
            "missing_roles": dict((role, contents.statements_by_role[role]) for role in sorted(self.missing_roles)),
            "server_version": str(self._server.version),
            "dump_version": contents.dump.server_version,
            "sha256": self._source.sha256,
        }


def _would_rewrite(mapping, ids):
    """Return how many ids a load would replace, by column."""
    counts = {}
    for kind, pairs in mapping.items():
        for old in pairs:
            for column, count in ids[kind][old].items():
                counts[column] = counts.get(column, 0) + count
    return counts


def examine(source, rewrite):
    """Return what a dump would have replaced; raise RewriteError if the map does not fit it."""
    began = uptime()
    mapping = resolve(rewrite, source.contents.ids)
    return {
        "changed": False,
        "mapping": mapping,
        "rewritten": _would_rewrite(mapping, source.contents.ids),
        "dump_version": source.contents.dump.server_version,
        "sha256": source.sha256,
        "seconds": seconds_since(began),
    }


def restore_database(source, server, params, pretend=False):
    """Load a database as the module's parameters say; return what was, or would be, done."""
    began = uptime()
    restore = Restore(source, server, params["database"], params["target"], params["replace"])
    mapping = resolve(params["rewrite"], source.contents.ids)
    counts = _would_rewrite(mapping, source.contents.ids)
    restore.warn_of_roles()
    try:
        restore.check()
        if not pretend:
            with source.locked():
                restore.load(mapping, counts)
    except PostgresError as error:
        raise RestoreError(
            "The dump %s could not be loaded: %s. The databases are as they were." % (source.path, error),
            **restore.facts()
        )
    facts = dict(restore.facts(), rewritten=counts, mapping=mapping, warnings=restore.warnings)
    return dict(facts, changed=True, seconds=seconds_since(began))
