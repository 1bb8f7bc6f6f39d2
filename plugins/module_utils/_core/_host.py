# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The director's monotonic clock and process table, read from the kernel."""

from __future__ import absolute_import, division, print_function

import os
import pwd
import time

from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._files import small_text

__metaclass__ = type

RUN_DIRECTORY = "/var/vcap/sys/run"
VCAP = "/var/vcap/"
TICKS = os.sysconf("SC_CLK_TCK")
SLACK = 2.0  # seconds by which a pid file may seem older than the process that it names: its time since boot is rounded


class ProcessesHidden(DirectorError):
    """This user cannot see the processes of others, so nothing can be said about them."""


class NoSuchUser(DirectorError):
    """An account that the host does not have."""


def passwd_entry(user):
    """Return what the host knows of an account, or raise NoSuchUser."""
    try:
        return pwd.getpwnam(user)
    except KeyError:
        raise NoSuchUser("There is no user %s on this host." % user)


class Host(object):
    """The clock and the process table of the machine that the module runs on."""

    def __init__(self, proc="/proc", run_directory=RUN_DIRECTORY):
        self._proc = proc
        self._run_directory = run_directory

    def now(self):
        """Return the seconds since boot: a clock that nobody sets, and the same one for every process of the host."""
        with open(os.path.join(self._proc, "uptime")) as uptime:
            return float(uptime.read().split()[0])

    def sleep(self, seconds):
        time.sleep(seconds)

    def birth(self, pid):
        """Return when the process began, in clock ticks since boot, or None if it is gone. A zombie is gone."""
        try:
            with open(os.path.join(self._proc, str(pid), "stat")) as stat:
                text = stat.read()
        except (IOError, OSError):
            return None
        # The command's name, in parentheses, may hold spaces and parentheses itself.
        fields = text[text.rindex(")") + 1 :].split()
        return None if fields[0] in "ZXx" else int(fields[19])

    def age(self, pid):
        """Return the seconds that a process has lived, None if it is gone."""
        birth = self.birth(pid)
        return None if birth is None else self.now() - float(birth) / TICKS

    def is_somebody_elses(self, pidfile, pid):
        """Return whether a pid file names another process, which has got the pid of one that is gone.

        It began after the file was written, and nothing in it is of the director. The time alone would not do: somebody
        may have set the clock in between.
        """
        birth = self.birth(pid)
        if birth is None:
            return False
        try:
            written = os.stat(pidfile).st_mtime
            began = self._booted() + float(birth) / TICKS
        except (IOError, OSError, ValueError):
            return False
        return began > written + SLACK and not self._of_director(pid)

    def _booted(self):
        with open(os.path.join(self._proc, "stat")) as stat:
            for line in stat:
                if line.startswith("btime "):
                    return int(line.split()[1])
        raise ValueError("no btime")

    def _of_director(self, pid):
        for name in ("exe", "cwd"):
            try:
                if os.readlink(os.path.join(self._proc, str(pid), name)).startswith(VCAP):
                    return True
            except (IOError, OSError):
                continue  # of another user
        try:
            with open(os.path.join(self._proc, str(pid), "cmdline"), "rb") as cmdline:
                return VCAP.encode("ascii") in cmdline.read()
        except (IOError, OSError):
            return True  # who cannot look does not judge

    def require_sight(self):
        """Raise ProcessesHidden on a host that hides other users' processes (mount option hidepid)."""
        if self.birth(1) is None:
            raise ProcessesHidden(
                "This user cannot see the processes of other users in %s (mount option hidepid), so there is no way to "
                "tell whether a service lives. Mount it without hidepid, or let this user's group see it (gid=)."
                % self._proc
            )

    def pidfiles(self):
        """Return ``[(path, pid)]`` for every readable pidfile of a job."""
        found = []
        for directory, _directories, files in os.walk(self._run_directory):
            for name in files:
                if name.endswith(".pid"):
                    path = os.path.join(directory, name)
                    pid = _read_pid(path)
                    if pid:
                        found.append((path, pid))
        return found


def _read_pid(path):
    try:
        return int(small_text(path).partition("\n")[0])
    except (IOError, OSError, ValueError):
        return None


def services_of_pidfile(path):
    """Given a pidfile's path, return the names that monit may know its service by.

    ``run/nats/nats.pid`` is nats, ``run/director/worker_1.pid`` is worker_1, ``run/bpm/director/nginx.pid`` is
    director_nginx and ``run/bpm/nats/bosh-nats-sync.pid`` is bosh_nats_sync.
    """
    directory, name = os.path.split(path)
    base = name[: -len(".pid")].replace("-", "_")
    job = os.path.basename(directory).replace("-", "_")
    return frozenset((base, job + "_" + base))
