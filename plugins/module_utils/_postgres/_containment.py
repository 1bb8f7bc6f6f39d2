# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Contains a program that executes SQL of others, by means of the operating system.

It starts no program, opens no socket but the one that it is asked through, and reads and writes nothing but its own
directory and what it is made of. Three means, of which each that this host has is used: a filter for system calls;
namespaces, made by root, or by anybody where the kernel lets everybody; Landlock. To limit the files that can be seen
takes one of the last two, and Landlock alone needs the filter.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import ctypes
import fcntl
import glob
import os
import platform
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
from collections import namedtuple

from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._text import native
from ansible_collections.microbosh.director.plugins.module_utils._postgres import _landlock as landlock
from ansible_collections.microbosh.director.plugins.module_utils._postgres import _seccomp as seccomp
from ansible_collections.microbosh.director.plugins.module_utils._postgres._namespaces import Namespaces

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
# Of one process, the shared memory of the server included: what a row of a director needs is a thousandth of it.
MEMORY = 1 << 30
ROOT, USER = "namespaces that root makes", "namespaces of users"
LANDLOCK, FILTER = "Landlock", "a filter for system calls"
MEANS = (ROOT, USER, LANDLOCK, FILTER)

Places = namedtuple("Places", "programs readable devices writable")


class ContainmentError(DirectorError):
    """A program that executes SQL of others could not be contained."""


def places_of(package, writable):
    """Return what a PostgreSQL server of a package needs to see of the host; of that, ``writable`` is its own."""
    package = os.path.realpath(package)
    readable = [os.path.join(package, name) for name in ("lib", "lib64", "share")] if package != "/usr" else []
    readable += ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache"]
    readable += ["/usr/share/" + name for name in ("pgsql", "postgresql", "zoneinfo")]
    loaders = glob.glob("/lib*/ld-*.so*") + glob.glob("/lib/*/ld-*.so*")
    return Places(
        [os.path.join(package, "bin", "postgres")] + sorted(set(os.path.realpath(path) for path in loaders)),
        [path for path in readable if os.path.exists(path)],
        ["/dev/null", "/dev/urandom", "/dev/zero"],
        list(writable),
    )


def _become(account):
    if account:
        os.setgroups([])
        os.setgid(account[1])
        os.setuid(account[0])


class Containment(object):
    """The means that are used, of those that this host has."""

    def __init__(self, means, account=None):
        self.means = tuple(means)
        self.account = account
        self._libc = ctypes.CDLL(None, use_errno=True)

    def enter(self, root, places, secret):
        """Contain this very process, for ever; ``root`` is an empty directory. Raise OSError if a means fails."""
        self._see(ROOT, root, places)
        _become(self.account)
        self._see(USER, root, places)
        self._libc.prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if self._libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "no_new_privs: %s" % os.strerror(ctypes.get_errno()))
        if LANDLOCK in self.means:
            landlock.restrict(self._libc, places)
        if FILTER in self.means:
            seccomp.install(self._libc, secret)

    def _see(self, kind, root, places):
        if kind in self.means:
            namespaces = Namespaces(self._libc)
            namespaces.leave(kind == ROOT)
            namespaces.show_only(platform.machine(), root, places)

    def become(self, root, places, command, environment):
        """In a child: become a program that is contained; end this process with its message if that is not possible."""
        try:
            for name in os.listdir("/proc/self/fd"):
                _close_at_start(int(name))
            secret = seccomp.new_secret()
            self.enter(root, places, secret)
            if FILTER in self.means:
                seccomp.start(self._libc, secret, [_raw(word) for word in command],
                              [_raw("%s=%s" % item) for item in sorted(environment.items())])
            os.execve(command[0], command, environment)
        except BaseException as error:
            os.write(2, _raw("error: it could not be contained: %s\n" % error))
        os._exit(126)

    def missing(self, root, places):
        """In a child: contain this process, and return what it can do all the same, or None if it can do nothing."""
        self.enter(root, places, seccomp.new_secret())
        for attempt, what in ((_read_a_file, "read /etc/passwd"), (_write_a_file, "write into /tmp"),
                              (_start_a_program, "start a program"), (_open_a_socket, "reach a network")):
            if attempt():
                return "it could %s" % what
        return None


def _raw(text):
    return text if isinstance(text, bytes) else text.encode("utf-8")


def _close_at_start(descriptor):
    """Let a descriptor end with the program that is begun, but for those of input, output and messages."""
    if descriptor > 2:
        try:
            fcntl.fcntl(descriptor, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
        except EnvironmentError:  # the one that the directory was listed by
            return


def _read_a_file():
    try:
        os.close(os.open("/etc/passwd", os.O_RDONLY))
    except EnvironmentError:
        return False
    return True


def _write_a_file():
    try:
        descriptor, path = tempfile.mkstemp(dir="/tmp")
    except EnvironmentError:
        return False
    os.close(descriptor)
    os.unlink(path)
    return True


def _start_a_program():
    child = os.fork()
    if child == 0:
        try:
            os.execv("/bin/true", ["true"])
        finally:
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


def _open_a_socket():
    """Return whether a packet could leave: a network namespace has a network with nothing in it."""
    try:
        probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            probe.connect(("192.0.2.1", 9))
        finally:
            probe.close()
    except (EnvironmentError, socket.error):
        return False
    return True


class _Trial(subprocess.Popen):
    """A process of its own, which run_command cannot prepare."""


def _tried(containment, parent, package):
    """Return why a containment does not hold on this host, or None if it does: it is tried in a process of its own."""
    root = tempfile.mkdtemp(prefix="microbosh-containment-", dir=parent)
    if containment.account:
        os.chown(root, *containment.account)
    try:
        trial = _Trial(
            ["true"], stdout=subprocess.PIPE, close_fds=True, preexec_fn=lambda: _try(containment, root, package))
        said = native(trial.communicate()[0])
        return None if said == "contained" else said or "it was killed"
    finally:
        shutil.rmtree(root)


def _try(containment, root, package):
    """In a child: say on standard output whether the containment holds, and end."""
    said = "it was killed"
    try:
        said = containment.missing(root, places_of(package, [])) or "contained"
    except BaseException as error:
        said = str(error)
    finally:
        os.write(1, _raw(said))
        os._exit(0)


def _alternatives(allowed):
    """Return the sets of means to try, the strongest first."""
    there = ctypes.CDLL(None, use_errno=True)
    usable = {LANDLOCK: landlock.version(there) > 0, FILTER: seccomp.machine() is not None}
    beside = [means for means in (LANDLOCK, FILTER) if usable[means] and means in allowed]
    views = [[view] for view in ([ROOT] if os.geteuid() == 0 else []) + [USER] if view in allowed]
    found = [view + beside for view in views]
    return found + ([beside] if LANDLOCK in beside and FILTER in beside else [])


def find_containment(package, parent, account, allowed=MEANS):
    """Return the strongest containment that holds on this host; raise ContainmentError if none does, and say why."""
    reasons = []
    for means in _alternatives(allowed):
        containment = Containment(means, account)
        reason = _tried(containment, parent, package)
        if reason is None:
            return containment
        reasons.append("%s: %s" % (" and ".join(means), reason))
    raise ContainmentError(
        "What a dump makes a server do cannot be contained on this controller, so it is not loaded. Tried were %s. It "
        "needs a kernel with Landlock (5.13 or newer), or one that lets this user make namespaces. A verification "
        "without a rehearsal needs neither."
        % ("; ".join(reasons) or "nothing: neither Landlock nor namespaces are there")
    )
