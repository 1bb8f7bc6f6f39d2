# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists owners, groups and modes after the copy, for a controller that is not root."""

from __future__ import annotations

import os
import stat
import time

from ansible_collections.microbosh.director.plugins.module_utils._core._files import remove_tree
from ansible_collections.microbosh.director.plugins.module_utils._tree import _rsync_log as rsync_log
from ansible_collections.microbosh.director.plugins.module_utils._tree._tree import examine_tree


def write_listing(path, lines):
    """Append lines that rsync printed to a file, as it would write them into its log."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as listing:
        listing.writelines(stamped(line) for line in lines)


def stamped(line):
    """Return a line that rsync printed as bytes, with what stands before it in a log."""
    return os.fsencode(time.strftime(f"%Y/%m/%d %H:%M:%S [{os.getpid()}] ") + line + "\n")


def compare_with_copy(copy, lines):
    """Given a copy and the lines of a later listing, return the lines of what is in both, and what only the copy has.

    Of the names on the director by now, only those that were copied count. The owner of a copied name that is gone by
    now, or has become something else, is unknown. Paths are bytes, below the copy.
    """
    top = os.fsencode(copy).rstrip(b"/")
    copied = {entry.path[2:] or b".": entry.type for entry in examine_tree(top, b".")}
    kept, listed = [], set()
    for line in lines:
        for path, entry in rsync_log.parse([stamped(line)]).items():
            if copied.get(path) in entry.type:
                kept.append(line)
                listed.add(path)
    return kept, sorted(set(copied) - listed)


def remove_from_copy(copy, paths):
    """Remove what would not have come into a copy a moment later; its owner is not known."""
    for path in paths:
        _remove(os.path.join(os.fsencode(copy), path))


def _remove(path):
    """Remove a name with all below it, if it is not gone with the directory that it was in."""
    if not os.path.lexists(path):
        return
    parent = os.path.dirname(path)
    before = os.lstat(parent)
    if stat.S_ISDIR(os.lstat(path).st_mode):
        remove_tree(path)
    else:
        os.unlink(path)
    os.utime(parent, ns=(before.st_atime_ns, before.st_mtime_ns))
