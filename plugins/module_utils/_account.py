# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user of backups runs on a director, and what it could have left there to come back by."""

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
from ansible_collections.microbosh.director.plugins.module_utils._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._files import sha256
from ansible_collections.microbosh.director.plugins.module_utils._mtree import readable

PROC = "/proc"
PID_FILES = ("/var/vcap/sys/run/*.pid", "/var/vcap/sys/run/*/*.pid", "/var/vcap/sys/run/bpm/*/*.pid")
PATIENCE = 20.0
MOST = 200
DEEPEST = 5
SPOOLS = ("/var/spool/cron/crontabs", "/var/spool/cron/tabs", "/var/spool/cron", "/var/lib/systemd/linger")
JOBS = ("/var/spool/cron/atjobs", "/var/spool/at", "/var/spool/atjobs")
SHARED = ("tmp", "var/tmp", "dev/shm")  # below /
_TITLE = re.compile(b"^sshd(?:-session)?: (\\S+?)(?:@\\S*)?(?: \\[.*)?$")


class Process(object):
    """A process, as /proc has it."""

    def __init__(self, pid, uids, parent, words, by_ssh):
        self.pid = pid
        self.uids = uids
        self.parent = parent
        self.words = words
        self.by_ssh = by_ssh

    def is_session_of(self, name):
        """Whether it is sshd's process for a connection of an account."""
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
        return Process(int(pid), uids, int(status[b"PPid"]), words, by_ssh)
    except (EnvironmentError, KeyError, ValueError):
        return None


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


def services():
    """Return the pids that the pid files of the director's services name."""
    found = set()
    for pattern in PID_FILES:
        for path in glob.glob(pattern):
            try:
                with open(path, "rb") as source:
                    found.add(int(source.read(32).split()[0]))
            except (EnvironmentError, ValueError, IndexError):
                continue
    return found


def chosen(there, name, uid, own, me, spared=()):
    """Given all processes, return the pids of those to end: all of a user of its own, else those that came by ssh.

    Those by which this very program runs stay, and services that somebody once started from a session by ssh.
    """
    mine = set(ancestors(there, me))
    theirs = [one for one in there.values() if uid in one.uids and one.pid not in mine]
    if own:
        return sorted(one.pid for one in theirs)
    sessions = set(one.pid for one in theirs if one.is_session_of(name))
    return sorted(
        one.pid for one in theirs if _came_by(there, one, sessions, spared) and not _is_ours(there, one, mine, name)
    )


def _came_by(there, one, sessions, spared):
    line = set(ancestors(there, one.pid))
    return bool(sessions & line) or (one.by_ssh and not line & set(spared))


def _is_ours(there, one, mine, name):
    """Whether it belongs to the connection by which this program came: another task's, or a forward's."""
    return any(pid in mine and there[pid].is_session_of(name) for pid in ancestors(there, one.pid))


def end(name, uid, own, dry_run=False):
    """End what a user runs; return what that was. Raise DirectorError if something is still there."""
    ended, began = {}, time.time()
    while True:
        there = processes()
        pids = chosen(there, name, uid, own, os.getpid(), services())
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


def leftovers(name, uid, home, staging):
    """Return what a user could have left to come back by, as a person reads it; nothing is opened but to compare it."""
    found = []
    for directory in SPOOLS:
        found += [os.path.join(directory, name)] if os.path.isfile(os.path.join(directory, name)) else []
    for directory in JOBS:
        found += [path for path, status in _files(directory, 0) if status.st_uid == uid]
    found += [path for path, dummy in _files(home, DEEPEST) if not _as_made(path, home)]
    found += [path for path, status in _files(os.path.dirname(staging), 0) if status.st_uid == uid]
    for directory in SHARED:
        found += [path for path, status in _files(os.path.join(os.sep, directory), 2) if status.st_uid == uid]
    return [_described(path) for path in found[:MOST]]


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
    """Whether a file of a home is the one that a new account gets."""
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
