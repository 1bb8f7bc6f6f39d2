# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a file that others read at any moment: they see the one before, or all of the new one."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile

MOST_LINKS = 40  # as the kernel has it
PROCESSES = "/proc/"
# Of a mode that is there, what is taken over: nobody lets everybody write what a program believes.
TAKEN = 0o664


def write_beside(path: str, text: str, mode: int) -> None:
    """Give a file a new content, with a mode if it is new. Whoever may read what is there may read what comes.

    A link stays one. Raise OSError for what is there and is no file, and ValueError for a path that is none.
    Where several runs write it at once, the last one stays; each has a file of its own, whose name begins with a dot
    and ends otherwise, so that nobody takes it for what is meant.
    """
    path = _file_at(os.path.abspath(path))
    directory, name = os.path.split(path)
    descriptor, beside = tempfile.mkstemp(prefix=f".{name}.", suffix=".new", dir=directory)
    try:
        with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as target:
            target.write(text)
            target.flush()
            _as_before(path, descriptor, mode)
            os.fsync(descriptor)
        os.replace(beside, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise


def _file_at(path):
    """Return the path of the file that a path leads to, whether it is there or not. Raise if that is no file."""
    for dummy in range(MOST_LINKS):
        directory = os.path.dirname(path)
        if f"{os.path.realpath(directory)}/".startswith(PROCESSES):
            raise OSError(
                errno.EINVAL, "this is what a process has open, which has no place of its own: name a file", path
            )
        if not os.path.islink(path):
            break
        path = os.path.join(directory, os.readlink(path))
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise OSError(errno.EINVAL, "there is something that is no regular file, and is not replaced", path)
    return path


def _as_before(path, descriptor, mode):
    """Give a new file the group and the mode of the one whose place it takes, or the mode if there is none."""
    with contextlib.suppress(OSError):
        before = os.stat(path)
        mode = stat.S_IMODE(before.st_mode) & TAKEN
        os.fchown(descriptor, -1, before.st_gid)
    os.fchmod(descriptor, mode)
