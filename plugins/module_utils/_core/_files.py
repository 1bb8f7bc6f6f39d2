# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes files that survive a power cut whole or not at all, reads files safely, and removes trees."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import contextlib
import errno
import hashlib
import io
import os
import shutil
import stat

from ansible_collections.microbosh.director.plugins.module_utils._core._clock import uptime

CHUNK = 1024 * 1024
SMALL = 256 * 1024
UNFINISHED = ".new"
LOOK_SECONDS = 0.05


def make_durable(directory):
    """Given a directory, return once the names in it would survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_new(path, mode=0o600):
    """Return a binary file to write, empty whatever was there."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    os.fchmod(descriptor, mode)
    return io.open(descriptor, "wb")


@contextlib.contextmanager
def durable_file(path, mode=0o600):
    """Yield a binary file that becomes ``path`` when the block ends, and leaves no trace if it raises.

    Written beside the target, so that the rename cannot cross a file system. The name of the
    unfinished file is fixed: what a killed process left is overwritten by the next one.
    """
    unfinished = path + (UNFINISHED.encode("ascii") if isinstance(path, bytes) else UNFINISHED)
    target, whole = open_new(unfinished, mode), False
    try:
        with target:
            yield target
            target.flush()
            os.fsync(target.fileno())
        os.rename(unfinished, path)
        whole = True
    finally:
        if not whole:
            os.unlink(unfinished)
    make_durable(os.path.dirname(path) or os.curdir)


def lines_in(path):
    """Yield the lines of a file, bytes with their ends."""
    with io.open(path, "rb") as source:
        line = source.readline()
        while line:
            yield line
            line = source.readline()


def write_durably(path, content, mode=0o600):
    """Given bytes, make them the content of ``path``."""
    with durable_file(path, mode) as target:
        target.write(content)


def point_symlink(path, target):
    """Make ``path`` a symbolic link to ``target``, in one step if it is one already; return whether it changed."""
    if os.path.islink(path) and os.readlink(path) == target:
        return False
    unfinished = path + UNFINISHED
    if os.path.lexists(unfinished):
        os.unlink(unfinished)
    os.symlink(target, unfinished)
    os.rename(unfinished, path)
    make_durable(os.path.dirname(path))
    return True


def rename_durably(source, target):
    """Rename within one directory, and return once that would survive a power cut."""
    os.rename(source, target)
    make_durable(os.path.dirname(target))


def open_for_reading(path):
    """Return an unbuffered file, even of a regular file of ours whose mode denies us to read it.

    A backup keeps modes as they are on the director, and a controller need not be root: the mode
    is widened for the moment of opening. Symbolic links are not followed.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        return io.open(os.open(path, flags), "rb", buffering=0)
    except OSError as error:
        mode = os.lstat(path).st_mode
        if error.errno != errno.EACCES or not stat.S_ISREG(mode) or mode & stat.S_IRUSR:
            raise
    os.chmod(path, stat.S_IMODE(mode) | stat.S_IRUSR)
    try:
        return io.open(os.open(path, flags), "rb", buffering=0)
    finally:
        os.chmod(path, stat.S_IMODE(mode))


@contextlib.contextmanager
def open_plain(path, most):
    """Open a file that may be anybody's: raise EnvironmentError if it is a link, a pipe, or larger."""
    with open_for_reading(path) as source:
        found = os.fstat(source.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise EnvironmentError(errno.EINVAL, "it is no plain file", path)
        if found.st_size > most:
            raise EnvironmentError(errno.EFBIG, "it is larger than any such file", path)
        yield source


def read_plain(path, most):
    """Return the bytes of a file that may be anybody's, as open_plain() opens it."""
    with open_plain(path, most) as source:
        return source.readall()


def sha256(path):
    """Given a regular file, return (hexadecimal digest, bytes read)."""
    with open_for_reading(path) as source:
        return digest_of(source)


def digest_of(source):
    """Given an open file, return (hexadecimal digest, bytes read)."""
    digest = hashlib.sha256()
    count = 0
    while True:
        chunk = source.read(CHUNK)
        if not chunk:
            return digest.hexdigest(), count
        digest.update(chunk)
        count += len(chunk)


def digest_rate():
    """Return of how many bytes a second this host finds the digest now, with all else that it does."""
    digest, chunk, count = hashlib.sha256(), b"\0" * CHUNK, 0
    before = began = uptime()
    while began == before:  # the clock goes in steps
        began = uptime()
    while uptime() - began < LOOK_SECONDS:
        digest.update(chunk)
        count += len(chunk)
    return int(count / (uptime() - began))


def small_text(path, flags=0):
    """Return the text of a small regular file; raise at once, without waiting, for a pipe or a device."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | flags)
    with os.fdopen(descriptor) as source:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise EnvironmentError(errno.EINVAL, "it is no regular file", path)
        return source.read(SMALL)


def remove_tree(top):
    """Remove a directory and all that is in it, read-only directories too. Follows no symbolic link."""
    directories = [top]
    while directories:
        directory = directories.pop()
        if stat.S_IMODE(os.lstat(directory).st_mode) & stat.S_IRWXU != stat.S_IRWXU:
            os.chmod(directory, stat.S_IRWXU)
        for name in os.listdir(directory):
            path = os.path.join(directory, name)
            if stat.S_ISDIR(os.lstat(path).st_mode):
                directories.append(path)
    shutil.rmtree(top)
