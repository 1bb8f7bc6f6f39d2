# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data directory of PostgreSQL that a restore of dumps begins without, as after the loss of a disk.

The exchange notes that there is none; then whatever is there was made by this restore, and goes away with a rollback.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os

from ansible.module_utils.common.text.converters import to_bytes, to_native
from ansible_collections.microbosh.director.plugins.module_utils._postgres._empty_directory import (
    LEFT,
    NotMade,
    find_maker,
    make_directory,
    wait_for_makers,
)
from ansible_collections.microbosh.director.plugins.module_utils._postgres._file_layout import numbers_of
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres_server import major_of
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_swap import move
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_tree import RestoreError
from ansible_collections.microbosh.director.plugins.module_utils._tree._openat import Tree, as_before, open_directory

STORE = "store"
_LEFT = frozenset(to_bytes(name) for name in LEFT)


class EmptyDirectory(object):
    """The one that the director's own job makes; the workspace knows whether it is this restore's."""

    def __init__(self, root, workspace, name):
        self._root = root
        self._workspace = workspace
        self._name = name
        self._path = os.path.join(root, STORE, name)
        self._place = Tree(open_directory(os.path.join(root, STORE))).place(to_bytes(name))

    def note(self):
        """Note that there is none, before anything could make one, and keep aside what a start left in its place."""
        noted = self._workspace.read_made()
        if noted is None:
            there = self._place.exists()
            names = self._place.names() if self._place.is_directory() else []
            if set(names) - _LEFT or (there and not self._place.is_directory()):
                raise RestoreError(
                    "%s has something in it, which it had not when the restore began. Nothing was exchanged. Look at "
                    "it, and restore again." % self._path
                )
            noted = {"stays": there, "left": [to_native(name) for name in names], "done": False}
            self._workspace.write_made(noted)
        for here, aside in self._left(noted):
            if here.exists():
                aside.remove()
                move(here, aside)

    def _left(self, noted):
        """Return the Places of what a start had left: where it was, and where it is kept."""
        names = [to_bytes(name) for name in noted["left"]]
        return [(self._place.below(name), self._workspace.left(name)) for name in names]

    def make(self, dumps, timeout):
        """Let the job make it, unless it is made; return whether it had to be. What a killed try left goes first."""
        noted = self._workspace.read_made()
        if noted is None or noted["done"]:
            return False
        wait_for_makers()
        self._empty(noted)
        maker = find_maker(self._root)
        if maker.data_directory != self._name:
            raise NotMade("%s makes %s, and not %s." % (maker.program, maker.data_directory, self._name))
        make_directory(maker, self._root, timeout)
        self._require_new_enough(dumps)
        self._workspace.write_made(dict(noted, done=True))
        return True

    def _require_new_enough(self, dumps):
        major = major_of(self._path)
        newer = [dump for dump in dumps if numbers_of(dump.get("server_version")) > major]
        if newer:
            raise NotMade(
                "The dump of %s is of PostgreSQL %s, which is newer than the %s of the director."
                % (newer[0]["database"], newer[0]["server_version"], ".".join(map(str, major)))
            )

    def take_away(self):
        """Remove what was made, if anything may have been, and put back what a start had left; return whether so."""
        noted = self._workspace.read_made()
        if noted is None or any(not aside.exists() for dummy, aside in self._left(noted)):
            return False  # nothing was made yet, or all of it was done
        changed = self._empty(noted)
        for here, aside in self._left(noted):
            move(aside, here)
        return changed

    def _empty(self, noted):
        """Have the place as it was when the restore began: nothing there, or an empty directory that stays."""
        if not self._place.is_directory():
            return False
        names = self._place.names()
        for name in names:
            self._place.below(name).remove()
        if not noted["stays"]:
            with as_before(self._place.above.enter()):
                self._place.rmdir()
        self._place.tree.forget()
        return bool(names) or not noted["stays"]
