# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a dump of the roles says, read word by word: the names and who is in whom, and which of it gives power."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import re

from ansible_collections.microbosh.director.plugins.module_utils._dump import STATEMENT, segments
from ansible_collections.microbosh.director.plugins.module_utils._dump_statements import (
    NAME,
    OF_THE_DATABASE,
    TABLESPACE,
    DumpRefused,
    bare,
    shown,
)

_TEXT = br"E?'[^']*(?:''[^']*)*'"
_WORDS = br"(?:(?:NO)?(?:SUPERUSER|INHERIT|CREATEROLE|CREATEDB|LOGIN|REPLICATION|BYPASSRLS)\b ?)*"
_CREATE = re.compile(br"CREATE ROLE (" + NAME + br");\Z")
_ALTER = re.compile(
    br"ALTER ROLE (" + NAME + br") WITH (" + _WORDS + br")(?:CONNECTION LIMIT -?\d+ ?)?"
    br"(?:PASSWORD (?:NULL|" + _TEXT + br") ?)?(?:VALID UNTIL " + _TEXT + br")?;\Z"
)
_MEMBER = re.compile(
    br"GRANT (" + NAME + br") TO (" + NAME + br")"
    br"(?: WITH (?:ADMIN OPTION|(?:(?:ADMIN|INHERIT|SET) (?:TRUE|FALSE|OPTION)(?:, )?)+))?"
    br"(?: GRANTED BY " + NAME + br")?;\Z"
)
_OTHERS = re.compile(
    br"(?:SET [A-Za-z_]+ = .*|ALTER ROLE (?!ALL )" + NAME + br" SET .*|COMMENT ON ROLE " + NAME + br" IS " + _TEXT +
    br"|SECURITY LABEL .*|(?:GRANT|REVOKE) [A-Z ,]+? ON PARAMETER .*);\Z", re.DOTALL
)
_POWERS = frozenset((b"SUPERUSER", b"CREATEROLE", b"REPLICATION", b"BYPASSRLS"))
_SETTINGS = re.compile(
    br"ALTER ROLE (" + NAME + br") SET \"?[a-z_]*(?:_preload_libraries|role|session_authorization)\b"
)


class RolesSaid(object):
    """The roles that a dump of globals makes, and what it makes of them."""

    def __init__(self):
        self.made = []
        self.members = []
        # The first statement by role that gives it more than to own and use what it is given.
        self.powers = {}

    def read(self, chunks):
        """Read a dump of globals; raise DumpRefused for a statement that pg_dumpall does not write."""
        for kind, payload in segments(chunks):
            if kind == STATEMENT and not TABLESPACE.match(payload) and not OF_THE_DATABASE.match(payload):
                self._note(payload)
        return self

    def _note(self, payload):
        create, member, alter = _CREATE.match(payload), _MEMBER.match(payload), _ALTER.match(payload)
        if create:
            self.made.append(bare(create.group(1)))
        elif member:
            self.members.append((bare(member.group(1)), bare(member.group(2))))
        elif alter:
            if _POWERS & set(alter.group(2).split()):
                self._give(alter.group(1), payload)
        elif not _OTHERS.match(payload):
            raise DumpRefused("it holds a statement that pg_dumpall does not write: %s" % shown(payload))
        setting = _SETTINGS.match(payload)
        if setting:
            self._give(setting.group(1), payload)

    def _give(self, role, payload):
        self.powers.setdefault(bare(role), shown(payload).split(" PASSWORD")[0])

    def memberships(self, roles):
        """Return who is in whom, among these roles."""
        return [(group, member) for group, member in self.members if group in roles and member in roles]

    @property
    def superusers(self):
        """The roles that it gives more than a role of a service has, and who is in one of them."""
        found, more = set(), set(self.powers)
        while more:
            found |= more
            more = set(member for group, member in self.members if group in found or group.startswith("pg_")) - found
        return found

    def powerful(self, roles, superusers):
        """Return the first statement that would give one of these roles more than a role of a service has, or None."""
        for role in sorted(roles):
            groups = [group for group, member in self.members if member == role]
            for group in groups:
                if group.startswith("pg_") or group in superusers or group in self.powers:
                    return "GRANT %s TO %s" % (group, role)
            if role in self.powers:
                return self.powers[role]
        return None
