# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The director's tree as a restore sees it: what is there, what is wanted, and how they differ."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import base64
import os
import re
import zlib

from ansible.module_utils.common.text.converters import to_bytes, to_native
from ansible_collections.microbosh.director.plugins.module_utils._core import _layout as layout
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._files import digest_of
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_mounts import APART
from ansible_collections.microbosh.director.plugins.module_utils._tree import _mtree as mtree
from ansible_collections.microbosh.director.plugins.module_utils._tree._attributes import (
    TOP,
    is_kept,
    parse_attributes,
)
from ansible_collections.microbosh.director.plugins.module_utils._tree._metadata import open_attributes, same_metadata
from ansible_collections.microbosh.director.plugins.module_utils._tree._openat import (
    NOT_THERE,
    READ,
    Planted,
    Tree,
    open_directory,
)
from ansible_collections.microbosh.director.plugins.module_utils._tree._rsync_log import unescape

# Never part of what is restored, nor of what goes away for it.
OWN = (b"store/microbosh-backup", b"store/microbosh-restore")
# Written once and never changed in place, so two trees may share them. Uploads in flight are not.
BLOBS = b"store/blobstore/"
UPLOADS = b"store/blobstore/tmp/"
IDENTITY = b"bosh"
VANISHED = 24

_DATABASE = re.compile(
    b"^\\./vcap/(store/postgres[^/ ]*|store/postgres/postgres-[^/ ]*)/PG_VERSION type=file", re.MULTILINE
)
_MODE = re.compile(b" mode=([0-7]+) ")
_NAME = re.compile(r"^\|(.+)\|$")


class RestoreError(DirectorError):
    """A restore cannot go on."""


def is_blob(path):
    """Return whether a path is that of a blob."""
    return path.startswith(BLOBS) and not path.startswith(UPLOADS)


def is_below(path, tops):
    """Return whether a path is one of these, or below one of them."""
    return any(path == top or path.startswith(top + b"/") for top in tops)


def pack(content):
    """Given the content of a file, return it as text that travels with a module."""
    return to_native(base64.b64encode(zlib.compress(content)))


def unpack(text):
    """Given what pack() returned, return the content."""
    return zlib.decompress(base64.b64decode(text))


def unpack_files(packed):
    """Given {name in the escapes of mtree: what pack() returned}, return {path: content}."""
    return dict((mtree.unescape(to_bytes(name)), unpack(text)) for name, text in packed.items())


def parse_wanted(content, leave_out):
    """Given the content of a metadata.mtree, return {path below /var/vcap: Entry} without what is to be left out.

    The top itself has the empty path.
    """
    entries, problems = mtree.parse(content)
    if problems:
        raise RestoreError("The backup's metadata.mtree is damaged: %s Nothing was touched." % " ".join(problems))
    prefix = to_bytes(layout.TREE) + b"/"
    wanted = {}
    for entry in entries.values():
        path = (entry.path + b"/")[len(prefix):].rstrip(b"/")
        if not (entry.path + b"/").startswith(prefix) or is_below(path, OWN + tuple(leave_out)):
            continue
        if APART in path.split(b"/"):
            continue
        if b".." in path.split(b"/"):
            raise RestoreError("The backup's metadata.mtree names %s, which leads elsewhere." % mtree.readable(path))
        entry.path = path
        entry.twin = entry.twin and entry.twin[len(prefix):]
        wanted[path] = entry
    if b"" not in wanted:
        raise RestoreError("The backup's metadata.mtree names no tree vcap: there is nothing to restore in it.")
    return wanted


def give_attributes(wanted, content):
    """Given what parse_wanted() returned and a backup's file of attributes or None, give each Entry its own."""
    if content is None:
        return
    files = parse_attributes(content)
    for path, entry in wanted.items():
        entry.attributes = files.get(path, {})
        if entry.type not in ("file", "dir"):
            entry.attributes = None


def without_group(content, paths):
    """Given the content of a metadata.mtree, take every right from the groups of some paths below /var/vcap.

    They had access control lists, whose mask is what the mode shows: the group itself may have had none of it.
    """
    top = b"./" + to_bytes(layout.TREE)
    names = set(top if path == TOP else top + b"/" + path for path in map(to_bytes, paths))
    lines = content.split(b"\n")
    for number, line in enumerate(lines):
        if line.split(b" ", 1)[0] in names:
            lines[number] = _MODE.sub(_no_group, line, count=1)
    return b"\n".join(lines)


def _no_group(match):
    return to_bytes(" mode=0%03o " % (int(match.group(1), 8) & ~0o070))


def database_directories_of(content):
    """Given the content of a metadata.mtree, return what it has of directories that are called as PostgreSQL's are."""
    return [mtree.unescape(path) for path in _DATABASE.findall(content)]


def require_mounts(wanted, mounts):
    """Raise RestoreError where a file system is in the way of something that is no directory."""
    for mount in mounts:
        entry = wanted.get(mount)
        if entry is not None and entry.type != "dir":
            raise RestoreError(
                "In the backup %s is a %s, and on the director a file system is mounted there. Nothing was touched. "
                "Unmount it, or restore into a director that has none there." % (mtree.readable(mount), entry.type)
            )


def has_attributes(place, wanted):
    """Return whether what is at a Place has the attributes of an Entry, of those that are kept."""
    try:
        if wanted.type == "dir":
            found = open_attributes(place.enter().descriptor)
        else:
            descriptor = place.open(READ)
            try:
                found = open_attributes(descriptor)
            finally:
                os.close(descriptor)
    except (EnvironmentError, Planted) as error:  # as in _digest
        if getattr(error, "errno", None) not in NOT_THERE + (None,):
            raise
        return False
    return dict((name, found[name]) for name in found if is_kept(name)) == wanted.attributes


class Live(object):
    """The live tree below /var/vcap, as far as a backup's filter names it."""

    def __init__(self, root, rules, leave_out, run_command):
        self._root = to_bytes(root)
        self._rules = ["- " + to_native(APART)] + ["- /" + _literal(to_native(path)) for path in OWN + tuple(leave_out)]
        self._rules += list(rules)
        self._run_command = run_command
        self.tree = Tree(open_directory(root))

    def place(self, relative):
        """Return the Place of a relative path."""
        return self.tree.place(relative)

    def path(self, relative):
        """Return where a relative path is."""
        return os.path.join(self._root, relative) if relative else self._root

    def entries(self, wanted, at_rest):
        """Return {path: Entry} of what the filter names, and of what is in the way of what is wanted."""
        names = set(self._listed(at_rest)) | set(wanted)
        self.tree.forget()
        found = [(name, self.place(name).examine()) for name in sorted(names)]
        return dict((name, entry) for name, entry in found if entry is not None)

    def _listed(self, at_rest):
        """Return what rsync lists by the backup's filter."""
        argv = ["rsync", "--recursive", "--links", "--dry-run", "--out-format=|%n|"]
        argv += ["--filter=" + rule for rule in self._rules]
        argv += [to_native(self._root) + "/", to_native(self._root) + "/store/microbosh-restore.none/"]
        rc, out, err = self._run_command(argv)
        if rc and (at_rest or rc != VANISHED):
            raise RestoreError(
                "What is in %s cannot be listed, rsync's exit status is %d: %s"
                % (to_native(self._root), rc, " ".join(err.split()))
            )
        names = [_NAME.match(line) for line in out.splitlines()]
        listed = [unescape(to_bytes(name.group(1))).rstrip(b"/") for name in names if name]
        return [b"" if name == b"." else name for name in listed]


def _literal(path):
    """Return a path as rsync's rules have it: a backslash is one only in a rule that has no wildcard."""
    return re.sub(r"([\\*?\[])", r"\\\1", path) if re.search(r"[*?\[]", path) else path


class Comparison(object):
    """The changes that a restore would make."""

    def __init__(self, live, wanted, there):
        self._live = live
        self._wanted = wanted
        self._there = there
        self.added = []
        self.replaced = []
        self.altered = []
        self.removed = []
        self.same = 0
        self.push = []
        self.push_bytes = 0
        self.pushed = []

    def compare(self):
        """Compare everything; what is shared need not be pushed."""
        for path in sorted(self._wanted):
            self._compare(path, self._wanted[path], self._there.get(path))
        self.removed = sorted(path for path in self._there if path not in self._wanted)
        return self

    def _compare(self, path, wanted, found):
        reusable = False
        if found is None:
            self.added.append(path)
        elif not self._same_content(wanted, found):
            self.replaced.append(path)
        elif not (same_metadata(found, wanted) and self._same_attributes(wanted)):
            self.altered.append(path)
        else:
            self.same += 1
            reusable = is_blob(path)
        if wanted.type == "file" and wanted.twin in (None, path) and not reusable:
            self.push.append(path)
            self.pushed.append((path, wanted.size))
            self.push_bytes += wanted.size

    def _same_content(self, wanted, found):
        if wanted.type != found.type or wanted.size != (found.size if found.type == "file" else None):
            return False
        if wanted.type == "link":
            return wanted.link == found.link
        return wanted.type != "file" or self._digest(wanted.path) == wanted.digest

    def _same_attributes(self, wanted):
        """Return whether a live name has the backup's attributes; read only where it has any or is shared."""
        if wanted.attributes or (wanted.attributes is not None and is_blob(wanted.path)):
            return has_attributes(self._live.place(wanted.path), wanted)
        return True

    def _digest(self, path):
        try:
            descriptor = self._live.place(path).open(READ)
        except (EnvironmentError, Planted) as error:  # services run: it has just gone, or is another
            if getattr(error, "errno", None) not in NOT_THERE + (None,):
                raise
            return None
        with os.fdopen(descriptor, "rb") as source:
            return digest_of(source)[0]

    def lines(self):
        """Return what --diff shows: a sign and a path for each name that would be another."""
        kinds = (("+", self.added), ("~", self.replaced), ("m", self.altered), ("-", self.removed))
        found = sorted((path, sign) for sign, paths in kinds for path in paths)
        return "".join("%s %s\n" % (sign, mtree.readable(path) or ".") for path, sign in found)

    def facts(self):
        """Return the numbers, and the names to push in the escapes of mtree."""
        return {
            "added": len(self.added),
            "replaced": len(self.replaced),
            "altered": len(self.altered),
            "removed": len(self.removed),
            "same": self.same,
            "push": [to_native(mtree.escape(path)) for path in self.push],
            "push_bytes": self.push_bytes,
        }
