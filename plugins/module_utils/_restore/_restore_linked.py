# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The write-ahead log and the tablespaces that a server keeps behind links of its data directory.

Without these of the same moment, a data directory that was kept aside is worth nothing.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import errno
import os
import stat

from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_copy import copy_place
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_swap import fill
from ansible_collections.microbosh.director.plugins.module_utils._tree._metadata import set_metadata
from ansible_collections.microbosh.director.plugins.module_utils._tree._openat import (
    NOT_THERE,
    Tree,
    as_before,
    open_directory,
)

LOGS = (b"pg_wal", b"pg_xlog")
TABLESPACES = b"pg_tblspc"
_ASIDE = b".microbosh-aside"


def linked(directory):
    """Given the Place of a data directory, return [(name of a link, Place where it leads)]; the server owns both."""
    if not directory.is_directory():
        return []
    owner = directory.enter().status().st_uid
    spaces = directory.below(TABLESPACES)
    names = list(LOGS)
    names += [os.path.join(TABLESPACES, name) for name in sorted(spaces.names())] if spaces.is_directory() else []
    found = [(name, _target(directory, name)) for name in names]
    return [(name, place) for name, place in found if place and place.enter().status().st_uid == owner]


def _target(directory, name):
    """Return the Place that a link leads to, None if it is none, or leads to no directory."""
    link = directory.below(name)
    found = link.status()
    if found is None or not stat.S_ISLNK(found.st_mode):
        return None
    path = os.path.normpath(os.path.join(os.path.dirname(link.full), os.readlink(link.reach()[1])))
    try:
        place = Tree(open_directory(os.path.dirname(path))).place(os.path.basename(path))
    except EnvironmentError as error:
        if error.errno not in NOT_THERE + (errno.ELOOP,):
            raise
        return None
    return place if place.name and place.is_directory() else None


def paths_inside(directory, root):
    """Return where the links of a data directory lead, as paths below ``root``; what leads elsewhere is not in it."""
    top = os.path.join(os.path.realpath(root), b"")
    paths = [os.path.realpath(place.full) for dummy, place in linked(directory)]
    return sorted(path[len(top) :] for path in paths if path.startswith(top))


def take_in(directory, copy):
    """Given a data directory and a copy of it, let the copy have what the links lead to in their place."""
    for name, place in linked(directory):
        inside = copy.below(name)
        with as_before(inside.above.enter()):
            inside.remove()
            copy_place(place, inside)


def give_out(copy, directory):
    """Put what the copy of a data directory has taken in where the directory's links lead, and links in its place."""
    for name, place in linked(directory):
        inside, aside = copy.below(name), copy.below(name + _ASIDE)
        with as_before(inside.above.enter()):
            if inside.is_directory():
                fill(inside, place)
                aside.remove()
                inside.rename(aside)
            link, (dummy, path) = directory.below(name).examine(), inside.reach()
            if not inside.exists():
                os.symlink(link.link, path)
            set_metadata(path, link)
            aside.remove()
