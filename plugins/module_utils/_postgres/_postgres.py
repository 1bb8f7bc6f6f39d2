# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The director's PostgreSQL: which version answers, what databases it has, and the clients that can dump it."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import binascii
import glob
import os
import re
from collections import namedtuple

from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._text import native

CONNECT_SECONDS = 10
# The way to a server elsewhere may have to be made first, and what is at its end may be far.
FAR_SECONDS = 60

# Where distributions keep what must be found without PATH; the last is for those that do not.
PLACES = ("/usr/lib/postgresql/*", "/usr/pgsql-*", "/usr/lib/postgresql*", "/usr/local/pgsql", "/usr/local", "/usr")
# Debian's own program of that name, which calls one of the others.
_WRAPPER = "pg_wrapper"

# Both are there after initdb; an operator may have removed the first.
MAINTENANCE_DATABASES = ("postgres", "template1")

# From 15 on, pg_dump refuses servers older than 9.2.
OLDEST_SERVER_OF_NEW_CLIENTS = ((15,), (9, 2))

# Names travel as hexadecimal digits: they may hold any character, separators and newlines too. Of a database that
# it may not connect to, a role does not even learn the size.
# A limit of -2 has one whose DROP DATABASE was interrupted; one of 0 shuts out all but superusers.
LETS_IN = (
    "datallowconn AND pg_catalog.has_database_privilege(oid, 'CONNECT') AND datconnlimit <> -2"
    " AND (datconnlimit <> 0 OR (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user))"
)
# Every function with its schema: a database may bring some of the same names, and a superuser asks.
DATABASES_QUERY = ", ".join((
    "SELECT pg_catalog.current_setting('server_version_num')",
    "CASE WHEN pg_catalog.has_database_privilege(oid, 'CONNECT') THEN pg_catalog.pg_database_size(oid) ELSE 0 END",
    "datistemplate", LETS_IN,
    "pg_catalog.encode(pg_catalog.convert_to(datname, 'UTF8'), 'hex') FROM pg_catalog.pg_database ORDER BY datname",
))
_DATABASE_ROW = re.compile(r"(\d{5,6})\|(\d+)\|([tf])\|([tf])\|((?:[0-9a-f]{2})+)\Z")
_CLIENT_VERSION = re.compile(r"pg_dump \([^)]*\) (\d+(?:\.\d+)*)")


class PostgresError(DirectorError):
    """The server, or a client of it, did not do what it was asked to."""


class Version(namedtuple("Version", "numbers")):
    """A version of PostgreSQL. Its major is two numbers before 10, one since."""

    __slots__ = ()

    @classmethod
    def of_server(cls, number):
        """Given server_version_num, such as 90003 or 150018, return the version."""
        number = int(number)
        if number < 100000:
            return cls((number // 10000, number // 100 % 100, number % 100))
        return cls((number // 10000, number % 10000))

    @classmethod
    def of_client(cls, text):
        """Given what pg_dump --version prints, return the version, or None if it is something else."""
        match = _CLIENT_VERSION.match(text)
        return cls(tuple(int(number) for number in match.group(1).split("."))) if match else None

    @property
    def major(self):
        return self.numbers[:1] if self.numbers[0] >= 10 else self.numbers[:2]

    def __str__(self):
        return ".".join(str(number) for number in self.numbers)


class Endpoint(namedtuple("Endpoint", "host port user address ca passfile")):
    """The address of a server, and the role to connect as.

    With ``address`` that one is connected to, and ``host`` is the name that the server's certificate is to have;
    ``ca`` is the file that vouches for it, and ``passfile`` holds the password: nothing else ever sees that.
    """

    __slots__ = ()

    def __new__(cls, host, port, user, address="", ca="", passfile=""):
        return super(Endpoint, cls).__new__(cls, host, port, user, address or "", ca or "", passfile or "")

    @classmethod
    def of(cls, params):
        """Given the parameters of a module, return the endpoint that they name."""
        return cls(*[params.get(name) for name in cls._fields])

    @property
    def options(self):
        return ["--no-password", "--host=%s" % self.host, "--port=%d" % self.port, "--username=%s" % self.user]

    @property
    def environment(self):
        """Return the environment that libpq needs beside the options."""
        found = {}
        if self.address:
            found["PGHOSTADDR"] = self.address
            found["PGSSLMODE"] = "prefer"
            found["PGCONNECT_TIMEOUT"] = str(FAR_SECONDS)
        if self.ca:
            found["PGSSLMODE"] = "verify-full"
            found["PGSSLROOTCERT"] = self.ca
        if self.passfile:
            found["PGPASSFILE"] = self.passfile
        return found

    def __str__(self):
        return "%s:%d as role %s" % self[:3]


class Client(namedtuple("Client", "package version settings")):
    """A directory with bin/pg_dump and what belongs to it; ``settings`` are what it needs for one endpoint."""

    __slots__ = ()

    def __new__(cls, package, version, settings=()):
        return super(Client, cls).__new__(cls, package, version, settings)

    def at(self, endpoint):
        """Return this client, ready to talk to a server."""
        return Client(self.package, self.version, tuple(sorted(endpoint.environment.items())))

    def command(self, name):
        return os.path.join(self.package, "bin", name)

    @property
    def environment(self):
        common = {
            "LC_ALL": "C",
            "LD_LIBRARY_PATH": os.path.join(self.package, "lib"),
            "PGCONNECT_TIMEOUT": str(CONNECT_SECONDS),
        }
        common.update(self.settings)
        return common

    def can_dump(self, server):
        """Return whether a server of this version can be dumped: the same major, or one old enough to be known."""
        new_client, oldest_server = OLDEST_SERVER_OF_NEW_CLIENTS
        if self.version.major >= new_client and server.major < oldest_server:
            return False
        return self.version.major >= server.major

    def __str__(self):
        return "%s (%s)" % (self.command("pg_dump"), self.version)


Database = namedtuple("Database", "name size")
ServerFacts = namedtuple("ServerFacts", "version databases")


def find_clients(packages, run_command):
    """Given the directory of packages, return its working clients and, as text, those that do not work and why.

    Without a directory, they are looked for where distributions keep them: that is for the controller.
    """
    clients, rejected = [], []
    for package in _postgres_packages(packages) if packages else installed_programs("pg_dump"):
        client, reason = _try_client(package, run_command)
        if client:
            clients.append(client)
        else:
            rejected.append("%s (%s)" % (package, reason))
    return clients, rejected


def _postgres_packages(packages):
    try:
        names = os.listdir(packages)
    except EnvironmentError as error:
        raise PostgresError(
            "No PostgreSQL client can be looked for in %s: %s. Set the directory that holds this director's packages."
            % (packages, error.strerror)
        )
    return [os.path.join(packages, name) for name in sorted(names) if name.startswith("postgres")]


def installed_programs(program):
    """Return the directories with bin/<program> in which distributions keep PostgreSQL, each once."""
    found = {}
    for place in PLACES:
        for directory in sorted(glob.glob(place)):
            path = os.path.join(directory, "bin", program)
            real = os.path.realpath(path)
            if os.access(path, os.X_OK) and os.path.basename(real) != _WRAPPER:
                found.setdefault(real, directory)
    return sorted(found.values())


def _try_client(package, run_command):
    """Return the client in a package and None, or None and why there is none."""
    client = Client(package, None)
    try:
        os.listdir(os.path.join(package, "bin"))
    except EnvironmentError as error:
        return None, "bin cannot be read: %s" % error.strerror
    for name in ("pg_dump", "pg_dumpall", "psql"):
        if not os.access(client.command(name), os.X_OK):
            return None, "no %s that can be run" % name
    code, out, error = _run(client, [client.command("pg_dump"), "--version"], run_command)
    version = Version.of_client(out)
    if code != 0 or version is None:
        return None, "pg_dump --version: exit status %s, %s" % (code, last_lines(error or out) or "no output")
    return Client(package, version), None


def _run(client, argv, run_command):
    """Run a command of a client; one that cannot even be started is as good as one that fails."""
    try:
        return run_command(argv, environ_update=client.environment, handle_exceptions=False)
    except EnvironmentError as error:
        return 126, "", str(error.strerror)


def last_lines(text, count=3):
    return " / ".join([line.strip() for line in text.splitlines() if line.strip()][-count:])


def ask_server(endpoint, clients, rejected, run_command, database=None):
    """Return the running server as any of the clients can reach it, perhaps by way of a database that is known."""
    answers = []
    for client in reversed(clients):
        for name in MAINTENANCE_DATABASES + ((conninfo(database),) if database else ()):
            server, answer = _ask(endpoint, client, name, run_command)
            if server:
                return server
        answers.append("%s says: %s" % (client.command("psql"), answer))
    passed_over = ", ".join(rejected) or "none"
    if not answers and endpoint.address:
        raise PostgresError(
            "This controller has no PostgreSQL client, so the databases on %s cannot be dumped. Install one, on Debian "
            "and Ubuntu the package postgresql-client. What does not work: %s." % (endpoint.host, passed_over)
        )
    if answers and endpoint.address:
        raise PostgresError(
            "PostgreSQL does not answer on %s. %s. Check microbosh_director_database_host, _port, _user, _password and "
            "_ca." % (endpoint, "; ".join(answers))
        )
    if not answers:
        raise PostgresError(
            "No PostgreSQL client on this host works, so its databases cannot be dumped. Packages that do not work: "
            "%s. Set the directory that holds the packages with postgres*/bin/pg_dump." % passed_over
        )
    raise PostgresError(
        "PostgreSQL does not answer on %s. %s. Packages that do not work: %s. Check that monit shows postgres as "
        "running, and that pg_hba.conf trusts this role on this address." % (endpoint, "; ".join(answers), passed_over)
    )


def _ask(endpoint, client, database, run_command):
    """Return the server and None, or None and what came instead."""
    argv = [client.command("psql"), "--no-psqlrc", "--no-align", "--tuples-only", "--dbname=" + database]
    argv += endpoint.options + ["--command=" + DATABASES_QUERY]
    code, out, error = _run(client.at(endpoint), argv, run_command)
    rows = [_DATABASE_ROW.match(line) for line in out.splitlines()]
    if code != 0 or not rows or None in rows:
        return None, last_lines(error or out) or "nothing, exit status %s" % code
    databases = [
        Database(native(binascii.unhexlify(name)), int(size))
        for dummy, size, template, connectable, name in (row.groups() for row in rows)
        if template == "f" and connectable == "t"
    ]
    return ServerFacts(Version.of_server(rows[0].group(1)), databases), None


def matching_client(server, clients, rejected):
    """Return the client of the server's major, or else the oldest newer one: an older one cannot dump it."""
    able = sorted((client for client in clients if client.can_dump(server)), key=lambda client: client.version.numbers)
    same = [client for client in able if client.version.major == server.major]
    if not able:
        raise PostgresError(
            "No pg_dump on this host can dump its PostgreSQL %s. Found: %s. One of version %s is needed, or a newer "
            "one that still knows that server. On a controller, Debian and Ubuntu have it as postgresql-client-%s."
            % (
                server,
                ", ".join([str(client) for client in clients] + rejected),
                ".".join(str(number) for number in server.major),
                ".".join(str(number) for number in server.major),
            ),
            server_version=str(server),
        )
    return (same or able)[-1 if same else 0]


def choose_databases(requested, existing):
    """Given names, or ["all"], return the databases of these names in this order, once each."""
    by_name = dict((database.name, database) for database in existing)
    names = sorted(by_name) if requested == ["all"] else requested
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise PostgresError(
            "No such database: %s. The server has: %s. Nothing was dumped."
            % (", ".join(unknown), ", ".join(sorted(by_name)) or "none"),
            databases=sorted(by_name),
        )
    return [by_name[name] for index, name in enumerate(names) if name not in names[:index]]


def conninfo(database):
    """Return a connection string for a database of any name.

    A bare name that holds an equals sign would itself be read as a connection string, one that begins with a dash
    as an option.
    """
    return "dbname='%s'" % database.replace("\\", "\\\\").replace("'", "\\'")
