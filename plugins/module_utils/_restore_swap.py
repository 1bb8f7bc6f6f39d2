# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts one tree in the place of another by renames, and back; may be killed anywhere and done again.

What was there is only ever moved to ``aside/``. So a name of it that is not there is still in its place.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import errno
import hashlib
import os

from ansible.module_utils.common.text.converters import to_native
from ansible_collections.microbosh.director.plugins.module_utils import _tree as tree
from ansible_collections.microbosh.director.plugins.module_utils._files import (
    make_durable,
    remove_tree,
    sha256,
    write_durably,
)
from ansible_collections.microbosh.director.plugins.module_utils._metadata import (
    drop_acl,
    same_metadata,
    set_metadata,
)
from ansible_collections.microbosh.director.plugins.module_utils._mtree import readable
from ansible_collections.microbosh.director.plugins.module_utils._restore_mounts import APART
from ansible_collections.microbosh.director.plugins.module_utils._restore_tree import RestoreError, is_blob

UNFINISHED = b".microbosh-restore"
CONTROL = b"/global/pg_control"


def make_directory(path):
    """Make a directory and what leads there, for the time being with mode 0700."""
    if not os.path.isdir(path):
        os.makedirs(path, 0o700)


def move(run_command, source, target):
    """Rename; across file systems, copy beside the target first."""
    make_directory(os.path.dirname(target))
    try:
        os.rename(source, target)
        return
    except EnvironmentError as error:
        if error.errno != errno.EXDEV:
            raise
    copy_beside(run_command, source, target)
    os.unlink(source)


def copy_beside(run_command, source, target):
    """Copy a name so that the target is whole or not there."""
    unfinished = target + UNFINISHED
    if os.path.lexists(unfinished):
        os.unlink(unfinished)
    copy_exactly(run_command, source, unfinished)
    if not os.path.islink(source):
        make_durable(unfinished)
    os.rename(unfinished, target)
    make_durable(os.path.dirname(target))


def move_directory(run_command, source, target):
    """Rename a directory to a name that nothing has; across file systems, copy what is in it first."""
    try:
        os.rename(source, target)
        return
    except EnvironmentError as error:
        if error.errno != errno.EXDEV:
            raise
    unfinished = target + UNFINISHED
    if os.path.lexists(unfinished):
        remove_tree(unfinished)
    copy_exactly(run_command, source, unfinished)
    os.rename(unfinished, target)
    remove_tree(source)


def refill(run_command, source, target):
    """Put what is in a directory in the place of what is in another, which is a file system's top."""
    for name in os.listdir(target):
        path = os.path.join(target, name)
        if name != APART and os.path.isdir(path) and not os.path.islink(path):
            remove_tree(path)
        elif name != APART:
            os.unlink(path)
    copy_exactly(run_command, source, target)
    remove_tree(source)


def copy_exactly(run_command, source, target):
    """Copy a name, and what is in it, with all metadata: by cp, since Python 2.7 does not see nanoseconds."""
    argv = ["cp", "--archive", "--no-target-directory", to_native(source), to_native(target)]
    rc, dummy, err = run_command(argv)
    if rc:
        raise RestoreError("%s could not be copied: %s" % (readable(source), " ".join(err.split())))


def remove_directory(path):
    """Remove a directory if nothing is in it: what the filter does not name stays."""
    try:
        os.rmdir(path)
    except EnvironmentError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.EBUSY):
            raise


def deepest_first(paths):
    """Return paths so that what is in a directory comes before it."""
    return sorted(paths, key=lambda path: (-path.count(b"/") if path else 1, path))


def control_last(path):
    """Sort what PostgreSQL does not start without behind everything else.

    It is the first to go and the last to come, as a host that is restarted in the middle may start its services.
    """
    return path.endswith(CONTROL), path


def control_first(path):
    """Sort it before everything else."""
    return not path.endswith(CONTROL), path


class Staging(object):
    """Builds in ``new/`` what is wanted, out of what was pushed and of blobs that are there already."""

    def __init__(self, live, wanted, workspace, incoming, run_command, identity=None):
        self._identity = identity or {}
        self._live = live
        self._wanted = wanted
        self._new = workspace.new
        self._incoming = incoming
        self._run_command = run_command
        self.shared = 0

    def build(self):
        """Make everything but directories, with its metadata; take what was pushed away from whoever pushed it."""
        for path in sorted(self._wanted):
            entry = self._wanted[path]
            if entry.type != "dir":
                target = self._new(path)
                make_directory(os.path.dirname(target))
                self._make(entry, target)

    def _make(self, entry, target):
        if entry.twin not in (None, entry.path):
            self._link(self._new(entry.twin), target)
        elif entry.type == "link":
            os.symlink(entry.link, target)
            set_metadata(target, entry)
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
        write_durably(target, content)
        set_metadata(target, entry)
        return True

    def _take_pushed(self, entry, target):
        pushed = os.path.join(self._incoming, entry.path)
        if not os.path.lexists(pushed):
            return False
        move(self._run_command, pushed, target)
        found = tree.examine(entry.path, target)
        if found.type != "file" or found.links != 1 or found.size != entry.size:
            raise RestoreError("%s did not arrive whole: expected %d bytes." % (readable(entry.path), entry.size))
        # Blobs are proven later, by what the database says of them.
        if not is_blob(entry.path) and sha256(target)[0] != entry.digest:
            raise RestoreError("%s did not arrive as it was sent: its digest is another." % readable(entry.path))
        drop_acl(target)  # what it inherited where it was pushed to
        set_metadata(target, entry)
        return True

    def _share(self, entry, target):
        """Link a blob that is there: that it has the right content was found when both trees were compared."""
        found = self._live.examine(entry.path) if is_blob(entry.path) else None
        if found is None or found.type != "file" or found.size != entry.size or not same_metadata(found, entry):
            return False
        self._link(self._live.path(entry.path), target)
        self.shared += 1
        return True

    def _link(self, source, target):
        """Link a file, or copy it where another file system begins that nobody knew of."""
        try:
            os.link(source, target)
        except EnvironmentError as error:
            if error.errno not in (errno.EXDEV, errno.EMLINK):
                raise
            copy_beside(self._run_command, source, target)


class Swap(object):
    """Exchanges what is there and what is wanted."""

    def __init__(self, live, wanted, workspace, run_command):
        self._live = live
        self._wanted = wanted
        self._workspace = workspace
        self._run_command = run_command

    def exchange(self):
        """Put aside what is there, and what is wanted in its place."""
        if self._workspace.read_kept() is None:
            self._workspace.write_kept(self._live.entries(self._wanted, at_rest=True))
        directories, others = self._workspace.read_kept()
        for path in sorted(others, key=control_first):
            self._put_aside(path)
        wanted_directories = self._wanted_of(lambda entry: entry.type == "dir")
        for path in deepest_first(set(directories) - set(wanted_directories)):
            remove_directory(self._live.path(path))
        for path in sorted(wanted_directories):
            make_directory(self._live.path(path))
        for path in sorted(self._wanted_of(lambda entry: entry.type != "dir"), key=control_last):
            staged = self._workspace.new(path)
            if os.path.lexists(staged):
                move(self._run_command, staged, self._live.path(path))
        self._require_all()
        self._finish(wanted_directories)

    def put_back(self):
        """Put what is aside back, and remove what came in its place. Without anything aside there is nothing to do."""
        kept = self._workspace.read_kept()
        if kept is None:
            return False
        directories, others = kept
        there = self._live.entries(self._wanted, at_rest=True)
        for path in sorted((path for path, entry in there.items() if entry.type != "dir"), key=control_first):
            if path not in others or os.path.lexists(self._aside(path)):
                os.unlink(self._live.path(path))
        gone = [path for path, entry in there.items() if entry.type == "dir" and path not in directories]
        for path in deepest_first(gone):
            remove_directory(self._live.path(path))
        for path in sorted(directories):
            make_directory(self._live.path(path))
        for path in sorted(others, key=control_last):
            if os.path.lexists(self._aside(path)):
                move(self._run_command, self._aside(path), self._live.path(path))
        self._finish(directories)
        self._workspace.forget_kept()
        return True

    def _aside(self, path):
        return self._workspace.aside(path)

    def _put_aside(self, path):
        here, aside = self._live.path(path), self._aside(path)
        if not os.path.lexists(here) or (os.path.isdir(here) and not os.path.islink(here)):
            return
        if not os.path.lexists(aside):
            move(self._run_command, here, aside)
        elif path not in self._wanted or os.path.lexists(self._workspace.new(path)):
            os.unlink(here)  # it had been copied to another file system when the step was killed

    def _require_all(self):
        """Raise RestoreError unless everything that is wanted is in its place."""
        missing = [path for path in sorted(self._wanted) if not os.path.lexists(self._live.path(path))]
        if missing:
            raise RestoreError(
                "%s is not in its place%s: somebody has removed it from %s."
                % (
                    readable(missing[0]),
                    " and %d more are not" % (len(missing) - 1) if missing[1:] else "",
                    to_native(os.path.dirname(self._workspace.new(missing[0]))),
                )
            )

    def _wanted_of(self, kind):
        return dict((path, entry) for path, entry in self._wanted.items() if kind(entry))

    def _finish(self, directories):
        """Give directories what was recorded of them, now that nothing is moved in them any more."""
        for path in deepest_first(directories):
            set_metadata(self._live.path(path), directories[path])
