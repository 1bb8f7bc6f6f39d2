# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The director's own PostgreSQL, started without monit, on a port that nothing else knows of.

``monit start postgres`` may start everything that depends on it. A restore needs the server alone.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import glob
import os
import subprocess

from ansible_collections.microbosh.director.plugins.module_utils._clock import seconds_since, uptime
from ansible_collections.microbosh.director.plugins.module_utils._dump import native
from ansible_collections.microbosh.director.plugins.module_utils._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._postgres import find_clients

NOT_RUNNING = 3
LINES_SHOWN = 3


class ServerError(DirectorError):
    """The server does not start or stop."""


def major_of(directory):
    """Return what PG_VERSION in a data directory says, as a version's major."""
    with open(os.path.join(directory, "PG_VERSION")) as source:
        return tuple(int(number) for number in source.read().strip().split("."))


class Server(object):
    """A data directory and the programs of its version."""

    def __init__(self, directory, client, scratch):
        self._directory = directory
        self._client = client
        self._scratch = scratch
        found = os.stat(directory)
        self._account = found.st_uid, found.st_gid

    def running(self):
        """Whether a server has this data directory."""
        return self._control(["status"]) == 0

    def start(self, port, timeout):
        """Start it, for this host only, and return once it answers."""
        if not os.path.isdir(self._scratch):
            os.mkdir(self._scratch, 0o700)
        os.chown(self._scratch, *self._account)
        log = os.path.join(self._scratch, "server.log")
        options = "-h 127.0.0.1 -p %d -k %s" % (port, self._scratch)
        if self._control(["start", "-w", "-t", str(timeout), "-l", log, "-o", options]) != 0:
            raise ServerError("PostgreSQL does not start on %s: %s" % (self._directory, _last_lines(log)))

    def stop(self, timeout):
        """Stop it in good order, and return once it is gone."""
        if self._control(["stop", "-w", "-t", str(timeout), "-m", "fast"]) != 0:
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

    def running(self):
        return False

    def start(self, port, timeout):
        raise ServerError("There is no data directory of PostgreSQL in %s to start a server on." % self._store)


class _Control(subprocess.Popen):
    """pg_ctl, which leaves a server behind: AnsibleModule.run_command would wait for that one's end."""


def _last_lines(path):
    if not os.path.exists(path):
        return "it left no log"
    with open(path, "rb") as source:
        return " / ".join(native(source.read()).strip().splitlines()[-LINES_SHOWN:])


def find_server(store, packages, scratch, run_command):
    """Return the Server of the newest data directory in the store that the programs on this host can run.

    Where there is no data directory at all, it is a NoServer.
    """
    directories = [os.path.dirname(path) for path in sorted(glob.glob(os.path.join(store, "postgres*", "PG_VERSION")))]
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
    return Server(directory, client, scratch)


def bring(server, state, port, timeout, pretend):
    """Bring a Server to a state; return what was done."""
    began = uptime()
    changed = server.running() != (state == "started")
    if changed and not pretend:
        server.start(port, timeout) if state == "started" else server.stop(timeout)
    return {"changed": changed, "seconds": seconds_since(began)}
