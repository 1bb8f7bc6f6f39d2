# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes and removes the directory of the backup user in the store, below which others may write as well.

It is made and given away where only root gets to, and then moved to its place. So nothing is ever given away that was
not made for it, whatever somebody puts in its place meanwhile.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import binascii
import errno
import os
import stat

from ansible.module_utils.common.text.converters import to_bytes
from ansible_collections.microbosh.director.plugins.module_utils._tree._openat import (
    NOT_THERE,
    Tree,
    open_directory,
    planted,
)

MODE = 0o700
MADE = b"made"
IN_THE_WAY = (errno.ENOTDIR, errno.ENOTEMPTY, errno.EEXIST)


def _place(path):
    """Return the Place at a path, in the directory above, which is open from then on."""
    path = os.path.abspath(to_bytes(path))
    return Tree(open_directory(os.path.dirname(path))).place(os.path.basename(path))


def make(path, uid, dry_run=False):
    """Make a directory that only this user may enter; return whether anything had to be changed."""
    place = _place(path)
    if place.exists():
        return _close(place, uid, dry_run)
    if not dry_run:
        _make(place, uid)
    return True


def _close(place, uid, dry_run):
    """Close the user's existing directory to everybody else."""
    if not place.is_directory():
        raise planted(place.full, "is no directory")
    directory = place.enter()
    found = directory.status()
    if found.st_uid != uid:
        raise planted(place.full, "belongs to user %d" % found.st_uid)
    if stat.S_IMODE(found.st_mode) == MODE:
        return False
    if not dry_run:
        os.fchmod(directory.descriptor, MODE)
    return True


def _make(place, uid):
    room = place.above.below(b".microbosh-" + binascii.hexlify(os.urandom(8)))
    room.make_directory()
    try:
        made = Tree(room.enter().require_own()).place(MADE)
        made.make_directory()
        os.fchown(made.enter().descriptor, uid, -1)
        _move(made, place)
    finally:
        _leave(room)


def _move(made, place):
    """Move the new directory to its place, where another user may have put something meanwhile."""
    try:
        made.rename(place)
    except EnvironmentError as error:
        made.rmdir()
        if error.errno not in IN_THE_WAY:
            raise
        raise planted(place.full, "was put there this very moment")


def _leave(room):
    """Remove the empty directory, if it still is where it was made."""
    try:
        room.rmdir()
    except EnvironmentError as error:
        if error.errno not in IN_THE_WAY + NOT_THERE:
            raise


def remove(path, dry_run=False):
    """Remove what is at a path; return whether there was something. A link itself is removed."""
    place = _place(path)
    if not place.exists():
        return False
    if not dry_run:
        place.remove()
    return True
