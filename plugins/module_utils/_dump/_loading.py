# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role that loads a dump: made for it, no superuser, owner of nothing but its database, and removed afterwards."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import binascii
import os

from ansible_collections.microbosh.director.plugins.module_utils._core._text import encoded
from ansible_collections.microbosh.director.plugins.module_utils._dump._superuser_statements import Guard, schemas_of
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres import PostgresError
from ansible_collections.microbosh.director.plugins.module_utils._postgres._psql import (
    count_rows,
    hexadecimal,
    identifier,
    literal,
    select,
)

LOADER = "microbosh_load_"
# From this major on, the owner of a database owns its schema public.
_OWNED_BY_OWNER = (15,)
_BYPASS_SINCE = (9, 5)
_REPLICATION_SINCE = (9, 1)
_SAFE_PATH = b"SET search_path = pg_catalog;\n"
_OUR_ENCODING = b"SET client_encoding = 'UTF8';\n"


class DirectLoading(object):
    """Loads as the role that restores: it is no superuser, or was allowed to be one for this run."""

    role = None
    left_over = None

    def __init__(self, server):
        self._server = server

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        return False

    def fit(self):
        return self._server.fit()

    def prepare(self, database, contents):
        """Make what has to be there before anything of the dump is."""

    def load(self, database, pieces):
        self._server.load(database, pieces)

    def count(self, database, expected):
        return self._server.count(database, expected)

    def count_large_objects(self, database):
        return self._server.count_large_objects(database)

    def finish(self, database, heir):
        """Do what only a superuser may, and leave the rest to ``heir``."""


class GuardedLoading(DirectLoading):
    """Loads as a role of its own, which is there while the block is."""

    def __init__(self, server, mark, extensions, encoding=None):
        super(GuardedLoading, self).__init__(server)
        self.role = LOADER + mark
        self._guard = Guard(extensions, server.superusers())
        self._encoding = encoding
        self._psql = None

    def __enter__(self):
        self._server.drop_stale_loaders()
        password = binascii.hexlify(os.urandom(24)).decode("ascii")
        rights = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE CONNECTION LIMIT 3"
        if self._server.version.major >= _REPLICATION_SINCE:
            rights += " NOREPLICATION"
        if self._server.version.major >= _BYPASS_SINCE:
            rights += " BYPASSRLS"  # its rows are counted, whoever may see them
        statement = "CREATE ROLE %s %s PASSWORD '%s';\n" % (identifier(self.role), rights, password)
        self._server.make_roles([encoded(statement)])
        self._psql = self._server.psql_as(self.role, password)
        return self

    def __exit__(self, kind, error, traceback):
        try:
            self._server.drop_loader(self.role)
        except PostgresError as problem:
            self.left_over = "The role %s is left over and could not be dropped: %s." % (self.role, problem)
        return False

    def fit(self):
        fit = self._server.fit()
        fit.guard = self._guard
        return fit

    def prepare(self, database, contents):
        extensions, statements = contents.extensions, []
        for name in sorted(contents.tablespaces & self._server.tablespaces()):
            # Its rights there go with the objects that it owned.
            statements.append("GRANT CREATE ON TABLESPACE %s TO %s;" % (identifier(name), identifier(self.role)))
        if self._server.version.major < _OWNED_BY_OWNER:
            statements.append("ALTER SCHEMA public OWNER TO %s;" % identifier(self.role))
        for schema in schemas_of(extensions):
            statements.append("CREATE SCHEMA %s AUTHORIZATION %s;" % (identifier(schema), identifier(self.role)))
        for name in sorted(extensions):
            where = " SCHEMA %s" % identifier(extensions[name]) if extensions[name] else ""
            statements.append("CREATE EXTENSION IF NOT EXISTS %s%s;" % (identifier(name), where))
        self._server.load(database, [_OUR_ENCODING, encoded("\n".join(statements) + "\n")])

    def load(self, database, pieces):
        self._psql.load(database, pieces)

    def greet(self, database):
        """Connect as the role once: pg_hba.conf may refuse it."""
        self._psql.ask(database, "SELECT 1")

    def count(self, database, expected):
        return count_rows(self._psql, database, expected)

    def count_large_objects(self, database):
        return int(self._psql.ask(database, "SELECT count(*) FROM pg_catalog.pg_largeobject_metadata")[0][0])

    def _take_back(self, name, role):
        """Take the database from the loading role, over a connection to another database."""
        sessions = select(["pg_terminate_backend(pg_stat_get_backend_pid(s.id))"], (
            "(SELECT pg_stat_get_backend_idset() AS id) s, pg_catalog.pg_roles r"
            " WHERE r.oid = pg_stat_get_backend_userid(s.id) AND r.rolname =%s;" % literal(self.role)))
        self._server.load_beside([encoded("ALTER ROLE %s NOLOGIN;\n" % role)])
        self._server.load_beside([_SAFE_PATH, encoded("\n".join((
            sessions, "ALTER DATABASE %s OWNER TO %s;" % (name, identifier(self._server.user)),
            "ALTER DATABASE %s RESET ALL;" % name)) + "\n")])

    def finish(self, database, heir):
        name, role = identifier(database), identifier(self.role)
        self._take_back(name, role)
        public = []
        if self._server.version.major < _OWNED_BY_OWNER:
            public.append(encoded("ALTER SCHEMA public OWNER TO %s;\n" % identifier(self._server.user)))
        theirs = encoded("SET client_encoding = '%s';\n" % self._encoding) if self._encoding else _OUR_ENCODING
        pieces = [_SAFE_PATH, _OUR_ENCODING] + public + [theirs]
        pieces += [statement + b"\n" for statement in self._guard.postponed]
        # Objects without an owner in the dump go to a role that is no superuser.
        last = ["RESET SESSION AUTHORIZATION;", "ALTER DATABASE %s OWNER TO %s;" % (name, identifier(heir)),
                "REASSIGN OWNED BY %s TO %s;" % (role, identifier(heir)), "DROP OWNED BY %s;" % role]
        self._server.load(database, pieces + [_OUR_ENCODING, encoded("\n".join(last) + "\n")])


def superusers_query(version):
    """Return the question for the roles that are superusers, or may become one or what is as good as one."""
    powerful = ("rolsuper OR rolcreaterole OR rolname IN"
                " ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files')")
    if version.major >= _REPLICATION_SINCE:
        powerful += " OR rolreplication"
    first = select(["oid"], "pg_catalog.pg_roles WHERE " + powerful)
    further = select(["m.member"], "pg_catalog.pg_auth_members m JOIN able ON m.roleid = able.oid")
    able = "WITH RECURSIVE able(oid) AS (%s UNION %s) " % (first, further)
    return able + select([hexadecimal("rolname")], "pg_catalog.pg_roles JOIN able USING (oid)")


def stale_query():
    """Return the query for roles that loads which ended left behind."""
    nobody = ("NOT EXISTS (SELECT 1 FROM (SELECT pg_stat_get_backend_idset() AS id) s"
              " WHERE pg_stat_get_backend_userid(s.id) = r.oid)")
    named = "pg_catalog.strpos(rolname::text,%s) = 1" % literal(LOADER)
    return select([hexadecimal("rolname")], "pg_catalog.pg_roles r WHERE %s AND %s" % (named, nobody))
