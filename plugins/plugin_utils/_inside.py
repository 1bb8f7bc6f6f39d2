# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens what is inside a directory of the controller, and never what a link in there leads to."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


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


def _steps(name):
    steps = name.split(b"/")
    if any(step in (b"", b".", b"..") for step in steps):
        raise OutsideError(f"{_shown(name)} is no path inside")
    return steps


def _shown(name):
    return repr(os.fsdecode(name[:200]))
