# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The blobs that a director's database names, and whether a blobstore has them."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import hashlib
import os
import re
import stat
from collections import namedtuple

from ansible_collections.microbosh.director.plugins.module_utils._dump import (
    chunks_of,
    native,
    read_dump,
    unescape,
)
from ansible_collections.microbosh.director.plugins.module_utils._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._files import CHUNK, open_for_reading

# Tables that name blobs in one release of BOSH or another. A later one may have more, so every table with a column
# of that name counts; these tell a director's database from another.
KNOWN_TABLES = frozenset(
    [
        "packages",
        "compiled_packages",
        "templates",
        "rendered_templates_archives",
        "blobs",
        "ephemeral_blobs",
        "log_bundles",
    ]
)
ID_COLUMN = "blobstore_id"
DIGEST_COLUMN = "sha1"

_DIGEST_LENGTHS = {"sha1": 40, "sha256": 64, "sha512": 128}
_HEXADECIMAL = re.compile(r"[0-9a-f]+\Z")
_SHARD = re.compile(r"[0-9a-f]{2}\Z")


UNREFERENCED_SHOWN = 20
FAULTS_IN_MESSAGE = 3


class BlobstoreError(DirectorError):
    """A blobstore cannot be checked at all."""


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


class Blob(object):
    """A blob as a database names it: perhaps from several tables."""

    __slots__ = ("claims", "id")

    def __init__(self, blob_id):
        self.id = blob_id
        self.claims = set()

    @property
    def tables(self):
        return ", ".join(sorted(set(table for table, dummy in self.claims)))

    @property
    def digests(self):
        """What the tables say that its digest is; a table that does not say is not in it."""
        return sorted(set(digest for dummy, digest in self.claims if digest))


class BlobNames(object):
    """Collects the blobs that the tables of a dump name."""

    def __init__(self):
        self.blobs = {}
        self.tables = set()
        self._rows_of_blobs = {}
        self._indirect = []

    def visit(self, table):
        """Return what to do with a row of the table, or None if it names no blobs."""
        self.tables.add(table.name)
        columns = dict((name, index) for index, name in enumerate(table.columns))
        if ID_COLUMN in columns:
            return lambda row: self._direct(table.name, columns, row)
        if table.name == "local_dns_blobs" and "blob_id" in columns:
            return lambda row: self._indirect.append(row[columns["blob_id"]])
        return None

    def _direct(self, table, columns, row):
        blob_id = unescape(row[columns[ID_COLUMN]])
        if not blob_id:
            return
        digest = unescape(row[columns[DIGEST_COLUMN]]) if DIGEST_COLUMN in columns else None
        self._claim(native(blob_id), table, native(digest) if digest else None)
        if table == "blobs" and "id" in columns:
            self._rows_of_blobs[row[columns["id"]]] = native(blob_id)

    def _claim(self, blob_id, table, digest):
        if blob_id not in self.blobs:
            self.blobs[blob_id] = Blob(blob_id)
        self.blobs[blob_id].claims.add((table, digest))

    def finish(self):
        """Follow the references from local_dns_blobs to rows of blobs, which may come in any order."""
        for row_id in self._indirect:
            if row_id in self._rows_of_blobs:
                self._claim(self._rows_of_blobs[row_id], "local_dns_blobs", None)
        return self.blobs


def named_blobs(path):
    """Given the path of the dump of a director's database, return the blobs it names, by id."""
    names = BlobNames()
    try:
        dump = read_dump(chunks_of(path), names.visit)
    except EnvironmentError as error:
        raise BlobstoreError(
            "The dump %s cannot be read: %s. It has to tell which blobs there should be." % (path, error.strerror)
        )
    if not dump.complete:
        raise BlobstoreError(
            "The dump %s is not whole: %s. Which blobs the database names cannot be told from it; dump it again."
            % (path, dump.flaw)
        )
    if not names.tables & KNOWN_TABLES:
        raise BlobstoreError(
            "The dump %s is not of a director's database: it has none of the tables %s. Give the dump of the database "
            "bosh." % (path, ", ".join(sorted(KNOWN_TABLES)))
        )
    return names.finish()


class Blobstore(object):
    """A directory of blobs: the director's own nginx shards it, the local provider does not."""

    def __init__(self, path):
        inner = os.path.join(path, "store")
        self.root = inner if os.path.isdir(inner) else path
        self._sharded = not os.path.isdir(self.root) or self._has_shards() or not os.listdir(self.root)

    def _has_shards(self):
        return any(
            _SHARD.match(name) and os.path.isdir(os.path.join(self.root, name)) for name in os.listdir(self.root)
        )

    def paths(self, blob_id):
        """Return where a blob may be, relative to the root, the likelier place first; [] if its id is no file name."""
        if "/" in blob_id or "\0" in blob_id or blob_id in (".", ".."):
            return []
        shard = _hash("sha1", blob_id if isinstance(blob_id, bytes) else blob_id.encode("utf-8")).hexdigest()[:2]
        paths = [os.path.join(shard, blob_id), blob_id]
        return paths if self._sharded else paths[::-1]

    def find(self, blob_id):
        """Return the path of a blob, relative to the root, and what lstat says; or None twice."""
        for path in self.paths(blob_id):
            try:
                return path, os.lstat(os.path.join(self.root, path))
            except EnvironmentError:
                continue
        return None, None

    def others(self, known):
        """Yield the paths of all files that are not among the known ones; uploads in flight are not counted."""
        for directory, names, files in os.walk(self.root):
            inner = os.path.relpath(directory, self.root)
            if inner == os.curdir:
                inner = ""
                names[:] = [name for name in names if name not in ("tmp", "lost+found")]
            names.sort()
            for name in sorted(files):
                path = os.path.join(inner, name)
                if path not in known:
                    yield path


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


class Proven(namedtuple("Proven", "blobs store")):
    """An earlier backup of the same director, whose blobs were proven to be right."""

    __slots__ = ()

    def has(self, blob, found):
        """Whether it has this very file, under the same name and digest."""
        before = self.blobs.get(blob.id)
        if before is None or before.digests != blob.digests:
            return False
        dummy, then = self.store.find(blob.id)
        return then is not None and (then.st_dev, then.st_ino) == (found.st_dev, found.st_ino)


class BlobCheck(object):
    """Goes through the blobs that a database names and notes what became of each."""

    def __init__(self, store, proven=None):
        self.store = store
        self.missing = []
        self.wrong = []
        self.checked = 0
        self.reused = 0
        self.bytes = 0
        self._proven = proven
        self._found = set()

    def check(self, blob):
        """Note whether a blob is there and right."""
        path, found = self.store.find(blob.id)
        if path is None:
            expected = (self.store.paths(blob.id) or [None])[0]
            self.missing.append({"id": blob.id, "table": blob.tables, "path": expected})
            return
        self._found.add(path)
        if not stat.S_ISREG(found.st_mode):
            self._wrong(blob, path, "a regular file", "something else")
        elif blob.digests and self._proven and self._proven.has(blob, found):
            self.reused += 1
        elif blob.digests:
            self._compare(blob, path)

    def _compare(self, blob, path):
        try:
            claims = [parse_digest(digest) for digest in blob.digests]
        except UnknownDigest as error:
            self._wrong(blob, path, str(error), "a digest of no known kind, so nothing to compare the blob with")
            return
        algorithms = set(algorithm for claim in claims for algorithm in claim)
        try:
            digests, size = read_digests(os.path.join(self.store.root, path), algorithms)
        except EnvironmentError as error:
            self._wrong(blob, path, "; ".join(blob.digests), "it cannot be read: %s" % error.strerror)
            return
        self.checked += 1
        self.bytes += size
        for claim in claims:
            for algorithm, expected in sorted(claim.items()):
                if digests[algorithm] != expected:
                    found = "%s:%s" % (algorithm, digests[algorithm])
                    self._wrong(blob, path, "%s:%s" % (algorithm, expected), found)
                    return

    def _wrong(self, blob, path, expected, found):
        self.wrong.append({"id": blob.id, "table": blob.tables, "path": path, "expected": expected, "found": found})

    def unreferenced(self, most):
        """Return how many files no blob refers to, and the first of them."""
        others = list(self.store.others(self._found))
        return {"count": len(others), "paths": [_printable(path) for path in others[:most]]}


def _printable(path):
    return native(path if isinstance(path, bytes) else path.encode("utf-8", "surrogateescape"))


def check_blobstore(dump, path, proven=None, external=False):
    """Return which blobs a dump names, and what of them a blobstore has, or has not.

    ``proven`` may be an earlier backup; an external blobstore has no files here, so nothing is looked for.
    """
    blobs = named_blobs(dump)
    try:
        work = BlobCheck(Blobstore(path), proven)
        for blob_id in [] if external else sorted(blobs):
            work.check(blobs[blob_id])
        unreferenced = {"count": 0, "paths": []} if external else work.unreferenced(UNREFERENCED_SHOWN)
    except EnvironmentError as error:
        raise BlobstoreError("The blobstore %s cannot be read: %s (%s)." % (path, error.strerror, error.filename))
    return {
        "whole": not work.missing and not work.wrong,
        "external": external,
        "named": len(blobs),
        "checked": work.checked,
        "reused": work.reused,
        "bytes": work.bytes,
        "missing": work.missing,
        "wrong": work.wrong,
        "unreferenced": unreferenced,
    }


def proven_backup(dump, path):
    """Return an earlier backup to compare with, or None if there is none, or none that can be read."""
    if not dump or not path or not os.path.isdir(path):
        return None
    try:
        return Proven(named_blobs(dump), Blobstore(path))
    except (BlobstoreError, EnvironmentError):
        return None


def verdict(result, dump, path):
    """Given what ``check_blobstore`` returned, say what is not right in a sentence or two."""
    faults = ["%s is missing" % _named(entry) for entry in result["missing"]]
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
    return "%s (%s)" % (entry["path"] or entry["id"], entry["table"])
