# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names below directories that others may write to, reached step by step through directories that are open.

A directory that is renamed meanwhile, or replaced by a symbolic link, leads nowhere: no link is followed, and an open
directory stays the one it is. A name in an open directory is ``/proc/self/fd/<descriptor>/<name>``, which the kernel
resolves to that very directory; so it is the same with Python 2.7, which has no ``dir_fd``.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import contextlib
import errno
import fcntl
import itertools
import os
import stat

from ansible.module_utils.common.text.converters import to_bytes, to_native
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._tree._metadata import set_open_metadata
from ansible_collections.microbosh.director.plugins.module_utils._tree._tree import examine

DESCRIPTORS = "/proc/self/fd"
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
# Nothing is there, or what is there is no directory that leads on.
NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
MOST_LINKS = 40
TRIES = 100


class Planted(DirectorError):
    """A name is in the way that only an attacker or a running service can have put there."""


def planted(path, why):
    """Return the error that names what is in the way."""
    return Planted(
        "%s %s, so root does not touch it. Find out what still writes there (fuser -v), end it, and run this again."
        % (to_native(path), why)
    )


class Named(object):
    """Gives errors the whole path of a name that is reached step by step."""

    __slots__ = ("_parts",)

    def __init__(self, *parts):
        self._parts = parts

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if isinstance(error, EnvironmentError):
            error.filename, error.filename2 = to_native(os.path.join(*self._parts)), None


class Directory(object):
    """An open directory, closed when its last user is gone."""

    def __init__(self, descriptor, path):
        self.descriptor = descriptor
        self.path = path
        self._prefix = to_bytes("%s/%d/" % (DESCRIPTORS, descriptor))
        fcntl.fcntl(descriptor, fcntl.F_SETFD, fcntl.FD_CLOEXEC)

    def __del__(self, close=os.close):
        close(self.descriptor)

    def at(self, name):
        """Return the path of a name in it, for a system call; the object has to live as long."""
        if not name or b"/" in name or name == b"..":
            raise ValueError("not a name in a directory: %r" % (name,))
        return self._prefix + name

    def here(self):
        """Return the path of the directory itself, for a system call."""
        return self._prefix + b"."

    def enter(self, name):
        """Open a directory in it."""
        with Named(self.path, name):
            return Directory(os.open(self.at(name), _DIRECTORY), os.path.join(self.path, name))

    def names(self):
        with Named(self.path):
            return os.listdir(self.here())

    def status(self):
        return os.fstat(self.descriptor)

    def require_own(self):
        """Return the directory if only its owner can have made it or can write to it."""
        found = self.status()
        if found.st_uid != os.geteuid() or found.st_mode & 0o022:
            raise Planted(
                "%s is not a directory that only user %d may write to. Nothing was touched; look at it, and move it "
                "away." % (to_native(self.path), os.geteuid())
            )
        return self


def open_directory(path):
    """Open a directory by its path. A symbolic link on the way is followed where nobody but root can have made it."""
    path = os.path.abspath(to_bytes(path))
    return _walk(Directory(os.open(b"/", _DIRECTORY), b"/"), path.strip(b"/").split(b"/"), MOST_LINKS)


def _walk(directory, names, links):
    _require_descriptors(directory)
    names = [name for name in names if name not in (b"", b".")]
    while names:
        name = names.pop(0)
        if name == b"..":
            raise planted(os.path.join(directory.path, name), "leads upwards")
        with Named(directory.path, name):
            target = _link_of(directory, name)
        if target is None:
            directory = directory.enter(name)
            continue
        if not links:
            raise planted(os.path.join(directory.path, name), "is a link that leads in circles")
        path = os.path.normpath(os.path.join(directory.path, target))
        return _walk(Directory(os.open(b"/", _DIRECTORY), b"/"), path.split(b"/") + names, links - 1)
    return directory


def _link_of(directory, name):
    """Return where a trustworthy link leads, None if it is no link."""
    found = os.lstat(directory.at(name))
    if not stat.S_ISLNK(found.st_mode):
        return None
    above = directory.status()
    mine = (0, os.geteuid())
    free_for_all = above.st_mode & 0o022 and not above.st_mode & stat.S_ISVTX
    if found.st_uid not in mine or above.st_uid not in mine or free_for_all:
        raise planted(os.path.join(directory.path, name), "is a symbolic link that others may have put there")
    return os.readlink(directory.at(name))


def _require_descriptors(directory):
    """Raise DirectorError where a step could not be made in an open directory: then it is not made at all."""
    try:
        found, ours = os.stat(directory.here()), directory.status()
        same = (found.st_dev, found.st_ino) == (ours.st_dev, ours.st_ino)
    except EnvironmentError:
        same = False
    if not same:
        raise DirectorError(
            "%s does not show what is open, so nothing could be done safely where others may write. Nothing was "
            "touched. Mount proc at /proc, and run this again." % DESCRIPTORS
        )


@contextlib.contextmanager
def as_before(directory):
    """Give an open directory the time that it had, after something was made or removed in it."""
    before = examine(b"", directory.here())
    yield directory
    set_open_metadata(directory.descriptor, before)


class Tree(object):
    """The names below an open directory."""

    def __init__(self, top):
        self.top = top
        self._way = []  # names and open directories that lead to where the last step was made

    def directory(self, path):
        """Open what is at a path below the top."""
        names = path.split(b"/") if path else []
        same = 0
        for name, (known, dummy) in zip(names, self._way):
            if name != known:
                break
            same += 1
        del self._way[same:]
        for name in names[same:]:
            above = self._way[-1][1] if self._way else self.top
            self._way.append((name, above.enter(name)))
        return self._way[-1][1] if self._way else self.top

    def forget(self):
        """Find the way anew: something on it may have moved."""
        del self._way[:]

    def place(self, path):
        return Place(self, path)


class Place(object):
    """A name below an open directory, whether or not there is something. All paths are bytes."""

    __slots__ = ("path", "tree")

    def __init__(self, tree, path):
        self.tree = tree
        self.path = path

    @property
    def full(self):
        """Return its path, for a person."""
        return os.path.join(self.tree.top.path, self.path)

    @property
    def name(self):
        return os.path.basename(self.path)

    @property
    def above(self):
        return Place(self.tree, os.path.dirname(self.path))

    def below(self, path):
        return Place(self.tree, os.path.join(self.path, path))

    def reach(self):
        """Return the open directory that it is in, and its path for a system call as long as that one lives."""
        if not self.path:
            return self.tree.top, self.tree.top.here()
        above, dummy, name = self.path.rpartition(b"/")
        directory = self.tree.directory(above)
        return directory, directory.at(name)

    def enter(self):
        """Return the open directory that is here."""
        return self.tree.directory(self.path)

    def status(self):
        """Return what is here, a link itself; None if there is nothing."""
        try:
            # The first keeps open what the second leads through.
            dummy, path = self.reach()
            with Named(self.tree.top.path, self.path):
                return os.lstat(path)
        except EnvironmentError as error:
            if error.errno in NOT_THERE:
                return None
            raise

    def exists(self):
        return self.status() is not None

    def examine(self):
        """Return the Entry of what is here, None if there is nothing."""
        try:
            dummy, path = self.reach()
            with Named(self.tree.top.path, self.path):
                return examine(self.path, path)
        except EnvironmentError as error:
            if error.errno in NOT_THERE + (errno.EINVAL,):  # a link that was one a moment ago
                return None
            raise

    def is_directory(self):
        found = self.status()
        return found is not None and stat.S_ISDIR(found.st_mode)

    def open(self, flags, mode=0o600):
        """Return a descriptor of a regular file."""
        dummy, path = self.reach()
        with Named(self.tree.top.path, self.path):
            descriptor = os.open(path, flags, mode)
        fcntl.fcntl(descriptor, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise planted(self.full, "is no regular file")
        return descriptor

    def make_way(self):
        """Make the directory that it is in, and what leads there, if it is not there."""
        above = os.path.dirname(self.path)
        try:
            self.tree.directory(above)
        except EnvironmentError as error:
            if error.errno not in NOT_THERE:
                raise
            Place(self.tree, above).make_directory()

    def make_directory(self):
        """Make a directory and what leads here, for the time being with mode 0700. A link in the way goes away."""
        for dummy in range(TRIES):
            if self.is_directory():
                return
            try:
                self.make_way()
                dummy, path = self.reach()
                with Named(self.tree.top.path, self.path):
                    self._mkdir(path)
            except EnvironmentError as error:
                if error.errno not in NOT_THERE + (errno.EEXIST,):
                    raise
            self.tree.forget()
        raise planted(self.full, "is removed or replaced again and again")

    def _mkdir(self, path):
        try:
            os.mkdir(path, 0o700)
        except EnvironmentError as error:
            if error.errno != errno.EEXIST:
                raise
            found = self.status()
            if found is not None and stat.S_ISLNK(found.st_mode):
                self.unlink()
            elif found is not None and not stat.S_ISDIR(found.st_mode):
                raise planted(self.full, "is in the way of a directory")

    def rename(self, other):
        """Move it to another place, in the same file system."""
        ours, theirs = self.reach(), other.reach()
        with Named(self.tree.top.path, self.path):
            os.rename(ours[1], theirs[1])

    def link(self, other):
        """Give it another name. A symbolic link is not followed."""
        ours, theirs = self.reach(), other.reach()
        with Named(self.tree.top.path, self.path):
            os.link(ours[1], theirs[1])

    def unlink(self):
        dummy, path = self.reach()
        with Named(self.tree.top.path, self.path):
            os.unlink(path)

    def rmdir(self):
        dummy, path = self.reach()
        with Named(self.tree.top.path, self.path):
            os.rmdir(path)

    def names(self):
        return self.enter().names()

    def remove(self):
        """Remove what is here and all that is in it."""
        found = self.status()
        if found is None:
            return
        if not stat.S_ISDIR(found.st_mode):
            self.unlink()
            return
        _empty(self.enter())
        self.rmdir()


def _empty(top):
    """Remove all that is in an open directory: what lies deeper is moved up first, so that any depth will do."""
    numbers = itertools.count(1)
    for dummy in range(TRIES):
        names = top.names()
        if not names:
            return
        while names:
            try:
                names += _discard(top, names.pop(), numbers)
            except EnvironmentError as error:
                if error.errno not in NOT_THERE + (errno.ENOTEMPTY, errno.EISDIR, errno.EINVAL):
                    raise
    raise planted(top.path, "is filled again and again")


def _discard(top, name, numbers):
    """Remove a name with what is in it; return the names above that the directories in it were given."""
    moved = []
    if not stat.S_ISDIR(os.lstat(top.at(name)).st_mode):
        os.unlink(top.at(name))
        return moved
    directory = top.enter(name)
    if os.geteuid() != 0:
        os.fchmod(directory.descriptor, stat.S_IRWXU)
    for below in directory.names():
        if stat.S_ISDIR(os.lstat(directory.at(below)).st_mode):
            moved.append(to_bytes(".microbosh-restore-%d" % next(numbers)))
            os.rename(directory.at(below), top.at(moved[-1]))
        else:
            os.unlink(directory.at(below))
    os.rmdir(top.at(name))
    return moved
