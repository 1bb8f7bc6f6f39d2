# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a file that others read at any moment: they see the one before, or all of the new one."""

from __future__ import annotations

import contextlib
import os
import tempfile

EVERYBODY = 0o644


def write_beside(path: str, text: str) -> None:
    """Give a file a new content. Where several runs write it at once, the last one stays; each has a file of its own.

    The name of that begins with a dot and ends otherwise, so nobody takes it for what is meant.
    """
    directory, name = os.path.split(os.path.abspath(path))
    descriptor, beside = tempfile.mkstemp(prefix=f".{name}.", suffix=".new", dir=directory)
    try:
        with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as target:
            target.write(text)
            target.flush()
            os.fchmod(descriptor, EVERYBODY)
            os.fsync(descriptor)
        os.replace(beside, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise
