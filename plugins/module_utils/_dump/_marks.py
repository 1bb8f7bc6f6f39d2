# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Marks of a database, which tell of a change that was taken back before the next dump could see it.

A mark is taken before the snapshot of one dump and after that of another. If it is the same, then between these two:

- No row was inserted or updated and stayed: each has the number of the transaction that wrote it (xmin), and numbers,
  their sum and a sum of hashes are in the mark. A row that was changed and changed back has a new one. Freezing leaves
  that number as it is since 9.4. Before, it overwrites it, so there a table that was frozen counts as moved.
- No row came and went again, as far as the server has counted (pg_stat_get_tuples_inserted and so on). A session counts
  late, see ``Settled``; a server with track_counts off counts nothing, and the mark says so.
- No sequence made a step: pg_dump reads sequences as they are at that moment, not as of its snapshot.
- No definition was changed, nor changed back: the catalog's rows have such numbers, too.

``transactions`` is the server's own snapshot. If that is the same and nothing was under way, nothing was written at all
but steps of sequences.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import re
import time
from collections import namedtuple

from ansible_collections.microbosh.director.plugins.module_utils._core._clock import uptime
from ansible_collections.microbosh.director.plugins.module_utils._core._text import encoded
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump import Names, qualified
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres import PostgresError
from ansible_collections.microbosh.director.plugins.module_utils._postgres._psql import (
    hexadecimal,
    identifier,
    literal,
    select,
)

# A table may be locked by whoever changes it, and a large one takes a while to be read.
ANSWER_SECONDS = 300
FROZEN_IN_PLACE = (9, 4)
# A question travels as one argument, which may have 128 KiB.
AT_ONCE = 120

_OURS = (
    "pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
)
_RELATIONS = select(
    ["c.oid", "c.relkind = 'S'", hexadecimal("n.nspname"), hexadecimal("c.relname")],
    _OURS + " WHERE c.relkind IN ('r', 'S') ORDER BY c.oid",
)
_VERSIONS = "count(*)::text, coalesce(sum(v), 0)::text, coalesce(sum(pg_catalog.hashint8(v)), 0)::text"
# What PostgreSQL itself knows of the tables of a database, of their columns, and of functions.
_CATALOG = " UNION ALL ".join((
    select(["c.xmin::text::bigint AS v"], _OURS),
    select(["a.xmin::text::bigint"], _OURS + " JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid"),
    select(["k.xmin::text::bigint"], _OURS + " JOIN pg_catalog.pg_constraint k ON k.conrelid = c.oid"),
    select(["t.xmin::text::bigint"], _OURS + " JOIN pg_catalog.pg_trigger t ON t.tgrelid = c.oid"),
    select(["p.xmin::text::bigint"], (
        "pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace"
        " AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
    )),
))
_SNAPSHOT = "pg_catalog.txid_current_snapshot()::text"

Relation = namedtuple("Relation", "oid sequence schema name")

NOTHING = {
    "tables": {},
    "sequences": {},
    "catalog": None,
    "counts": False,
    "transactions": None,
    "problem": None,
}


def snapshot(psql, database):
    """Return which transactions the server has seen, as it writes that: oldest:next:those between that go on."""
    return psql.ask(database, "SELECT " + _SNAPSHOT, ANSWER_SECONDS)[0][0]


class Marks(object):
    """Asks one server for marks."""

    def __init__(self, psql, version):
        self._psql = psql
        self._version = version

    def of(self, database):
        """Return the mark of a database; where it cannot be had, say why in it."""
        try:
            return dict(NOTHING, **self._ask(database))
        except PostgresError as error:
            return dict(NOTHING, problem="No mark of %s could be had: %s" % (database, error))

    def _ask(self, database):
        relations = [Relation(row[0], row[1] == "t", row[2], row[3])
                     for row in self._psql.ask(database, _RELATIONS, ANSWER_SECONDS)]
        answers = {}
        parts = [self._common()] + [self._part(relation) for relation in relations]
        for start in range(0, len(parts), AT_ONCE):
            query = " UNION ALL ".join(parts[start : start + AT_ONCE])
            for row in self._psql.ask(database, query, ANSWER_SECONDS):
                answers[row[0]] = row[1:]
        return _mark(relations, answers)

    def _common(self):
        counts = "pg_catalog.current_setting('track_counts')"
        columns = ["'all'::text", _VERSIONS, _SNAPSHOT, counts, "''::text"]
        return select(columns, "(%s) x" % _CATALOG)

    def _part(self, relation):
        place = "%s.%s" % (identifier(relation.schema), identifier(relation.name))
        oid = "'%d'::text" % int(relation.oid)
        if relation.sequence:
            values = ["last_value::text", "is_called::text"] + ["''::text"] * 4
            return select([oid] + values, place)
        counted = ", ".join("pg_catalog.pg_stat_get_tuples_%s(%d)::text" % (what, int(relation.oid))
                            for what in ("inserted", "updated", "deleted"))
        return select([oid, _VERSIONS, counted], "(%s) x" % self._rows_of(place, relation.oid))

    def _rows_of(self, place, oid):
        rows = select(["xmin::text::bigint AS v"], "ONLY " + place)
        if self._version.major < FROZEN_IN_PLACE:
            frozen = select(["relfrozenxid::text::bigint"], "pg_catalog.pg_class WHERE oid = %d" % int(oid))
            rows += " UNION ALL " + frozen
        return rows


def _mark(relations, answers):
    """Given the answers by oid, return them as a mark, by name."""
    tables, sequences = {}, {}
    for relation in relations:
        names = [encoded(identifier(part)) for part in (relation.schema, relation.name)]
        name = qualified(names, Names())
        found = answers[relation.oid]
        if relation.sequence:
            sequences[name] = "%s,%s" % (found[0], found[1][:1])
        else:
            tables[name] = {"versions": " ".join([relation.oid] + found[:3]), "counted": " ".join(found[3:6])}
    common = answers["all"]
    return {
        "tables": tables,
        "sequences": sequences,
        "catalog": " ".join(common[:3]),
        "transactions": common[3],
        "counts": common[4] == "on",
    }


class Settled(object):
    """Waits until what sessions did is counted.

    A session counts at the end of a transaction, but not within a second of the last time; since 15 it does so, too,
    when it was idle for 10 seconds. Before, it may wait for its next transaction, and the server tells what it knew
    half a second ago.
    """

    COUNTS_WHEN_IDLE = (15,)
    IDLE_SECONDS = 11.0
    LATE_SECONDS = 1.5
    PACE = 0.5

    def __init__(self, psql, version, clock=uptime, sleep=time.sleep):
        self._psql = psql
        self._clock = clock
        self._sleep = sleep
        self._when_idle = version.major >= self.COUNTS_WHEN_IDLE

    def wait(self, databases, since):
        """Wait, if the server has written since that snapshot; return whether it has."""
        if quiet(since, snapshot(self._psql, databases[0])):
            return False
        end = self._clock() + (self.IDLE_SECONDS if self._when_idle else self.LATE_SECONDS)
        while self._clock() < end and not (self._when_idle and self._all_idle(databases)):
            self._sleep(self.PACE)
        return True

    def _all_idle(self, databases):
        """Return whether every session there has been idle for so long that it has counted all it did."""
        names = ", ".join(literal(name) for name in databases)
        since = "pg_catalog.clock_timestamp() - interval '%d s'" % self.IDLE_SECONDS
        # Of a session that it may not see, a role learns no state.
        source = (
            "pg_catalog.pg_stat_activity WHERE pid <> pg_catalog.pg_backend_pid()"
            " AND backend_type = 'client backend' AND datname IN (%s)" % names)
        busy = " AND (state IS NULL OR state <> 'idle' OR state_change > %s)" % since
        query = select(["count(*)"], source + busy)
        return self._psql.ask(databases[0], query, ANSWER_SECONDS) == [["0"]]


_SNAPSHOT_FORM = re.compile(r"(\d+):(\d+):[\d,]*\Z")


def quiet(before, after):
    """Given two snapshots of one server, return whether nothing was written from the first to the second."""
    found = _SNAPSHOT_FORM.match(before or "")
    return found is not None and found.group(1) == found.group(2) and before == after
