# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Computes the space that a restore needs on each file system, in blocks."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os

from ansible.module_utils.common.text.converters import to_native
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_mounts import mount_of

SLACK = 64 * 1024 * 1024
SLACK_FILES = 1000
SLACK_APART = 1024 * 1024  # for directories, where the store's slack does not count
# A dump beside the database that it becomes, with its indexes and the log of loading it.
LOADED = 4
UNIT = 512  # of st_blocks
UNITS = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1))


class NoSpace(DirectorError):
    """A restore would not fit."""


def in_blocks(size, block):
    """Return what a file of a size takes, and at least its name: a block."""
    return max(-(-size // block), 1) * block


def used(path):
    """Return the bytes that the files of a tree take on disk, holes left out; 0 if there is none."""
    total = 0
    for directory, names, files in os.walk(path):
        for name in names + files:
            try:
                total += os.lstat(os.path.join(directory, name)).st_blocks * UNIT
            except EnvironmentError:  # it has just gone
                continue
    return total


class Space(object):
    """A file system: what is free there, and what is needed."""

    def __init__(self, path):
        found = os.statvfs(path)
        self.path = to_native(path)
        self.block = found.f_frsize
        self.free = found.f_bavail * found.f_frsize
        # 0 of 0 where there is no such limit.
        self.free_files = found.f_favail if found.f_files else None
        self.need = 0
        self.need_files = 0

    def add(self, size):
        self.need += in_blocks(size, self.block)
        self.need_files += 1

    def facts(self):
        return {"path": self.path, "need_bytes": self.need, "free_bytes": self.free, "need_files": self.need_files}

    def lack(self):
        """Return what there is not enough of, as text; None if there is room."""
        if self.free <= self.need:
            return "%s has %s free, and this restore needs %s" % (self.path, readable(self.free), readable(self.need))
        if self.free_files is not None and self.free_files <= self.need_files:
            return "%s has room for %d more files, and this restore needs %d" % (
                self.path, self.free_files, self.need_files)
        return None


def readable(size):
    """Return a size as a person reads it."""
    name, unit = next((name, unit) for name, unit in UNITS if size >= unit or unit == 1)
    return "%.1f %s" % (float(size) / unit, name)


def spaces_for(root, mounts, pushed, already, kept, dumps, loads):
    """Return the Space of the store and of each mount, with what a restore needs there.

    ``pushed`` are (path, size) of what is brought, of which ``already`` bytes are there; ``kept`` the bytes of a
    database that is copied aside; ``dumps`` their sizes, and ``loads`` whether they are loaded. Root takes over copies,
    and each goes away as it was pushed before the next is made: there are two of the largest for a moment.
    """
    store = Space(os.path.join(root, b"store"))
    others = dict((mount, Space(os.path.join(root, mount))) for mount in mounts)
    for path, size in pushed:
        store.add(size)  # whoever pushes has a place there alone
        if mount_of(path, mounts):
            others[mount_of(path, mounts)].add(size)
    # Root reads a copy of the one that names the blobs.
    for size in sorted(dumps)[-1:]:
        store.add(size)
    for size in dumps:
        store.add(size * (LOADED if loads else 1))
    store.need = max(store.need - already, 0) + kept
    twice = [in_blocks(size, store.block) for path, size in pushed if not mount_of(path, mounts)]
    store.need += max(twice) if twice else 0
    store.need += SLACK
    store.need_files += SLACK_FILES
    for space in others.values():
        space.need += SLACK_APART
    return [store] + [others[mount] for mount in sorted(others)]


def require_space(spaces):
    """Raise NoSpace if there is too little anywhere."""
    lacking = [space.lack() for space in spaces if space.lack()]
    if lacking:
        raise NoSpace(
            "%s: what is there stays until the restore is proven. Nothing was touched. Free space there, or make the "
            "disk larger." % "; ".join(lacking),
            spaces=[space.facts() for space in spaces],
        )
