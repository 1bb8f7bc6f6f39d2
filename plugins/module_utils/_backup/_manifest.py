# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifest of a backup: SHA256SUMS for the content, metadata.mtree for everything else.

SHA256SUMS also holds the digest of metadata.mtree, which repeats every other digest. So each
vouches for the other, and a changed byte in either is found and told apart from one in a file.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import contextlib
import hashlib
import io
import os

from ansible.module_utils.common.text.converters import to_bytes
from ansible_collections.microbosh.director.plugins.module_utils._backup._records import (
    MOST_BYTES,
    require_digest,
    require_same,
)
from ansible_collections.microbosh.director.plugins.module_utils._core import _layout as layout
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._files import (
    CHUNK,
    UNFINISHED,
    open_plain,
    read_plain,
    sha256,
)
from ansible_collections.microbosh.director.plugins.module_utils._tree import _mtree as mtree
from ansible_collections.microbosh.director.plugins.module_utils._tree import _sha256sums as sha256sums
from ansible_collections.microbosh.director.plugins.module_utils._tree import _tree as tree
from ansible_collections.microbosh.director.plugins.module_utils._tree._mtree import readable

CHECKSUMS = to_bytes(layout.CHECKSUMS)
METADATA = to_bytes(layout.METADATA)
TREE = to_bytes(layout.TREE)
CONTENT = tuple(to_bytes(name) for name in layout.CONTENT)
SEALED = tuple(to_bytes(name) for name in layout.SEALED)
VERDICT = to_bytes(layout.VERDICT)
# The verdict is of a later time than the manifest, which does not vouch for it.
PUBLISHED_NAMES = frozenset(
    CONTENT + SEALED
    + (CHECKSUMS, to_bytes(layout.PINNED), to_bytes(layout.SIGNATURE), VERDICT, VERDICT + to_bytes(UNFINISHED))
)
PARTIAL_NAMES = PUBLISHED_NAMES | frozenset(
    [to_bytes(layout.WORK)] + [name + to_bytes(UNFINISHED) for name in SEALED + (CHECKSUMS, to_bytes(layout.SIGNATURE))]
)
SHOWN = 10


def name_some(names):
    """Given names, return the first few of them as one text."""
    shown = ", ".join(names[:SHOWN])
    return shown if len(names) <= SHOWN else "%s and %d more" % (shown, len(names) - SHOWN)


def is_partial(top):
    """Return whether a backup's directory is one that is not published yet."""
    return top.rstrip(b"/").endswith(to_bytes(layout.PARTIAL))


def strangers(top):
    """Return the names in a backup's directory that do not belong there."""
    return sorted(set(os.listdir(top)) - (PARTIAL_NAMES if is_partial(top) else PUBLISHED_NAMES))


def names_of(top):
    """Given a backup's directory, return what tree.Names tells of its content. Raise if there is none."""
    if not os.path.isdir(os.path.join(top, TREE)):
        raise DirectorError(
            "%s has no directory vcap/: this is not a backup, or nothing was copied into it yet." % readable(top)
        )
    return tree.Names(top, _parts(top))


def _parts(top):
    return [name for name in sorted(CONTENT) if os.path.lexists(os.path.join(top, name))]


def examine(top, names):
    """Given a backup's directory and what names_of() said of it, yield the Entries of its content, in order."""
    for name in _parts(top):
        for entry in tree.walk(top, name):
            yield names.mark(entry)


def content_of(path):
    """Return a file's content, None if there is none. No link is followed, and the size is bounded."""
    if not os.path.lexists(path):
        return None
    try:
        return read_plain(path, MOST_BYTES)
    except EnvironmentError as error:
        raise DirectorError("%s cannot be read: %s. This is not a backup." % (readable(path), error.strerror))


def _sha256_of(top, path):
    return sha256(os.path.join(top, path))


class Reader(object):
    """Reads files, those with several names once, and counts what it read.

    What ``also`` wants to know more of, it reads itself, so that nothing is read twice.
    """

    def __init__(self, top, also=None):
        self._top = top
        self._also = also
        self._digests = {}
        self.files = 0
        self.bytes = 0

    def digest(self, entry):
        """Given an Entry of a regular file, return its digest."""
        digest = self._digests.get(entry.twin)
        if digest is None:
            read = self._also.read if self._also and self._also.wants(entry.path) else _sha256_of
            digest, count = read(self._top, entry.path)
            self.files += 1
            self.bytes += count
        if entry.twin is not None:
            self._digests[entry.twin] = digest
        return digest


class Count(object):
    """How many names there are of each kind, and the size of the files, shared ones once."""

    def __init__(self):
        self._kinds = {}
        self._bytes = 0

    def each(self, entries):
        """Yield Entries on, counted."""
        for entry in entries:
            self._kinds[entry.type] = self._kinds.get(entry.type, 0) + 1
            if entry.type == "file" and entry.twin in (None, entry.path):
                self._bytes += entry.size
            yield entry

    def facts(self):
        kinds = (("files", "file"), ("directories", "dir"), ("links", "link"))
        return dict([(name, self._kinds.get(kind, 0)) for name, kind in kinds], bytes=self._bytes)


class Verdict(object):
    """The faults of a backup, by kind. Names are text; ``problems`` are sentences."""

    def __init__(self):
        self.missing = []
        self.altered = []
        self.extra = []
        self.metadata = []
        self.problems = []
        self._altered = set()

    @property
    def whole(self):
        """Return whether nothing is wrong."""
        return not (self.missing or self.altered or self.extra or self.metadata or self.problems)

    def alter(self, name, problem=None):
        """Note that a file does not have its content, and perhaps how that is known."""
        if name not in self._altered:
            self._altered.add(name)
            self.altered.append(readable(name))
        if problem:
            self.problems.append(problem)

    def as_result(self):
        """Return the verdict in the form that a task returns."""
        return {
            "whole": self.whole,
            "missing": self.missing,
            "altered": self.altered,
            "extra": self.extra,
            "metadata": self.metadata,
            "problems": self.problems,
        }


def load_checksums(top, verdict, records=None):
    content = content_of(os.path.join(top, CHECKSUMS))
    require_same(layout.CHECKSUMS, content, (records or {}).get(layout.CHECKSUMS))
    if content is None:
        verdict.missing.append(layout.CHECKSUMS)
        verdict.problems.append("There is no SHA256SUMS: the backup was never finished, or nothing vouches for it.")
        return {}
    digests, problems = sha256sums.parse(content)
    if problems:
        verdict.alter(CHECKSUMS)
    verdict.problems.extend(problems)
    for name in (METADATA,) if is_partial(top) else SEALED:
        if name not in digests:
            verdict.alter(CHECKSUMS, "SHA256SUMS does not name %s: it was cut short or half written." % readable(name))
    return digests


def load_metadata(top, digests, verdict, records=None):
    """Return {path: Entry} of metadata.mtree, or None if it is not what SHA256SUMS vouches for."""
    content = content_of(os.path.join(top, METADATA))
    require_same(layout.METADATA, content, (records or {}).get(layout.METADATA))
    if content is None:
        verdict.missing.append(layout.METADATA)
        verdict.problems.append("There is no metadata.mtree: owners, modes and times cannot be checked.")
        return None
    entries, problems = mtree.parse(content)
    verdict.problems.extend(problems)
    if digests.get(METADATA) not in (None, hashlib.sha256(content).hexdigest()):
        verdict.alter(METADATA, "metadata.mtree does not have the digest that SHA256SUMS has for it.")
        return None
    # If SHA256SUMS was cut short, what it does not say any more is still here.
    return None if problems else entries


def compare_manifests(digests, recorded, verdict):
    """Find where SHA256SUMS is not what it was when metadata.mtree, which is intact, was written."""
    files = {path: entry.digest for path, entry in recorded.items() if entry.type == "file"}
    deviations = (
        ("does not name", [path for path in files if path not in digests]),
        ("names what metadata.mtree does not:", set(digests) - set(files) - set(SEALED)),
        ("has another digest than metadata.mtree for",
         [path for path in files if digests.get(path, files[path]) != files[path]]),
    )
    for says, paths in deviations:
        if paths:
            names = name_some([readable(path) for path in sorted(paths)])
            verdict.alter(CHECKSUMS, "SHA256SUMS %s %s." % (says, names))


@contextlib.contextmanager
def _lines_in(path, digest):
    """Yield a file's lines, and let ``digest`` become that of all of them; what no record can be has none."""
    with open_plain(path, MOST_BYTES) as source:
        yield _digested(io.BufferedReader(source, CHUNK), digest)


def _digested(lines, digest):
    for line in lines:
        digest.update(line)
        yield line


class Agreement(object):
    """Whether both records of a backup are whole, in order, and say the same of each file, found out line by line.

    If they are not, ``digests`` is None, and why is for somebody to find out who has both of them in memory. Else it
    has the digests of the backup's own records. ``owned`` is whether anything on the director was not root's.
    """

    def __init__(self, top, records=None):
        self._top = top
        self.owned = False
        self._metadata, self._checksums = hashlib.sha256(), hashlib.sha256()
        self.digests = self._compared() if self._are_there() else None
        if self.digests is not None:
            for name, digest in ((layout.CHECKSUMS, self._checksums), (layout.METADATA, self._metadata)):
                require_digest(name, digest.hexdigest(), (records or {}).get(name))

    def _are_there(self):
        return all(os.path.isfile(os.path.join(self._top, name)) for name in (CHECKSUMS, METADATA))

    def _compared(self):
        with _lines_in(os.path.join(self._top, METADATA), self._metadata) as entries, _lines_in(
            os.path.join(self._top, CHECKSUMS), self._checksums
        ) as sums:
            if next(entries, None) != mtree.SIGNATURE or not self._all_named(entries, sums):
                return None
            sealed = self._sealed(sums)
        wanted = (METADATA,) if is_partial(self._top) else SEALED
        named = set(sealed).issuperset(wanted)
        return sealed if named and sealed[METADATA] == self._metadata.hexdigest() else None

    @staticmethod
    def _sealed(sums):
        """Return {name: digest} of what SHA256SUMS names behind the files, nothing if one of the lines is no such."""
        sealed = {}
        for line in sums:
            name, digest = (sha256sums.parse_line(line[:-1]) if line.endswith(b"\n") else None) or (b"", "")
            if name not in SEALED or name in sealed:
                return {}
            sealed[name] = digest
        return sealed

    def _all_named(self, entries, sums):
        """Return whether SHA256SUMS names the files of metadata.mtree, one by one, and no others before the records."""
        before = b""
        for line in entries:
            path = mtree.path_of(line)
            if path <= before or not line.endswith(b"\n"):
                return False
            before = path
            digest = mtree.digest_in(line)
            if (b" type=file " in line) != bool(digest):
                return False
            if digest and next(sums, None) != sha256sums.format_line(path, digest.decode("ascii")):
                return False
            self.owned = self.owned or b" uid=0 " not in line
        return True


@contextlib.contextmanager
def recorded(top, skipped=None, malformed=None, expected=None):
    """Yield the entries of metadata.mtree in their order, as mtree.InOrder has them.

    With the digest that is ``expected``, raise ChangedError if they are others than those that it is of.
    """
    digest = hashlib.sha256()
    with _lines_in(os.path.join(top, METADATA), digest) as lines:
        found = mtree.InOrder(lines, skipped, malformed)
        try:
            yield found
            found.finish()
        finally:
            found.close()
    require_digest(layout.METADATA, digest.hexdigest(), expected)
