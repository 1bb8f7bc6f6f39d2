# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the PostgreSQL servers that run on a data directory, in any namespace, whoever started them.

Under bpm a server has a pid namespace of its own. The pid in its postmaster.pid is that of the namespace, so neither
pg_ctl nor a second server knows it: the second one starts without a complaint, and both destroy the data. So servers
are recognised by their working directory, which is always the data directory. A server that cannot be seen that way is
asked on its port and its socket.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import re
import socket
import struct
from collections import namedtuple

from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._files import small_text
from ansible_collections.microbosh.director.plugins.module_utils._core._host import Host

PROC = "/proc"
PROGRAMS = ("postgres", "postmaster")
USUAL_PORT = 5432
ANSWER_SECONDS = 2
LOOK_SECONDS = 0.25
LISTENING = "0A"
SO_PEERCRED = 17  # Python 2.7 has no name for it
# The question that every PostgreSQL answers with one letter before it asks who is there: would it talk TLS?
QUESTION = struct.pack("!ii", 8, 80877103)
ANSWERS = (b"S", b"N", b"E")
# Lines of postmaster.pid. The first, a pid, is only good in the namespace of whoever wrote it.
PORT, SOCKETS = 3, 4
_PORT_SETTING = re.compile(r"^\s*port\s*=?\s*'?(\d+)", re.MULTILINE | re.IGNORECASE)


class LivingServer(DirectorError):
    """A PostgreSQL server runs on files that are to be exchanged or started."""


class Living(namedtuple("Living", "directory pid ports command")):
    """A server. ``pid`` is None if its process cannot be seen from here, and it only answers."""

    __slots__ = ()

    def __str__(self):
        who = "process %d" % self.pid if self.pid else "a process that cannot be seen from here"
        where = "".join(", port %d" % port for port in self.ports)
        return "%s%s on %s" % (who, where, self.directory)

    def facts(self):
        return {"directory": self.directory, "pid": self.pid, "ports": list(self.ports)}


class Processes(object):
    """The processes of this host. Root sees those of all namespaces below its own, with their directories."""

    def __init__(self, proc=PROC):
        self._proc = proc

    def pids(self):
        return [int(name) for name in os.listdir(self._proc) if name.isdigit()]

    def _path(self, pid, *names):
        return os.path.join(self._proc, str(pid), *names)

    def _content(self, *names):
        try:
            with open(self._path(*names), "rb") as source:
                return source.read().decode("utf-8", "replace")
        except EnvironmentError:  # it is gone, or not ours
            return ""

    def command(self, pid):
        """Return the words of its command line."""
        return self._content(pid, "cmdline").rstrip("\0").split("\0")

    def parent(self, pid):
        """Return the pid of its parent, 0 if there is none to be seen, None if the process is gone."""
        fields = self._content(pid, "stat").rpartition(")")[2].split()
        return int(fields[1]) if len(fields) > 1 else None

    def is_postgres(self, pid):
        """Return whether it is one of PostgreSQL's."""
        if self._content(pid, "comm").strip() in PROGRAMS:
            return True
        return os.path.basename(self._link(pid, "exe").replace(" (deleted)", "")) in PROGRAMS

    def directory(self, pid):
        """Return where it works: (device, inode), as the path may be one of another namespace, and the path."""
        try:
            found = os.stat(self._path(pid, "cwd"))
        except EnvironmentError:
            return None, self._link(pid, "cwd")
        return (found.st_dev, found.st_ino), self._link(pid, "cwd")

    def _link(self, *names):
        try:
            return os.readlink(self._path(*names))
        except EnvironmentError:
            return ""

    def ports(self, pid):
        """Return the ports that it listens on, in its own network namespace."""
        sockets = self._sockets(pid)
        return sorted(set(port for inode, port in self._listening(pid) if inode in sockets))

    def has_port(self, port):
        """Return the pids of the processes that listen on a port in this network namespace."""
        inodes = set(inode for inode, found in self._listening("self") if found == port)
        return [pid for pid in self.pids() if inodes & self._sockets(pid)] if inodes else []

    def _listening(self, pid):
        for name in ("tcp", "tcp6"):
            for line in self._content(pid, "net", name).splitlines()[1:]:
                fields = line.split()
                if len(fields) > 9 and fields[3] == LISTENING:
                    yield fields[9], int(fields[1].rpartition(":")[2], 16)

    def _sockets(self, pid):
        try:
            names = os.listdir(self._path(pid, "fd"))
        except EnvironmentError:
            return set()
        links = [self._link(pid, "fd", name) for name in names]
        return set(link[len("socket:[") : -1] for link in links if link.startswith("socket:["))


def inhabited(store, processes=None):
    """Return the names, below a store, of the directories that processes of PostgreSQL work in, whatever is in them.

    Only whoever may see the processes of others, as root does, learns of them.
    """
    processes = processes or Processes()
    tops = set(top + os.sep for top in (store, os.path.realpath(store)))
    paths = [processes.directory(pid)[1] for pid in processes.pids() if processes.is_postgres(pid)]
    paths = [path.replace(" (deleted)", "") for path in paths]
    return sorted(set(path[len(top) :] for path in paths for top in tops if path.startswith(top)))


def living_servers(directories, ports=(), processes=None):
    """Given data directories and ports that may be theirs, return every Living server of them."""
    processes = processes or Processes()
    found = _seen(directories, processes)
    known = set(server.directory for server in found)
    for directory in directories:
        if directory not in known:
            found += _heard(directory, ports, processes)
    return found


def _seen(directories, processes):
    """Return the servers whose processes can be seen."""
    places = {}
    for directory in directories:
        try:
            status = os.stat(directory)
        except EnvironmentError:
            continue
        places[status.st_dev, status.st_ino] = directory
    here = {}
    for pid in processes.pids():
        place = _place_of(pid, places, directories, processes)
        if place:
            here[pid] = place
    # Whoever has a parent there is one of its workers. One that outlived its parent still writes; one that ended since
    # it was seen, as workers do all the time, has no parent to be asked for.
    parents = dict((pid, processes.parent(pid)) for pid in here)
    firsts = [pid for pid in sorted(here) if parents[pid] is not None and here.get(parents[pid]) != here[pid]]
    return [Living(here[pid], pid, tuple(processes.ports(pid)), tuple(processes.command(pid))) for pid in firsts]


def _place_of(pid, places, directories, processes):
    """Return the data directory that a process of PostgreSQL works in, None if it has none of these."""
    if not processes.is_postgres(pid):
        return None
    place, path = processes.directory(pid)
    if place in places:
        return places[place]
    path = path.replace(" (deleted)", "")
    return path if path in directories else None


def _heard(directory, ports, processes):
    """Return the server that answers where one of this directory would, though no process of it can be seen."""
    lines = _lines(os.path.join(directory, "postmaster.pid"))
    own = [int(lines[PORT])] if len(lines) > PORT and lines[PORT].isdigit() else []
    # What is set in the directory itself counts for it alone.
    candidates = own + configured_ports(directory) + list(ports)
    for port in sorted(set(candidates)):
        # A listener that can be seen works in another directory, or is no PostgreSQL.
        if answers(("127.0.0.1", port)) and not processes.has_port(port):
            return [Living(directory, None, (port,), ())]
        path = os.path.join(lines[SOCKETS], ".s.PGSQL.%d" % port) if len(lines) > SOCKETS and lines[SOCKETS] else ""
        if path and answers(path) and not peer_of(path):
            return [Living(directory, None, (port,), ())]
    return []


def _lines(path):
    try:
        return [line.strip() for line in small_text(path).splitlines()]
    except (EnvironmentError, ValueError):
        return []


def configured_ports(directory):
    """Return the ports that the configuration in a data directory names."""
    found = []
    for name in ("postgresql.conf", "postgresql.auto.conf"):
        text = "\n".join(_lines(os.path.join(directory, name)))
        found += [int(number) for number in _PORT_SETTING.findall(text)]
    return [port for port in found if 0 < port < 65536]


def _connected(address):
    family = socket.AF_INET if isinstance(address, tuple) else socket.AF_UNIX
    connection = socket.socket(family, socket.SOCK_STREAM)
    connection.settimeout(ANSWER_SECONDS)
    try:
        connection.connect(address)
    except (EnvironmentError, ValueError):
        connection.close()
        return None
    return connection


def answers(address):
    """Return whether a PostgreSQL answers at (host, port), or on a socket's path."""
    connection = _connected(address)
    if connection is None:
        return False
    try:
        connection.sendall(QUESTION)
        return connection.recv(1) in ANSWERS
    except EnvironmentError:
        return False
    finally:
        connection.close()


def peer_of(path):
    """Return the pid of the process that listens on a socket, 0 if it cannot be seen from here."""
    connection = _connected(path)
    if connection is None:
        return 0
    try:
        return struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, SO_PEERCRED, struct.calcsize("3i")))[0]
    finally:
        connection.close()


def is_own(server, scratch):
    """Return whether a restore started a server for itself: its socket is in the restore's directory."""
    return scratch in server.command


def require_none(servers, what):
    """Raise LivingServer if there is any. ``what`` says what was not done because of it."""
    if not servers:
        return
    seen = [server for server in servers if server.pid]
    way = " (kill -INT %s)" % " ".join(str(server.pid) for server in seen) if seen else ""
    raise LivingServer(
        "A PostgreSQL server still lives: %s. Two servers on one directory destroy it, and so does an exchange of the "
        "files of one that runs. %s Stop it, with monit if it is the director's, or else as whoever started it "
        "would%s, and run the restore again." % ("; ".join(str(server) for server in servers), what, way),
        servers=[server.facts() for server in servers],
    )


def wait_for_none(look, what, seconds, host=None):
    """Wait until a function that returns servers returns none; raise LivingServer when the time is over."""
    host = host or Host()
    deadline = host.now() + seconds
    while True:
        servers = look()
        if not servers or host.now() >= deadline:
            return require_none(servers, what)
        host.sleep(LOOK_SECONDS)
