# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares the rows of databases with those that were dumped, and reads what a director's database tells of it."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres import (
    PostgresError,
    ask_server,
    find_clients,
    matching_client,
)
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres_info import is_directors
from ansible_collections.microbosh.director.plugins.module_utils._postgres._psql import (
    Psql,
    count_rows,
    hexadecimal,
    plain_table,
    select,
)

SHOWN = 5


class RowsDiffer(DirectorError):
    """A database is not what it should be."""


class DatabaseCheck(object):
    """Asks a running server."""

    def __init__(self, endpoint, packages, run_command, director=""):
        self._clients, rejected = find_clients(packages, run_command)
        server = ask_server(endpoint, self._clients, rejected, run_command)
        self._psql = Psql(matching_client(server.version, self._clients, rejected).at(endpoint), endpoint, run_command)
        self._databases = [database.name for database in server.databases]
        self._director = director or self._find_director()
        self._version = server.version

    def _find_director(self):
        found = [name for name in self._databases if is_directors(self._psql, name)]
        return found[0] if len(found) == 1 else None

    def compare(self, expected):
        """Given {database: {table: rows}}, return the facts; raise RowsDiffer if anything is not as expected."""
        differences = []
        for database in sorted(expected):
            if database in self._databases:
                differences.extend(self._compare_one(database, expected[database]))
            else:
                differences.append("there is no database %s" % database)
        facts = dict(self.facts(), differences=differences)
        facts["tables"] = sum(len(rows) for rows in expected.values())
        facts["total"] = sum(sum(rows.values()) for rows in expected.values())
        if differences:
            shown = differences[:SHOWN] + ["and %d more" % (len(differences) - SHOWN)] * (len(differences) > SHOWN)
            raise RowsDiffer("The databases are not those that were dumped: %s." % "; ".join(shown), **facts)
        return facts

    def _compare_one(self, database, expected):
        try:
            found = count_rows(self._psql, database, expected)
        except PostgresError as error:
            return ["%s cannot be counted: %s" % (database, error)]
        return [
            "%s in %s has %d rows instead of %d" % (table, database, found[table], rows) if table in found
            else "%s in %s is no table, and had %d rows" % (table, database, rows)
            for table, rows in sorted(expected.items())
            if found.get(table) != rows
        ]

    def facts(self):
        """Return the version of the server and, if it has a director's database, its UUID, deployments and users."""
        facts = {"server_version": str(self._version), "uuid": None, "deployments": [], "users": []}
        if self._director in self._databases:
            facts["uuid"] = self._uuid()
            facts["deployments"] = self._names("name", "deployments")
            facts["users"] = self._names("username", "users")
        return facts

    def _uuid(self):
        """Return the director's UUID, which was a column of its own before 2014."""
        for column, condition in (("value", " WHERE name = 'uuid'"), ("uuid", "")):
            rows = self._rows(_text(column), "director_attributes", condition)
            if rows:
                return rows[0][0]
        return None

    def _names(self, column, table):
        return [row[0] for row in self._rows(_text(column), table, " ORDER BY %s" % column)]

    def _rows(self, column, table, rest):
        try:
            name = plain_table(self._psql, self._director, table)
            return self._psql.ask(self._director, select([column], name + rest)) if name else []
        except PostgresError:  # an older or a newer schema
            return []


def _text(column):
    return hexadecimal("coalesce(%s, '')" % column)


def majors(packages, run_command):
    """Return the majors that the packages on this host have, as PG_VERSION writes them."""
    clients, dummy = find_clients(packages, run_command)
    return sorted(set(".".join(str(number) for number in client.version.major) for client in clients))
