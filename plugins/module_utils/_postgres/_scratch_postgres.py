# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A PostgreSQL server of our own on the controller: for some minutes, in its own directory, behind its own socket."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import ctypes
import errno
import fcntl
import glob
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time

from ansible_collections.microbosh.director.plugins.module_utils._core._clock import uptime
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._text import native
from ansible_collections.microbosh.director.plugins.module_utils._postgres._containment import places_of
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres import Client, Endpoint, Version
from ansible_collections.microbosh.director.plugins.module_utils._postgres._psql_feed import (
    require_restricting,
    restricting,
)
from ansible_collections.microbosh.director.plugins.module_utils._postgres._scratch_limits import Watch, end

PREFIX = "microbosh-rehearse-"
PROGRAMS = ("initdb", "postgres", "psql", "pg_dump")
SUPERUSER = "microbosh_rehearsal"
START_SECONDS = 60
TRIES = 5
# Errors for a directory that is in use, or that another rehearsal removes at this moment.
_ANOTHERS = (errno.EWOULDBLOCK, errno.EACCES, errno.ENOENT, errno.ENOTEMPTY)
# Older ones do not say in their directory when they are ready.
OLDEST = (10,)
LONGEST_SOCKET = 107
PR_SET_PDEATHSIG = 1

# The server is thrown away after minutes: nothing has to survive a power cut, and only its socket is open.
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "10",
    # One transaction makes all objects of a dump, and holds a lock for each.
    "max_locks_per_transaction": "8192",
    "shared_buffers": "64MB",
    "logging_collector": "off",
}
# Settings of a server that executes SQL of others: no foreign files, no helpers, an end when a process of it dies.
CONTAINED_SETTINGS = {
    "dynamic_shared_memory_type": "mmap",
    "restart_after_crash": "off",
    "max_worker_processes": "0",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "archive_mode": "off",
    "max_wal_size": "128MB",
    "track_activities": "off",
    "ssl": "off",
}


class ScratchError(DirectorError):
    """The scratch server cannot be had."""


def find_binaries(places, run_command):
    """Return the Clients that come with a server, oldest first."""
    found = {}
    for place in places:
        for directory in sorted(glob.glob(place)):
            client = Client(directory, None)
            if not all(os.access(client.command(name), os.X_OK) for name in PROGRAMS):
                continue
            code, out, dummy = run_command([client.command("pg_dump"), "--version"])
            version = Version.of_client(out)
            if code == 0 and version and version.major >= OLDEST:
                found.setdefault(os.path.realpath(directory), Client(directory, version))
    return sorted(found.values(), key=lambda client: client.version.numbers)


def matching_binaries(needed, places, run_command):
    """Return the binaries of the version that the dumps are of, or else of the oldest newer one."""
    found = find_binaries(places, run_command)
    able = [client for client in found if needed is None or client.version.major >= needed.major]
    restricted = [client for client in able if restricting(client.version)]
    if restricted:
        return restricted[0]
    if able:
        require_restricting(able[-1].version)
    wanted = "version %s or newer" % ".".join(map(str, needed.major)) if needed else "any version since 10"
    there = "only %s is there" % ", ".join(str(client.version) for client in found) if found else "none is there"
    raise ScratchError(
        "This controller has no PostgreSQL server to rehearse with: %s is needed, and %s. Install one, on Debian and "
        "Ubuntu the package postgresql; it need not run." % (wanted, there)
    )


def unprivileged(name):
    """Return the account to run the server as: (uid, gid), or None to stay who we are. PostgreSQL refuses root."""
    if os.geteuid() != 0:
        _require_name(os.geteuid())
        return None
    for candidate in [name] if name else ["postgres", "nobody"]:
        try:
            account = pwd.getpwnam(candidate)
        except KeyError:
            continue
        if account.pw_uid != 0:
            return account.pw_uid, account.pw_gid
    raise ScratchError(
        "PostgreSQL does not run as root, and this controller has no account %s to run it as. Name one that exists "
        "and is not root." % (name or "postgres or nobody")
    )


def _require_name(uid):
    """Raise ScratchError if this user has no name: in a container it may be any number, and initdb asks for one."""
    try:
        pwd.getpwuid(uid)
    except KeyError:
        raise ScratchError(
            "PostgreSQL asks for the name of the user that it runs as, and %d has none on this controller. In a "
            "container, its entrypoint adds it to /etc/passwd, if it is started and may write there." % uid
        )


class _Child(subprocess.Popen):
    """A process that ends with ours, perhaps of another account or contained, which run_command cannot do."""

    def __init__(self, command, directory, account, environment, become=None):
        self._account = account
        with open(os.path.join(directory, "log"), "ab") as log, open(os.devnull, "rb") as nothing:
            super(_Child, self).__init__(
                command,
                stdin=nothing,
                stdout=log,
                stderr=log,
                close_fds=True,
                cwd=directory,
                env=environment,
                preexec_fn=become or self._become,
            )

    def _become(self):
        """In the child: give up root, and end when the parent does."""
        if self._account:
            os.setgroups([])
            os.setgid(self._account[1])
            os.setuid(self._account[0])
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)


class ScratchServer(object):
    """Made when the block is entered, gone when it is left, also when this process is killed.

    ``containment`` is what holds it where what others wrote is executed, and ``limits`` are Limits of what it may use.
    """

    def __init__(self, binaries, parent, account=None, containment=None, limits=None):
        self.binaries = binaries
        self.containment = containment
        self._limits = limits
        self._watch = None
        self._parent = parent
        self._account = account
        self._process = None
        self._lock = None
        self.directory = None

    @property
    def endpoint(self):
        return Endpoint(self._path("socket"), 5432, SUPERUSER)

    def __enter__(self):
        remove_stale(self._parent)
        self.directory, self._lock = _own_directory(self._parent)
        try:
            self._prepare()
            self._make_cluster()
            self._start()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, kind, error, traceback):
        self._remove()

    def _path(self, name):
        return os.path.join(self.directory, name)

    def _prepare(self):
        """Make the places that the server's account may use; the directory itself stays ours."""
        if len(self._path("socket/.s.PGSQL.5432")) > LONGEST_SOCKET:
            raise ScratchError("%s is too long a path for a socket. Choose a shorter one." % self._parent)
        os.chmod(self.directory, 0o701)
        for name in ("data", "socket", "root"):
            os.mkdir(self._path(name), 0o700)
            if self._account:
                os.chown(self._path(name), *self._account)

    def _environment(self):
        if self.containment:
            return {"LC_ALL": "C", "OPENSSL_CONF": "/dev/null", "PATH": "/nonexistent",
                    "LD_LIBRARY_PATH": self.binaries.environment["LD_LIBRARY_PATH"]}
        environment = dict((name, value) for name, value in os.environ.items() if not name.startswith("PG"))
        environment.update(LC_ALL="C", LANG="C", LD_LIBRARY_PATH=self.binaries.environment["LD_LIBRARY_PATH"])
        return environment

    def _spawn(self, command, become=None):
        return _Child(command, self.directory, self._account, self._environment(), become)

    def _become_contained(self, command):
        """Return what a child does to become the server, and nothing but the server."""
        writable = [self._path("data"), self._path("socket")]
        places = places_of(self.binaries.package, writable)
        return lambda: self.containment.become(self._path("root"), places, command, self._environment())

    def _settings(self):
        settings = dict(SETTINGS)
        if self.containment:
            settings.update(CONTAINED_SETTINGS)
            if self.binaries.version.major >= (11,):
                settings["jit"] = "off"
        return settings

    def _make_cluster(self):
        command = [self.binaries.command("initdb"), "--pgdata=" + self._path("data"), "--username=" + SUPERUSER]
        process = self._spawn(command + ["--auth=trust", "--encoding=UTF8", "--no-locale"])
        if process.wait() != 0:
            raise ScratchError("initdb could not make a scratch database in %s: %s" % (self._parent, self._complaint()))

    def _start(self):
        program = self.binaries.command("postgres")
        if self.containment:
            program = os.path.join(os.path.realpath(self.binaries.package), "bin", "postgres")
        command = [program, "-D", self._path("data"), "-k", self._path("socket")]
        settings = self._settings()
        for name in sorted(settings):
            command.append("--%s=%s" % (name, settings[name]))
        self._process = self._spawn(command, self._become_contained(command) if self.containment else None)
        if self._limits:
            self._watch = Watch(self._limits, self.directory, self._process)
            self._watch.start()
        give_up = uptime() + START_SECONDS
        while not self._ready():
            if self._process.poll() is not None or uptime() > give_up:
                raise ScratchError("The scratch server in %s did not start: %s" % (self._parent, self._complaint()))
            time.sleep(0.05)

    def _ready(self):
        """Return whether the server is ready, by the last line of its postmaster.pid."""
        try:
            with open(self._path("data/postmaster.pid")) as state:
                lines = state.read().splitlines()
        except EnvironmentError as error:
            if error.errno != errno.ENOENT:
                raise
            return False
        return len(lines) > 7 and lines[7].strip() == "ready"

    def _complaint(self):
        with open(self._path("log"), "rb") as log:
            lines = [line.strip() for line in native(log.read()).splitlines() if line.strip()]
        errors = [line for line in lines if re.search(r"\b(?:ERROR|FATAL|PANIC|error):", line)]
        return " / ".join((errors or lines)[-3:]) or "it left no message"

    @property
    def ended(self):
        """Return why the server was ended before its time, or None."""
        return self._watch.why if self._watch else None

    def _remove(self):
        if self._watch:
            self._watch.stop()
        if self._process is not None:
            end(self._process)
        try:
            shutil.rmtree(self.directory)
        except EnvironmentError as error:
            # Another rehearsal, which takes it for a stale one as soon as its lock is gone, is at the same.
            if error.errno not in _ANOTHERS:
                raise
        finally:
            if self._lock is not None:
                os.close(self._lock)


def _own_directory(parent):
    """Return a new directory and its lock. Another rehearsal may take one that has no lock yet for a stale one."""
    for dummy in range(TRIES):
        directory = tempfile.mkdtemp(prefix=PREFIX, dir=parent)
        try:
            return directory, _lock(directory)
        except EnvironmentError as error:
            if error.errno not in _ANOTHERS:
                raise
    raise ScratchError("Other rehearsals in %s removed each directory of this one. Run it again." % parent)


def _lock(directory):
    descriptor = os.open(os.path.join(directory, "lock"), os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def remove_stale(parent):
    """Remove what runs left that were killed; their servers ended with them."""
    for directory in glob.glob(os.path.join(parent, PREFIX + "*")):
        try:
            _remove_if_stale(directory)
        except EnvironmentError as error:
            if error.errno not in _ANOTHERS:
                raise


def _remove_if_stale(directory):
    found = os.lstat(directory)
    # Others may write to such a place, too.
    if os.path.islink(directory) or found.st_uid != os.geteuid():
        return
    lock = _lock(directory)
    try:
        shutil.rmtree(directory)
    finally:
        os.close(lock)
