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

from ansible.module_utils.common.text.converters import to_bytes, to_native
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._tree._openat import as_before

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
    """Given the Place of a file system's top, make a restore's place in it and open that; the directory keeps its time.

    Only root may have made it, and enter it.
    """
    try:
        top = directory.enter()
        place = directory.below(APART)
        if not place.exists():
            with as_before(top):
                os.mkdir(place.reach()[1], 0o700)
        return place.enter().require_own()
    except EnvironmentError as error:
        raise DirectorError(
            "%s is a file system of its own, and nothing can be made ready in it: %s. Nothing was stopped."
            % (to_native(directory.full), error.strerror)
        )


def remove_apart(directory):
    """Given the Place of a file system's top, remove a restore's place in it."""
    place = directory.below(APART)
    if place.is_directory():
        with as_before(directory.enter()):
            place.remove()
