# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks that a backup's blobstore has every blob that the director's database names."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import contextlib
import hashlib
import heapq
import os
import re
import stat

from ansible_collections.microbosh.director.plugins.module_utils._backup._blob_names import (
    BlobstoreError,
    names_with_origins,
    read_names,
)
from ansible_collections.microbosh.director.plugins.module_utils._backup._snapshots import read_report
from ansible_collections.microbosh.director.plugins.module_utils._core import _layout as layout
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._files import (
    CHUNK,
    durable_file,
    open_for_reading,
)
from ansible_collections.microbosh.director.plugins.module_utils._core._text import encoded, native
from ansible_collections.microbosh.director.plugins.module_utils._tree._mtree import escape, unescape
from ansible_collections.microbosh.director.plugins.module_utils._tree._tree import mtime_of

_DIGEST_LENGTHS = {"sha1": 40, "sha256": 64, "sha512": 128}
_HEXADECIMAL = re.compile(r"[0-9a-f]+\Z")
_SHARD = re.compile(r"[0-9a-f]{2}\Z")

INNER = "store"
UNREFERENCED_SHOWN = 20
FAULTS_IN_MESSAGE = 3
MOST_LINKS = 20
# How a line about a blob ends that an earlier look read itself, or knew from a backup.
READ, KNOWN = b"1\n", b"0\n"


class UnknownDigest(ValueError):
    """A digest that is of no known kind."""


def parse_digest(text):
    """Given a digest as BOSH keeps it, return the hexadecimal digests by algorithm.

    One digest or several between semicolons; what has no prefix is SHA-1.
    """
    digests = {}
    for part in text.split(";"):
        algorithm, dummy, value = part.strip().rpartition(":")
        algorithm, value = algorithm or "sha1", value.lower()
        if _DIGEST_LENGTHS.get(algorithm) != len(value) or not _HEXADECIMAL.match(value):
            raise UnknownDigest(text)
        digests[algorithm] = value
    return digests


def _hash(algorithm, data=b""):
    return hashlib.new(algorithm, data)


def is_file_name(blob_id):
    """Return whether an id can be the name of a file."""
    return "/" not in blob_id and "\0" not in blob_id and blob_id not in ("", ".", "..")


def shard(blob_id):
    """Return the directory in which nginx keeps a blob."""
    return _hash("sha1", blob_id if isinstance(blob_id, bytes) else blob_id.encode("utf-8")).hexdigest()[:2]


def within(tree, path):
    """Given a tree that stands for /var/vcap and a path in it, return the path that links there lead to.

    No link of a copy is followed out of the copy: what it leads to lies on the director and not here.
    """
    path, links = path.strip("/"), 0
    done = ""
    parts = path.split("/")
    while parts:
        step = os.path.normpath(os.path.join(done, parts.pop(0)))
        full = os.path.join(tree, step)
        if step.startswith("..") or (os.path.islink(full) and links >= MOST_LINKS):
            raise BlobstoreError("%s is behind a link that leaves what is copied, or leads in circles." % path)
        if os.path.islink(full):
            links += 1
            parts = _redirected(path, step, os.readlink(full)) + parts
            done = ""
        else:
            done = step
    return os.path.join(tree, done)


def _redirected(path, link, target):
    """Return the steps from the top of the tree to where a link in it leads."""
    found = os.path.normpath(os.path.join("/var/vcap", os.path.dirname(link), target))
    if not found.startswith("/var/vcap/"):
        raise BlobstoreError(
            "The blobstore %s is behind a link: %s leads to %s, which is not a part of what is copied. Mount it there "
            "instead of linking it, or set microbosh_blobstore to external and back it up by other means."
            % (path, link, native(target if isinstance(target, bytes) else target.encode("utf-8", "surrogateescape")))
        )
    return found[len("/var/vcap/") :].split("/")


class Blobstore(object):
    """A directory of blobs: the director's own nginx shards it, the local provider does not."""

    def __init__(self, path, tree=None):
        self.tree = tree
        path = within(tree, os.path.relpath(path, tree)) if tree else path
        inner = os.path.join(path, INNER)
        inner = within(tree, os.path.relpath(inner, tree)) if tree else inner
        self.root, self.prefix = (inner, INNER) if os.path.isdir(inner) else (path, "")
        self._sharded = not os.path.isdir(self.root) or self._has_shards() or not os.listdir(self.root)
        self._links = {}

    def _has_shards(self):
        return any(
            _SHARD.match(name) and os.path.isdir(os.path.join(self.root, name)) for name in os.listdir(self.root)
        )

    def paths(self, blob_id):
        """Return where a blob may be, relative to the root, the likelier place first; [] if its id is no file name."""
        if not is_file_name(blob_id):
            return []
        paths = [shard(blob_id) + "/" + blob_id, blob_id]
        return paths if self._sharded else paths[::-1]

    def find(self, blob_id):
        """Return the path of a blob, relative to the root, and what lstat says; or None twice."""
        for path in self.paths(blob_id):
            try:
                found = os.lstat(self.root + "/" + path)
            except (EnvironmentError, ValueError):  # a name that this file system cannot have
                continue
            if not self._is_link(path.rpartition("/")[0]):
                return path, found
        return None, None

    def _is_link(self, directory):
        if directory not in self._links:
            self._links[directory] = bool(directory) and os.path.islink(os.path.join(self.root, directory))
        return self._links[directory]

    def files(self):
        """Yield the paths of all files, relative to the root; uploads in flight are not counted."""
        for directory, names, files in os.walk(self.root):
            inner = directory[len(self.root) :].strip("/")
            if not inner:
                names[:] = [name for name in names if name not in ("tmp", "lost+found")]
            for name in files:
                yield inner + "/" + name if inner else name


class Unreferenced(object):
    """The files of a blobstore that no blob refers to. Names with one beginning are kept together, as text."""

    def __init__(self, store, most):
        self._most = most
        self._names = {}
        self.count, self._first = 0, []
        for path in store.files():
            raw = encoded(path)
            bucket = raw.rpartition(b"/")[2][:2]
            if bucket not in self._names:
                self._names[bucket] = bytearray()
            self._names[bucket] += raw + b"\0"

    def compare(self, bucket, known):
        """Count those in a bucket of names that are not among the known paths."""
        paths = set(bytes(self._names.pop(bucket, b"")).split(b"\0")[:-1])
        paths.difference_update([encoded(path) for path in known])
        self.count += len(paths)
        self._first = heapq.nsmallest(self._most, self._first + list(paths), key=self._order)

    @staticmethod
    def _order(path):
        directory, dummy, name = path.rpartition(b"/")
        return directory.split(b"/") if directory else [], name

    def facts(self):
        """Return how many there are, and the first of them."""
        for bucket in sorted(self._names):
            self.compare(bucket, ())
        return {"count": self.count, "paths": [native(path) for path in self._first]}


def read_digests(path, algorithms):
    """Read a file once; return its hexadecimal digests by algorithm, and its size."""
    digests = dict((algorithm, _hash(algorithm)) for algorithm in algorithms)
    size = 0
    with open_for_reading(path) as source:
        while True:
            chunk = source.read(CHUNK)
            if not chunk:
                return dict((algorithm, digest.hexdigest()) for algorithm, digest in digests.items()), size
            size += len(chunk)
            for digest in digests.values():
                digest.update(chunk)


def compare(path, claimed, known=None):
    """Given a file and the digests that tables claim, return (None, None, size), or what was expected and found.

    ``known`` are digests and size of it, if it has been read already.
    """
    try:
        claims = [parse_digest(digest) for digest in claimed]
    except UnknownDigest as error:
        return str(error), "a digest of no known kind, so nothing to compare the blob with", None
    algorithms = set(algorithm for claim in claims for algorithm in claim)
    try:
        digests, size = known if known and algorithms.issubset(known[0]) else read_digests(path, algorithms)
    except EnvironmentError as error:
        return "; ".join(claimed), "it cannot be read: %s" % error.strerror, None
    for claim in claims:
        for algorithm, expected in sorted(claim.items()):
            if digests[algorithm] != expected:
                return "%s:%s" % (algorithm, expected), "%s:%s" % (algorithm, digests[algorithm]), size
    return None, None, size


class Proven(object):
    """An earlier backup of the same director, whose blobs were proven to be right, but for those that it records."""

    def __init__(self, names, store, damaged=()):
        self.names = names
        self.store = store
        self._damaged = frozenset(damaged)

    def has(self, blob, found):
        """Return whether it has this very file, under the same name and digest."""
        before = self.names.get(blob.id)
        if before is None or before.digests != blob.digests or blob.id in self._damaged:
            return False
        dummy, then = self.store.find(blob.id)
        return then is not None and (then.st_dev, then.st_ino) == (found.st_dev, found.st_ino)


class Vouched(object):
    """In the place of an earlier backup, where every file was compared with a digest as it was made.

    That says nothing of a file with another name: somebody may have changed it by that one.
    """

    @staticmethod
    def has(blob, found):
        return found.st_nlink == 1


class Memory(object):
    """The blobs that an earlier look of the same run found right: a line with file and digests of each, by id."""

    def __init__(self, path):
        self._path = path
        self._before, self._line, self._now = iter(()), b"", None

    @contextlib.contextmanager
    def opened(self):
        """Read and write it while the block lasts, blob after blob in order; it is kept when the block ends well."""
        if not self._path:
            yield self
            return
        with durable_file(self._path) as self._now:
            if not os.path.isfile(self._path):
                yield self
                return
            with open(self._path, "rb") as self._before:
                self._line = next(self._before, b"")
                yield self

    def describe(self, blob, found):
        """Return the file and the digests of a blob as a line begins, None where nothing is remembered."""
        if self._now is None:
            return None
        numbers = " %d %d %d %d " % (found.st_dev, found.st_ino, found.st_size, mtime_of(found))
        return escape(encoded(blob.id)) + numbers.encode("ascii") + escape(encoded(",".join(blob.digests))) + b" "

    def look_up(self, blob, said):
        """Return whether that look read this very file (True) or knew it from a backup (False); None is neither."""
        while self._line and not self._line.startswith(said):
            if unescape(self._line.split(b" ", 1)[0]) >= encoded(blob.id):
                return None
            self._line = next(self._before, b"")
        return self._line == said + READ if self._line else None

    def note(self, said, read):
        if said is not None:
            self._now.write(said + (READ if read else KNOWN))


class Recorded(object):
    """The state of the director's own blobs, as preflight found it or ``proof.blobs`` of a backup records it."""

    def __init__(self, blobs=None):
        blobs = blobs or {}
        self.external = bool(blobs.get("external"))
        self.lost = frozenset(entry["id"] for entry in blobs.get("lost") or [])
        self.damaged = dict((entry["id"], entry["found"]) for entry in blobs.get("damaged") or [])
        self._newly_lost = blobs.get("newly_lost") or []

    def newly_lost(self, ids):
        """Return those of these ids that an earlier backup holds."""
        return [entry for entry in self._newly_lost if entry["id"] in ids]


NOTHING_RECORDED = Recorded()


class BlobCheck(object):
    """Checks every blob that a database names, and notes the result for each."""

    def __init__(
        self, store, proven=None, recorded=NOTHING_RECORDED, had=None, memory=None, origins=None, reading=None
    ):
        self.store = store
        self.missing, self.wrong = [], []
        self.lost, self.damaged = [], []
        self.made_again = self.checked = self.reused = self.bytes = self.without_digest = 0
        self._proven = proven
        self._recorded = recorded
        self._had = had
        self._memory = memory or Memory(None)
        self._origins = origins
        self._reading = reading
        self._not_here = []

    def check(self, blob):
        """Note whether a blob is there and right; return its path, None if it is not there."""
        path, found = self.store.find(blob.id)
        if path is None:
            self._not_here.append(blob)
        elif not stat.S_ISREG(found.st_mode):
            self._wrong(blob, path, "a regular file", "something else")
        elif not blob.digests:
            self.without_digest += 1
        else:
            self._prove(blob, path, found)
        return path

    def finish(self):
        """Find out what is the matter with each blob that is not there: all of them are known by now."""
        listed = self._had.expect([blob.id for blob in self._not_here]) if self._had and self._not_here else None
        for blob in self._not_here:
            self._absent(blob, listed)
        for entries in (self.missing, self.lost):
            entries.sort(key=lambda entry: encoded(entry["id"]))

    def _absent(self, blob, listed):
        """Note a blob that is missing here as lost by the director or as missing from the backup."""
        had = listed is not None and listed.has(blob.id)
        if blob.made_again and not had:
            self.made_again += 1
            return
        entry = self._entry(blob, (self.store.paths(blob.id) or [None])[0])
        if had:
            self.missing.append(dict(entry, had=True))
        elif blob.id in self._recorded.lost:
            self.lost.append(entry)
        else:
            self.missing.append(entry)

    def _prove(self, blob, path, found):
        said = self._memory.describe(blob, found)
        read, size, expected, actual = self._known(blob, found, said), found.st_size, None, None
        if read is None:
            digests = self._reading and self._reading.digests(path)
            known = digests and (digests, found.st_size)
            expected, actual, size = compare(os.path.join(self.store.root, path), blob.digests, known)
            read = True
        if size is not None:
            self._count(read, size)
        if expected is None:
            self._memory.note(said, read)
        else:
            self._wrong(blob, path, expected, actual)

    def _known(self, blob, found, said):
        """Return None if a blob has to be read, else whether this run has read it already."""
        if self._proven and self._proven.has(blob, found):
            return False
        return self._memory.look_up(blob, said) if said is not None else None

    def _count(self, read, size):
        if read:
            self.checked += 1
            self.bytes += size
        else:
            self.reused += 1

    def _wrong(self, blob, path, expected, found):
        entry = dict(self._entry(blob, path), expected=expected, found=found)
        if self.store.tree:
            entry["place"] = os.path.relpath(os.path.join(self.store.root, path), self.store.tree)
        if blob.id in self._recorded.lost and not stat.S_ISREG(os.lstat(os.path.join(self.store.root, path)).st_mode):
            self.lost.append(entry)
        elif self._recorded.damaged.get(blob.id) == found:
            self.damaged.append(entry)
        else:
            self.wrong.append(entry)

    def _entry(self, blob, path):
        entry = {"id": blob.id, "table": blob.tables, "path": path}
        if self._origins:
            entry.update(about=self._origins.about(blob), mend=self._origins.mend(blob))
        return entry

    def result(self):
        """Return what was found, as the module returns it."""
        gone = set(entry["id"] for entry in self.lost + self.damaged)
        return {
            "whole": not self.missing and not self.wrong,
            "root": self.store.prefix,
            "checked": self.checked,
            "reused": self.reused,
            "bytes": self.bytes,
            "without_digest": self.without_digest,
            "made_again": self.made_again,
            "missing": self.missing,
            "wrong": self.wrong,
            "lost": self.lost,
            "damaged": self.damaged,
            "newly_lost": self._recorded.newly_lost(gone),
        }


def check_blobstore(dump, path, tree=None, recorded=None, origins=False, memory=None, **how):
    """Return which blobs a dump names, and what of them a blobstore has, or has not.

    ``recorded`` is what is known of the director's own blobs; an external blobstore has no files here, so nothing
    is looked for. ``memory`` is a file in which one look leaves to the next what it has read. ``how`` is for BlobCheck.
    """
    recorded = Recorded(recorded)
    names, told = names_with_origins(dump) if origins else (read_names(dump), None)
    try:
        store = Blobstore(path, None if recorded.external else tree)
        kept = Memory(memory)
        work = BlobCheck(store, recorded=recorded, memory=kept, origins=told, **how)
        with kept.opened():
            unreferenced = {"count": 0, "paths": []} if recorded.external else _check_all(names, work, store)
    except EnvironmentError as error:
        raise BlobstoreError("The blobstore %s cannot be read: %s (%s)." % (path, error.strerror, error.filename))
    return dict(
        work.result(), external=recorded.external, named=names.counted(), unreferenced=unreferenced,
        unknown_columns=sorted(names.unknown),
    )


def _check_all(names, work, store):
    """Check every blob; return what there is besides."""
    others = Unreferenced(store, UNREFERENCED_SHOWN)
    for bucket, blobs in names.buckets():
        paths = [work.check(blob) for blob in blobs]
        others.compare(bucket, [path for path in paths if path is not None])
    work.finish()
    return others.facts()


def proven_backup(dump, path):
    """Return an earlier backup to compare with, or None if there is none, or none that can be read."""
    if not dump or not path or not os.path.isdir(path):
        return None
    try:
        return Proven(read_names(dump), Blobstore(path), _recorded_beside(dump).damaged)
    except (BlobstoreError, EnvironmentError):
        return None


def recorded_blobs(report):
    """Given a backup.json, return what it records of the director's blobs; earlier versions recorded less."""
    proof = report.get("proof")
    blobs = proof.get("blobs") if isinstance(proof, dict) else None
    return blobs if isinstance(blobs, dict) else {}


def _recorded_beside(dump):
    """Return what the backup that a dump is in records of its blobs."""
    backup = os.path.dirname(os.path.dirname(os.path.abspath(dump)))
    if not os.path.isfile(os.path.join(backup, layout.REPORT)):
        return NOTHING_RECORDED
    try:
        return Recorded(recorded_blobs(read_report(backup)))
    except DirectorError as error:
        raise BlobstoreError(str(error))


def verdict(result, dump, path):
    """Given what ``check_blobstore`` returned, say what is not right in a sentence or two."""
    faults = [
        "%s is missing%s" % (_named(entry), ", though the director had it" if entry.get("had") else "")
        for entry in result["missing"]
    ]
    faults += [
        "%s is wrong, expected %s but found %s" % (_named(entry), entry["expected"], entry["found"])
        for entry in result["wrong"]
    ]
    shown = faults[:FAULTS_IN_MESSAGE]
    if len(faults) > len(shown):
        shown.append("and %d more" % (len(faults) - len(shown)))
    where = path if os.path.isdir(path) else "%s (there is no such directory)" % path
    return (
        "The blobstore is not whole: of %d blobs that %s names, %d are missing and %d are wrong in %s: %s. Back up "
        "again. What is missing or wrong on the director too has to be uploaded (releases) or made (deploys) again."
        % (result["named"], dump, len(result["missing"]), len(result["wrong"]), where, "; ".join(shown))
    )


def _named(entry):
    return "%s (%s)" % (entry["path"] or entry["id"], entry.get("about") or entry["table"])
