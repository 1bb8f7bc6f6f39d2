# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory on the director that holds the dumps until they are pulled: complete ones, or none."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import contextlib
import errno
import fcntl
import hashlib
import io
import os
import re
import stat
from collections import namedtuple

from ansible_collections.microbosh.director.plugins.module_utils._core._clock import seconds_since, uptime
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._files import make_durable
from ansible_collections.microbosh.director.plugins.module_utils._core._text import encoded, native
from ansible_collections.microbosh.director.plugins.module_utils._dump._database_properties import ENDING as PROPERTIES
from ansible_collections.microbosh.director.plugins.module_utils._dump._database_properties import (
    HEADER as PROPERTIES_HEADER,
)
from ansible_collections.microbosh.director.plugins.module_utils._dump._database_properties import (
    properties_of,
    superusers_setting,
)
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump import HEADERS
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump_content import Content
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump_running import (
    dump_command,
    globals_command,
    run_dump,
)
from ansible_collections.microbosh.director.plugins.module_utils._dump._marks import Marks, Settled
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres import (
    Endpoint,
    PostgresError,
    ask_server,
    choose_databases,
    find_clients,
    matching_client,
)
from ansible_collections.microbosh.director.plugins.module_utils._postgres._psql import Psql

GLOBALS = "globals"
PART = ".part"
SQL = ".sql"
_ENDINGS = (SQL, SQL + PART, PROPERTIES, PROPERTIES + PART)

# A plain dump can be larger than the database, whose long texts are stored compressed; mostly it is smaller, as it
# holds no index.
SPACE_PERCENT = 110

NOTHING = {
    "server_version": None,
    "client": None,
    "client_version": None,
    "databases": [],
    "bytes_estimate": 0,
    "free_bytes": None,
    "globals": None,
    "globals_problem": None,
    "dumps": [],
    "transactions": None,
}

_NAME_REFUSED = re.compile(r"[/\x00-\x1f\x7f]|\A\.")


class DumpDirectory(object):
    """The directory of the dumps: each is written beside its name, and all are renamed together."""

    def __init__(self, path):
        self.path = path.rstrip("/") or "/"

    def dump_path(self, name):
        """Return the path of the dump of that name; refuse a name that would lead elsewhere."""
        if _NAME_REFUSED.search(name):
            raise DirectorError(
                "The database %r cannot be dumped: its name does not make a safe file name (it holds a slash or a "
                "control character, or begins with a dot). Rename it, or list the databases to dump without it." % name
            )
        return os.path.join(self.path, name + SQL)

    def free_bytes(self):
        """Return the space there is for this user; the last directory of the path need not be there yet."""
        found = os.statvfs(encoded(self._existing()))
        return found.f_bavail * found.f_frsize

    def check_writable(self):
        """Raise DirectorError unless files can be made there."""
        existing = self._existing()
        if not os.path.isdir(existing) or not os.access(existing, os.W_OK | os.X_OK):
            raise DirectorError(
                "Dumps cannot be written to %s: %s is not a directory that this user may write to. Run the setup "
                "playbook for this host." % (self.path, existing)
            )

    def _existing(self):
        return self.path if os.path.lexists(self.path) else os.path.dirname(self.path) or os.curdir

    def make(self):
        """Make the directory if it is not there."""
        self.check_writable()
        if not os.path.isdir(self.path):
            os.mkdir(self.path, 0o700)

    @contextlib.contextmanager
    def locked(self):
        """Wait for a dump into this directory that may still run: one whose connection was lost, say."""
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def part(self, path):
        """Yield an open file beside ``path``; when the block ends it is on disk, not yet under its name."""
        _remove(path + PART)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        descriptor = os.open(encoded(path + PART), flags, 0o600)
        with io.open(descriptor, "wb") as target:
            yield target
            target.flush()
            os.fsync(descriptor)

    def publish(self, paths):
        """Give the parts their names, for good."""
        for path in paths:
            os.rename(encoded(path + PART), encoded(path))
        make_durable(self.path)

    def dumps(self):
        """Return the paths of the dumps there, whole or not. Other files are none of ours."""
        if not os.path.isdir(self.path):
            return []
        names = sorted(name for name in os.listdir(self.path) if name.endswith(_ENDINGS))
        paths = [os.path.join(self.path, name) for name in names]
        return [path for path in paths if _is_dump(path)]

    def remove(self, paths):
        """Remove files, for good."""
        for path in paths:
            _remove(path)
        if paths:
            make_durable(self.path)


def _remove(path):
    try:
        os.unlink(encoded(path))
    except EnvironmentError as error:
        if error.errno != errno.ENOENT:
            raise


def _is_dump(path):
    """Return whether a file begins as a dump does, as far as it goes."""
    path = encoded(path)
    if not stat.S_ISREG(os.lstat(path).st_mode):
        return False
    with open(path, "rb") as stream:
        head = stream.read(64)
    headers = list(HEADERS.values()) + [PROPERTIES_HEADER]
    return any(header.startswith(head[: len(header)]) for header in headers)


class Preflight(object):
    """The checks before a dump, and what they find."""

    def __init__(self, directory, endpoint, packages, run_command, database=None):
        self.directory = directory
        self.endpoint = endpoint
        clients, rejected = find_clients(packages, run_command)
        self._server = ask_server(endpoint, clients, rejected, run_command, database)
        self.client = matching_client(self._server.version, clients, rejected).at(endpoint)
        self._psql = Psql(self.client, endpoint, run_command)
        self.databases = []

    def choose(self, requested, with_globals):
        """Find the databases; raise DirectorError if they cannot all be dumped into the directory."""
        self.databases = choose_databases(requested, self._server.databases)
        for database in self.databases:
            self.directory.dump_path(database.name)
            if with_globals and database.name == GLOBALS:
                raise DirectorError(
                    "The dump of the database globals would have the name of the file for roles, globals.sql. "
                    "Dump it without globals, into a directory of its own."
                )
        self.directory.check_writable()
        if self.directory.free_bytes() < self.bytes_needed:
            raise DirectorError(
                "Not enough space for the dumps in %s: the databases have %d bytes, so %d have to be free, but %d are. "
                "Free some, or dump fewer databases."
                % (self.directory.path, self.bytes_estimate, self.bytes_needed, self.directory.free_bytes()),
                **self.facts()
            )

    def properties(self, database):
        """Return as a file what hangs on a database itself, and which setting among it only a superuser may make."""
        def ask(query):
            return self._psql.ask(database, query)

        found = properties_of(ask, self._server.version, database)
        return found.text(database), superusers_setting(ask, found.settings())

    def marks(self):
        """Return the mark of each database, by name."""
        marks = Marks(self._psql, self._server.version)
        return dict((database.name, marks.of(database.name)) for database in self.databases)

    def settle(self, since):
        """Wait until what sessions did since that snapshot is counted; return whether it is."""
        try:
            Settled(self._psql, self._server.version).wait([database.name for database in self.databases], since)
        except PostgresError:
            return False
        return True

    @property
    def bytes_estimate(self):
        return sum(database.size for database in self.databases)

    @property
    def bytes_needed(self):
        return self.bytes_estimate * SPACE_PERCENT // 100

    def facts(self):
        return {
            "server_version": str(self._server.version),
            "client": self.client.command("pg_dump"),
            "client_version": str(self.client.version),
            "databases": [{"name": database.name, "bytes": database.size} for database in self.databases],
            "bytes_estimate": self.bytes_estimate,
            "free_bytes": self.directory.free_bytes(),
        }


class Bracket(object):
    """Puts the content of dumps between marks that were taken before the first of them and after the last."""

    def __init__(self, preflight, since):
        self._preflight = preflight
        self._since = since
        self._began = uptime()
        self._before = preflight.marks()

    def close(self, written):
        """Note the marks in what was written, and that its snapshots are from between these times."""
        settled = bool(self._since and self._preflight.settle(self._since))
        after = self._preflight.marks()
        times = {"began": self._began, "ended": uptime()}
        for dump in written["dumps"]:
            marks = {"before": self._before[dump["database"]], "after": after[dump["database"]]}
            dump["content"].update(times, marks=marks, settled=settled)
        if written["globals"]:
            written["globals"]["content"].update(times)
        first = self._before[self._preflight.databases[0].name] if self._preflight.databases else {}
        return dict(written, transactions=first.get("transactions"))


def _dump(preflight, job):
    """Dump databases and globals; return what was written: everything, or nothing."""
    directory = preflight.directory
    directory.make()
    with directory.locked():
        # Dumps that a killed run left here would be pulled as part of this backup.
        directory.remove(directory.dumps())
        preflight.choose(job.databases, job.with_globals)
        paths = []
        try:
            bracket = Bracket(preflight, job.since) if job.content else None
            roles, problem = _dump_globals(preflight, job, paths) if job.with_globals else (None, None)
            written = {
                "globals": roles,
                "globals_problem": problem,
                "dumps": [_dump_one(preflight, job, database.name, paths) for database in preflight.databases],
            }
            written = bracket.close(written) if bracket else written
            directory.publish(paths)
        except BaseException:
            directory.remove([path + PART for path in paths])
            raise
    return written


def _dump_globals(preflight, job, paths):
    """Return what was written of roles and tablespaces, and why nothing was if a role elsewhere may not."""
    try:
        return _dump_one(preflight, job, None, paths), None
    except PostgresError as error:
        if not preflight.endpoint.address:
            raise
        preflight.directory.remove([paths.pop() + PART])
        return None, str(error)


def _dump_one(preflight, job, database, paths):
    """Write one part, that of a database or, for None, that of the globals; note its path in ``paths``."""
    began = uptime()
    directory, client, endpoint = preflight.directory, preflight.client, preflight.endpoint
    if database is None:
        command = globals_command(client, endpoint, (preflight.databases or [None])[0])
        name, what = GLOBALS, "roles and tablespaces"
    else:
        name, what, command = database, "database %s" % database, dump_command(client, endpoint, database)
    path = directory.dump_path(name)
    paths.append(path)
    content = Content() if job.content else None
    try:
        with directory.part(path) as target:
            written = run_dump(client, command, target, directory.path, content and content.inspect)
    except PostgresError as error:
        raise PostgresError("The dump of %s failed, nothing is left of it. %s" % (what, error))
    except EnvironmentError as error:
        raise DirectorError(
            "The dump of %s could not be written to %s: %s (%d bytes are free there). Nothing is left of it."
            % (what, path, error.strerror, directory.free_bytes())
        )
    result = {"path": path, "size": written.size, "sha256": written.sha256, "seconds": seconds_since(began)}
    if database is not None:
        result["database"] = database
        result["rows"] = dict((table.qualified, count) for table, count in written.dump.rows.items())
        text, result["superuser_setting"] = preflight.properties(database)
        result["properties"] = _write_properties(preflight, database, text, paths)
    if content:
        result["content"] = content.facts()
    return result


def _write_properties(preflight, database, text, paths):
    """Write the database's properties into a part beside its dump; return the path and the facts of it."""
    path = preflight.directory.dump_path(database)[: -len(SQL)] + PROPERTIES
    paths.append(path)
    with preflight.directory.part(path) as target:
        target.write(text)
    return {"path": path, "size": len(text), "sha256": hashlib.sha256(text).hexdigest()}


def _check(preflight, job):
    """Find out whether ``_dump`` could be done; it writes nothing."""
    preflight.choose(job.databases, job.with_globals)
    return {}


class DumpJob(namedtuple("DumpJob", "directory endpoint packages databases with_globals content since")):
    """One request to dump: the databases, their server and the target directory.

    With ``content`` it is told what the dumps say, and since which snapshot of the server it matters what was counted.
    """

    __slots__ = ()

    def __new__(cls, directory, endpoint, packages, databases, with_globals, content=False, since=None):
        return super(DumpJob, cls).__new__(
            cls, directory, endpoint, packages, databases, with_globals, content, since)

    @classmethod
    def of(cls, params):
        """Return the request that a module's parameters make."""
        return cls(
            directory=DumpDirectory(params["dest"]),
            endpoint=Endpoint.of(params),
            packages=params["packages"],
            databases=params["databases"],
            with_globals=params["globals"],
            content=params.get("content", False),
            since=params.get("since"),
        )

    def dump(self, run_command):
        """Dump. Afterwards the directory holds what was asked for and nothing older; return everything about it."""
        if not self.databases:
            return dict(NOTHING, **self.remove())
        return self._run(run_command, _dump, changed=True)

    def check(self, run_command, changed=False):
        """Return what a dump would find; raise DirectorError if it could not be made."""
        if not self.databases:
            return dict(NOTHING, changed=False, seconds=0.0)
        return self._run(run_command, _check, changed=changed)

    def _run(self, run_command, action, changed):
        began = uptime()
        way = self.databases[0] if self.endpoint.address else None
        preflight = Preflight(self.directory, self.endpoint, self.packages, run_command, way)
        with _named_errors(self.directory):
            written = action(preflight, self)
            result = dict(NOTHING, changed=changed)
            result.update(preflight.facts())
            result.update(written)
        return dict(result, seconds=seconds_since(began))

    def remove(self, pretend=False):
        """Remove the dumps of earlier runs, whole or not; return which."""
        began = uptime()
        with _named_errors(self.directory):
            dumps = self.directory.dumps()
            if dumps and not pretend:
                with self.directory.locked():
                    dumps = self.directory.dumps()
                    self.directory.remove(dumps)
        removed = [native(encoded(path)) for path in dumps]
        return {"changed": bool(dumps), "removed": removed, "seconds": seconds_since(began)}


@contextlib.contextmanager
def _named_errors(directory):
    try:
        yield
    except EnvironmentError as error:
        raise DirectorError(
            "The directory for dumps, %s, cannot be used: %s (%s). Run the setup playbook for this host."
            % (directory.path, error.strerror, error.filename or "no file named")
        )
