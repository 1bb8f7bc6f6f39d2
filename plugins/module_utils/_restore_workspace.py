# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a restore keeps what it has brought, what was there before, and how far it is.

``/var/vcap/store/microbosh-restore``, root's own, on the file system of the data:

``marker.json``  how far the restore is, readable by all; there from before the stop to the end
``wanted``       the metadata of what is restored
``kept``         the names of what was there, and the metadata of its directories
``mounts``       the file systems below the store that have a ``new/`` and an ``aside/`` of their own
``new/``         what is to be put in its place
``aside/``       what was there
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
from ansible_collections.microbosh.director.plugins.module_utils import _mtree as mtree
from ansible_collections.microbosh.director.plugins.module_utils._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._files import make_durable, remove_tree, write_durably
from ansible_collections.microbosh.director.plugins.module_utils._restore_mounts import (
    APART,
    make_apart,
    mount_of,
    remove_apart,
)
from ansible_collections.microbosh.director.plugins.module_utils._tree import Entry

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
SETTLED = ("proven", "rolled_back")


def reached(phase, other):
    """Whether a restore in ``phase`` has come as far as ``other``."""
    return PHASES.index(phase) >= PHASES.index(other)


def _content(path):
    """Return what is in a file, None if there is none."""
    try:
        with open(path, "rb") as source:
            return source.read()
    except EnvironmentError as error:
        if error.errno == errno.ENOENT:
            return None
        raise


class Marker(object):
    """How far a restore is: what it says survives controller, connection and power."""

    def __init__(self, workspace):
        self.path = os.path.join(workspace, "marker.json")

    def read(self):
        """Return the marker, None if no restore is under way."""
        content = _content(self.path)
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
        """Note durably that the restore is in that phase; what the marker said besides stays."""
        marker = dict(self.read() or {}, **facts)
        marker.update(phase=phase, updated=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
        content = json.dumps(marker, indent=2, sort_keys=True) + "\n"
        write_durably(self.path, to_bytes(content), 0o644)
        return marker


class Workspace(object):
    """Root's directory of one restore. All paths are bytes."""

    def __init__(self, path, root):
        self.path = to_bytes(path)
        self.marker = Marker(path)
        self.database = os.path.join(self.path, b"database")
        self._root = to_bytes(root)
        self._wanted = os.path.join(self.path, b"wanted")
        self._kept = os.path.join(self.path, b"kept")
        self._mounts = os.path.join(self.path, b"mounts")
        self._known_mounts = None

    def new(self, path=b""):
        """Return where what is to come to a path is made ready: in the file system that it will be in."""
        return self._apart(b"new", path)

    def aside(self, path=b""):
        """Return where what was at a path is kept: in the file system that it was in."""
        return self._apart(b"aside", path)

    def _apart(self, name, path):
        mount = mount_of(path, self.mounts())
        top = os.path.join(self._root, mount, APART) if mount else self.path
        return os.path.join(top, name, path)

    def mounts(self):
        """Return the mounts that this restore has a place in; one of an earlier version has none."""
        if self._known_mounts is None:
            content = _content(self._mounts)
            names = [] if content is None else json.loads(content.decode("ascii"))
            self._known_mounts = [mtree.unescape(to_bytes(name)) for name in names]
        return self._known_mounts

    def make_mounts(self, mounts):
        """Make a place in each of these file systems; they are noted first, so that each is found again."""
        write_durably(self._mounts, to_bytes(json.dumps([to_native(mtree.escape(mount)) for mount in mounts])))
        self._known_mounts = list(mounts)
        for mount in mounts:
            make_apart(os.path.join(self._root, mount))

    def exists(self):
        """Whether it is there. Raise DirectorError if somebody else could have made it."""
        try:
            found = os.lstat(self.path)
        except EnvironmentError as error:
            if error.errno == errno.ENOENT:
                return False
            raise
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
            raise DirectorError(
                "%s is not a directory that only user %d may write to. Nothing was touched; look at it, and move it "
                "away." % (to_native(self.path), os.geteuid())
            )
        return True

    @contextlib.contextmanager
    def locked(self):
        """Wait for a step that may still run, one whose connection was lost, say."""
        if not self.exists():
            os.mkdir(self.path, 0o700)
            make_durable(os.path.dirname(self.path))
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            os.fchmod(descriptor, 0o711)  # the marker in it is for everyone
            yield
        finally:
            os.close(descriptor)

    def clear(self):
        """Begin anew: remove what a restore has left that never came to stop anything."""
        self._remove_mounts()
        for name in os.listdir(self.path):
            path = os.path.join(self.path, name)
            if os.path.isdir(path) and not os.path.islink(path):
                remove_tree(path)
            else:
                os.unlink(path)

    def remove(self):
        """Remove everything, the marker last but for the directory itself."""
        self._remove_mounts()
        for name in sorted(os.listdir(self.path), key=lambda name: name == b"marker.json"):
            path = os.path.join(self.path, name)
            if os.path.isdir(path) and not os.path.islink(path):
                remove_tree(path)
            else:
                os.unlink(path)
        os.rmdir(self.path)

    def _remove_mounts(self):
        for mount in self.mounts():
            remove_apart(os.path.join(self._root, mount))
        self._known_mounts = None

    def write_wanted(self, content):
        """Keep the metadata of what is restored."""
        write_durably(self._wanted, content)

    def read_wanted(self):
        """Return the content that was kept."""
        with open(self._wanted, "rb") as source:
            return source.read()

    def write_kept(self, entries):
        """Note what there is, before any of it is moved: the order matters, as nobody can find out later."""
        kept = {"directories": [], "others": []}
        for path in sorted(entries):
            entry, name = entries[path], to_native(mtree.escape(path))
            if entry.type == "dir":
                kept["directories"].append([name, entry.uid, entry.gid, entry.mode, entry.mtime])
            else:
                kept["others"].append(name)
        write_durably(self._kept, to_bytes(json.dumps(kept)))

    def read_kept(self):
        """Return ({path: Entry} of directories, {paths of everything else}), or None if nothing was moved yet."""
        content = _content(self._kept)
        if content is None:
            return None
        kept = json.loads(content.decode("ascii"))
        directories = {}
        for name, uid, gid, mode, mtime in kept["directories"]:
            path = mtree.unescape(to_bytes(name))
            directories[path] = Entry(path, type="dir", uid=uid, gid=gid, mode=mode, mtime=mtime)
        return directories, set(mtree.unescape(to_bytes(name)) for name in kept["others"])

    def forget_kept(self):
        """All of it is back in its place."""
        os.unlink(self._kept)
        make_durable(self.path)
