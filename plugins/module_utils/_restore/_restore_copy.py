# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes copies in new files, which only root has ever had open.

They are made where only root can enter, from what was opened once, and get their name when they are whole.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import contextlib
import errno
import hashlib
import os
import stat

from ansible.module_utils.common.text.converters import to_native
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_mounts import APART
from ansible_collections.microbosh.director.plugins.module_utils._tree._metadata import (
    copy_open_attributes,
    open_mtime,
    set_metadata,
    set_open_mtime,
)
from ansible_collections.microbosh.director.plugins.module_utils._tree._openat import NEW, NOT_THERE, READ, planted
from ansible_collections.microbosh.director.plugins.module_utils._tree._tree import examine

# A block of zeros becomes a hole.
CHUNK = 64 * 1024
ZEROS = b"\0" * CHUNK
PART = b"part"
DEEPEST = 200


class CopyError(DirectorError):
    """Something cannot be copied."""


def copy_content(source, target, limit=None):
    """Given two open files, copy the content; return (hexadecimal SHA-256, bytes), of no more than is expected."""
    digest = hashlib.sha256()
    size = 0
    while limit is None or size <= limit:
        chunk = os.read(source, CHUNK)
        if not chunk:
            break
        digest.update(chunk)
        size += len(chunk)
        if chunk == ZEROS[: len(chunk)]:
            os.lseek(target, len(chunk), os.SEEK_CUR)
        else:
            _write(target, chunk)
    os.ftruncate(target, size)
    return digest.hexdigest(), size


def _write(target, chunk):
    while chunk:
        chunk = chunk[os.write(target, chunk) :]


def copy_place(source, target):
    """Copy a Place, and what is in it, with all metadata, so that the target is whole or not there."""
    target.make_way()
    with private(target.above) as room:
        room.below(PART).remove()
        _copy(source.reach()[0], source.name, room.enter(), PART, {}, 0)
        part = room.below(PART)
        if stat.S_IFMT(part.status().st_mode) in (stat.S_IFREG, stat.S_IFDIR):
            _make_durable(part)
        part.rename(target)
    _make_durable(target.above)


@contextlib.contextmanager
def private(directory):
    """Yield a Place in a directory that only root can enter, whoever owns the directory above."""
    room = directory.below(APART)
    dummy, path = room.reach()
    try:
        os.mkdir(path, 0o700)
    except EnvironmentError as error:
        if error.errno != errno.EEXIST:
            raise
    room.enter().require_own()
    yield room
    try:
        room.rmdir()
    except EnvironmentError as error:
        if error.errno not in NOT_THERE + (errno.ENOTEMPTY, errno.EEXIST):
            raise


def _make_durable(place):
    """Flush a file or a directory to disk."""
    if place.is_directory():
        os.fsync(place.enter().descriptor)
        return
    descriptor = place.open(READ)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _copy(directory, name, target, new_name, twins, depth):
    """Copy a name in an open directory into another one, where nobody else can enter."""
    found = os.lstat(directory.at(name))
    if stat.S_ISDIR(found.st_mode):
        _copy_directory(directory.enter(name), target, new_name, twins, depth)
    elif stat.S_ISREG(found.st_mode):
        _copy_file(directory, name, target, new_name, twins)
    elif stat.S_ISLNK(found.st_mode):
        entry = examine(name, directory.at(name))
        os.symlink(os.readlink(directory.at(name)), target.at(new_name))
        set_metadata(target.at(new_name), entry)
    else:
        entry = examine(name, directory.at(name))
        os.mknod(target.at(new_name), stat.S_IFMT(found.st_mode) | 0o600, found.st_rdev)
        set_metadata(target.at(new_name), entry)


def _copy_directory(source, target, new_name, twins, depth):
    if depth > DEEPEST:
        raise CopyError("%s is deeper than %d directories, which nothing of a director is. Look at it, and move it "
                        "away." % (to_native(source.path), DEEPEST))  # fmt: skip
    os.mkdir(target.at(new_name), 0o700)
    copied = target.enter(new_name)
    for name in source.names():
        _copy(source, name, copied, name, twins, depth + 1)
    _copy_metadata(source.descriptor, copied.descriptor)


def _copy_file(directory, name, target, new_name, twins):
    source = os.open(directory.at(name), READ)
    try:
        found = os.fstat(source)
        if not stat.S_ISREG(found.st_mode):
            raise planted(os.path.join(directory.path, name), "is another thing than a moment ago")
        known = twins.get((found.st_dev, found.st_ino))
        if known is not None:
            os.link(known[0].at(known[1]), target.at(new_name))
            return
        if found.st_nlink > 1:
            twins[found.st_dev, found.st_ino] = (target, new_name)
        _copy_open_file(source, target.at(new_name))
    finally:
        os.close(source)


def _copy_open_file(source, path):
    copied = os.open(path, NEW, 0o600)
    try:
        copy_content(source, copied)
        _copy_metadata(source, copied)
    finally:
        os.close(copied)


def _copy_metadata(source, target):
    """Copy owner, mode, attributes and time from one open file to another."""
    found = os.fstat(source)
    os.fchown(target, found.st_uid, found.st_gid)
    os.fchmod(target, stat.S_IMODE(found.st_mode))
    copy_open_attributes(source, target)
    set_open_mtime(target, open_mtime(source))
