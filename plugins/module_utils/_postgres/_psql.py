# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to a PostgreSQL server and statements for it, by way of psql."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import binascii
import itertools
import os
import re

from ansible_collections.microbosh.director.plugins.module_utils._core._text import native
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres import (
    Client,
    PostgresError,
    conninfo,
)
from ansible_collections.microbosh.director.plugins.module_utils._postgres._psql_feed import (
    Fed,
    require_restricting,
    restricting,
)

_OPTIONS = ["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1"]
_MESSAGES_SHOWN = 3
# A question travels as one argument, which may have 128 KiB.
TABLES_AT_ONCE = 60
_PART_OF_A_NAME = re.compile(r'"(?:[^"]|"")*"|[^.]+')
_COUNTED = (
    "%(name)s, count(*), (SELECT relkind = 'p' FROM pg_catalog.pg_class WHERE oid =%(table)s::regclass),"
    " (SELECT count(*) > 0 FROM pg_catalog.pg_depend WHERE classid = 'pg_catalog.pg_class'::regclass"
    " AND objid =%(table)s::regclass AND deptype = 'e')"
)
_ROWS_THROUGH_ROOT = """
WITH RECURSIVE part(oid) AS (SELECT %s::regclass::oid UNION ALL
  SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN part ON i.inhparent = part.oid)
SELECT 'x' || encode(convert_to(n.nspname, 'UTF8'), 'hex'), 'x' || encode(convert_to(c.relname, 'UTF8'), 'hex')
FROM part JOIN pg_catalog.pg_class c USING (oid) JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"""


# What is set for a database or a role may let functions of its own stand before PostgreSQL's, and a superuser asks; or
# end a question after a while, and a large table takes its time. What a client gives counts before both.
_TIMEOUT = "-c statement_timeout=%d"
_NO_TIMEOUT = _TIMEOUT % 0
_OWN_FUNCTIONS = "-c search_path=pg_catalog"
# Nor may it change where a text ends.
_OWN_SETTINGS = _NO_TIMEOUT + " -c standard_conforming_strings=on"
# The namespace pg_catalog has this number in every database.
_PG_CATALOG = 11


def identifier(name):
    """Return a name as SQL writes it, whatever its characters."""
    return '"%s"' % name.replace('"', '""')


def literal(text):
    """Return a text as SQL writes it, whatever the server makes of backslashes."""
    return " E'%s'" % text.replace("\\", "\\\\").replace("'", "''")


def hexadecimal(expression):
    """Return an SQL expression for a text whose value ``ask`` returns as it is: names may hold any character."""
    # Wherever it is asked, nobody's functions of these names are called.
    return "'x' || pg_catalog.encode(pg_catalog.convert_to((%s)::text, 'UTF8'), 'hex')" % expression


def select(columns, source):
    """Return a query for SQL expressions, of which every one that is not a number is to be ``hexadecimal``."""
    return " ".join(("SELECT", ", ".join(columns), "FROM", source))


def _value(field):
    return native(binascii.unhexlify(field[1:])) if field[:1] == "x" else field


def relation(table):
    """Given a table as a dump's facts name it, such as public.order, return it with everything in quotes."""
    return ".".join(part if part[:1] == '"' else '"%s"' % part for part in _PART_OF_A_NAME.findall(table))


def count_rows(psql, database, expected):
    """Given the rows by table as a dump has them, return those that there are: each table without its children.

    A table that an extension brings has rows of the extension, too, which no dump has: they are not counted.
    """
    counted = {}
    tables = sorted(_tables_among(psql, database, expected))
    for start in range(0, len(tables), TABLES_AT_ONCE):
        some = tables[start : start + TABLES_AT_ONCE]
        query = " UNION ALL ".join(
            select([_COUNTED % dict(name=hexadecimal(literal(table)), table=literal(relation(table)))],
                   "ONLY " + relation(table))
            for table in some
        )
        for table, count, root, of_extension in psql.ask(database, query):
            found = int(count)
            if of_extension == "t" and found > expected[table]:
                found = expected[table]
            counted[table] = None if root == "t" else found
    for table in sorted(table for table in counted if counted[table] is None):
        counted[table] = _count_through_root(psql, database, table, counted)
    return counted


def _tables_among(psql, database, expected):
    """Return those that are tables, or may be: to count what a view shows is to run what it calls."""
    tables = sorted(expected)
    for start in range(0, len(tables), TABLES_AT_ONCE):
        names = ", ".join("(%s)" % literal(relation(table)) for table in tables[start : start + TABLES_AT_ONCE])
        source = "(VALUES %s) n(name) JOIN pg_catalog.pg_class c ON c.oid = n.name::pg_catalog.regclass" % names
        others = psql.ask(database, select([hexadecimal("n.name")], source + " WHERE c.relkind NOT IN ('r', 'p')"))
        for row in others:
            tables = [table for table in tables if relation(table) != row[0]]
    return tables


def _count_through_root(psql, database, table, counted):
    """Return the rows of a partitioned table but for those of its parts that are counted themselves.

    A dump writes the rows of some partitions into their root: those by the hash of an enumeration.
    """
    parts = psql.ask(database, _ROWS_THROUGH_ROOT % literal(relation(table)))
    names = set(".".join((identifier(schema), identifier(name))) for schema, name in parts)
    own = sum(counted[other] for other in counted if counted[other] is not None and relation(other) in names)
    return int(psql.ask(database, select(["count(*)"], relation(table)))[0][0]) - own


def plain_table(psql, database, table):
    """Return a table's name with its schema, or None if to read it could run what the database brings.

    A view runs what it calls, and a type of the database's own what turns it into text.
    """
    foreign = select(["1"], (
        "pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid"
        " WHERE a.attrelid = c.oid AND a.attnum > 0 AND t.typnamespace <> %d" % _PG_CATALOG
    ))  # fmt: skip
    source = (
        "pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relname =%s"
        " AND c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_|^information_schema$' AND NOT EXISTS (%s)"
        " ORDER BY n.nspname <> 'public', n.nspname LIMIT 1" % (literal(table), foreign)
    )
    rows = psql.ask(database, select([hexadecimal("n.nspname")], source))
    return ".".join((identifier(rows[0][0]), identifier(table))) if rows else None


class Psql(object):
    """The psql of a client, and the server that it talks to."""

    def __init__(self, client, endpoint, run_command):
        self._client = client
        self._endpoint = endpoint
        self._run_command = run_command

    def as_role(self, role, password):
        """Return one that asks the same server as another role."""
        settings = tuple(item for item in self._client.settings if item[0] not in ("PGPASSFILE", "PGPASSWORD"))
        client = Client(self._client.package, self._client.version, settings + (("PGPASSWORD", password),))
        return Psql(client, self._endpoint._replace(user=role, passfile=""), self._run_command)

    def require_restricting(self):
        require_restricting(self._client.version)

    def _argv(self, database):
        command = [self._client.command("psql")] + _OPTIONS + self._endpoint.options
        return command + ["--dbname=" + conninfo(database)]

    def ask(self, database, query, seconds=0):
        """Return the rows that answer a query, as lists of texts; 0 seconds for it are as long as it takes.

        Its tables are named with their schemas: but for PostgreSQL's own, nothing of a database is found without.
        """
        argv = self._argv(database) + ["--command=" + query]
        environment = dict(self._client.environment, PGCLIENTENCODING="UTF8")
        environment["PGOPTIONS"] = "%s %s" % (_OWN_SETTINGS, _OWN_FUNCTIONS)
        if seconds:
            environment["PGOPTIONS"] += " " + _TIMEOUT % (seconds * 1000)
        code, out, error = self._run_command(argv, environ_update=environment)
        if code != 0:
            complaint = _complaint(error.splitlines())
            raise PostgresError(complaint or "psql ended with exit status %s and no message" % code)
        return [[_value(field) for field in line.split("|")] for line in out.splitlines()]

    def load(self, database, pieces):
        """Send pieces of SQL in one transaction, which is committed when the last of them was sent.

        Not by ``psql -1``: that commits as well when this process dies and psql sees the end of its input. Raise
        PostgresError if the server refuses one; what raises in ``pieces`` leaves nothing either.
        """
        environment = dict((name, value) for name, value in os.environ.items() if not name.startswith("PG"))
        environment.update(self._client.environment, PGOPTIONS=_OWN_SETTINGS, PGCLIENTENCODING="UTF8")
        with Fed(self._argv(database) + ["--file=-"], environment) as process:
            process.feed(itertools.chain([restricting(self._client.version)], pieces))
        if process.returncode != 0:
            complaint = _complaint(process.said)
            raise PostgresError(complaint or "psql ended with exit status %d and no message" % process.returncode)


def _complaint(lines):
    """Return the errors among psql's messages, without those that only follow from the first."""
    lines = [line.strip() for line in lines if line.strip()]
    errors = [line for line in lines if re.search(r"\b(?:ERROR|FATAL|error):", line)]
    return " / ".join((errors or lines)[:_MESSAGES_SHOWN])
