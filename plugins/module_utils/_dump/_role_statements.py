# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a dump of roles: their names, their memberships, and the statements that give them power."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import re

from ansible_collections.microbosh.director.plugins.module_utils._dump._dump import STATEMENT, segments
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump_statements import (
    NAME,
    OF_THE_DATABASE,
    TABLESPACE,
    TEXT,
    DumpRefused,
    assignment_of_role,
    bare,
    is_role,
    shown,
)

_WORDS = br"(?:(?:NO)?(?:SUPERUSER|INHERIT|CREATEROLE|CREATEDB|LOGIN|REPLICATION|BYPASSRLS)\b ?)*"
_CREATE = re.compile(br"CREATE ROLE (" + NAME + br");\Z")
_ALTER = re.compile(
    br"ALTER ROLE (" + NAME + br") WITH (" + _WORDS + br")(?:CONNECTION LIMIT -?\d+ ?)?"
    br"(?:PASSWORD (?:NULL|" + TEXT + br") ?)?(?:VALID UNTIL " + TEXT + br")?;\Z"
)
_MEMBER = re.compile(
    br"GRANT (" + NAME + br") TO (" + NAME + br")"
    br"(?: WITH (?:ADMIN OPTION|(?:(?:ADMIN|INHERIT|SET) (?:TRUE|FALSE|OPTION)(?:, )?)+))?"
    br"(?: GRANTED BY (" + NAME + br"))?;\Z"
)
_NOTE = re.compile(
    br"(?:COMMENT ON ROLE (" + NAME + br") IS|SECURITY LABEL FOR " + NAME + br" ON ROLE (" + NAME + br") IS) *"
    br"(?:NULL|" + TEXT + br");\Z"
)
_PARAMETER = re.compile(
    br"(?:GRANT|REVOKE) [A-Z ,]+? ON PARAMETER " + NAME + br"(?:\." + NAME + br")*"
    br" (?:TO|FROM) (?:PUBLIC|(" + NAME + br"))(?: WITH GRANT OPTION| CASCADE)?;\Z"
)
_SETTING = re.compile(br"SET [A-Za-z_]+ = [^;]*;\Z")
_POWERS = frozenset((b"SUPERUSER", b"CREATEROLE", b"REPLICATION", b"BYPASSRLS"))
# By these, code runs in the sessions of the role, or they begin as another one.
_POWERFUL_SETTING = re.compile(r"\w*_preload_libraries\Z|(?:.*\.)?(?:role|session_authorization)\Z|pl(?!pgsql\.)\w*\.")


def require_of_roles(payload):
    """Raise DumpRefused for a statement that pg_dumpall does not write of roles, or that names one in an odd way.

    Without quotes, other roles could be meant than those that are made: CURRENT_USER, or VCAP, which is vcap.
    """
    found = [pattern.match(payload) for pattern in (_CREATE, _ALTER, _MEMBER, _NOTE, _PARAMETER)]
    assigned = assignment_of_role(payload)
    known = assigned or _SETTING.match(payload) or any(found)
    if not known or not all(is_role(name) for name in _names(found, assigned)):
        raise DumpRefused("it holds a statement that pg_dumpall does not write: %s" % shown(payload))


def _names(found, assigned):
    """Return the roles that a statement names, given the ways in which it was read."""
    create, alter, member, note, parameter = found
    names = [create and create.group(1), alter and alter.group(1), assigned and assigned[0]]
    for match in (member, note, parameter):
        names.extend(match.groups() if match else ())
    return [name for name in names if name]


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
        require_of_roles(payload)
        create, member, alter = _CREATE.match(payload), _MEMBER.match(payload), _ALTER.match(payload)
        assigned = assignment_of_role(payload)
        if create:
            self.made.append(bare(create.group(1)))
        elif member:
            self.members.append((bare(member.group(1)), bare(member.group(2))))
        elif alter and _POWERS & set(alter.group(2).split()):
            self._give(alter.group(1), payload)
        elif assigned and _POWERFUL_SETTING.match(assigned[1]):
            self._give(assigned[0], payload)

    def _give(self, role, payload):
        self.powers.setdefault(bare(role), shown(payload).split(" PASSWORD")[0])

    def memberships(self, roles):
        """Return the memberships among these roles."""
        return [(group, member) for group, member in self.members if group in roles and member in roles]

    @property
    def superusers(self):
        """Return the roles with more rights than a service needs, and the members of these roles."""
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
