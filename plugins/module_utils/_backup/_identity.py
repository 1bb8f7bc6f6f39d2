# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files below /var/vcap that only root reads, such as the agent's credentials: found, read, and told apart by a digest.

With what is in some of them anybody becomes root, so the backup key is not to read them. Root reads them at setup and
after a restore. The program microbosh-identity on the director makes the same digest.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import base64
import errno
import fnmatch
import hashlib
import io
import os
import stat

from ansible.module_utils.common.text.converters import to_bytes, to_native
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._files import write_durably
from ansible_collections.microbosh.director.plugins.module_utils._tree._metadata import open_mtime
from ansible_collections.microbosh.director.plugins.module_utils._tree._mtree import readable

# The agent's credentials, whoever may read them on this host.
ALWAYS = (b"bosh/settings.json", b"bosh/agent.key")
LARGEST = 1 << 20
MOST_NAMED = 10
CHUNK = 48 * 1024  # of base64, a text that any answer may have
ROOT = 0
_OTHERS_READ, _GROUP_READ, _OTHERS_SEARCH, _GROUP_SEARCH = 0o004, 0o040, 0o001, 0o010


class IdentityError(DirectorError):
    """Files that only root reads cannot be kept from the backup key, or not be brought to the controller."""


def only_root(uid, gid, mode, others=_OTHERS_READ, group=_GROUP_READ):
    """Return whether only root has the rights that these bits give to the group and to others."""
    return uid == ROOT and not mode & others and not (mode & group and gid != 0)


def is_identity(path, uid, gid, mode):
    """Return whether only root reads a file of a backup, by its recorded metadata. Data files do not count."""
    if path in ALWAYS:
        return True
    return not path.startswith(b"store/") and only_root(uid, gid, mode)


def digest_of(files):
    """Given (path, uid, gid, mode, sha256) in order, return what tells whether one of them has become another."""
    lines = [
        "%s\n%d %d %o\n%s  -\n" % (to_native(path), uid, gid, mode, digest) for path, uid, gid, mode, digest in files
    ]
    return hashlib.sha256(to_bytes("".join(lines))).hexdigest()


class Tree(object):
    """The files below /var/vcap. Paths are bytes, relative to it."""

    def __init__(self, root):
        self._root = to_bytes(root)

    def status(self, path):
        """Return what lstat says, None if there is nothing."""
        try:
            return os.lstat(os.path.join(self._root, path))
        except EnvironmentError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR):
                return None
            raise

    def is_sealed(self, path):
        """Return whether a path is a file that only root reads, by its own mode or that of a directory above it."""
        found = self.status(path)
        if found is None or not stat.S_ISREG(found.st_mode):
            return False
        return path in ALWAYS or only_root(found.st_uid, found.st_gid, found.st_mode) or self._is_shut(path)

    def _is_shut(self, path):
        above = [self.status(parent) for parent in parents(path)]
        return any(
            only_root(found.st_uid, found.st_gid, found.st_mode, _OTHERS_SEARCH, _GROUP_SEARCH)
            for found in above
            if found
        )

    def open_above(self, path):
        """Return the first directory on the way to a path in which others than root may put something, or None."""
        for parent in parents(path):
            found = self.status(parent)
            loose = found.st_mode & 0o002 or (found.st_mode & 0o020 and found.st_gid != 0)
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != ROOT or loose:
                return parent
        return None

    def below(self, pattern):
        """Return the files that a pattern of the filter reaches; a directory is reached with all that is in it."""
        return sorted(found for top in self._matches(to_bytes(pattern)) for found in self._walk(top))

    def _matches(self, pattern):
        tops = [b""]
        for part in pattern.strip(b"/").split(b"/"):
            if b"**" in part:
                break  # whatever is below may be meant
            tops = [os.path.join(top, name) for top in tops for name in self._names(top) if _is_meant(name, part)]
        return tops

    def _walk(self, path):
        found = self.status(path)
        if found is None or stat.S_ISLNK(found.st_mode):
            return []
        files = [path] if stat.S_ISREG(found.st_mode) else []
        for name in self._names(path):
            files.extend(self._walk(os.path.join(path, name)))
        return files

    def _names(self, path):
        found = self.status(path)
        if found is None or not stat.S_ISDIR(found.st_mode):
            return []
        names = os.listdir(os.path.join(self._root, path))
        # Files below the store are the director's data, not its identity.
        return [name for name in names if os.path.join(path, name) != b"store"]

    def read(self, path):
        """Return what there is to know of a file, its time in nanoseconds, and its content; no link is its end."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        with io.open(os.open(os.path.join(self._root, path), flags), "rb") as source:
            found, mtime = os.fstat(source.fileno()), open_mtime(source.fileno())
            content = source.read(LARGEST + 1)
        if not stat.S_ISREG(found.st_mode) or len(content) > LARGEST:
            raise IdentityError(
                "/var/vcap/%s, which only root reads, is no file of up to %d bytes. Leave it out of microbosh_filter."
                % (readable(path), LARGEST)
            )
        return found, mtime, content


def _is_meant(name, part):
    return name == part or fnmatch.fnmatchcase(name, part.replace(b"[^", b"[!"))


def parents(path):
    """Return the directories above a path, the topmost first."""
    parts = path.split(b"/")
    return [b"/".join(parts[:depth]) for depth in range(1, len(parts))]


def _named(paths):
    names = [readable(path) for path in paths[:MOST_NAMED]]
    return ", ".join(names) + (" and %d more" % (len(paths) - MOST_NAMED) if len(paths) > MOST_NAMED else "")


def require_apart(tree, named, reached):
    """Raise IdentityError unless every file that only root reads can be kept from the key, and says which cannot."""
    found = sorted(set(path for pattern in reached for path in tree.below(pattern)) - set(named))
    sealed = [path for path in found if tree.is_sealed(path)]
    if sealed:
        raise IdentityError(
            "microbosh_filter includes %s together with others, and only root reads them: the backup key must not. "
            "Name each of them that is to be backed up by itself (as in '+ %s'), and leave the rest out by naming what "
            "is wanted instead of the whole directory." % (_named(sealed), readable(sealed[0])),
            unnamed=[readable(path) for path in sealed],
        )
    for path in named:
        above = tree.open_above(path) if tree.is_sealed(path) else None
        if above is not None:
            raise IdentityError(
                "/var/vcap/%s, which only root reads, is in the directory /var/vcap/%s, in which others than root may "
                "put something else in its place. Make that root's alone, or leave the file out of microbosh_filter."
                % (readable(path), readable(above)),
                unnamed=[readable(path)],
            )


def packed(content):
    """Return what travels for the content of a file: base64, in pieces."""
    text = to_native(base64.b64encode(content))
    return [text[start:start + CHUNK] for start in range(0, len(text), CHUNK)]


def keep_digest(path, digest, dry_run=False):
    """Note the digest on the director, where setup has left a file for it; return whether it was another."""
    if not os.path.isfile(path) or os.path.islink(path):
        return False
    with open(path) as source:
        if source.read().strip() == digest:
            return False
    if not dry_run:
        write_durably(path, to_bytes(digest + "\n"))
    return True


def collect(root, named, reached):
    """Given the single paths of a filter and what else it reaches, return the files that only root reads."""
    tree = Tree(root)
    named = sorted(to_bytes(path) for path in named)
    require_apart(tree, named, reached)
    files, described = [], []
    for path in named:
        if not tree.is_sealed(path):
            continue
        found, mtime, content = tree.read(path)
        digest, mode = hashlib.sha256(content).hexdigest(), stat.S_IMODE(found.st_mode)
        described.append((path, found.st_uid, found.st_gid, mode, digest))
        facts = {"path": to_native(path), "uid": found.st_uid, "gid": found.st_gid, "mode": mode, "sha256": digest}
        facts.update(mtime=mtime, size=len(content), content=packed(content))
        files.append(facts)
    return {"files": files, "digest": digest_of(described)}
