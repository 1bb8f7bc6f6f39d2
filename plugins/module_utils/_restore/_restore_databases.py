# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL on the director as a restore finds it: its directories, its programs, and the servers that run."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import platform

from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._files import small_text
from ansible_collections.microbosh.director.plugins.module_utils._core._host import Host
from ansible_collections.microbosh.director.plugins.module_utils._postgres._data_directories import (
    data_directories,
    is_usual,
    possible_directories,
    serving,
)
from ansible_collections.microbosh.director.plugins.module_utils._postgres._empty_directory import maker_facts
from ansible_collections.microbosh.director.plugins.module_utils._postgres._file_layout import (
    DUMP,
    FILES,
    choose,
    libc_version,
    live_of,
    numbers_of,
)
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres import PostgresError, find_clients
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres_living import (
    USUAL_PORT,
    Processes,
    answers,
    inhabited,
    is_own,
    living_servers,
    require_none,
)


class HostDatabases(object):
    """The data directories and programs of PostgreSQL below /var/vcap."""

    def __init__(self, root, packages, scratch, run_command, noted=None):
        """Keep the places; ``noted`` is the directory below the store that the marker of an open restore names."""
        self._root = root
        self._store = os.path.join(root, "store")
        self._run_directory = os.path.join(root, "sys", "run")
        self._packages = packages
        self._scratch = scratch
        self._run_command = run_command
        self._noted = [noted] if noted else []
        self._directories = None

    @property
    def directories(self):
        """Return the data directories, as they were at the first call."""
        if self._directories is None:
            self._directories = data_directories(self._store, inhabited(self._store))
        return self._directories

    def living(self):
        """Return the servers that run on any of the directories, or on one that a server's process works in."""
        told = self._noted + inhabited(self._store)
        names = possible_directories(self._store, told)
        names += [name for name in told if name not in names]  # its files are gone
        return living_servers([os.path.join(self._store, name) for name in names], [USUAL_PORT])

    def in_use(self, chosen):
        """Return the data directories that a restore by dump leaves alone; an operator's copies do not count."""
        keep = [chosen] + inhabited(self._store)
        return [found["name"] for found in self.directories if is_usual(found["name"]) or found["name"] in keep]

    def require_none(self, what):
        """Raise LivingServer if one lives."""
        require_none(self.living(), what)

    def facts(self, like=None):
        """Return the facts that decide how databases come back; ``like`` is the name of the backup's directory."""
        majors = self._majors()
        living = self._living_names()
        live = living[0] if living else self._likely(majors, like)
        facts = {
            "postgres": self.directories,
            "live": live,
            "inhabited": living,
            "majors": majors,
            "architecture": platform.machine(),
            "libc": libc_version(),
        }
        return facts if live else dict(facts, **self._maker(majors))

    def _maker(self, majors):
        """Return what would make a data directory where there is none; of one without a version, the newest counts."""
        if self.directories:
            copy = os.path.join(self._store, self.directories[0]["name"])
            return {"maker": None, "no_maker": "%s looks like one: move it away, to where it is kept" % copy}
        facts = maker_facts(self._root)
        if facts["maker"] and not facts["maker"]["major"]:
            facts["maker"]["major"] = (majors or [""])[-1]
        return facts

    def _majors(self):
        """Return the majors whose servers can be run here."""
        try:
            clients = find_clients(self._packages, self._run_command)[0]
        except PostgresError:
            return []
        able = [client for client in clients if os.access(client.command("pg_ctl"), os.X_OK)]
        return sorted(set(".".join(str(number) for number in client.version.major) for client in able), key=numbers_of)

    def _living_names(self):
        """Return the directories that servers live on. One whose files are gone decides nothing."""
        names = [found["name"] for found in self.directories]
        living = [os.path.relpath(server.directory, self._store) for server in self.living()]
        return [name for name in living if name in names]

    def _likely(self, majors, like):
        """Return the directory of the newest server that can be run."""
        known = [numbers_of(major) for major in majors]
        likely = serving(self._store, self.directories, [like])
        able = [found for found in likely if numbers_of(found["major"]) in known]
        return live_of(able or likely, like=like)

    def require_sole(self):
        """Raise LivingServer where a server lives that a stop of the services would not stop."""
        living = [server for server in self.living() if not is_own(server, self._scratch)]
        strangers = [server for server in living if server.pid and not self._is_known(server)]
        if len(living) > 1 or strangers:
            require_none(strangers or living, "Monit knows of no more than one. Nothing was touched.")

    def _is_known(self, server):
        """Return whether a pid file, as monit reads them, names a server, or what it was started by or has started."""
        processes = Processes()
        pids = set(pid for dummy, pid in Host(run_directory=self._run_directory).pidfiles())
        pids.add(_first_pid(os.path.join(server.directory, "postmaster.pid")))
        above = set(_ancestors(server.pid, processes))
        return bool(above & pids) or any(server.pid in _ancestors(pid, processes) for pid in pids if pid)


def _first_pid(path):
    try:
        return int(small_text(path).partition("\n")[0])
    except (EnvironmentError, ValueError):
        return None


def _ancestors(pid, processes):
    """Return a process and everything above it but the first one."""
    found = []
    while pid and pid > 1 and pid not in found:
        found.append(pid)
        pid = processes.parent(pid)
    return found


def require_free(port, scratch):
    """Raise DirectorError if another process has the port that a restore's own server needs."""
    if answers(("127.0.0.1", port)) or Processes().has_port(port):
        raise DirectorError(
            "Port %d is in use on the director, and a restore needs it for a PostgreSQL of its own. Nothing was "
            "touched. Find who has it (ss -ltnp), or wait for another restore." % port
        )


def way_back(asked, source, host):
    """Given what was asked for, what restore_source told, and HostDatabases, return how the databases come back."""
    host.require_sole()
    facts = host.facts(source.get("live") if source else None)
    database, why = choose(asked, source, facts) if source else (asked, "")
    target = source.get("live") if source and database == FILES else facts["live"]
    maker = facts.get("maker") if source and database == DUMP and not target else None
    if maker:
        target = maker["data_directory"]
        why += ", into an empty data directory that %(program)s makes once all is stopped, as there is none" % maker
    return {
        "database": database,
        "why": why,
        "data_directory": target,
        "maker": maker["program"] if maker else "",
        "host": facts,
    }
