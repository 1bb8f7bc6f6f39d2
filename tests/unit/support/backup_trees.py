# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real backups in real directories, and processes that die in the middle: shared by the backup modules' tests."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

from ansible_collections.microbosh.director.plugins.module_utils._backup._manifest_writing import write
from ansible_collections.microbosh.director.plugins.module_utils._backup._snapshots import publish

LOG_FORMAT = "%i|%U|%G|%B|%l|%n"
NAMES = [
    b"blob",
    b"with space",
    b" leading and trailing ",
    b"quote's \"both\"",
    b"new\nline",
    b"carriage\rreturn",
    b"tab\there",
    b"back\\slash",
    b"back\\\nboth",
    b"\\012 not an escape",
    b"\\#012 not an escape of rsync",
    b"star*ques?tion[brackets]#hash",
    b"equals=sign type=file",
    b"pipe|0|0|rw-r--r--|2|name",
    b"l -> target",
    b"-dash",
    "Ünïcödé ☃ \u2028".encode(),
    b"latin-1 \xe9\xff",
    b"\x01\x7f\x1b[31m",
    b"trailing dot.",
]
# A user that owns nothing. Files that it may read lie below a directory that others may enter.
NOBODY = 65534


class Disk:
    """A disk that is always in time."""

    def sync(self, path):
        self.synced = path


def copy(source: Path, target: Path, *link_dest: Path, log: Path | None = None, user: int | None = None) -> Path:
    """Copy a tree as the backup does, and return the log."""
    log = log or target.parent / ".work" / "rsync.log"
    argv = ["rsync", "-aH", "--numeric-ids", "-ii", "-q", "--delete", f"--log-file={log}"]
    argv += [f"--log-file-format={LOG_FORMAT}", *(f"--link-dest={other}" for other in link_dest)]
    subprocess.run([*argv, f"{source}/", f"{target}/"], check=True, user=user, group=user, extra_groups=user and [])
    return log


def make_store(top: Path) -> Path:
    """A store with every kind of name and entry."""
    store = top / "store"
    odd = os.fsencode(store / "odd")
    os.makedirs(odd)
    for number, name in enumerate(NAMES):
        Path(os.fsdecode(os.path.join(odd, name))).write_bytes(b"content %d\n" % number)
    (store / "tree" / "empty").mkdir(parents=True)
    (store / "tree" / "sub").mkdir()
    (store / "tree" / "sub" / "first").write_text("one file, three names")
    os.link(store / "tree" / "sub" / "first", store / "tree" / "second")
    os.link(store / "tree" / "sub" / "first", store / "third")
    os.symlink("tree/no\nsuch file", store / "dangling link")
    (store / "nothing").write_bytes(b"")
    (store / "big").write_bytes(os.urandom(3_000_000))
    (store / "executable").write_text("#!/bin/sh\n")
    (store / "executable").chmod(0o4755)
    (store / "tree").chmod(0o2755)
    (store / "tree" / "empty").chmod(0o1777)
    os.utime(store / "big", ns=(0, 1_234_567_890_123_456_789))
    os.utime(store / "nothing", ns=(0, -1_500_000_000))
    os.mkfifo(store / "pipe")
    # rsync compares times by the second: in a tree made in this second it would leave out the rest.
    for directory in (store / "odd", store / "tree" / "empty", store / "tree" / "sub", store / "tree", store, top):
        os.utime(directory, ns=(0, 1_600_000_000_000_000_001))
    return top


def make_partial(directory: Path, name: str, source: Path, previous: Path | None = None) -> Path:
    """A backup that has been copied, dumped and described, but not published."""
    partial = directory / f"{name}.partial"
    (partial / ".work").mkdir(parents=True)
    partial.chmod(0o700)
    log = copy(source, partial / "vcap", *([previous / "vcap"] if previous else []))
    (partial / "dbs").mkdir()
    (partial / "dbs" / "bosh.sql").write_text("-- PostgreSQL database dump complete\n")
    (partial / "filter").write_text("+ store/**\n")
    (partial / "backup.log").write_text(f"{name} log\n")
    write(str(partial), [str(log)], str(previous) if previous else None)
    return partial


def make_backup(directory: Path, name: str, source: Path, previous: Path | None = None) -> Path:
    """A published backup."""
    partial = make_partial(directory, name, source, previous)
    publish(str(partial), str(directory), report(name), Disk())
    return directory / name


def report(name: str) -> dict:
    """Return the report that backup.json is made from."""
    return {"id": name, "host": "bosh-1", "proof": {"whole": True}, "unknown": {"kept": "ü"}}


def snapshot(top: Path) -> dict:
    """Everything that can be seen below a directory, to tell whether it changed."""
    seen = {}
    for directory, directories, files in os.walk(top):
        for name in directories + files:
            path = Path(directory, name)
            status = path.lstat()
            content = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
            seen[str(path.relative_to(top))] = (status.st_mode, status.st_mtime_ns, content)
    return seen


@contextlib.contextmanager
def acting_as(user: int):
    """Do something as a user, if we are root; as ourselves if not."""
    if os.geteuid() != 0:
        yield
        return
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(user)
    os.seteuid(user)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


STEPS = ("rename", "unlink", "rmdir", "symlink", "mkdir", "fsync", "chmod", "fchmod", "makedirs")


def dies_at_step(number: int, action) -> bool:
    """Run an action in a process that is gone just before its step number N; return whether it came that far."""
    child = os.fork()
    if child == 0:
        _die_at(number)
        action()
        os._exit(0)
    _child, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) in (0, 77)
    return os.waitstatus_to_exitcode(status) == 77


def _die_at(number: int) -> None:
    remaining = [number]

    def doomed(call):
        def step(*args, **kwargs):
            if not remaining[0]:
                os._exit(77)
            remaining[0] -= 1
            return call(*args, **kwargs)

        return step

    for name in STEPS:
        setattr(os, name, doomed(getattr(os, name)))


def every_death(action, prepare, check) -> int:
    """Kill an action at each of its steps, on a fresh tree each time; return how many steps it has."""
    number = 0
    while True:
        ground = prepare()
        died = dies_at_step(number, lambda ground=ground: action(ground))
        check(ground)
        if not died:
            return number
        number += 1
