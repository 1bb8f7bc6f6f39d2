# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The content of a dump, table by table, as digests: two dumps of a database say the same if these are the same.

It is made while the dump is written. Rows count without their order, which an UPDATE or a VACUUM changes.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import hashlib
import re
import struct

from ansible_collections.microbosh.director.plugins.module_utils._dump._dump import (
    COPY,
    META,
    NAMES,
    ROWS,
    STATEMENT,
    Names,
    copy_target,
    qualified,
)

_SETVAL = re.compile(
    br"SELECT pg_catalog\.setval\('((?:[^'\\]|'')+)', (-?\d+), (true|false)\);\Z"
)
# pg_dump and psql agree on a key that nobody can guess, a new one each time.
_RESTRICTING = re.compile(br"\\(?:un)?restrict ")
_WORD = 1 << 64
# So many digests are added up at once.
_AT_ONCE = 2048
# The first half of each.
_HALVES = "QQ16x"
_MANY = struct.Struct(">" + _HALVES * _AT_ONCE)


class RowSum(object):
    """The rows of one table, in any order: their number, and sums of the first two words of the SHA-256 of each."""

    def __init__(self):
        self.rows = 0
        self._sums = (0, 0)
        self._open = hashlib.sha256()
        self._digests = []

    def add(self, payload):
        """Take rows as they are in a dump, cut anywhere; a long one is never held."""
        lines = payload.split(b"\n")
        self._open.update(lines[0])
        if len(lines) == 1:
            return
        sha256 = hashlib.sha256
        self._digests.append(self._open.digest())
        self._digests.extend([sha256(line).digest() for line in lines[1:-1]])
        self._open = sha256(lines[-1])
        while len(self._digests) >= _AT_ONCE:
            self._add_up(_MANY)

    def _add_up(self, form):
        count = form.size // self._open.digest_size
        words = form.unpack(b"".join(self._digests[:count]))
        self._sums = tuple((known + sum(words[half::2])) % _WORD for half, known in enumerate(self._sums))
        self.rows += count
        del self._digests[:count]

    def facts(self):
        self._add_up(struct.Struct(">" + _HALVES * len(self._digests)))
        return {"rows": self.rows, "digest": "%016x%016x" % self._sums}


class Content(object):
    """Sees every segment of a dump, for ``read_dump``; tells afterwards what was in it."""

    def __init__(self):
        self._names = Names()
        self._schema = hashlib.sha256()
        self._tables = {}
        self._sequences = {}
        self._rows = None

    def inspect(self, kind, payload):
        if kind == ROWS:
            self._rows.add(payload)
        elif kind == STATEMENT and self._is_sequence(payload):
            return
        elif kind != META or not _RESTRICTING.match(payload):
            self._schema.update(payload)
        if kind == COPY:
            # Partitions of an enumeration come as several parts of their root.
            name = copy_target(payload, None, self._names.schema, self._names.codec).qualified
            self._rows = self._tables.setdefault(name, RowSum())
        elif kind == STATEMENT:
            self._names.follow(payload)

    def _is_sequence(self, payload):
        found = _SETVAL.match(payload)
        if not found:
            return False
        parts = NAMES.findall(found.group(1).replace(b"''", b"'"))
        name = qualified(parts, self._names)
        self._sequences[name] = "%d,%s" % (int(found.group(2)), "t" if found.group(3) == b"true" else "f")
        return True

    def facts(self):
        return {
            "schema": self._schema.hexdigest(),
            "tables": dict((name, rows.facts()) for name, rows in self._tables.items()),
            "sequences": self._sequences,
        }
