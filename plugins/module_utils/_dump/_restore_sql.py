# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Selects from a dump the statements of one database, and refuses those that act beyond it.

A plain dump is a program for psql. So its comments and psql's own commands are never sent on, and every statement is
read as psql would read it: a backslash that psql could take for a command, or a statement that pg_dump does not write
into a database, refuses the dump.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import re

from ansible_collections.microbosh.director.plugins.module_utils._core._text import native
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump import (
    COPY,
    END,
    META,
    NOTE,
    ROWS,
    STATEMENT,
    connected,
    copy_target,
    read_dump,
    segments,
)
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump_statements import (
    ALLOWED,
    NAME,
    OF_A_CLUSTER,
    OF_THE_DATABASE,
    TABLESPACE,
    DumpRefused,
    Fit,
    bare,
    disarm,
    require_readable,
    roles_granted,
    roles_of,
    shown,
    tablespace_of,
)
from ansible_collections.microbosh.director.plugins.module_utils._dump._iaas_ids import Ids, RowRewriter
from ansible_collections.microbosh.director.plugins.module_utils._dump._role_statements import require_of_roles
from ansible_collections.microbosh.director.plugins.module_utils._dump._superuser_statements import (
    acts,
    extension_of,
    is_code,
    keeper_of,
    made_of,
    needs_superuser,
    owner_of,
    rights_on,
)

_STANDARD_STRINGS = b"SET standard_conforming_strings = on;"
_ENCODING = re.compile(br"SET client_encoding = '([A-Za-z0-9_]+)';")
_SEARCH_PATH = re.compile(br'SET search_path = ("(?:[^"]|"")*"|[^\s,;]+)')
_LARGE_OBJECT = b"SELECT pg_catalog.lo_create("
_ALWAYS_OF_DATABASE = (b"COMMENT ON DATABASE ", b"SECURITY LABEL ")
_SEPARATORS = (b"restrict", b"unrestrict")
_END_OF_DATABASE = b"-- PostgreSQL database dump complete\n"


_CREATE_ROLE = re.compile(br"CREATE ROLE (" + NAME + br")[ ;]")
_GRANTED_BY = re.compile(br" GRANTED BY " + NAME + br";\Z")


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
    """The facts of the selected database in a dump, found by its first reading."""

    def __init__(self, name):
        self.name = name
        self.databases = []
        self.dump = None
        self.encoding = None
        self.statements_by_role = {}
        self.properties = []
        self.large_objects = 0
        # What only a superuser may; the schemas by extension; the first function; the roles that own something.
        self.beyond = []
        self.extensions = {}
        self.code = None
        self.owners = set()
        # What acts by itself, such as a rule; the roles that own something that may.
        self.acting = None
        self.keepers = set()
        self.tablespaces = set()
        # What rights are given on, with the first statement that does, and what of that the dump makes itself.
        self._rights = {}
        self._made = set()
        self._ids = Ids()
        self._section = _Section(name)

    @property
    def ids(self):
        return self._ids.found

    @property
    def rows(self):
        """Return the number of rows by table of the selected database."""
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
        if set(self.extensions) - set(["plpgsql"]):
            # The rest came with an extension, which belongs to the one who made that.
            self.beyond.extend(self._rights[name] for name in sorted(set(self._rights) - self._made))

    def _visit(self, table):
        return self._ids.visit(table) if self._has(table) else None

    def _inspect(self, kind, payload):
        belongs = self._section.follow(kind, payload)
        if kind == META:
            self._inspect_command(payload)
        elif kind == NOTE and b"\r" in payload:
            raise DumpRefused("it holds a comment with a carriage return, which pg_dump does not write")
        elif belongs and kind == ROWS:
            require_readable(payload, "rows")
        elif kind == STATEMENT and OF_THE_DATABASE.match(payload):
            self._note_property(payload, belongs)
        elif belongs and kind in (STATEMENT, COPY):
            disarm(payload, self._section.standard_strings, ALLOWED[kind])
            self._note(payload)

    def _note_property(self, payload, belongs):
        """Keep what is said of the database itself, inside of its part or before it."""
        about = bare(OF_THE_DATABASE.match(payload).group(1))
        # pg_dump before 11 writes these two for a database that it neither makes nor connects to.
        known = about == self.name or (self.name is None and payload.startswith(_ALWAYS_OF_DATABASE))
        if known:
            self.properties.append(disarm(payload, self._section.standard_strings, OF_THE_DATABASE))
        elif belongs:
            raise DumpRefused("it holds a statement about another database: %s" % shown(payload))

    def _inspect_command(self, payload):
        database = connected(payload)
        if database is not None and database not in self.databases:
            self.databases.append(database)
        word = re.match(br"\\(\w*)", payload).group(1)
        if word not in _SEPARATORS and connected(payload) is None:
            raise DumpRefused("it holds a command for psql, which would be run: %s" % shown(payload))

    def _note(self, payload):
        encoding = _ENCODING.match(payload)
        if encoding and self.encoding is None:
            self.encoding = native(encoding.group(1))
        if payload.startswith(_LARGE_OBJECT):
            self.large_objects += 1
        self._note_powers(payload)
        for role in roles_of(payload):
            self.statements_by_role[role] = self.statements_by_role.get(role, 0) + 1

    def _note_powers(self, payload):
        """Keep what decides whether a role that is no superuser can load this."""
        if needs_superuser(payload):
            self.beyond.append(shown(payload))
        self._note_rights(payload)
        tablespace = tablespace_of(payload)
        self.tablespaces.update([tablespace] if tablespace is not None else [])
        extension = extension_of(payload)
        if extension:
            self.extensions[extension[0]] = extension[1]
        if self.code is None and is_code(payload):
            self.code = shown(payload)
        if self.acting is None and acts(payload):
            self.acting = shown(payload)
        self.owners.update([owner_of(payload)] if owner_of(payload) is not None else [])
        self.keepers.update([keeper_of(payload)] if keeper_of(payload) is not None else [])

    def _note_rights(self, payload):
        """Note what each right is on: the loading role grants none on objects of the system or of an extension."""
        name, of_system = rights_on(payload, self._section.schema)
        if of_system:
            self.beyond.append(shown(payload))
        elif name is not None:
            self._rights.setdefault(name, shown(payload))
        made = made_of(payload)
        self._made.update([made] if made is not None else [])


def databases_in(chunks):
    """Return the kind of a dump and the names of the databases that it connects to, in order."""
    names = []

    def inspect(kind, payload):
        name = connected(payload) if kind == META else None
        if name is not None and name not in names:
            names.append(name)

    return read_dump(chunks, inspect=inspect).kind, names


def statements(chunks, contents, mapping, missing_roles, counts, fit=None):
    """Yield what is to be sent to psql: the statements and rows of one database, with ids replaced.

    Statements that would fail because their role is missing are left out, and so are those that do not fit the server.
    ``counts`` is told how many ids were replaced, by column.
    """
    section = _Section(contents.name)
    fit = fit or Fit()
    rewriter = None
    for kind, payload in segments(chunks):
        if not section.follow(kind, payload):
            continue
        if kind == COPY:
            rewriter = RowRewriter(copy_target(payload, contents.name, section.schema), mapping, counts)
            yield disarm(payload, section.standard_strings, ALLOWED[kind])
        elif kind == ROWS:
            require_readable(payload, "rows")
            yield rewriter.rewrite(payload)
        elif kind == END:
            yield payload
        elif not roles_of(payload) & missing_roles:
            yield _sent(fit.fitted(payload), section.standard_strings)


def _sent(payload, standard_strings):
    return disarm(payload, standard_strings, ALLOWED[STATEMENT]) + b"\n" if payload else b""


def roles_made(chunks):
    """Return the names of the roles that a dump of globals makes."""
    matches = [_CREATE_ROLE.match(payload) for kind, payload in segments(chunks) if kind == STATEMENT]
    return set(bare(match.group(1)) for match in matches if match)


def globals_statements(chunks, roles=None, there=()):
    """Yield the statements of a dump of globals that make its roles, or only those of some roles.

    Tablespaces are directories of the director, and what is set for a role in one database belongs to that. The grantor
    of a role is left out: that has to be a role with the right to, and the first superuser has another name elsewhere.
    """
    standard_strings = False
    for kind, payload in segments(chunks):
        standard_strings = standard_strings or payload == _STANDARD_STRINGS
        if kind != STATEMENT or TABLESPACE.match(payload) or OF_THE_DATABASE.match(payload):
            continue
        named = roles_granted(payload)
        if roles is None or (named & roles and named <= roles | set(there)):
            require_of_roles(payload)
            yield disarm(_GRANTED_BY.sub(b";", payload), standard_strings, OF_A_CLUSTER) + b"\n"
