# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a file that others read at any moment: they see the one before, or all of the new one."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile


def write_beside(path: str, text: str, mode: int) -> None:
    """Give a file a new content, with a mode if it is new. Whoever may read what is there may read what comes.

    Where several runs write it at once, the last one stays; each has a file of its own, whose name begins with a dot
    and ends otherwise, so that nobody takes it for what is meant.
    """
    directory, name = os.path.split(os.path.abspath(path))
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


def _as_before(path, descriptor, mode):
    """Give a new file the group and the mode of the one whose place it takes, or the mode if there is none."""
    with contextlib.suppress(OSError):
        before = os.stat(path)
        mode = stat.S_IMODE(before.st_mode) & 0o666
        os.fchown(descriptor, -1, before.st_gid)
    os.fchmod(descriptor, mode)
