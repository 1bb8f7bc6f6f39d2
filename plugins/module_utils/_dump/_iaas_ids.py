# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The columns of a director's database that hold ids of the IaaS, and how these ids are replaced."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import re

from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._text import native
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump import unescape

DIRECTOR_UUID = "director_uuid"
COLUMNS = {
    DIRECTOR_UUID: (("director_attributes", "value"), ("director_attributes", "uuid")),
    # instances had them for a while in 2016.
    "vm_cid": (("vms", "cid"), ("instances", "vm_cid"), ("instances", "vm_cid_bak"), ("orphaned_vms", "cid")),
    "agent_id": (
        ("vms", "agent_id"),
        ("instances", "agent_id"),
        ("instances", "agent_id_bak"),
        ("local_dns_records", "agent_id"),
        ("agent_dns_versions", "agent_id"),
    ),
    "disk_cid": (("persistent_disks", "disk_cid"), ("orphan_disks", "disk_cid"), ("dynamic_disks", "disk_cid")),
    "snapshot_cid": (("snapshots", "snapshot_cid"), ("orphan_snapshots", "snapshot_cid")),
    "stemcell_cid": (("stemcells", "cid"),),
    "subnet_cid": (("subnets", "cid"),),
}
KINDS = tuple(sorted(COLUMNS))

_TO_ESCAPE = re.compile(br"[\\\b\f\n\r\t\v]")
_ESCAPES = {
    b"\\": b"\\\\",
    b"\b": b"\\b",
    b"\f": b"\\f",
    b"\n": b"\\n",
    b"\r": b"\\r",
    b"\t": b"\\t",
    b"\v": b"\\v",
}


class RewriteError(DirectorError):
    """Ids cannot be replaced in the way that was asked for."""


def columns_of(table):
    """Given a Table, return [(index, kind, column)] of its columns that name the IaaS or the director."""
    if table.schema != "public":
        return []
    return [
        (table.columns.index(column), kind, column)
        for kind in KINDS
        for name, column in COLUMNS[kind]
        if name == table.name and column in table.columns
    ]


def applies(table, column):
    """Given a Table and one of its columns, return a function that says of a row whether the column counts there.

    An attribute of the director is its uuid only in the row of that name.
    """
    if (table.name, column) != ("director_attributes", "value"):
        return lambda row: True
    if "name" not in table.columns:
        return lambda row: False
    name = table.columns.index("name")
    return lambda row: row[name] == b"uuid"


class Ids(object):
    """Collects the ids in the rows of a dump: {kind: {id: {table.column: how often}}}."""

    def __init__(self):
        self.found = dict((kind, {}) for kind in KINDS)

    def visit(self, table):
        """Return what to do with a row of the table, or None if it holds no ids."""
        places = [(index, kind, applies(table, column), table.name + "." + column)
                  for index, kind, column in columns_of(table)]
        return (lambda row: self._note(row, places)) if places else None

    def _note(self, row, places):
        for index, kind, counts, column in places:
            value = unescape(row[index])
            if value and counts(row):
                where = self.found[kind].setdefault(native(value), {})
                where[column] = where.get(column, 0) + 1


def resolve(wanted, found):
    """Given the operator's map and the ids found in a dump, return {kind: {old: new}}.

    The map is {old: new}, or {kind: {old: new}}, which settles what is ambiguous. Raise RewriteError that names
    everything that is unknown, ambiguous or taken.
    """
    problems = []
    resolved = {}
    for kind, old, new in _pairs(wanted):
        kinds = [kind] if kind else [other for other in KINDS if old in found[other]]
        problem = _problem(old, kind, kinds, found)
        if problem:
            problems.append(problem)
        else:
            resolved.setdefault(kinds[0], {})[old] = new
    for kind in sorted(resolved):
        problems.extend(_collisions(kind, resolved, found))
    if problems:
        raise RewriteError(
            "The ids cannot be rewritten: %s. Nothing was loaded. Correct the map, whose kinds are %s."
            % ("; ".join(problems), ", ".join(KINDS)),
            ids=found,
        )
    return resolved


def _pairs(wanted):
    """Yield (kind or None, old, new) of either form of the map."""
    nested = [isinstance(value, dict) for value in wanted.values()]
    if any(nested) and not all(nested):
        raise RewriteError("The map to rewrite by mixes {old: new} and {kind: {old: new}}. Use one of the two forms.")
    unknown = sorted(set(wanted) - set(KINDS)) if any(nested) else []
    if unknown:
        raise RewriteError(
            "The map to rewrite by has unknown kinds: %s. Known are %s." % (", ".join(unknown), ", ".join(KINDS))
        )
    maps = sorted(wanted.items()) if any(nested) else [(None, wanted)]
    for kind, pairs in maps:
        for old in sorted(pairs, key=str):
            yield kind, _as_id(old), _as_id(pairs[old])


def _as_id(value):
    # YAML makes a number of an id that has only digits.
    if isinstance(value, bool) or value in (None, "") or isinstance(value, (dict, list, float)):
        raise RewriteError("The map to rewrite by holds %r, which is no id. Put ids in quotes." % (value,))
    return str(value)


def _problem(old, kind, kinds, found):
    elsewhere = [other for other in KINDS if old in found[other]]
    if kind and old not in found[kind]:
        hint = ", but it does as %s" % " and as ".join(_places(old, elsewhere, found)) if elsewhere else ""
        return "%s does not occur as %s%s" % (old, kind, hint)
    if not kinds:
        return "%s occurs in no column that names the IaaS or the director" % old
    if len(kinds) > 1:
        return "%s is ambiguous, it occurs as %s: give it below its kind" % (
            old,
            " and as ".join(_places(old, kinds, found)),
        )
    return None


def _places(value, kinds, found):
    return ["%s (%s)" % (kind, ", ".join(sorted(found[kind][value]))) for kind in kinds]


def _collisions(kind, resolved, found):
    """Yield what is wrong with the new ids of one kind: one that is taken, or given twice."""
    givers = {}
    for old, new in resolved[kind].items():
        givers.setdefault(new, []).append(old)
    for new, olds in sorted(givers.items()):
        if len(olds) > 1:
            yield "%s would become the %s of several: %s" % (new, kind, ", ".join(sorted(olds)))
        taken = [other for other in KINDS if new in found[other] and new not in resolved.get(other, {})]
        if taken or new in olds:
            yield "the new id %s is there already, as %s" % (new, " and as ".join(_places(new, taken or [kind], found)))


class RowRewriter(object):
    """Replaces the ids in the rows of one table, which may come cut anywhere, and counts what it replaced."""

    def __init__(self, table, mapping, counts):
        self._places = [
            (index, self._encoded(mapping[kind]), applies(table, column), table.name + "." + column)
            for index, kind, column in columns_of(table)
            if kind in mapping
        ]
        self._counts = counts
        self._partial = b""

    @staticmethod
    def _encoded(pairs):
        return dict((_bytes(old), _escape(_bytes(new))) for old, new in pairs.items())

    def rewrite(self, payload):
        """Given some of the rows, return what of them can be sent on."""
        if not self._places:
            return payload
        lines = (self._partial + payload).split(b"\n")
        self._partial = lines.pop()
        return b"".join(self._rewritten(line) + b"\n" for line in lines)

    def _rewritten(self, line):
        row = line.split(b"\t")
        for index, pairs, counts, column in self._places:
            new = pairs.get(unescape(row[index]))
            if new is not None and counts(row):
                row[index] = new
                self._counts[column] = self._counts.get(column, 0) + 1
        return b"\t".join(row)


def _bytes(text):
    return text if isinstance(text, bytes) else text.encode("utf-8")


def _escape(value):
    return _TO_ESCAPE.sub(lambda match: _ESCAPES[match.group()], value)
