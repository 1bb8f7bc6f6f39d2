# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a director's blobstore, as rsync listed them."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import itertools
import os
import re

from ansible_collections.microbosh.director.plugins.module_utils._backup._blob_names import BlobstoreError
from ansible_collections.microbosh.director.plugins.module_utils._backup._blobstore import INNER, is_file_name, shard
from ansible_collections.microbosh.director.plugins.module_utils._core._files import lines_in
from ansible_collections.microbosh.director.plugins.module_utils._tree import _rsync_log as rsync_log

PLACE = "store/blobstore"
_SHARD = re.compile(b".*/[0-9a-f]{2}$", re.DOTALL)


def _raw(path):
    return path if isinstance(path, bytes) else path.encode("utf-8", "surrogateescape")


class Listing(object):
    """The entries below the place of the blobs, of one look at the director or of several.

    Those with names of one beginning are kept together, as text; with ``only`` no other files than those of that name.
    """

    def __init__(self, lines, place=PLACE, only=None):
        self.place = place
        self._only = None if only is None else frozenset(_raw(name) for name in only)
        self._others = {}
        self._names = {}
        self._last = (None, {})
        wanted, usual = _raw(place), _raw(PLACE)
        top = b"|" + usual.split(b"/", 1)[0] + b"\n"  # as a link: rsync names a directory with a slash behind it
        for line in lines:
            if wanted in line or usual in line or line.endswith(top):
                self._note(rsync_log.parse_line(line))

    def _note(self, said):
        """Note what a line says: a later one corrects what an earlier one said of the same path."""
        if said is None:
            return
        kind, path = said
        name = path.rpartition(b"/")[2]
        if kind not in (rsync_log.FILE, rsync_log.DELETED):
            self._others[path] = rsync_log.TYPES[kind]
        elif path in self._others:
            del self._others[path]
        if self._only is None or name in self._only:
            names = self._names.get(name[:2])
            if names is None:
                names = self._names[name[:2]] = bytearray()
            names += kind + path + b"\0"

    def expect(self, dummy):
        """Return the Listing that knows some blobs: this one knows all that there are."""
        return self

    def kind(self, path):
        """Return what an entry is, in a tuple of the names that it may be called by; an empty one if there is none."""
        raw = _raw(path)
        if raw in self._others:
            return self._others[raw]
        bucket = raw.rpartition(b"/")[2][:2]
        if self._last[0] != bucket:
            self._last = bucket, self._kinds_in(bucket)
        return self._last[1].get(raw, ())

    def _kinds_in(self, bucket):
        kinds = {}
        for entry in bytes(self._names.get(bucket, b"")).split(b"\0")[:-1]:
            if entry[:1] == rsync_log.DELETED:
                kinds.pop(entry[1:], None)
            else:
                kinds[entry[1:]] = rsync_log.TYPES[entry[:1]]
        return kinds

    def find(self, blob_id):
        """Return the path of a blob relative to /var/vcap, or None if the director has not got it."""
        for path in self._places(blob_id):
            if "file" in self.kind(path):
                return path
        return None

    def has(self, blob_id):
        """Return whether the director has a blob of that id."""
        return self.find(blob_id) is not None

    def expected(self, blob_id):
        """Return where a blob should be, relative to /var/vcap, or None if its id is no file name."""
        return next(iter(self._places(blob_id)), None)

    def _places(self, blob_id):
        if not is_file_name(blob_id):
            return []
        inner = os.path.join(self.place, INNER)
        nested = "dir" in self.kind(inner) or not self.kind(self.place)
        found = [os.path.join(top, shard(blob_id), blob_id) for top in (inner, self.place)]
        found += [os.path.join(top, blob_id) for top in (inner, self.place)]
        return found if nested else found[::-1]

    def links(self):
        """Return the paths of symbolic links that keep the listed copy from holding the blobs."""
        found = self._links_of(self.place)
        if not found and self.place != PLACE and "dir" not in self.kind(self.place):
            found = self._links_of(PLACE)
        return found

    def _links_of(self, place):
        places = [place.split("/")[0], place, os.path.join(place, INNER)]
        # Of the links in there only one in the place of a shard hides blobs; anybody may have made others.
        tops = (_raw(place), _raw(places[-1]))
        shards = [name for name in self._others if os.path.dirname(name) in tops and _SHARD.match(name)]
        places += sorted(set(name.decode("utf-8", "surrogateescape") for name in shards) - set(places))
        return [path for path in places if "link" in self.kind(path)]


class LateListings(object):
    """Logs of rsync that are read when somebody knows which blobs they are asked for: mostly it is a few, or none."""

    def __init__(self, paths):
        self._paths = paths

    def expect(self, ids):
        return read_listings(self._paths, only=ids)


def read_listings(paths, place=PLACE, only=None):
    """Given the paths of rsync's logs, return the Listing of everything that any of them names."""
    try:
        return Listing(itertools.chain.from_iterable(lines_in(path) for path in paths), place, only)
    except EnvironmentError as error:
        raise BlobstoreError("The listing of the director's blobstore cannot be read: %s." % error)
