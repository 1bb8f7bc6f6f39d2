# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The blobs that a director's database names: table, digest and kind of each."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import re

from ansible_collections.microbosh.director.plugins.module_utils._backup._blob_origins import Origins
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._text import encoded, native
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump import chunks_of, read_dump, unescape

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
NULL = b"\\N"
ID_COLUMN = "blobstore_id"
DIGEST_COLUMN = "sha1"
# Columns that lead to a row of blobs.
REFERENCES = frozenset([("local_dns_blobs", "blob_id")])
# Since 2017 rendered templates go to the agents over NATS: the row has an id under which nothing was ever written, and
# the director makes them again when it needs them.
MADE_AGAIN = frozenset(["rendered_templates_archives"])
# A column that may name blobs in a way that nobody knows yet.
_LIKE_ID = re.compile(r"blob.*id", re.IGNORECASE)


class BlobstoreError(DirectorError):
    """A blobstore cannot be checked at all."""


def names_blobs(table, column):
    """Return whether it is known what a column has to do with blobs, so that its values are followed."""
    return column == ID_COLUMN or (table, column) in REFERENCES


def unknown_columns(table, columns):
    """Given a table, return those of its columns that may name blobs and are not followed, as table.column."""
    return ["%s.%s" % (table, name) for name in columns if _LIKE_ID.search(name) and not names_blobs(table, name)]


class Blob(object):
    """A blob as a database names it: perhaps from several tables."""

    __slots__ = ("claims", "id", "rows")

    def __init__(self, blob_id):
        self.id = blob_id
        self.claims = set()
        self.rows = []

    @property
    def tables(self):
        return ", ".join(sorted(set(table for table, dummy in self.claims)))

    @property
    def digests(self):
        """Return the different digests that the tables have for it."""
        if len(self.claims) == 1:
            return [digest for dummy, digest in self.claims if digest]
        return sorted(set(digest for dummy, digest in self.claims if digest))

    @property
    def made_again(self):
        """Return whether the director makes it again on demand, so that it need not be there."""
        return all(table in MADE_AGAIN for table, dummy in self.claims)


def columns_of(table):
    """Return {name of a column: its place in a row}."""
    return dict((name, index) for index, name in enumerate(table.columns))


def bucket_of(name):
    """Return the beginning of a name, as bytes: what is compared name by name is compared bucket by bucket."""
    return encoded(name)[:2]


class BlobNames(object):
    """Collects the blobs that the tables of a dump name.

    They are kept as the dump has them, those with one beginning together, and become Blobs while their turn lasts.
    """

    def __init__(self):
        self.tables = set()
        self.unknown = []
        self.count = None
        self._lines = {}
        self._rows_of_blobs = {}
        self._indirect = []
        self._last = (None, {})

    def visit(self, table):
        """Return what to do with a row of the table, or None if it is of no use."""
        self.tables.add(table.name)
        self.unknown += unknown_columns(table.name, table.columns)
        return self._taker(table.name, columns_of(table))

    def _taker(self, table, columns):
        if ID_COLUMN in columns:
            return self._direct(encoded(table), *[columns.get(name) for name in (ID_COLUMN, DIGEST_COLUMN, "id")])
        if (table, "blob_id") in REFERENCES and "blob_id" in columns:
            return lambda row: self._indirect.append((row[columns["blob_id"]], row[columns.get("id", 0)]))
        return None

    def _direct(self, table, at, digest_at, key_at):
        """Return what to do with the rows of a table, given the places of its columns, None for one that it lacks."""

        def take(row):
            raw = row[at]
            if raw in (b"", NULL):
                return
            digest = NULL if digest_at is None else row[digest_at]
            key = NULL if key_at is None else row[key_at]
            self._keep(raw, table, digest, key)
            if table == b"blobs" and key_at is not None:
                self._rows_of_blobs[key] = raw

        return take

    def _keep(self, raw, table, digest, key):
        bucket = (raw if b"\\" not in raw else encoded(native(unescape(raw))))[:2]
        lines = self._lines.get(bucket)
        if lines is None:
            lines = self._lines[bucket] = bytearray()
        lines += b"\t".join((raw, table, digest, key)) + b"\n"

    def finish(self):
        """Follow the references from local_dns_blobs to rows of blobs, which may come in any order."""
        for row_id, key in self._indirect:
            if row_id in self._rows_of_blobs:
                self._keep(self._rows_of_blobs[row_id], b"local_dns_blobs", NULL, key)
        self._rows_of_blobs, self._indirect = {}, []
        return self

    def buckets(self):
        """Yield (bucket, its Blobs, sorted by id), in order; count them on the way."""
        count = 0
        for bucket in sorted(self._lines):
            blobs = self._blobs_in(bucket)
            count += len(blobs)
            yield bucket, [blobs[blob_id] for blob_id in sorted(blobs, key=encoded)]
        self.count = count

    def counted(self):
        """Return how many there are."""
        for dummy in self.buckets() if self.count is None else ():
            continue
        return self.count

    def get(self, blob_id):
        """Return the Blob of that id, None if no table names it; quickly where the last one asked for was near."""
        bucket = bucket_of(blob_id)
        if self._last[0] != bucket:
            self._last = bucket, self._blobs_in(bucket)
        return self._last[1].get(blob_id)

    def _blobs_in(self, bucket):
        blobs = {}
        for line in bytes(self._lines.get(bucket, b"")).split(b"\n")[:-1]:
            raw, table, digest, key = line.split(b"\t")
            blob_id = native(unescape(raw))
            blob = blobs.get(blob_id)
            if blob is None:
                blob = blobs[blob_id] = Blob(blob_id)
            table, digest = native(table), unescape(digest)
            blob.claims.add((table, native(digest) if digest else None))
            blob.rows.append((table, None if key == NULL else key))
        return blobs


def read_names(path):
    """Given the path of the dump of a director's database, return the BlobNames in it."""
    names = BlobNames()
    dump = _read(path, names.visit)
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


def _read(path, visit):
    try:
        return read_dump(chunks_of(path), visit)
    except EnvironmentError as error:
        raise BlobstoreError(
            "The dump %s cannot be read: %s. It has to tell which blobs there should be." % (path, error.strerror)
        )


class LateOrigins(object):
    """The Origins in a dump, which is read for them when the first one is asked for: mostly nobody has to know."""

    def __init__(self, path):
        self._path = path
        self._origins = None

    def _read(self):
        if self._origins is None:
            self._origins = Origins()
            _read(self._path, lambda table: self._origins.visit(table.name, columns_of(table)))
        return self._origins

    def about(self, blob):
        return self._read().about(blob)

    def mend(self, blob):
        return self._read().mend(blob)


def names_with_origins(path):
    """Given such a path, return the BlobNames in it, and the Origins that say of what each blob is."""
    return read_names(path), LateOrigins(path)


def named_blobs(path):
    """Given the path of the dump of a director's database, return the blobs it names, by id."""
    return dict((blob.id, blob) for dummy, blobs in read_names(path).buckets() for blob in blobs)
