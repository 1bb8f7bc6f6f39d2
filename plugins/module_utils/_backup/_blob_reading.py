# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The digests of a backup's blobs, found in the same reading that compares the files with the manifest."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import binascii
import os

from ansible_collections.microbosh.director.plugins.module_utils._backup._blob_names import BlobstoreError
from ansible_collections.microbosh.director.plugins.module_utils._backup._blobstore import Blobstore, read_digests
from ansible_collections.microbosh.director.plugins.module_utils._core import _layout as layout
from ansible_collections.microbosh.director.plugins.module_utils._core._text import encoded, native

PLACE = "store/blobstore"
# What a manifest has of a file, and what a director's database mostly has of a blob.
_ALGORITHMS = ("sha1", "sha256")
_LENGTHS = (20, 32)


def blobs_in(path):
    """Given a backup's directory, return where its blobs are, and the tree that this is in."""
    tree = os.path.join(path, layout.TREE)
    return os.path.join(tree, PLACE), tree


class BlobReading(object):
    """Keeps the digests of what was read below the place of the blobs, of each name no more than it has in bytes."""

    def __init__(self, top, root):
        self._prefix = encoded(os.path.relpath(root, top)) + b"/"
        self._kept = {}
        self._last = (None, {})

    def wants(self, path):
        """Return whether a path of the backup is one of a blob."""
        return path.startswith(self._prefix)

    def read(self, top, path):
        """Read a file; return its SHA-256 and how many bytes it has."""
        digests, size = read_digests(os.path.join(top, path), _ALGORITHMS)
        inner = path[len(self._prefix) :]
        bucket = inner.rpartition(b"/")[2][:2]
        if bucket not in self._kept:
            self._kept[bucket] = bytearray()
        self._kept[bucket] += inner + b"\0" + b"".join(binascii.unhexlify(digests[name]) for name in _ALGORITHMS)
        return digests["sha256"], size

    def digests(self, path):
        """Given the path of a blob below the place of the blobs, return its digests, None if it was not read."""
        path = encoded(path)
        bucket = path.rpartition(b"/")[2][:2]
        if self._last[0] != bucket:
            self._last = bucket, self._found_in(bytes(self._kept.get(bucket, b"")))
        found = self._last[1].get(path)
        return found and dict(zip(_ALGORITHMS, (native(binascii.hexlify(part)) for part in found)))

    @staticmethod
    def _found_in(kept):
        found, at = {}, 0
        while at < len(kept):
            end = kept.index(b"\0", at)
            middle = end + 1 + _LENGTHS[0]
            found[kept[at:end]] = (kept[end + 1 : middle], kept[middle : middle + _LENGTHS[1]])
            at = middle + _LENGTHS[1]
        return found


def blob_reading(path):
    """Given a backup's directory, return the BlobReading for it; None if its blobs cannot be looked at."""
    store, tree = blobs_in(path)
    try:
        return BlobReading(path, Blobstore(store, tree).root)
    except (BlobstoreError, EnvironmentError):
        return None
