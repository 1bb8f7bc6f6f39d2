# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the restored tree beside the live one, out of copies of the pushed files that only root has had open."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import errno
import hashlib
import os

from ansible.module_utils.common.text.converters import to_bytes, to_native
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_copy import copy_content, copy_place
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_tree import (
    RestoreError,
    has_attributes,
    is_blob,
)
from ansible_collections.microbosh.director.plugins.module_utils._tree._metadata import (
    drop_open_acl,
    same_metadata,
    set_metadata,
    set_open_metadata,
)
from ansible_collections.microbosh.director.plugins.module_utils._tree._mtree import readable
from ansible_collections.microbosh.director.plugins.module_utils._tree._openat import (
    NEW,
    NOT_THERE,
    READ,
    Planted,
    Tree,
    open_directory,
)


class TreeBuild(object):
    """Builds the restored tree in ``new/``, out of the pushed files and of blobs that are there already."""

    def __init__(self, live, wanted, workspace, incoming, identity=None):
        self._identity = identity or {}
        self._live = live
        self._wanted = wanted
        self._new = workspace.new
        self._incoming = _tree_at(incoming)
        self.shared = 0
        # Of what was to be a link, what became a copy that was compared with nothing.
        self.copied = 0

    def build(self):
        """Make everything but directories, with its metadata, in files that only root has ever had open."""
        for path in sorted(self._wanted):
            entry = self._wanted[path]
            if entry.type != "dir":
                target = self._new(path)
                target.make_way()
                self._make(entry, target)

    def _make(self, entry, target):
        if entry.twin not in (None, entry.path):
            self._link(self._new(entry.twin), target)
        elif entry.type == "link":
            dummy, path = target.reach()
            os.symlink(entry.link, path)
            set_metadata(path, entry)
        elif entry.type != "file":
            raise RestoreError("%s is a %s, which no backup holds." % (readable(entry.path), entry.type))
        elif not (self._take_sent(entry, target) or self._take_pushed(entry, target) or self._share(entry, target)):
            raise RestoreError(
                "%s was neither pushed, nor is it there unchanged any more. Nothing was stopped; run the restore again."
                % readable(entry.path)
            )

    def _take_sent(self, entry, target):
        """Write what only root reads: it came with this module, and never lies where the backup user can read it."""
        content = self._identity.get(entry.path)
        if content is None:
            return False
        if hashlib.sha256(content).hexdigest() != entry.digest:
            raise RestoreError("%s did not arrive as it was sent: its digest is another." % readable(entry.path))
        descriptor = target.open(NEW)
        with os.fdopen(descriptor, "wb") as copy:
            copy.write(content)
            copy.flush()
            os.fsync(descriptor)
            drop_open_acl(descriptor)
            set_open_metadata(descriptor, entry)
        return True

    def _take_pushed(self, entry, target):
        pushed = self._incoming and self._incoming.place(entry.path)
        if not pushed or not pushed.exists():
            return False
        try:
            self._copy_pushed(entry, pushed, target)
        finally:
            _discard(pushed)  # also what was refused: it would not be pushed again
        return True

    @staticmethod
    def _copy_pushed(entry, pushed, target):
        copy = copy_checked(pushed, target, readable(entry.path), entry.size, entry.digest)
        try:
            drop_open_acl(copy)  # what it inherited where it was made
            set_open_metadata(copy, entry)
        finally:
            os.close(copy)

    def _share(self, entry, target):
        """Link a blob that is there: that it has the right content was found when both trees were compared."""
        there = self._live.place(entry.path)
        found = there.examine() if is_blob(entry.path) else None
        if found is None or found.type != "file" or found.size != entry.size or not same_metadata(found, entry):
            return False
        if entry.attributes is not None and not has_attributes(there, entry):
            return False
        self._link(there, target)
        linked = target.examine()
        if linked.type != "file" or linked.size != entry.size or not same_metadata(linked, entry):
            target.remove()
            return False
        self.shared += 1
        return True

    def _link(self, source, target):
        """Link a file, or copy it into a file system that was not noted."""
        try:
            source.link(target)
        except EnvironmentError as error:
            if error.errno not in (errno.EXDEV, errno.EMLINK):
                raise
            copy_place(source, target)
            self.copied += 1


def _tree_at(path):
    """Return the Tree of a directory, None if there is none."""
    try:
        return Tree(open_directory(path))
    except EnvironmentError as error:
        if error.errno not in NOT_THERE:
            raise
        return None


def _discard(place):
    try:
        place.unlink()
    except EnvironmentError as error:
        if error.errno not in NOT_THERE + (errno.EISDIR, errno.EPERM):
            raise


def copy_checked(pushed, target, name, size, expected):
    """Copy a pushed file, which its sender may still have open; return the open copy, of the right digest."""
    refused = RestoreError("%s did not arrive whole: expected %d bytes." % (name, size))
    try:
        source = pushed.open(READ)
    except (EnvironmentError, Planted):
        raise refused
    copy = None
    try:
        copy = target.open(NEW)
        digest, copied = copy_content(source, copy, size)
        if copied != size:
            raise refused
        if digest != expected:
            raise RestoreError("%s did not arrive as it was sent: its digest is another." % name)
    except BaseException:
        if copy is not None:
            os.close(copy)
        raise
    finally:
        os.close(source)
    return copy


def take_dump(incoming, dump, target):
    """Given where dumps were pushed to, copy one of them to a Place; return its path."""
    tree = _tree_at(incoming)
    pushed = tree and tree.place(to_bytes(dump["name"]))
    found = pushed and pushed.status()
    if not found:
        raise RestoreError("The dump %s was not pushed. Nothing was stopped; run the restore again." % dump["name"])
    target.make_way()
    os.close(copy_checked(pushed, target, dump["name"], found.st_size, dump["sha256"]))
    return to_native(target.full)
