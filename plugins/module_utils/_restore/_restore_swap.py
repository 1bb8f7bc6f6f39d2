# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exchanges two trees by renames, and back; may be killed anywhere and done again.

Live files are only ever moved to ``aside/``. So a name that is not there is still in its place.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import errno
import stat

from ansible.module_utils.common.text.converters import to_native
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_copy import copy_place
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_mounts import APART
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_tree import RestoreError
from ansible_collections.microbosh.director.plugins.module_utils._tree._attributes import is_kept
from ansible_collections.microbosh.director.plugins.module_utils._tree._metadata import (
    open_attributes,
    set_open_metadata,
)
from ansible_collections.microbosh.director.plugins.module_utils._tree._mtree import readable
from ansible_collections.microbosh.director.plugins.module_utils._tree._openat import NOT_THERE, planted
from ansible_collections.microbosh.director.plugins.module_utils._tree._tree import TYPES

CONTROL = b"/global/pg_control"


def move(source, target):
    """Given two Places, rename; across file systems, copy beside the target first."""
    target.make_way()
    try:
        source.rename(target)
        return
    except EnvironmentError as error:
        if error.errno != errno.EXDEV:
            raise
    copy_place(source, target)
    source.remove()


def refill(source, target):
    """Replace the content of a directory, the top of a file system, by that of another."""
    fill(source, target)
    source.remove()


def fill(source, target):
    """Make a directory's content a copy of another's."""
    for name in target.names():
        if name != APART:
            target.below(name).remove()
    for name in source.names():
        copy_place(source.below(name), target.below(name))
    set_open_metadata(target.enter().descriptor, source.examine())


def remove_directory(place):
    """Remove a directory if nothing is in it: what the filter does not name stays."""
    try:
        place.rmdir()
    except EnvironmentError as error:
        if error.errno not in NOT_THERE + (errno.ENOTEMPTY, errno.EEXIST, errno.EBUSY):
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


class Swap(object):
    """Exchanges the live tree and the restored one."""

    def __init__(self, live, wanted, workspace):
        self._live = live
        self._wanted = wanted
        self._workspace = workspace

    def exchange(self):
        """Move the live files aside, and the restored ones into their place."""
        if self._workspace.read_kept() is None:
            self._workspace.write_kept(self._with_attributes(self._live.entries(self._wanted, at_rest=True)))
        directories, others = self._workspace.read_kept()
        for path in sorted(others, key=control_first):
            self._put_aside(path)
        wanted_directories = self._wanted_of(lambda entry: entry.type == "dir")
        for path in deepest_first(set(directories) - set(wanted_directories)):
            remove_directory(self._live.place(path))
        for path in sorted(wanted_directories):
            self._live.place(path).make_directory()
        for path in sorted(self._wanted_of(lambda entry: entry.type != "dir"), key=control_last):
            staged = self._workspace.new(path)
            if staged.exists():
                move(staged, self._live.place(path))
        self._require_all()
        self._finish(wanted_directories)

    def put_back(self):
        """Move the files aside back, and remove those that replaced them. Without files aside, do nothing."""
        kept = self._workspace.read_kept()
        if kept is None:
            return False
        directories, others = kept
        there = self._live.entries(self._wanted, at_rest=True)
        for path in sorted((path for path, entry in there.items() if entry.type != "dir"), key=control_first):
            if path not in others or self._workspace.aside(path).exists():
                self._live.place(path).unlink()
        gone = [path for path, entry in there.items() if entry.type == "dir" and path not in directories]
        for path in deepest_first(gone):
            remove_directory(self._live.place(path))
        for path in sorted(directories):
            self._live.place(path).make_directory()
        for path in sorted(others, key=control_last):
            aside = self._workspace.aside(path)
            if aside.exists():
                move(aside, self._live.place(path))
        self._finish(directories)
        self._workspace.forget_kept()
        return True

    def _with_attributes(self, entries):
        """Look at what the directories that are there have besides, if it is to become something else."""
        if any(entry.attributes is not None for entry in self._wanted.values()):
            for path, entry in entries.items():
                if entry.type == "dir":
                    entry.attributes = self._attributes_of(self._live.place(path))
        return entries

    @staticmethod
    def _attributes_of(place):
        try:
            found = open_attributes(place.enter().descriptor)
        except EnvironmentError as error:
            if error.errno not in NOT_THERE:
                raise
            return None
        return dict((name, found[name]) for name in found if is_kept(name))

    def _put_aside(self, path):
        here, aside = self._live.place(path), self._workspace.aside(path)
        found = here.status()
        if found is None or stat.S_ISDIR(found.st_mode):
            return
        if not aside.exists():
            move(here, aside)
        elif path not in self._wanted or self._workspace.new(path).exists():
            here.unlink()  # it had been copied to another file system when the step was killed

    def _require_all(self):
        """Raise RestoreError unless everything that is wanted is in its place."""
        self._live.tree.forget()
        missing = [path for path in sorted(self._wanted) if not self._is_there(path)]
        if missing:
            raise RestoreError(
                "%s is not in its place%s: somebody has removed it from %s, or put something else there."
                % (
                    readable(missing[0]),
                    " and %d more are not" % (len(missing) - 1) if missing[1:] else "",
                    to_native(self._workspace.new(missing[0]).above.full),
                )
            )

    def _is_there(self, path):
        found = self._live.place(path).status()
        return found is not None and TYPES[stat.S_IFMT(found.st_mode)] == self._wanted[path].type

    def _wanted_of(self, kind):
        return dict((path, entry) for path, entry in self._wanted.items() if kind(entry))

    def _finish(self, directories):
        """Set the recorded metadata of directories, now that nothing is moved in them any more."""
        self._live.tree.forget()
        for path in deepest_first(directories):
            place = self._live.place(path)
            try:
                descriptor = place.enter().descriptor
            except EnvironmentError as error:
                if error.errno not in NOT_THERE:
                    raise
                raise planted(place.full, "was a directory a moment ago, and is none any more")
            set_open_metadata(descriptor, directories[path])
