# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The director's own PostgreSQL, started without monit, on a port that nothing else knows of.

``monit start postgres`` may start everything that depends on it. A restore needs the server alone.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import re
import socket
import struct
import subprocess

from ansible.module_utils.common.text.converters import to_bytes
from ansible_collections.microbosh.director.plugins.module_utils._core._clock import seconds_since, uptime
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._files import small_text
from ansible_collections.microbosh.director.plugins.module_utils._core._host import Host
from ansible_collections.microbosh.director.plugins.module_utils._core._text import native
from ansible_collections.microbosh.director.plugins.module_utils._postgres._data_directories import (
    data_directories,
    possible_directories,
    serving,
)
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres import find_clients
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres_living import (
    USUAL_PORT,
    inhabited,
    is_own,
    living_servers,
    wait_for_none,
)
from ansible_collections.microbosh.director.plugins.module_utils._tree._openat import READ, Tree, open_directory

LOOK_SECONDS = 0.1
# A server that never came to live is not waited for; one that has died is not at all.
BIRTH_SECONDS = 5
# A server that somebody has just asked to stop may take its time.
STRANGER_SECONDS = 30
NOTHING_DONE = "Nothing was exchanged or started there."
ANSWER_SECONDS = 5
PROTOCOL = 196608
STARTING_UP = b"57P03"
LINES_SHOWN = 3
LARGEST_LOG = 16 * 1024 * 1024
# Whatever is set in the data directory, its messages go where they are read, in a language that is understood.
OPTIONS = (
    "-h 127.0.0.1 -p %d -k %s -c lc_messages=C -c logging_collector=off -c log_destination=stderr"
    " -c log_min_messages=warning -c ssl=off"
)
_CAUSE = re.compile(r"\b(PANIC|FATAL):")
_MORE = re.compile(r"\b(DETAIL|HINT|CONTEXT):")
# Lines that only sum up why a server ended.
_BEFORE = re.compile(r"\b(could not bind|unrecognized configuration|invalid value for|syntax error in file)\b")


class ServerError(DirectorError):
    """The server does not start or stop."""


def major_of(directory):
    """Return what PG_VERSION in a data directory says, as a version's major."""
    text = small_text(os.path.join(directory, "PG_VERSION"), os.O_NOFOLLOW)
    return tuple(int(number) for number in text.strip().split("."))


class PrivateServer(object):
    """A data directory and the programs of its version."""

    def __init__(self, directory, client, scratch, host=None):
        self._directory = directory
        self._client = client
        self._scratch = scratch
        self._host = host or Host()
        self._log = os.path.join(scratch, "server.log")
        found = os.stat(directory)
        self._account = found.st_uid, found.st_gid

    def _living(self):
        return living_servers([self._directory], [USUAL_PORT])

    def _strangers(self):
        return [server for server in self._living() if not is_own(server, self._scratch)]

    def running(self):
        """Return whether the restore's own server has this data directory. Raise LivingServer if another one has."""
        wait_for_none(self._strangers, NOTHING_DONE, STRANGER_SECONDS, self._host)
        return bool(self._living())

    def start(self, port, timeout):
        """Start it, for this host only, and return once it answers; one that dies is not waited for."""
        self._make_scratch()
        self._remove_stale()
        options = OPTIONS % (port, self._scratch)
        deadline = self._host.now() + timeout
        if self._control(["start", "-W", "-l", self._log, "-o", options]) != 0:
            raise self._not_started("pg_ctl says so")
        self._wait_for_answer(port, deadline, timeout)

    def _make_scratch(self):
        """Make the server's own directory, in one that only root may write to, and give it to the account."""
        above = open_directory(os.path.dirname(self._scratch)).require_own()
        place = Tree(above).place(to_bytes(os.path.basename(self._scratch)))
        place.make_directory()
        os.fchown(place.enter().descriptor, *self._account)

    def _remove_stale(self):
        """Remove the sockets, log and postmaster.pid of an earlier server: its pid may be another's by now."""
        scratch = Tree(open_directory(self._scratch))
        names = [name for name in scratch.top.names() if name.startswith(b".s.")]
        places = [scratch.place(name) for name in names + [to_bytes(os.path.basename(self._log))]]
        places.append(Tree(open_directory(self._directory)).place(b"postmaster.pid"))
        for place in places:
            if place.exists():
                place.unlink()

    def _wait_for_answer(self, port, deadline, timeout):
        birth = self._host.now() + BIRTH_SECONDS
        lived = False
        while not (is_ready("127.0.0.1", port) and self._living()):
            living = bool(self._living())
            now = self._host.now()
            if not living and (lived or now >= birth or _CAUSE.search(self._said())):
                raise self._not_started("it has ended")
            if now >= deadline:
                raise self._not_started("it does not answer within %d s" % timeout)
            lived = lived or living
            self._host.sleep(LOOK_SECONDS)

    def _not_started(self, why):
        return ServerError("PostgreSQL does not start on %s, %s: %s" % (self._directory, why, cause_in(self._said())))

    def _said(self):
        place = Tree(open_directory(self._scratch)).place(to_bytes(os.path.basename(self._log)))
        if not place.exists():
            return ""
        with os.fdopen(place.open(READ), "rb") as source:
            return native(source.read(LARGEST_LOG))

    def stop(self, timeout):
        """Stop it in good order, and return once it is gone."""
        if self._control(["stop", "-w", "-t", str(timeout), "-m", "fast"]) != 0 and self._living():
            raise ServerError("PostgreSQL on %s does not stop within %d s." % (self._directory, timeout))

    def _control(self, arguments):
        """Run pg_ctl as the owner of the data and return its exit status. What it starts outlives it."""
        command = [self._client.command("pg_ctl"), "-D", self._directory] + arguments
        environment = dict((name, value) for name, value in os.environ.items() if not name.startswith("PG"))
        environment.update(self._client.environment)
        with open(os.devnull, "r+b") as nothing:
            return _Control(
                command, stdin=nothing, stdout=nothing, stderr=nothing, close_fds=True, cwd="/", env=environment,
                preexec_fn=self._become_owner,
            ).wait()  # fmt: skip

    def _become_owner(self):
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(self._account[1])
            os.setuid(self._account[0])


class NoServer(object):
    """A store without a data directory, as after the loss of a disk: nothing runs on it, and nothing can."""

    def __init__(self, store):
        self._store = store

    def _living(self):
        """Return the servers that run, also one whose files were removed."""
        names = sorted(set(possible_directories(self._store) + inhabited(self._store)))
        return living_servers([os.path.join(self._store, name) for name in names], [USUAL_PORT])

    def running(self):
        wait_for_none(self._living, NOTHING_DONE, STRANGER_SECONDS)
        return False

    def start(self, port, timeout):
        raise ServerError("There is no data directory of PostgreSQL in %s to start a server on." % self._store)


class _Control(subprocess.Popen):
    """pg_ctl, which leaves a server behind: AnsibleModule.run_command would wait for that one's end."""


def cause_in(log):
    """Given what a server wrote, return why it did not start: the line that ended it, not the last ones."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    # While it recovers, it turns away whoever asks; that ends nothing.
    causes = [
        number
        for number, line in enumerate(lines)
        if _CAUSE.search(line) and "the database system is starting up" not in line
    ]
    panics = [number for number in causes if "PANIC:" in lines[number]]
    shown = []
    for number in panics[:1] or causes[:1]:
        shown = [line for line in lines[:number] if _BEFORE.search(line)] + [lines[number]]
        for line in lines[number + 1 :]:
            if not _MORE.search(line):
                break
            shown.append(line)
    return " / ".join(shown or lines[-LINES_SHOWN:]) or "it left no log"


def is_ready(host, port):
    """Return whether the server on a port takes connections: it asks who connects, or refuses this client."""
    names = b"user\0vcap\0database\0template1\0\0"
    try:
        connection = socket.create_connection((host, port), ANSWER_SECONDS)
    except EnvironmentError:
        return False
    try:
        connection.sendall(struct.pack("!ii", 8 + len(names), PROTOCOL) + names)
        answer = connection.recv(512)
        return answer[:1] == b"R" or (answer[:1] == b"E" and STARTING_UP not in answer)
    except EnvironmentError:
        return False
    finally:
        connection.close()


def find_server(store, packages, scratch, run_command, directory=None):
    """Return the Server of the data directory that counts: the one that was named, or the newest that can be run here.

    Where there is no data directory at all, it is a NoServer.
    """
    names = [directory] if directory else _likely(store)
    paths = [os.path.join(store, name) for name in names]
    directories = [path for path in paths if os.path.isfile(os.path.join(path, "PG_VERSION"))]
    if not directories:
        return NoServer(store)
    clients, rejected = find_clients(packages, run_command)
    able = [
        (major_of(directory), directory, client)
        for directory in directories
        for client in clients
        if client.version.major == major_of(directory) and os.access(client.command("pg_ctl"), os.X_OK)
    ]
    if not able:
        raise ServerError(
            "No PostgreSQL on this host can run what is in %s: data of %s, programs of %s."
            % (
                store,
                ", ".join(".".join(map(str, major_of(path))) for path in directories),
                ", ".join([str(client) for client in clients] + rejected) or "none",
            )
        )
    dummy, directory, client = max(able)
    return PrivateServer(directory, client, scratch)


def _likely(store):
    """Return the names of the data directories that are a server's, as far as anybody can tell."""
    told = inhabited(store)
    return [found["name"] for found in serving(store, data_directories(store, told), told)]


def bring(server, state, port, timeout, pretend):
    """Bring a Server to a state; return what was done."""
    began = uptime()
    changed = server.running() != (state == "started")
    if changed and not pretend:
        server.start(port, timeout) if state == "started" else server.stop(timeout)
    return {"changed": changed, "seconds": seconds_since(began)}
