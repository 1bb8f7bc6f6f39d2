# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The restore's directory on the director: the files pushed, those replaced, and the marker of its phase.

``/var/vcap/store/microbosh-restore``, root's own, on the file system of the data:

``marker.json``  how far the restore is, readable by all; there from before the stop to the end
``wanted``       the metadata of what is restored
``attributes``   its access control lists and extended attributes, if the backup knows of any or none
``kept``         the names of what was there, and the metadata of its directories
``kept-attributes``  the lists and attributes of those directories
``mounts``       the file systems below the store that have a ``new/`` and an ``aside/`` of their own
``new/``         what is to be put in its place
``aside/``       what was there
``dump/``        the dump that names the blobs
``made``         that there was no data directory of PostgreSQL, and whether the director's job has made one
``left/``        what was in its place, as a start of PostgreSQL without one leaves it
``database/``    a copy of the database's directory, when a dump is loaded into it
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import contextlib
import errno
import fcntl
import json
import os
import stat
import time

from ansible.module_utils.common.text.converters import to_bytes, to_native
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._files import write_durably
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_mounts import (
    APART,
    make_apart,
    mount_of,
    remove_apart,
)
from ansible_collections.microbosh.director.plugins.module_utils._tree import _mtree as mtree
from ansible_collections.microbosh.director.plugins.module_utils._tree._attributes import (
    format_attributes,
    parse_attributes,
)
from ansible_collections.microbosh.director.plugins.module_utils._tree._openat import (
    READ,
    Tree,
    as_before,
    open_directory,
)
from ansible_collections.microbosh.director.plugins.module_utils._tree._tree import Entry

# In this order. From SWAPPED on, what was restored is in its place.
PHASES = (
    "stopping",
    "swapping",
    "swapped",
    "loading",
    "proving",
    "starting",
    "proven",
    "rolling_back",
    "rolled_back",
)
FIRST = PHASES[0]
LOADING = "loading"
SETTLED = ("proven", "rolled_back")


def reached(phase, other):
    """Return whether a restore in ``phase`` has come as far as ``other``."""
    return PHASES.index(phase) >= PHASES.index(other)


def _content(path):
    """Return what is in a file that root has made, None if there is none."""
    try:
        descriptor = os.open(path, READ)
    except EnvironmentError as error:
        if error.errno == errno.ENOENT:
            return None
        raise
    with os.fdopen(descriptor, "rb") as source:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid not in (0, os.geteuid()):
            raise DirectorError("%s was not made by root. Look at it, and move it away." % to_native(path))
        return source.read()


class Marker(object):
    """The file that says how far a restore is; it survives a power cut and the end of the controller."""

    def __init__(self, workspace):
        self.path = os.path.join(workspace, "marker.json")
        self.where = self.path  # for system calls: it is another as long as the workspace is open

    def read(self):
        """Return the marker, None if no restore is under way."""
        content = _content(self.where)
        if content is None:
            return None
        try:
            found = json.loads(content.decode("utf-8"))
            found["phase"] = to_native(found["phase"])
            PHASES.index(found["phase"])
        except (ValueError, KeyError, TypeError) as error:
            raise DirectorError(
                "The marker of a restore, %s, cannot be understood: %s. Do not start the services before a person has "
                "looked at %s." % (self.path, error, os.path.dirname(self.path))
            )
        return found

    def write(self, phase, **facts):
        """Write durably that the restore is in that phase; the marker's other content stays."""
        marker = dict(self.read() or {}, **facts)
        marker.update(phase=phase, updated=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
        content = json.dumps(marker, indent=2, sort_keys=True) + "\n"
        write_durably(self.where, to_bytes(content), 0o644)
        return marker


class Workspace(object):
    """Root's directory of one restore. All paths are bytes."""

    def __init__(self, path, root):
        self.path = to_bytes(path)
        self.marker = Marker(path)
        self._root = to_bytes(root)
        self._known_mounts = None
        self._tree = None
        self._trees = {}

    def new(self, path=b""):
        """Return the Place where the new content of a path is made ready, in that path's file system."""
        return self._apart(b"new", path)

    def aside(self, path=b""):
        """Return the Place where the old content of a path is kept, in that path's file system."""
        return self._apart(b"aside", path)

    def new_path(self, path):
        """Return the path of a place of new(), for a person or another module."""
        mount = mount_of(path, self.mounts())
        return os.path.join(self._root, mount, APART, b"new") if mount else os.path.join(self.path, b"new")

    @property
    def database(self):
        return self._tree.place(b"database")

    def dump(self, name):
        """Return the Place of a dump that root has to read."""
        return self._tree.place(b"dump").below(to_bytes(name))

    def _apart(self, name, path):
        mount = mount_of(path, self.mounts())
        tree = self._tree_in(mount) if mount else self._tree
        return tree.place(name + b"/" + path if path else name)

    def _tree_in(self, mount):
        """Return the place of this restore in a mount."""
        if mount not in self._trees:
            self._trees[mount] = Tree(make_apart(self._live().place(mount)))
        return self._trees[mount]

    def _live(self):
        return Tree(open_directory(self._root))

    def mounts(self):
        """Return the mounts that this restore has a place in; one of an earlier version has none."""
        if self._known_mounts is None:
            content = _content(self._at(b"mounts"))
            names = [] if content is None else json.loads(content.decode("ascii"))
            self._known_mounts = [mtree.unescape(to_bytes(name)) for name in names]
        return self._known_mounts

    def _at(self, name):
        """Return the path of a file of its own, for a system call."""
        return self._tree.top.at(name)

    def make_mounts(self, mounts):
        """Make a place in each of these file systems; they are noted first, so that each is found again."""
        content = json.dumps([to_native(mtree.escape(mount)) for mount in mounts])
        write_durably(self._at(b"mounts"), to_bytes(content))
        self._known_mounts = list(mounts)
        for mount in mounts:
            self._tree_in(mount)

    def _place(self):
        above = open_directory(os.path.dirname(self.path))
        return Tree(above).place(os.path.basename(self.path))

    def exists(self):
        """Return whether it is there. Raise DirectorError if somebody else could have made it."""
        place = self._place()
        return place.exists() and bool(place.enter().require_own())

    @contextlib.contextmanager
    def locked(self):
        """Open it, and wait for a step that may still run, one whose connection was lost, say."""
        directory = self._open_locked()
        os.fchmod(directory.descriptor, 0o711)  # the marker in it is for everyone
        self._tree = Tree(directory)
        self.marker.where = self._at(b"marker.json")
        try:
            yield
        finally:
            fcntl.flock(directory.descriptor, fcntl.LOCK_UN)
            self.marker.where = self.marker.path
            self._tree = None
            self._trees.clear()

    def _open_locked(self):
        """Return it open and locked; what another step removed meanwhile is made anew."""
        while True:
            place = self._place()
            if not place.exists():
                above, path = place.reach()
                os.mkdir(path, 0o700)
                os.fsync(above.descriptor)
            directory = place.enter().require_own()
            fcntl.flock(directory.descriptor, fcntl.LOCK_EX)
            ours, there = directory.status(), place.status()
            if there is not None and (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino):
                return directory

    def clear(self):
        """Remove what an earlier restore left that never stopped anything."""
        self._remove_mounts()
        for name in self._tree.top.names():
            self._tree.place(name).remove()

    def remove(self):
        """Remove everything, the marker last but for the directory itself."""
        self._remove_mounts()
        for name in sorted(self._tree.top.names(), key=lambda name: name == b"marker.json"):
            self._tree.place(name).remove()
        place = self._place()
        with as_before(place.reach()[0]):
            place.rmdir()

    def _remove_mounts(self):
        live = self._live()
        for mount in self.mounts():
            remove_apart(live.place(mount))
        self._known_mounts = None
        self._trees.clear()

    def write_wanted(self, content):
        """Keep the metadata of what is restored."""
        write_durably(self._at(b"wanted"), content)

    def read_wanted(self):
        """Return the content that was kept."""
        return _content(self._at(b"wanted"))

    def write_attributes(self, content):
        """Keep the backup's file of attributes; None if it does not know of any."""
        if content is not None:
            write_durably(self._at(b"attributes"), content)

    def read_attributes(self):
        """Return the content that was kept, None if there is none, as of an earlier version."""
        return _content(self._at(b"attributes"))

    def write_kept(self, entries):
        """Note which names there are before any of them is moved; afterwards it cannot be found out."""
        attributes = dict((path, entry.attributes) for path, entry in entries.items() if entry.attributes is not None)
        if attributes:
            write_durably(self._at(b"kept-attributes"), format_attributes(attributes))
        kept = {"directories": [], "others": []}
        for path in sorted(entries):
            entry, name = entries[path], to_native(mtree.escape(path))
            if entry.type == "dir":
                kept["directories"].append([name, entry.uid, entry.gid, entry.mode, entry.mtime])
            else:
                kept["others"].append(name)
        write_durably(self._at(b"kept"), to_bytes(json.dumps(kept)))

    def read_kept(self):
        """Return ({path: Entry} of directories, {paths of everything else}), or None if nothing was moved yet."""
        content = _content(self._at(b"kept"))
        if content is None:
            return None
        kept = json.loads(content.decode("ascii"))
        attributes = _content(self._at(b"kept-attributes"))
        attributes = {} if attributes is None else parse_attributes(attributes, most=None)
        directories = {}
        for name, uid, gid, mode, mtime in kept["directories"]:
            path = mtree.unescape(to_bytes(name))
            directories[path] = Entry(path, type="dir", uid=uid, gid=gid, mode=mode, mtime=mtime)
            directories[path].attributes = attributes.get(path)
        return directories, set(mtree.unescape(to_bytes(name)) for name in kept["others"])

    def read_made(self):
        """Return what is noted of the data directory that the restore began without, None if it began with one."""
        content = _content(self._at(b"made"))
        return None if content is None else json.loads(content.decode("ascii"))

    def write_made(self, facts):
        """Note that there was none, and what has become of it."""
        write_durably(self._at(b"made"), to_bytes(json.dumps(facts, sort_keys=True)))

    def left(self, name):
        """Return the Place of what was in the way of a data directory."""
        return self._tree.place(b"left").below(name)

    def forget_kept(self):
        """Forget the names that were moved aside, now that all are back."""
        os.unlink(self._at(b"kept"))
        os.fsync(self._tree.top.descriptor)
