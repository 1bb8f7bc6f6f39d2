# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The blobs that a director's database names: table, digest and kind of each."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import re

from ansible_collections.microbosh.director.plugins.module_utils._backup._blob_origins import NO_ORIGINS, Origins
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._text import native
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
        return sorted(set(digest for dummy, digest in self.claims if digest))

    @property
    def made_again(self):
        """Return whether the director makes it again on demand, so that it need not be there."""
        return all(table in MADE_AGAIN for table, dummy in self.claims)


class BlobNames(object):
    """Collects the blobs that the tables of a dump name."""

    def __init__(self, origins=NO_ORIGINS):
        self.blobs = {}
        self.tables = set()
        self.unknown = []
        self._origins = origins
        self._rows_of_blobs = {}
        self._indirect = []

    def visit(self, table):
        """Return what to do with a row of the table, or None if it is of no use."""
        self.tables.add(table.name)
        self.unknown += unknown_columns(table.name, table.columns)
        columns = dict((name, index) for index, name in enumerate(table.columns))
        keep = self._origins.visit(table.name, columns)
        take = self._taker(table.name, columns)
        if take is None or keep is None:
            return take or keep

        def both(row):
            keep(row)
            take(row)

        return both

    def _taker(self, table, columns):
        if ID_COLUMN in columns:
            return lambda row: self._direct(table, columns, row)
        if (table, "blob_id") in REFERENCES and "blob_id" in columns:
            return lambda row: self._indirect.append((row[columns["blob_id"]], row[columns.get("id", 0)]))
        return None

    def _direct(self, table, columns, row):
        blob_id = unescape(row[columns[ID_COLUMN]])
        if not blob_id:
            return
        digest = unescape(row[columns[DIGEST_COLUMN]]) if DIGEST_COLUMN in columns else None
        key = row[columns["id"]] if "id" in columns else None
        self._claim(native(blob_id), table, native(digest) if digest else None, key)
        if table == "blobs" and key is not None:
            self._rows_of_blobs[key] = native(blob_id)

    def _claim(self, blob_id, table, digest, key):
        if blob_id not in self.blobs:
            self.blobs[blob_id] = Blob(blob_id)
        self.blobs[blob_id].claims.add((table, digest))
        if self._origins.wanted:
            self.blobs[blob_id].rows.append((table, key))

    def finish(self):
        """Follow the references from local_dns_blobs to rows of blobs, which may come in any order."""
        for row_id, key in self._indirect:
            if row_id in self._rows_of_blobs:
                self._claim(self._rows_of_blobs[row_id], "local_dns_blobs", None, key)
        return self


def read_names(path, origins=NO_ORIGINS):
    """Given the path of the dump of a director's database, return the BlobNames in it."""
    names = BlobNames(origins)
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


def names_with_origins(path):
    """Given such a path, return the BlobNames in it, and the Origins that say of what each blob is."""
    origins = Origins()
    return read_names(path, origins), origins


def named_blobs(path):
    """Given the path of the dump of a director's database, return the blobs it names, by id."""
    return read_names(path).blobs
