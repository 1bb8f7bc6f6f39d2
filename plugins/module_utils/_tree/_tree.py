# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the entries of a directory tree: the values that metadata.mtree records."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import array
import heapq
import os
import stat

TYPES = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "dir",
    stat.S_IFLNK: "link",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFBLK: "block",
    stat.S_IFCHR: "char",
}

# Python 2.7 only has the time as a float, which is right to about 240 ns today.
NANOSECONDS = hasattr(os.stat_result, "st_mtime_ns")
MTIME_TOLERANCE = 0 if NANOSECONDS else 1000


class Entry(object):
    """One name in a tree. ``path`` is bytes, relative to the top; ``twin`` the first name of the same inode."""

    __slots__ = (
        "attributes",
        "device",
        "digest",
        "gid",
        "inode",
        "link",
        "links",
        "mode",
        "mtime",
        "path",
        "size",
        "twin",
        "type",
        "uid",
        "unset",
    )

    def __init__(
        self, path, type, uid=None, gid=None, mode=None, mtime=None, size=None, link=None, device=None, digest=None,
        twin=None, inode=None, links=None,
    ):
        # Spelled out, because a backup has many of them.
        self.path = path
        self.type = type
        self.uid = uid
        self.gid = gid
        self.mode = mode
        self.mtime = mtime
        self.size = size
        self.link = link
        self.device = device
        self.digest = digest
        self.twin = twin
        self.inode = inode
        self.links = links
        # {name: value} of its extended attributes, where they are known; and whether one of them could not be set.
        self.attributes = None
        self.unset = False

    def same_time(self, other):
        """Return whether two entries have the same time, as exactly as this Python can tell."""
        return abs(self.mtime - other.mtime) <= MTIME_TOLERANCE

    def same_owner(self, other):
        """Return whether two entries have the same owner, group and mode."""
        return (self.uid, self.gid, self.mode) == (other.uid, other.gid, other.mode)


def mtime_of(status):
    """Given a stat result, return the time of the last change in nanoseconds."""
    return status.st_mtime_ns if NANOSECONDS else int(round(status.st_mtime * 1e9))


def examine(path, full_path):
    """Given a path to record and where it is, return its Entry. Follows no symbolic link."""
    status = os.lstat(full_path)
    entry = Entry(
        path,
        type=TYPES[stat.S_IFMT(status.st_mode)],
        uid=status.st_uid,
        gid=status.st_gid,
        mode=stat.S_IMODE(status.st_mode),
        mtime=mtime_of(status),
        inode=(status.st_dev, status.st_ino),
        links=status.st_nlink,
    )
    if entry.type == "file":
        entry.size = status.st_size
    elif entry.type == "link":
        entry.link = os.readlink(full_path)
    elif entry.type in ("block", "char"):
        entry.device = (os.major(status.st_rdev), os.minor(status.st_rdev))
    return entry


def examine_tree(top, name):
    """Given a directory and a name in it, both bytes, return that name and all below it, as Entries."""
    return list(walk(top, name))


def walk(top, name):
    """Given a directory and a name in it, both bytes, yield that name and all below it, as Entries sorted by path.

    What is remembered are the names that wait for their turn, of the directories that are gone through just now.
    """
    waiting, top = [name], os.path.join(top, b"")
    while waiting:
        path = heapq.heappop(waiting)
        full_path = top + path
        entry = examine(path, full_path)
        if entry.type == "dir":
            for child in os.listdir(full_path):
                # Larger than what was yielded, as its own path begins with a directory that was.
                heapq.heappush(waiting, path + b"/" + child)
        yield entry


class Names(object):
    """A first look at trees: which inodes have several names there, and whether anybody but root owns anything.

    Hard links into other trees do not count, so the number of links alone does not tell. Of each such name the eight
    bytes of its inode are remembered.
    """

    def __init__(self, top, names):
        self.owned = False
        self._inodes = {}
        for name in names:
            self._look(os.path.join(top, name))
        self._shared = frozenset(pair for device in self._inodes for pair in self._repeated(device))
        self._inodes = None
        self._first = {}

    def _look(self, path):
        status = os.lstat(path)
        self._note(status)
        directories = [path] if stat.S_ISDIR(status.st_mode) else []
        while directories:
            directory = directories.pop() + b"/"
            for name in os.listdir(directory):
                status = os.lstat(directory + name)
                self._note(status)
                if stat.S_ISDIR(status.st_mode):
                    directories.append(directory + name)

    def _note(self, status):
        self.owned = self.owned or bool(status.st_uid or status.st_gid)
        if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
            if status.st_dev not in self._inodes:
                self._inodes[status.st_dev] = array.array("L")
            self._inodes[status.st_dev].append(status.st_ino)

    def _repeated(self, device):
        before = None
        for inode in sorted(self._inodes[device]):
            if inode == before:
                yield device, inode
            before = inode

    def mark(self, entry):
        """Given the Entries of these trees one after the other, in order, set ``twin`` on those that share an inode."""
        if entry.links > 1 and entry.type != "dir" and entry.inode in self._shared:
            entry.twin = self._first.setdefault(entry.inode, entry.path)
        return entry


def mark_twins(entries):
    """Given all the entries of a tree in order, set ``twin`` on those that share an inode with another one."""
    first = {}
    for entry in entries:
        if entry.type == "dir" or entry.links == 1:
            continue
        leader = first.setdefault(entry.inode, entry)
        if leader is not entry:
            leader.twin = entry.twin = leader.path
