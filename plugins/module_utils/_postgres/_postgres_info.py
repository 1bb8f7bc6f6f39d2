# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a running PostgreSQL server for its databases and the places of its files."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import re
import socket

from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._text import native
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres import (
    CONNECT_SECONDS,
    LETS_IN,
    Endpoint,
    PostgresError,
    ask_server,
    find_clients,
    matching_client,
)
from ansible_collections.microbosh.director.plugins.module_utils._postgres._psql import (
    Psql,
    hexadecimal,
    literal,
    select,
)

DEFAULT_PORT = 5432
# Tables that every director's own database has had since 2013, and no other has.
DIRECTOR_TABLES = ("deployments", "packages", "releases", "stemcells", "templates")
# The link in a data directory, by its two names.
WAL_LINKS = ("pg_wal", "pg_xlog")
UNIX_SOCKETS = "/proc/net/unix"

_SOCKET = re.compile(r"/\.s\.PGSQL\.(\d+)$", re.MULTILINE)
# With this a client asks for TLS. A PostgreSQL answers with one letter; MySQL speaks before it is asked.
_HELLO = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"

NOTHING = {
    "answers": False,
    "problem": None,
    "mysql": False,
    "version": None,
    "port": None,
    "superuser": None,
    "data_directory": None,
    "tablespaces": [],
    "wal_directory": None,
    "databases": [],
    "director_database": None,
    "directors": [],
}


def listening_ports(sockets=UNIX_SOCKETS):
    """Return the ports of the PostgreSQL servers of this host, as the names of their sockets tell them."""
    try:
        with open(sockets, "rb") as table:
            return sorted(set(int(port) for port in _SOCKET.findall(native(table.read()))))
    except EnvironmentError:
        return []


def port_there(wanted, ports):
    """Given a port, or 0 for any, and the ports that sockets tell of, return the one to ask."""
    if wanted:
        return wanted
    return DEFAULT_PORT if DEFAULT_PORT in ports or not ports else ports[0]


def is_mysql(host, port, seconds=CONNECT_SECONDS):
    """Return whether what listens there speaks as MySQL does."""
    try:
        connection = socket.create_connection((host, port), seconds)
        try:
            connection.sendall(_HELLO)
            answer = connection.recv(5)
        finally:
            connection.close()
    except EnvironmentError:
        return False
    # Four bytes for length and number of its first packet, then the version of the protocol, or the sign of an error.
    return answer[3:] in (b"\x00\x0a", b"\x00\xff")


def choose_director(databases):
    """Given what is known of databases, return the names of those with a director's tables, and the one that is meant.

    Of several, the one with a connection counts: a director is always connected.
    """
    found = [database for database in databases if database["director"]]
    used = [database for database in found if database["sessions"]]
    names = [database["name"] for database in found]
    chosen = found if len(found) == 1 else used
    return names, chosen[0]["name"] if len(chosen) == 1 else None


def _flag(expression):
    return "CASE WHEN %s THEN 1 ELSE 0 END" % expression


class PostgresInfo(object):
    """Asks a server once."""

    def __init__(self, endpoint, packages, run_command, database=None):
        clients, rejected = find_clients(packages, run_command)
        server = ask_server(endpoint, clients, rejected, run_command, database)
        self._version = server.version
        self._endpoint = endpoint
        self._psql = Psql(matching_client(server.version, clients, rejected).at(endpoint), endpoint, run_command)
        self._maintenance = self._first_that_opens(database)

    def _first_that_opens(self, database):
        for name in ("postgres", "template1"):
            try:
                self._psql.ask(name, "SELECT 1")
                return name
            except PostgresError:
                continue
        return database

    def _ask(self, query):
        return self._psql.ask(self._maintenance, query)

    def facts(self):
        """Return everything that is asked for."""
        databases = self._databases()
        names, director = choose_director(databases)
        directory = self._setting("data_directory")
        directory = os.path.realpath(directory) if directory and not self._endpoint.address else directory
        return dict(
            NOTHING,
            answers=True,
            version=str(self._version),
            port=int(self._setting("port") or self._endpoint.port),
            superuser=self._rows(select([_flag("rolsuper")], "pg_roles WHERE rolname = current_user")) == [["1"]],
            data_directory=directory,
            tablespaces=self._tablespaces(),
            wal_directory=_wal_directory(directory) if directory else None,
            databases=databases,
            directors=names,
            director_database=director,
        )

    def _rows(self, query):
        return self._ask(query)

    def _setting(self, name):
        """Return a setting, None if this role may not see it."""
        rows = self._ask(select([hexadecimal("coalesce(setting, '')")], "pg_settings WHERE name =" + literal(name)))
        return rows[0][0] or None if rows else None

    def _tablespaces(self):
        old = self._version.numbers < (9, 2)
        location = hexadecimal("coalesce(%s, '')" % ("spclocation" if old else "pg_tablespace_location(oid)"))
        source = "pg_tablespace WHERE spcname NOT IN ('pg_default', 'pg_global') ORDER BY spcname"
        rows = self._ask(select([hexadecimal("spcname"), location], source))
        return [{"name": name, "location": path} for name, path in rows]

    def _databases(self):
        versions = ["''", "''"]
        if self._version.major >= (15,):
            versions = ["coalesce(datcollversion, '')", "coalesce(pg_database_collation_actual_version(oid), '')"]
        texts = ["datname", "pg_get_userbyid(datdba)", "pg_encoding_to_char(encoding)", "datcollate", "datctype"]
        numbers = [
            "CASE WHEN has_database_privilege(oid, 'CONNECT') THEN pg_database_size(oid) ELSE 0 END",
            _flag(LETS_IN),
            _flag("datistemplate"),
            _flag("pg_has_role(datdba, 'MEMBER')"),
            "(SELECT count(*) FROM pg_stat_activity a WHERE a.datname = d.datname)",
        ]
        columns = [hexadecimal(text) for text in texts + versions] + numbers
        return [self._database(*row) for row in self._ask(select(columns, "pg_database d ORDER BY datname"))]

    def _database(self, name, owner, encoding, collate, ctype, recorded, actual, size, opens, template, mine, sessions):
        connectable, template = opens == "1", template == "1"
        return {
            "name": name,
            "owner": owner,
            "encoding": encoding,
            "collate": collate,
            "ctype": ctype,
            "collation_version": recorded or None,
            "actual_version": actual or None,
            "size": int(size),
            "connectable": connectable,
            "template": template,
            "mine": mine == "1",
            "sessions": int(sessions),
            "director": connectable and not template and is_directors(self._psql, name),
        }


def is_directors(psql, database):
    """Return whether a database has the tables of a director, all in one schema."""
    names = ",".join(literal(table) for table in DIRECTOR_TABLES)
    source = "pg_class WHERE relkind IN ('r', 'p') AND relname IN (%s) GROUP BY relnamespace" % names
    try:
        counts = [int(row[0]) for row in psql.ask(database, select(["count(*)"], source))]
    except PostgresError:  # it lets nobody in, whatever it says of rights
        return False
    return len(DIRECTOR_TABLES) in counts


def _wal_directory(directory):
    """Return where the write-ahead log is if it is not in the data directory, None also where this user cannot know."""
    for name in WAL_LINKS:
        path = os.path.join(directory, name)
        try:
            target = os.readlink(path)
        except EnvironmentError:
            continue
        return os.path.realpath(os.path.join(directory, target))
    return None


def ask(endpoint, packages, run_command, database=None):
    """Return the facts of a server; raise DirectorError that says MySQL if it is that, or that none answers."""
    try:
        return PostgresInfo(endpoint, packages, run_command, database).facts()
    except PostgresError as error:
        if is_mysql(endpoint.address or endpoint.host, endpoint.port):
            raise PostgresError(
                "What listens on %s:%d is MySQL. Backups of a director whose database is in MySQL are not possible."
                % (endpoint.host, endpoint.port),
                mysql=True,
            )
        raise error


def server_info(given, run_command):
    """Given the options of postgres_info, and what runs a command, return what that module returns.

    Where that no server answers is no failure, it has the reason.
    """
    ports = listening_ports()
    endpoint = Endpoint.of(dict(given, port=port_there(given["port"], ports)))
    result = dict(NOTHING, ports=ports, port=endpoint.port)
    try:
        result.update(ask(endpoint, given["packages"], run_command, given["database"]))
    except DirectorError as error:
        if given["fail"]:
            raise DirectorError(str(error), ports=ports, **error.facts)
        result.update(problem=str(error), mysql=error.facts.get("mysql", False))
    return result
