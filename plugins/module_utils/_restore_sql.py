# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a dump may go into a database: the statements of one database, and nothing that acts beyond it.

A plain dump is a program for psql. So its comments and psql's own commands are never sent on, and every statement is
read as psql would read it: a backslash that psql could take for a command, or a statement that pg_dump does not write
into a database, refuses the dump.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import re

from ansible_collections.microbosh.director.plugins.module_utils._dump import (
    COPY,
    END,
    META,
    NOTE,
    ROWS,
    STATEMENT,
    connected,
    copy_target,
    native,
    read_dump,
    segments,
)
from ansible_collections.microbosh.director.plugins.module_utils._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._iaas_ids import Ids, RowRewriter

_TOKEN = re.compile(
    br"""
    (?P<word> [A-Za-z_\x80-\xff][A-Za-z0-9_$\x80-\xff]* )
    | (?P<literal> '[^']*(?:''[^']*)*' )
    | (?P<dollar> \$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)?\$ )
    | --[^\n\r]*\n
    | (?P<refused> -- | \\ | /\* )
    | "[^"]*" | [^A-Za-z_\x80-\xff'"$\\/-]+ | [$/-]
    """,
    re.VERBOSE,
)
# Where a backslash stands before a quote, standard_conforming_strings decides whether the literal ends there.
_AMBIGUOUS = re.compile(br"(?<!\\)(?:\\\\)*\\'")

_BEYOND = br"(?:ROLE|USER(?! MAPPING)|GROUP|DATABASE|TABLESPACE|SYSTEM|SUBSCRIPTION)\b"
_RIGHTS = br"(?:[A-Z ,]|\([^)]*\))+?"
_OF_A_DATABASE = re.compile(
    br"(?:SET [a-z_]+ =|(?:RE)?SET SESSION AUTHORIZATION\b|SELECT pg_catalog\.(?:set_config|setval)\("
    br"|CREATE (?:OR REPLACE )?(?!" + _BEYOND + br")|ALTER (?!" + _BEYOND + br")|COMMENT ON (?!" + _BEYOND + br")"
    br"|(?:GRANT|REVOKE) " + _RIGHTS + br"ON (?!(?:DATABASE|TABLESPACE|PARAMETER)\b)|SECURITY LABEL\b"
    br"|REFRESH MATERIALIZED VIEW\b)"
)
_ROWS_OF_A_TABLE = re.compile(br"COPY ")
_ALLOWED = {STATEMENT: _OF_A_DATABASE, COPY: _ROWS_OF_A_TABLE}
_OF_A_CLUSTER = re.compile(
    br"(?:SET [a-z_]+ =|(?:CREATE|ALTER) ROLE\b|GRANT [^;]* TO\b|COMMENT ON ROLE\b|SECURITY LABEL\b)"
)
TABLESPACE = re.compile(br"(?:CREATE|ALTER|COMMENT ON|GRANT [^;]* ON|REVOKE [^;]* ON) TABLESPACE\b")

_NAME = br'("(?:[^"]|"")*"|[^\s".,();]+)'
_ROLES = (
    re.compile(br"ALTER .* OWNER TO " + _NAME + br";\Z", re.DOTALL),
    re.compile(br"GRANT .* TO (?:GROUP )?" + _NAME + br"(?: WITH GRANT OPTION)?;\Z", re.DOTALL),
    re.compile(br"REVOKE .* FROM (?:GROUP )?" + _NAME + br"(?: CASCADE)?;\Z", re.DOTALL),
    re.compile(br"ALTER DEFAULT PRIVILEGES FOR ROLE " + _NAME),
    re.compile(br"ALTER DEFAULT PRIVILEGES .* (?:TO|FROM) " + _NAME + br"(?: WITH GRANT OPTION)?;\Z", re.DOTALL),
    re.compile(br"SET SESSION AUTHORIZATION " + _NAME + br";\Z"),
)
_STANDARD_STRINGS = b"SET standard_conforming_strings = on;"
_ENCODING = re.compile(br"SET client_encoding = '([A-Za-z0-9_]+)';")
_SEARCH_PATH = re.compile(br'SET search_path = ("(?:[^"]|"")*"|[^\s,;]+)')
_SEPARATORS = (b"restrict", b"unrestrict")
_END_OF_DATABASE = b"-- PostgreSQL database dump complete\n"


class DumpRefused(DirectorError):
    """A dump that is not to be given to psql."""


def disarm(payload, standard_strings, allowed):
    """Given a statement, return it in a form that every psql reads alike; raise DumpRefused for one that pg_dump
    would not have written.
    """
    pieces = []
    at = 0
    while at < len(payload):
        token = _TOKEN.match(payload, at)
        end = _end_of(token, payload)
        piece = payload[at:end]
        if token.lastgroup == "literal" and _AMBIGUOUS.search(piece):
            piece = _explicit(piece, payload[:at], standard_strings)
        pieces.append(piece)
        at = end
    if not allowed.match(payload):
        raise DumpRefused("it holds a statement that pg_dump does not write into a database: %s" % _shown(payload))
    return b"".join(pieces)


def _end_of(token, payload):
    if token is None or token.lastgroup == "refused":
        raise DumpRefused("psql could take a part of this statement for a command of its own: %s" % _shown(payload))
    if token.lastgroup != "dollar":
        return token.end()
    end = payload.find(token.group(), token.end())
    if end < 0:
        raise DumpRefused("it holds a statement that does not end: %s" % _shown(payload))
    return end + len(token.group())


def _explicit(literal, before, standard_strings):
    """Return a literal with backslashes in the form that says what they mean, whatever the server's settings are."""
    if not standard_strings or re.search(br"[A-Za-z0-9_$&\x80-\xff]\Z", before):
        raise DumpRefused("it holds a text that psql could read in two ways: %s" % _shown(literal))
    return b" E" + literal.replace(b"\\", b"\\\\")


def _shown(payload):
    return native(payload.strip()[:60]).split("\n")[0]


def roles_of(payload):
    """Return the names of the roles without which a statement would fail."""
    roles = set()
    for pattern in _ROLES:
        match = pattern.match(payload)
        if match:
            name = match.group(1)
            roles.add(native(name[1:-1].replace(b'""', b'"') if name[:1] == b'"' else name))
    return roles - set(["PUBLIC"])


class _Section(object):
    """Follows a dump and tells which of its segments belong to one database.

    Without a name, everything does: pg_dump writes one database and connects to none.
    """

    def __init__(self, name):
        self._name = name
        self.inside = name is None
        self.complete = False
        self.schema = "public"
        self.standard_strings = False

    def follow(self, kind, payload):
        """Return whether a segment belongs to the database."""
        if kind == META:
            database = connected(payload)
            if database is not None:
                self.inside = database == self._name
        elif kind == NOTE:
            if self.inside and _END_OF_DATABASE in payload:
                self.inside, self.complete = False, True
        elif kind == STATEMENT and self.inside:
            search_path = _SEARCH_PATH.match(payload)
            if search_path:
                self.schema = native(search_path.group(1).strip(b'"'))
            self.standard_strings = self.standard_strings or payload == _STANDARD_STRINGS
        return self.inside and kind not in (META, NOTE)


class Contents(object):
    """What the first reading of a dump finds out about the database that is to be taken out of it."""

    def __init__(self, name):
        self.name = name
        self.databases = []
        self.dump = None
        self.encoding = None
        self.statements_by_role = {}
        self._ids = Ids()
        self._section = _Section(name)

    @property
    def ids(self):
        return self._ids.found

    @property
    def rows(self):
        """Rows by table of the one database."""
        return dict((table.qualified, count) for table, count in self.dump.rows.items() if self._has(table))

    @property
    def tables(self):
        return [table for table in self.dump.rows if self._has(table)]

    def _has(self, table):
        return table.database == self.name

    def read(self, chunks):
        """Read a dump; raise DumpRefused if it is not whole, or not one for psql."""
        self.dump = read_dump(chunks, self._visit, self._inspect)
        if not self.dump.complete:
            raise DumpRefused("it is not whole: %s" % self.dump.flaw)
        if not self._section.complete:
            raise DumpRefused("the end of the database %s is not in it" % self.name)

    def _visit(self, table):
        return self._ids.visit(table) if self._has(table) else None

    def _inspect(self, kind, payload):
        belongs = self._section.follow(kind, payload)
        if kind == META:
            self._inspect_command(payload)
        elif kind == NOTE and b"\r" in payload:
            raise DumpRefused("it holds a comment with a carriage return, which pg_dump does not write")
        elif belongs and kind == ROWS and b"\r" in payload:
            raise DumpRefused("it holds rows with a bare carriage return, which pg_dump does not write")
        elif belongs and kind in (STATEMENT, COPY):
            disarm(payload, self._section.standard_strings, _ALLOWED[kind])
            self._note(payload)

    def _inspect_command(self, payload):
        word = re.match(br"\\(\w*)", payload).group(1)
        if word not in _SEPARATORS and connected(payload) is None:
            raise DumpRefused("it holds a command for psql, which would be run: %s" % _shown(payload))

    def _note(self, payload):
        encoding = _ENCODING.match(payload)
        if encoding and self.encoding is None:
            self.encoding = native(encoding.group(1))
        for role in roles_of(payload):
            self.statements_by_role[role] = self.statements_by_role.get(role, 0) + 1


def databases_in(chunks):
    """Return the kind of a dump and the names of the databases that it connects to, in order."""
    names = []

    def inspect(kind, payload):
        name = connected(payload) if kind == META else None
        if name is not None and name not in names:
            names.append(name)

    return read_dump(chunks, inspect=inspect).kind, names


def statements(chunks, contents, mapping, missing_roles, counts):
    """Yield what is to be sent to psql: the statements and rows of one database, with ids replaced.

    What would fail because its role is not there is left out. ``counts`` is told how many ids were replaced, by
    column.
    """
    section = _Section(contents.name)
    rewriter = None
    for kind, payload in segments(chunks):
        if not section.follow(kind, payload):
            continue
        if kind == COPY:
            rewriter = RowRewriter(copy_target(payload, contents.name, section.schema), mapping, counts)
        if kind == ROWS:
            yield rewriter.rewrite(payload)
        elif kind == END:
            yield payload
        elif not roles_of(payload) & missing_roles:
            yield disarm(payload, section.standard_strings, _ALLOWED[kind]) + (b"" if kind == COPY else b"\n")


def globals_statements(chunks):
    """Yield the statements of a dump of globals that make its roles. Tablespaces are directories of the director."""
    for kind, payload in segments(chunks):
        if kind == STATEMENT and not TABLESPACE.match(payload):
            yield disarm(payload, False, _OF_A_CLUSTER) + b"\n"
