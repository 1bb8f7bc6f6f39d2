# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""File systems of their own below the store, such as one for blobs.

Nothing can be linked or renamed into another file system. So a restore has a place in each of them, where what it
brings and what it keeps aside lies: an exchange stays a matter of renames, and takes no space for blobs that are there.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import stat

from ansible.module_utils.common.text.converters import to_bytes, to_native
from ansible_collections.microbosh.director.plugins.module_utils._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._files import remove_tree
from ansible_collections.microbosh.director.plugins.module_utils._metadata import set_metadata
from ansible_collections.microbosh.director.plugins.module_utils._tree import examine

MOUNTS = "/proc/self/mountinfo"
# Its name in each of them. No filter of a backup or a restore lets it pass.
APART = b".microbosh-restore"
STORE = b"store"


def mounts_below(root, mountinfo=MOUNTS):
    """Return the paths below ``root``, as bytes, at which another file system begins within the store."""
    top = os.path.join(os.path.realpath(to_bytes(root)), STORE) + b"/"
    with open(mountinfo, "rb") as source:
        places = [_unescaped(line.split()[4]) for line in source if len(line.split()) > 4]
    return sorted(set(STORE + b"/" + place[len(top) :] for place in places if place.startswith(top)))


def _unescaped(field):
    """Return what the kernel wrote with blanks as octal digits."""
    for escaped, byte in ((b"\\040", b" "), (b"\\011", b"\t"), (b"\\012", b"\n"), (b"\\134", b"\\")):
        field = field.replace(escaped, byte)
    return field


def mount_of(path, mounts):
    """Return the innermost of these mounts that a path lies in, None for the store's own file system."""
    inside = [mount for mount in mounts if path.startswith(mount + b"/")]
    return max(inside, key=len) if inside else None


def make_apart(directory):
    """Make a restore's place in a file system, which only root may enter; the directory keeps its time."""
    place = os.path.join(directory, APART)
    before = examine(b"", directory)
    try:
        if not os.path.lexists(place):
            os.mkdir(place, 0o700)
            set_metadata(directory, before)
        found = os.lstat(place)
    except EnvironmentError as error:
        raise DirectorError(
            "%s is a file system of its own, and nothing can be made ready in it: %s. Nothing was stopped."
            % (to_native(directory), error.strerror)
        )
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise DirectorError("%s is not a directory that only root may write to. Move it away." % to_native(place))


def remove_apart(directory):
    """Remove a restore's place in a file system."""
    place = os.path.join(directory, APART)
    if os.path.isdir(place) and not os.path.islink(place):
        before = examine(b"", directory)
        remove_tree(place)
        set_metadata(directory, before)
