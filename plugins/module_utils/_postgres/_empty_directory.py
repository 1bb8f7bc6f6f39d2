# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which program of a director makes an empty data directory of PostgreSQL, and running it.

On a director of today that is the job's pre-start, which the agent runs at each deployment; before bpm it was the ctl
that monit calls, at each start. Both upgrade or remove what other versions left in the store: so they are run only
where there is nothing of that kind. They run as root, so nobody else may have had a hand in them.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import re
import signal
import stat
import subprocess
import tempfile
from collections import namedtuple

from ansible.module_utils.common.text.converters import to_native
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._files import small_text
from ansible_collections.microbosh.director.plugins.module_utils._core._host import Host
from ansible_collections.microbosh.director.plugins.module_utils._core._text import native
from ansible_collections.microbosh.director.plugins.module_utils._postgres._data_directories import (
    PARENT,
    is_usual,
    names_in,
)
from ansible_collections.microbosh.director.plugins.module_utils._postgres._file_layout import TRACKED_LIBC
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres_living import Processes
from ansible_collections.microbosh.director.plugins.module_utils._tree._openat import NOT_THERE, open_directory

STORE, JOBS = "store", "jobs"
CONFIGURATION = os.path.join("config", "postgresql.conf")
# What makes it, with its arguments, and those that end what it leaves behind.
PROGRAMS = (("pre-start", [], None), ("postgres_ctl", ["start"], ["stop"]))
# What the agent gives to the first, and monit to the second.
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
INITDB = "initdb"
# What a start without a data directory leaves: bpm makes the directory, and the job copies this there. The pre-start
# takes that for a whole one.
LEFT = ("postgresql.conf",)
# Seconds for a program that was asked to end, and for one that somebody else's end has left.
END_SECONDS = 10
LEFT_SECONDS = 300
LOOK_SECONDS = 0.2
# How much of what it says is read, how much is shown, and how much ends it.
LAST_BYTES = 4096
LAST_LINES = 8
MOST_BYTES = 16 * 1024 * 1024
_OF_A_JOB = re.compile(r"/%s/%s[^ ]*/bin/(%s)$" % (JOBS, PARENT, "|".join(program[0] for program in PROGRAMS)))
_SETTING = re.compile(r"^\s*data_directory\s*=\s*'([^']+)'", re.MULTILINE)


class NoMaker(DirectorError):
    """Nothing on the director makes a data directory, or nothing that root may run."""


class NotMade(DirectorError):
    """A program of the director's did not make a data directory."""


class Maker(namedtuple("Maker", "program path start stop data_directory")):
    """A program that makes a data directory: as a person calls it and as it is run, and the name below the store."""

    __slots__ = ()

    @property
    def major(self):
        """Return the version in the name of the directory, "" if there is none in it."""
        return os.path.basename(self.data_directory).partition("-")[2]


def find_maker(root):
    """Return the Maker of the one job of PostgreSQL that a director has; raise NoMaker if that cannot be run."""
    jobs = os.path.join(root, JOBS)
    found = [maker for maker in (_maker_of(root, name) for name in names_in(jobs, PARENT)) if maker]
    if len(found) > 1:
        raise NoMaker("%s would each make one" % " and ".join(maker.program for maker in found))
    if not found:
        raise NoMaker("there is no %s that makes one" % os.path.join(jobs, PARENT + "*", "bin", PROGRAMS[0][0]))
    _require_room(os.path.join(root, STORE), found[0])
    return found[0]


def _maker_of(root, job):
    """Return the Maker of a job, None if it is none of a server's."""
    if not os.path.isfile(os.path.join(root, JOBS, job, CONFIGURATION)):
        return None
    for name, start, stop in PROGRAMS:
        program = os.path.join(root, JOBS, job, "bin", name)
        if os.path.isfile(program):
            path = _roots_own(program)
            if not os.access(path, os.X_OK):
                raise NoMaker("%s cannot be run" % program)
            return Maker(program, path, start, stop, _directory_of(root, job))
    return None


def _directory_of(root, job):
    """Return the name, below the store, of the data directory of a job."""
    path = os.path.join(root, JOBS, job, CONFIGURATION)
    try:
        found = _SETTING.search(small_text(_roots_own(path)))
    except (EnvironmentError, ValueError):
        found = None
    name = os.path.relpath(found.group(1), os.path.join(root, STORE)) if found else ""
    if not is_usual(name) or os.sep in name:
        raise NoMaker("%s names no data_directory that is known" % path)
    return name


def _roots_own(path):
    """Return where a file is, without a link on the way; raise NoMaker if anybody but root could have put it there."""
    try:
        place = os.path.join(to_native(open_directory(os.path.dirname(path)).path), os.path.basename(path))
        way = place
        while True:
            found = os.lstat(way)
            writable = found.st_mode & 0o022 and not (stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX)
            if stat.S_ISLNK(found.st_mode) or found.st_uid not in (0, os.geteuid()) or writable:
                raise NoMaker("others than root may write to %s, which root would run or read" % way)
            if way == os.sep:
                return place
            way = os.path.dirname(way)
    except EnvironmentError as error:
        if error.errno not in NOT_THERE:
            raise
        raise NoMaker("%s is not there" % path)


def _require_room(store, maker):
    """Raise NoMaker if anything is there that the program could upgrade, remove, or stumble over."""
    tracking = os.path.dirname(TRACKED_LIBC)
    names = [name for name in names_in(store, PARENT) if name != tracking]
    ways = [os.path.join(store, name) for name in names if name != maker.data_directory]
    own = os.path.join(store, maker.data_directory)
    if os.path.lexists(own) and (os.path.islink(own) or not os.path.isdir(own) or set(os.listdir(own)) - set(LEFT)):
        ways.append(own)
    if ways:
        raise NoMaker("%s may upgrade or remove %s: move it away, to where it is kept" % (maker.program, ways[0]))


def maker_facts(root):
    """Return what decides whether dumps can be loaded on a director that has no data directory."""
    try:
        maker = find_maker(root)
    except DirectorError as error:
        return {"maker": None, "no_maker": str(error).rstrip(".")}
    return {"maker": {"program": maker.program, "data_directory": maker.data_directory, "major": maker.major}}


def make_directory(maker, root, timeout, host=None):
    """Run the program, and what ends a server that it leaves; raise NotMade if there is no data directory then."""
    host = host or Host()
    status, said = run_bounded([maker.path] + maker.start, timeout, host)
    if maker.stop:
        run_bounded([maker.path] + maker.stop, timeout, host)
    version = os.path.join(root, STORE, maker.data_directory, "PG_VERSION")
    if status == 0 and os.path.isfile(version):
        return
    why = "it did not end within %d s" % timeout if status is None else "it ended with %d" % status
    raise NotMade(
        "%s made no data directory of PostgreSQL in %s, %s: %s. Mend that and restore again, or deploy the director "
        "again (bosh create-env --recreate), which makes one, and restore then."
        % (maker.program, os.path.dirname(version), why, said or "it said nothing")
    )


def run_bounded(argv, timeout, host):
    """Run a program; return its status, None if it was ended, and the last that it said. What it starts may live on."""
    with tempfile.TemporaryFile() as said, open(os.devnull, "rb") as nothing:
        process = _Apart(
            argv, stdin=nothing, stdout=said, stderr=said, close_fds=True, cwd="/", env=ENVIRONMENT, preexec_fn=_apart
        )
        deadline = host.now() + timeout
        while process.poll() is None:
            if host.now() >= deadline or os.fstat(said.fileno()).st_size > MOST_BYTES:
                _end(process, host)
                return None, _last(said)
            host.sleep(LOOK_SECONDS)
        return process.returncode, _last(said)


class _Apart(subprocess.Popen):
    """A program in a session of its own. AnsibleModule.run_command would wait for what it leaves behind."""


def _apart():
    os.setsid()
    os.umask(0o022)


def _end(process, host):
    """End a program with what it runs: su hands on to its own what asks it to end, and not what kills it."""
    os.killpg(process.pid, signal.SIGTERM)
    deadline = host.now() + END_SECONDS
    while process.poll() is None and host.now() < deadline:
        host.sleep(LOOK_SECONDS)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _last(said):
    said.seek(max(os.fstat(said.fileno()).st_size - LAST_BYTES, 0))
    lines = [line.strip() for line in native(said.read()).splitlines() if line.strip()]
    return " / ".join(lines[-LAST_LINES:])


def wait_for_makers(host=None, processes=None):
    """Return when no program that makes a data directory runs any more, as after a restore that was killed.

    Raise NotMade if one does not end.
    """
    host, processes = host or Host(), processes or Processes()
    deadline = host.now() + LEFT_SECONDS
    while True:
        left = [pid for pid in processes.pids() if pid != os.getpid() and _makes(processes.command(pid))]
        if not left:
            return
        if host.now() >= deadline:
            raise NotMade(
                "Process %d, which makes a data directory of PostgreSQL, still runs. Nothing was done. End it, and run "
                "the restore again." % left[0]
            )
        host.sleep(LOOK_SECONDS)


def _makes(words):
    """Return whether a command line is that of such a program, wherever the jobs are."""
    return os.path.basename(words[0]) == INITDB or any(_OF_A_JOB.search(word) for word in words[:2])
