# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backup user's processes on a director, and what a stolen key could have left there to return by."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import errno
import glob
import os
import re
import signal
import stat
import time

from ansible.module_utils.common.text.converters import to_bytes
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._files import sha256
from ansible_collections.microbosh.director.plugins.module_utils._services._processes import PROGRAM, parse_records
from ansible_collections.microbosh.director.plugins.module_utils._tree._mtree import readable

PROC = "/proc"
PID_FILES = ("/var/vcap/sys/run/*.pid", "/var/vcap/sys/run/*/*.pid", "/var/vcap/sys/run/bpm/*/*.pid")
PATIENCE = 20.0
MOST = 200
DEEPEST = 5
SPOOLS = ("/var/spool/cron/crontabs", "/var/spool/cron/tabs", "/var/spool/cron", "/var/lib/systemd/linger")
JOBS = ("/var/spool/cron/atjobs", "/var/spool/at", "/var/spool/atjobs")
# Files that run something or let someone in; listed first, as a thief can make any number of others.
ALIVE = (
    ".ssh/authorized_keys", ".ssh/authorized_keys2", ".ssh/rc", ".ssh/environment", ".ssh/config", ".profile",
    ".bash_profile", ".bash_login", ".bashrc", ".bash_logout", ".bash_aliases", ".zshenv", ".zshrc", ".pam_environment",
    ".popt", ".monitrc", ".rhosts", ".shosts", ".k5login", ".forward", ".procmailrc",
)
UNITS = (".config/systemd/user", ".local/share/systemd/user", ".config/environment.d")
SHARED = ("tmp", "var/tmp", "dev/shm")  # below /
# Directories of the programs of the director's services; the first two are links into data.
PROGRAMS = tuple("/var/vcap/" + place for place in ("packages/", "jobs/", "bosh/", "data/packages/", "data/jobs/"))
# Where systemd puts all that comes out of a login, and logind did before it: no process without rights leaves that.
_OF_A_LOGIN = re.compile(br"^[0-9]+:[^:\n]*:(/(?:[^\n]*/)?(?:user\.slice|[0-9]+\.user)/[^\n]*)$", re.MULTILINE)
_TITLE = re.compile(b"^sshd(?:-session)?: (\\S+?)(?:@\\S*)?(?: \\[.*)?$")


class Process(object):
    """A process, as /proc has it."""

    def __init__(self, pid, uids, parent, words, by_ssh, login=None):
        """Keep a process; ``by_ssh`` is what its environment says, ``login`` the control group of its login."""
        self.pid = pid
        self.uids = uids
        self.parent = parent
        self.words = words
        self.by_ssh = by_ssh
        self.login = login

    def is_session_of(self, name):
        """Return whether it is sshd's process for a connection of an account."""
        title = _TITLE.match(self.words.split(b"\0", 1)[0])
        return bool(title) and title.group(1) == to_bytes(name)

    def described(self):
        return "%d %s" % (self.pid, readable(self.words.replace(b"\0", b" ").strip()[:120]))


def _content(*path):
    with open(os.path.join(PROC, *path), "rb") as source:
        return source.read()


def process(pid):
    """Return a Process, None if it has ended."""
    try:
        status = dict(line.split(b":", 1) for line in _content(pid, "status").splitlines() if b":" in line)
        if status[b"State"].split()[:1] == [b"Z"]:
            return None
        uids = set(int(word) for word in status[b"Uid"].split())
        words = _content(pid, "cmdline") or status[b"Name"].strip()
        by_ssh = b"SSH_CONNECTION=" in _content(pid, "environ")
        return Process(int(pid), uids, int(status[b"PPid"]), words, by_ssh, _login(pid))
    except (EnvironmentError, KeyError, ValueError):
        return None


def _login(pid):
    """Return the control group of the login that a process came out of, None if that does not tell."""
    try:
        found = _OF_A_LOGIN.search(_content(pid, "cgroup"))
    except EnvironmentError:  # a kernel without them
        return None
    return found.group(1) if found else None


def processes():
    """Return {pid: Process}."""
    found = [process(pid) for pid in os.listdir(PROC) if pid.isdigit()]
    return dict((one.pid, one) for one in found if one is not None)


def ancestors(there, pid):
    """Return a process and all above it."""
    line = []
    while pid in there and pid not in line:
        line.append(pid)
        pid = there[pid].parent
    return line


def services(run_command):
    """Return the pids of the director's services: of a program of its own, and named by a pid file that monit knows.

    A process that runs as the director may write such a file, and start a program of the director's: one that a pid
    file spares is reported if anything else says that it came by a login.
    """
    return set(pid for pid in _named(run_command) if _program(pid).startswith(PROGRAMS))


def _named(run_command):
    try:
        code, out, dummy = run_command([PROGRAM], handle_exceptions=False)
        records = None if code else parse_records(out)
    except EnvironmentError:  # a host that was set up before there was this program
        records = None
    if records is None:
        return _in_pid_files()
    return set(record["pid"] for record in records.values() if record.get("alive"))


def _in_pid_files():
    found = set()
    for pattern in PID_FILES:
        for path in glob.glob(pattern):
            try:
                with open(path, "rb") as source:
                    found.add(int(source.read(32).split()[0]))
            except (EnvironmentError, ValueError, IndexError):
                continue
    return found


def _program(pid):
    try:
        return os.readlink(os.path.join(PROC, str(pid), "exe"))
    except EnvironmentError:
        return ""


def chosen(there, name, uid, own, me, spared=()):
    """Given all processes, return the pids of those to end: all of a user of its own, else those that came by a login.

    The processes that this program runs by stay, and services that an operator once started from an ssh session.
    """
    mine = set(ancestors(there, me))
    theirs = [one for one in there.values() if uid in one.uids and one.pid not in mine]
    if own:
        return sorted(one.pid for one in theirs)
    sessions = set(one.pid for one in theirs if one.is_session_of(name))
    told = _Logins(there)
    came = [one for one in theirs if _came_by(there, one, sessions, spared, told)]
    return sorted(one.pid for one in came if not _is_ours(there, one, mine, name))


def unexplained(there, name, uid, me, spared):
    """Return the pids of what a user runs that neither is one of these services nor came out of one.

    A service's process with traces of a login is among them: it was started by hand, or another one was put in its
    place.
    """
    mine = set(ancestors(there, me))
    told = _Logins(there)
    theirs = [one for one in there.values() if uid in one.uids and one.pid not in mine]
    return sorted(
        one.pid for one in theirs
        if (told.has(one) or not set(ancestors(there, one.pid)) & set(spared)) and not _is_ours(there, one, mine, name)
    )


class _Logins(object):
    """The processes that came out of a login, as far as can be told."""

    def __init__(self, there):
        # If root started monit in a login of its own, all services are in the control group of that.
        plain = [one for one in there.values() if one.pid == 1 or (one.uids == set([0]) and _is_monit(one))]
        self._plain = [one.login for one in plain if one.login]

    def has(self, one):
        return one.by_ssh or (one.login is not None and not any(self._is_below(one.login, top) for top in self._plain))

    @staticmethod
    def _is_below(path, top):
        return (path + b"/").startswith(top + b"/")


def _is_monit(one):
    return os.path.basename(one.words.split(b"\0", 1)[0]).startswith(b"monit")


def _came_by(there, one, sessions, spared, told):
    line = set(ancestors(there, one.pid))
    return bool(sessions & line) or (told.has(one) and not line & set(spared))


def _is_ours(there, one, mine, name):
    """Return whether it belongs to the connection by which this program came: another task's, or a forward's."""
    return any(pid in mine and there[pid].is_session_of(name) for pid in ancestors(there, one.pid))


def end(name, uid, own, run_command, dry_run=False):
    """End a user's processes; return them as lines. Raise DirectorError if one is still there."""
    ended, began, spared = {}, time.time(), services(run_command)
    while True:
        there = processes()
        pids = chosen(there, name, uid, own, os.getpid(), spared)
        ended.update((pid, there[pid].described()) for pid in pids)
        if not pids or dry_run:
            return [ended[pid] for pid in sorted(ended)]
        if time.time() - began > PATIENCE:
            raise DirectorError("Processes of %s do not end: %s." % (name, "; ".join(ended[pid] for pid in pids)))
        for how in (signal.SIGSTOP, signal.SIGKILL):  # stopped first, none starts another one
            for pid in pids:
                _signal(pid, how)
        time.sleep(0.1)


def _signal(pid, how):
    try:
        os.kill(pid, how)
    except OSError as error:
        if error.errno != errno.ESRCH:  # it has ended
            raise


def others(name, uid, own, run_command):
    """Return a user's processes that no service accounts for, as lines, without those that ``end`` ends."""
    there, me, spared = processes(), os.getpid(), services(run_command)
    pids = sorted(set(unexplained(there, name, uid, me, spared)) - set(chosen(there, name, uid, own, me, spared)))
    listed = ["process %s (%s)" % (there[pid].described(), _program(pid) or "no program") for pid in pids[:MOST]]
    return listed + _more(pids, "processes")


def leftovers(name, uid, home, staging):
    """Return what a user could have left to log in again by, as lines; a file is opened only to compare it."""
    found = []
    for directory in SPOOLS:
        found += [os.path.join(directory, name)] if os.path.isfile(os.path.join(directory, name)) else []
    for directory in JOBS:
        found += [path for path, status in _files(directory, 0) if status.st_uid == uid]
    alive = [path for path in [os.path.join(home, name) for name in ALIVE] if os.path.lexists(path)]
    alive += [path for name in UNITS for path, dummy in _files(os.path.join(home, name), 1)]
    files = alive + [path for path, dummy in _files(home, DEEPEST) if path not in alive]
    found += [path for path in files if not _as_made(path, home)]
    found += [path for path, status in _files(os.path.dirname(staging), 0) if status.st_uid == uid]
    for directory in SHARED:
        found += [path for path, status in _files(os.path.join(os.sep, directory), 2) if status.st_uid == uid]
    return [_described(path) for path in found[:MOST]] + _more(found, "files")


def _more(found, what):
    """Return a line that tells how many more were found than are listed; too many may hide one that matters."""
    return ["%d or more %s besides, which are not listed" % (len(found) - MOST, what)] if len(found) > MOST else []


def _files(top, depth):
    """Return (path, status) of what is no directory, down to a depth. No link is followed."""
    try:
        names = sorted(os.listdir(top))
    except EnvironmentError:
        return []
    found = []
    for path in [os.path.join(top, name) for name in names]:
        try:
            status = os.lstat(path)
        except EnvironmentError:
            continue
        if not stat.S_ISDIR(status.st_mode):
            found.append((path, status))
        elif depth > 0:
            found += _files(path, depth - 1)
    return found[: MOST * 10]


def _as_made(path, home):
    """Return whether a file of a home is the one that a new account gets."""
    model = os.path.join("/etc/skel", os.path.relpath(path, home))
    try:
        return os.path.isfile(model) and not os.path.islink(path) and sha256(model) == sha256(path)
    except EnvironmentError:
        return False


def _described(path):
    try:
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(os.lstat(path).st_mtime))
    except EnvironmentError:
        when = "gone meanwhile"
    return "%s (%s)" % (readable(to_bytes(path)), when)
