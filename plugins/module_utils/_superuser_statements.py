# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a dump is loaded by a role that is no superuser, what is done for it by one, and what needs one.

Whatever runs code of the dump is loaded by a role that owns its database and nothing else: checks, indexes, generated
columns, triggers, views. Who owns an object is said afterwards by a superuser, in statements that run no code and that
can name nothing of the system's. Extensions are made before, from a list, while there is nothing else in the database.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import re

from ansible_collections.microbosh.director.plugins.module_utils._dump_statements import (
    NAME,
    DumpRefused,
    bare,
    shown,
)

# Those that PostgreSQL itself lets the owner of a database make, and one that clouds have everywhere.
EXTENSIONS = frozenset((
    "btree_gin", "btree_gist", "citext", "cube", "dict_int", "fuzzystrmatch", "hstore", "intarray", "isn", "lo",
    "ltree", "pg_stat_statements", "pg_trgm", "pgcrypto", "plpgsql", "seg", "tablefunc", "tcn", "tsm_system_rows",
    "tsm_system_time", "unaccent", "uuid-ossp",
))
_MOST_SHOWN = 3
# They are in every database, or made by nobody.
_SCHEMAS_THERE = ("public", "pg_catalog")
_EXTENSION = re.compile(br"CREATE EXTENSION (?:IF NOT EXISTS )?(" + NAME + br")(?: WITH SCHEMA (" + NAME + br"))?;\Z")
_SCHEMA = re.compile(br"CREATE SCHEMA (" + NAME + br");\Z")
_CODE = re.compile(br"CREATE (?:OR REPLACE )?(?:FUNCTION|PROCEDURE)\b")
_LANGUAGE_OF_CODE = re.compile(br"\sLANGUAGE (" + NAME + br")")
_TRUSTED = (b"sql", b"plpgsql")
_PLPGSQL = re.compile(br"(?:CREATE (?:OR REPLACE )?(?:TRUSTED )?|ALTER )(?:PROCEDURAL )?LANGUAGE \"?plpgsql\"?[ ;]")
_BEYOND = re.compile(
    br"CREATE (?:OR REPLACE )?(?:"
    br"(?:TRUSTED )?(?:PROCEDURAL )?LANGUAGE|EVENT TRIGGER|ACCESS METHOD|TEXT SEARCH (?:PARSER|TEMPLATE)"
    br"|FOREIGN DATA WRAPPER|SUBSCRIPTION|OPERATOR (?:CLASS|FAMILY)|TRANSFORM"
    br"|TYPE (?:" + NAME + br"\.)?" + NAME + br"(?: \(\s*INPUT\b|;\Z)|CAST .* WITHOUT FUNCTION"
    br"|PUBLICATION " + NAME + br" FOR (?:ALL TABLES|TABLES IN SCHEMA))",
    re.DOTALL,
)

_OF_SYSTEM = re.compile(r"pg_|information_schema\Z")
_QUALIFIED = br"(?:(" + NAME + br")\.)?"
_SIGNATURE = br"\((?:[^()\"';\\]|\"(?:[^\"]|\"\")*\"|\([0-9, ]*\))*\)"
_OPERATOR = br"[-+*/<>=~!@#%^&|`?]+ \((?:[^()\"';\\]|\"(?:[^\"]|\"\")*\"|\([0-9, ]*\))*\)"
_TO = br" OWNER TO (" + NAME + br");\Z"
_OWNERS_IN_SCHEMA = tuple(re.compile(kind + _QUALIFIED + rest + _TO) for kind, rest in (
    (br"ALTER (?:(?:FOREIGN )?TABLE|VIEW|MATERIALIZED VIEW|SEQUENCE|TYPE|DOMAIN|COLLATION|(?:DEFAULT )?CONVERSION"
     br"|STATISTICS|TEXT SEARCH (?:DICTIONARY|CONFIGURATION)) ", NAME),
    (br"ALTER (?:FUNCTION|PROCEDURE|AGGREGATE) ", NAME + _SIGNATURE),
    (br"ALTER OPERATOR ", _OPERATOR),
    (br"ALTER OPERATOR (?:CLASS|FAMILY) ", NAME + br" USING " + NAME),
))
_OWNER_OF_PLAIN = re.compile(br"ALTER (SCHEMA|SERVER|PUBLICATION|LARGE OBJECT) (" + NAME + br")" + _TO)
_ANY_OWNER = re.compile(br"ALTER .* OWNER TO (" + NAME + br");\Z", re.DOTALL)
_SEARCH_PATH = re.compile(br"SET search_path = (" + NAME + br")")
_AS_ANOTHER = re.compile(br"SET SESSION AUTHORIZATION (?!DEFAULT;)'?(" + NAME + br"?)'?;\Z")
_AS_BEFORE = re.compile(br"(?:RESET SESSION AUTHORIZATION|SET SESSION AUTHORIZATION DEFAULT);\Z")
_RIGHTS = re.compile(br"(?:GRANT|REVOKE) ")
_LATER = re.compile(
    br"ALTER DEFAULT PRIVILEGES |COMMENT ON EXTENSION |(?:GRANT|REVOKE) (?:ALL|USAGE) ON LANGUAGE \"?plpgsql\"? ")


def extension_of(payload):
    """Return the name of the extension that a statement makes and that of its schema, which may be None; or None."""
    found = _EXTENSION.match(payload)
    return (bare(found.group(1)), bare(found.group(2)) if found.group(2) else None) if found else None


def owner_of(payload):
    """Return the role that a statement makes an owner, or None."""
    found = _ANY_OWNER.match(payload)
    return bare(found.group(1)) if found else None


def is_code(payload):
    return _CODE.match(payload) is not None


def needs_superuser(payload):
    """Whether a statement is one that only a superuser may run, and that is not done for a dump by ours."""
    if _PLPGSQL.match(payload):
        return False
    extension = extension_of(payload)
    if payload.startswith(b"CREATE EXTENSION "):
        return extension is None or extension[0] not in EXTENSIONS
    if _CODE.match(payload):
        language = _LANGUAGE_OF_CODE.search(payload)
        return language is not None and language.group(1).strip(b'"') not in _TRUSTED
    return _BEYOND.match(payload) is not None


def schemas_of(extensions):
    """Given the schemas by extension, return those that have to be made for them."""
    return sorted(set(schema for schema in extensions.values() if schema and schema not in _SCHEMAS_THERE))


def powers_needed(contents, owners, superusers):
    """Given what is in a dump, and who is to own something of it, return why a superuser has to load it, or None."""
    if contents.beyond:
        return "needs a superuser: %s" % "; ".join(contents.beyond[:_MOST_SHOWN])
    if contents.code and (contents.owners & superusers or not set(owners) - superusers):
        return "brings code that would belong to a superuser: %s" % contents.code
    return None


def setting_needed(name):
    """Given the setting of a database that only a superuser may make, or None, return why one has to load the dump."""
    return "comes with a setting of the database that only a superuser may make: %s" % name if name else None


class Guard(object):
    """Takes out of the statements of a dump, as they come, what is not for the role that loads it.

    ``postponed`` are those that a superuser is to run when all is loaded. ``superusers`` are the roles that are some.
    """

    def __init__(self, extensions, superusers=()):
        self.postponed = []
        self._made = set(schemas_of(extensions))
        self._superusers = superusers
        self._schema = None
        self._another = None

    def passed(self, payload):
        """Return a statement if it is for the role that loads, else None."""
        path = _SEARCH_PATH.match(payload)
        if path:
            self._schema = path.group(1)
        if payload.startswith(b"CREATE EXTENSION ") or _PLPGSQL.match(payload) or self._is_made(payload):
            return None
        if self._changes_role(payload):
            return None
        later = self._another or _LATER.match(payload)
        statement = payload if later else self._ownership(payload)
        if statement is None:
            return payload
        self.postponed.append(statement)
        return None

    def _is_made(self, payload):
        schema = _SCHEMA.match(payload)
        return schema is not None and bare(schema.group(1)) in self._made

    def _changes_role(self, payload):
        """Follow who a statement would be run as: pg_dump does so for a right that was given on by its receiver."""
        another = _AS_ANOTHER.match(payload)
        if another:
            self._another = bare(another.group(1)) not in self._superusers
        elif not _AS_BEFORE.match(payload):
            if self._another and not _RIGHTS.match(payload):
                raise DumpRefused("it does more in the name of another role than to give rights: %s" % shown(payload))
            return False
        if self._another:
            self.postponed.append(payload)
        self._another = self._another if another else None
        return True

    def _ownership(self, payload):
        """Return a statement that says who owns something of the dump's, with its schema; None if it is another one."""
        for pattern in _OWNERS_IN_SCHEMA:
            found = pattern.match(payload)
            schema = found and (found.group(1) or self._schema)
            if schema and not _OF_SYSTEM.match(bare(schema)):
                if found.group(1):
                    return payload
                return payload[: found.start(0)] + _with_schema(payload, schema)
        plain = _OWNER_OF_PLAIN.match(payload)
        return payload if plain and not _OF_SYSTEM.match(bare(plain.group(2))) else None


_KIND = re.compile(
    br"ALTER (?:FOREIGN TABLE|MATERIALIZED VIEW|TEXT SEARCH [A-Z]+|DEFAULT CONVERSION|OPERATOR (?:CLASS|FAMILY)"
    br"|[A-Z]+) "
)


def _with_schema(payload, schema):
    at = _KIND.match(payload).end()
    return payload[:at] + schema + b"." + payload[at:]
