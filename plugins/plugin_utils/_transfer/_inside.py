# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names below one directory of the controller, reached without following a link."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Iterator

from ansible_collections.microbosh.director.plugins.module_utils._tree._openat import DESCRIPTORS

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Open without a right to read, to be asked or entered.
_STEP = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NAME = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC


class OutsideError(ValueError):
    """A name that leads out of the directory that it should be in, or to something else than a file."""


@contextlib.contextmanager
def opened_parent(top: bytes, name: bytes) -> Iterator[int]:
    """Given a directory and a path in it, yield the open directory that the last step of the path is in."""
    steps = _steps(name)
    descriptor = os.open(top, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for step in steps[:-1]:
            below = os.open(step, DIRECTORY, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def opened_directory(top: bytes, name: bytes) -> Iterator[int]:
    """Given a directory and the path of another one in it, yield that one, open."""
    with opened_parent(top, name) as parent:
        descriptor = os.open(_steps(name)[-1], DIRECTORY, dir_fd=parent)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def file_status(top: bytes, name: bytes) -> os.stat_result:
    """Given a directory and a path in it, return what lstat says of a regular file there; else raise OutsideError."""
    try:
        with opened_parent(top, name) as parent:
            status = os.stat(_steps(name)[-1], dir_fd=parent, follow_symlinks=False)
    except OSError as error:
        raise OutsideError(f"{_shown(name)} cannot be reached without following a link: {error.strerror}") from error
    if not stat.S_ISREG(status.st_mode):
        raise OutsideError(f"{_shown(name)} is no file")
    return status


def link_target(top: bytes, name: bytes) -> bytes | None:
    """Given a directory and a path in it, return where the link there leads, None if there is none."""
    try:
        with opened_parent(top, name) as parent:
            return os.readlink(_steps(name)[-1], dir_fd=parent)
    except OSError:
        return None


class Way:
    """An open directory, and the open directories that lead to where the last name below it was opened.

    The directory itself is reached from / without following a link either: what was a link on the way to it was
    resolved by whoever looked at the directory first.
    """

    def __init__(self, top: bytes):
        self._top = top
        self._open: list[tuple[bytes, int]] = []

    def __enter__(self):
        self._open.append((b"/", os.open(b"/", _STEP)))
        return self

    def __exit__(self, *dummy):
        self._leave(0)

    def _leave(self, depth):
        while len(self._open) > depth:
            os.close(self._open.pop()[1])

    def open(self, name: bytes) -> int:
        """Return a descriptor of a regular file, which shows what it is and can be opened again by its number."""
        *above, last = [step for step in self._top.split(b"/") if step] + _steps(name)
        try:
            descriptor = os.open(last, _NAME, dir_fd=self._enter(above))
        except OSError as error:
            raise OutsideError(
                f"{_shown(name)} cannot be reached without following a link: {error.strerror}"
            ) from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OutsideError(f"{_shown(name)} is no file")
        return descriptor

    def _enter(self, steps):
        """Return the open directory at the end of some steps from /."""
        known = [name for name, dummy in self._open[1:]]
        same = 0
        while same < min(len(known), len(steps)) and known[same] == steps[same]:
            same += 1
        self._leave(same + 1)
        for step in steps[same:]:
            self._open.append((step, os.open(step, _STEP, dir_fd=self._open[-1][1])))
        return self._open[-1][1]


@contextlib.contextmanager
def readable(descriptors: list[int]) -> Iterator[None]:
    """Widen the modes of open files that their owner, who need not be root, may not read."""
    widened = []
    try:
        for descriptor in descriptors:
            mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
            if os.geteuid() != 0 and not mode & stat.S_IRUSR:
                os.chmod(f"{DESCRIPTORS}/{descriptor}", mode | stat.S_IRUSR)
                widened.append((descriptor, mode))
        yield
    finally:
        for descriptor, mode in widened:
            os.chmod(f"{DESCRIPTORS}/{descriptor}", mode)


def read_inside(path: str, most: int, digest: str | None = None) -> bytes:
    """Given the path of a file, return what is in it, following no link; raise OutsideError for anything else.

    With a digest it is that very content, or none.
    """
    top, dummy, name = os.fsencode(os.path.abspath(path)).rpartition(b"/")
    with Way(top) as way:
        descriptor = way.open(name)
        try:
            content = _content(descriptor, most)
        except OSError as error:
            raise OutsideError(f"{_shown(name)} cannot be read: {error.strerror}") from error
        finally:
            os.close(descriptor)
    if digest and hashlib.sha256(content).hexdigest() != digest:
        raise OutsideError(f"{_shown(name)} is not what it was when the backup was looked at")
    return content


def _content(descriptor, most):
    with readable([descriptor]), open(os.open(f"{DESCRIPTORS}/{descriptor}", _READ), "rb") as source:
        content = source.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, "it is larger than any such file")
    return content


def _steps(name):
    steps = name.split(b"/")
    if any(step in (b"", b".", b"..") for step in steps):
        raise OutsideError(f"{_shown(name)} is no path inside")
    return steps


def _shown(name):
    return repr(os.fsdecode(name[:200]))
