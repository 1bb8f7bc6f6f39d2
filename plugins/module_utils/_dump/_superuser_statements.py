# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sorts a dump's statements: those that an ordinary role loads, those done by a superuser for it, those that need one.

Whatever runs code of the dump is loaded by a role that owns its database and nothing else: checks, indexes, generated
columns, triggers, views. A superuser sets the owners afterwards, in statements that run no code and that can name no
object of the system. Extensions are made before, from a list, while there is nothing else in the database.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import re

from ansible_collections.microbosh.director.plugins.module_utils._core._text import native
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump import STATEMENT
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump_statements import (
    ALLOWED,
    ANY_NAME,
    NAME,
    TEXT,
    DumpRefused,
    bare,
    disarm,
    is_role,
    quoted,
    shown,
)

# Those that PostgreSQL itself lets the owner of a database make, and one that clouds have everywhere.
EXTENSIONS = frozenset((
    "btree_gin", "btree_gist", "citext", "cube", "dict_int", "fuzzystrmatch", "hstore", "intarray", "isn", "lo",
    "ltree", "pg_stat_statements", "pg_trgm", "pgcrypto", "plpgsql", "seg", "tablefunc", "tcn", "tsm_system_rows",
    "tsm_system_time", "unaccent", "uuid-ossp",
))
_MOST_SHOWN = 3
_STANDARD_STRINGS = b"SET standard_conforming_strings = on;"
# These are in every database, or are made by no statement.
_SCHEMAS_THERE = ("public", "pg_catalog")
_EXTENSION = re.compile(br"CREATE EXTENSION (?:IF NOT EXISTS )?(" + NAME + br")(?: WITH SCHEMA (" + NAME + br"))?;\Z")
_SCHEMA = re.compile(br"CREATE SCHEMA (" + NAME + br");\Z")
_CODE = re.compile(br"CREATE (?:OR REPLACE )?(?:FUNCTION|PROCEDURE)\b")
_LANGUAGE_OF_CODE = re.compile(br"\sLANGUAGE (" + ANY_NAME + br")")
_TRUSTED = (b"sql", b"plpgsql")
_PLPGSQL = re.compile(br"(?:CREATE (?:OR REPLACE )?(?:TRUSTED )?|ALTER )(?:PROCEDURAL )?LANGUAGE \"?plpgsql\"?[ ;]")
_BEYOND = re.compile(
    br"CREATE (?:OR REPLACE )?(?:"
    br"(?:TRUSTED )?(?:PROCEDURAL )?LANGUAGE|EVENT TRIGGER|ACCESS METHOD|TEXT SEARCH (?:PARSER|TEMPLATE)"
    br"|FOREIGN DATA WRAPPER|SUBSCRIPTION|OPERATOR (?:CLASS|FAMILY)|TRANSFORM"
    br"|TYPE (?:" + ANY_NAME + br"\.)?" + ANY_NAME + br"(?: \(\s*INPUT\b|;\Z)|CAST .* WITHOUT FUNCTION"
    br"|PUBLICATION " + ANY_NAME + br" FOR (?:ALL TABLES|TABLES IN SCHEMA))",
    re.DOTALL,
)

# Only a superuser may set these: a LEAKPROOF function can show hidden rows, a SUPPORT function directs the planner.
_STRONG_CODE = re.compile(br"\n    LANGUAGE [^\n]* (?:LEAKPROOF|SUPPORT)\b")
# Objects of the system, which the loading role does not own: PostgreSQL refuses to grant or revoke rights on them.
_RIGHTS_ON = re.compile(
    br"(?:GRANT|REVOKE) (?:[A-Z, ]|\((?:[^)\"]|\"[^\"]*\")*\))+? ON (TABLE|SEQUENCE|FUNCTION|PROCEDURE|ROUTINE|TYPE"
    br"|DOMAIN|SCHEMA|LANGUAGE) (?:(" + NAME + br")\.)?(" + NAME + br")(?=[ (])"
)
_SYSTEM = ("pg_catalog", "information_schema", "pg_toast")
_LANGUAGES = ("c", "internal", "sql")
# A dump names the owner of all that it makes, except of a column's sequences, which it makes with the table.
_OWNED = re.compile(
    br"ALTER (?:(?:FOREIGN )?TABLE|VIEW|MATERIALIZED VIEW|SEQUENCE|TYPE|DOMAIN|FUNCTION|PROCEDURE|AGGREGATE) "
    br"(?:" + NAME + br"\.)?(" + NAME + br")[ (](?:.*\) )?OWNER TO ", re.DOTALL
)
_OF_A_COLUMN = re.compile(br"SEQUENCE NAME (?:" + NAME + br"\.)?(" + NAME + br")\n")

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
_OWNER_OF_PLAIN = re.compile(
    br"ALTER (?:SCHEMA (" + NAME + br")|(?:SERVER|PUBLICATION) " + NAME + br"|LARGE OBJECT [0-9]+)" + _TO
)
_ANY_OWNER = re.compile(br"ALTER .* OWNER TO (" + NAME + br");\Z", re.DOTALL)
_SEARCH_PATH = re.compile(br"SET search_path = (?:(" + NAME + br")[,;])?|SELECT pg_catalog\.set_config\('search_path'")
_AS_ANOTHER = re.compile(br"SET SESSION AUTHORIZATION (?!DEFAULT;)(?:(" + NAME + br")|'([^'\\]+)');\Z")
_AS_BEFORE = re.compile(br"(?:RESET SESSION AUTHORIZATION|SET SESSION AUTHORIZATION DEFAULT);\Z")
_RIGHTS = re.compile(br"(?:GRANT|REVOKE) ")
_FOR_ROLE = br" {1,2}(?:TO|FROM) (?:GROUP )?(?:PUBLIC|" + NAME + br")(?: WITH GRANT OPTION| CASCADE)?"
# In whole: they are run by a superuser.
_LATER = re.compile(
    br"(?:ALTER DEFAULT PRIVILEGES FOR ROLE " + NAME + br" (?:IN SCHEMA (?P<schema>" + NAME + br") )?(?:GRANT|REVOKE) "
    br"[A-Z ,]+? ON (?:TABLES|SEQUENCES|FUNCTIONS|ROUTINES|TYPES|SCHEMAS|LARGE OBJECTS)" + _FOR_ROLE +
    br"|COMMENT ON EXTENSION " + NAME + br" IS (?:NULL| *" + TEXT + br")"
    br"|(?:GRANT|REVOKE) (?:GRANT OPTION FOR )?(?:ALL|USAGE) ON LANGUAGE (?:plpgsql|\"plpgsql\")" + _FOR_ROLE + br");\Z"
)

# Statements whose objects run no code by themselves, if no expression in them calls a function.
_PASSIVE = re.compile(
    br"CREATE (?:(?:UNLOGGED |FOREIGN )?TABLE|(?:UNIQUE )?INDEX|(?:UNLOGGED )?SEQUENCE|SCHEMA|EXTENSION|TYPE|DOMAIN"
    br"|STATISTICS|COLLATION|PUBLICATION|SERVER|USER MAPPING|TEXT SEARCH (?:CONFIGURATION|DICTIONARY)"
    br"|(?:OR REPLACE )?(?:TRUSTED )?(?:PROCEDURAL )?LANGUAGE) "
)
_WORDS_OF_EXPRESSIONS = re.compile(
    br"(?P<name>\"(?:[^\"]|\"\")*\"|[A-Za-z_\x80-\xff][A-Za-z0-9_$\x80-\xff]*)"
    br"|(?P<nothing>\s+|--[^\n\r]*\n|'[^']*(?:''[^']*)*'"
    br"|(?P<tag>\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)?\$).*?(?P=tag))|.", re.DOTALL
)
# Before a parenthesis: a name of a table follows, or these words do.
_TABLE_FOLLOWS = frozenset(b"TABLE REFERENCES OF STATISTICS".split())
_KEYWORDS = frozenset((
    b"KEY UNIQUE DISTINCT CHECK EXCLUDE INCLUDE WHERE WITH SET RESET AS IDENTITY DEFAULT IN FROM TO VALUES RANGE LIST"
    b" HASH INHERITS OPTIONS ANY ALL SOME AND OR NOT LIKE ILIKE BETWEEN SYMMETRIC CASE WHEN THEN ELSE ON ENUM ONLY NULL"
).split())
_METHODS = frozenset(b"btree hash gist gin brin spgist".split())
# Types with a length, and PostgreSQL's own functions that only return something.
_HARMLESS = frozenset((
    b"character varying char varchar bpchar numeric decimal bit timestamp time interval second float"
    b" nextval now clock_timestamp statement_timestamp transaction_timestamp timezone date_trunc date_part extract age"
    b" gen_random_bytes gen_random_uuid uuid_generate_v1 uuid_generate_v1mc uuid_generate_v4 random md5 digest"
    b" coalesce nullif greatest least lower upper initcap encode decode length char_length character_length"
    b" octet_length btrim ltrim rtrim substring substr position"
    b" strpos overlay replace concat left right abs round floor ceil ceiling mod row cast"
    b" array_length cardinality jsonb_typeof json_typeof jsonb_array_length to_tsvector int4range int8range numrange"
    b" tsrange tstzrange daterange"
).split())


def extension_of(payload):
    """Return the name of the extension that a statement makes and that of its schema, which may be None; or None."""
    found = _EXTENSION.match(payload)
    return (bare(found.group(1)), bare(found.group(2)) if found.group(2) else None) if found else None


def owner_of(payload):
    """Return the role that a statement makes an owner, or None."""
    found = _ANY_OWNER.match(payload)
    return bare(found.group(1)) if found else None


def keeper_of(payload):
    """Return the role that a statement makes the owner of something that could run as its owner, or None."""
    return None if payload.startswith((b"ALTER SCHEMA ", b"ALTER LARGE OBJECT ")) else owner_of(payload)


def is_code(payload):
    return _CODE.match(payload) is not None


def acts(payload):
    """Return whether a statement makes something that runs code when used: a rule, a view, a call.

    Some of it runs as who owns the table: actions of rules, of foreign keys, what is looked at through a view.
    """
    if payload.startswith(b"CREATE "):
        return not _PASSIVE.match(payload) or _calls(payload)
    return payload.startswith(b"ALTER ") and _calls(payload)


def _calls(payload):
    """Return whether a statement calls anything but functions that only return a value."""
    found = [match for match in _WORDS_OF_EXPRESSIONS.finditer(payload) if match.group("nothing") is None]
    words = [match.group() if match.group("name") or match.group() in (b"(", b".") else b"" for match in found]
    return any(_is_call(words, at - 1) for at, word in enumerate(words) if word == b"(")


def _is_call(words, at):
    """Return whether the parenthesis after a place belongs to a call; other tokens than names and dots are empty."""
    name = words[at] if at >= 0 else b""
    if name in (b"", b"(", b".") or name in _KEYWORDS or name in _METHODS:
        return False
    while at > 1 and words[at - 1] == b".":
        at -= 2
    if at > 0 and words[at - 1] in _TABLE_FOLLOWS:
        return False
    return bare(name.lower()) not in _HARMLESS_NAMES


_HARMLESS_NAMES = frozenset(native(name) for name in _HARMLESS)


def needs_superuser(payload):
    """Return whether a statement is one that only a superuser may run, and that is not done for a dump by ours."""
    if _PLPGSQL.match(payload):
        return False
    extension = extension_of(payload)
    if payload.startswith(b"CREATE EXTENSION "):
        return extension is None or extension[0] not in EXTENSIONS
    if _CODE.match(payload):
        language = _LANGUAGE_OF_CODE.search(payload)
        if _STRONG_CODE.search(payload):
            return True
        return language is not None and language.group(1).strip(b'"') not in _TRUSTED
    return _BEYOND.match(payload) is not None


def rights_on(payload, schema=None):
    """Given a statement about rights, return the name of what they are on, and whether that is the system's own.

    ``schema`` is where a name without one is looked for. A schema and a language are none that an extension brings: of
    them there is no name.
    """
    found = _RIGHTS_ON.match(payload)
    if not found:
        return None, False
    kind, where, name = found.groups()
    if kind in (b"SCHEMA", b"LANGUAGE"):
        return None, bare(name) in (_SYSTEM if kind == b"SCHEMA" else _LANGUAGES)
    return bare(name), (bare(where) if where else schema) in _SYSTEM


def made_of(payload):
    """Return the name of what a statement says to be of the dump's own making, or None."""
    found = _OWNED.match(payload) or (_OF_A_COLUMN.search(payload) if payload.startswith(b"ALTER TABLE ") else None)
    return bare(found.group(1)) if found else None


def schemas_of(extensions):
    """Given the schemas by extension, return those that have to be made for them."""
    return sorted(set(schema for schema in extensions.values() if schema and schema not in _SCHEMAS_THERE))


def powers_needed(contents, owners, superusers):
    """Given a dump's contents and the owners in it, return why a superuser has to load it, or None."""
    if contents.beyond:
        return "needs a superuser: %s" % "; ".join(contents.beyond[:_MOST_SHOWN])
    nobody = not set(owners) - superusers
    if contents.code and (contents.owners & superusers or nobody):
        return "brings code that would belong to a superuser: %s" % contents.code
    if contents.acting and (contents.keepers & superusers or nobody):
        return "would make a superuser the owner of what acts by itself: %s" % contents.acting
    return None


def setting_needed(name):
    """Given the setting of a database that only a superuser may make, or None, return why one has to load the dump."""
    return "comes with a setting of the database that only a superuser may make: %s" % name if name else None


class Guard(object):
    """Removes from a dump's statements, as they come, those that the loading role is not to run.

    ``postponed`` are those that a superuser is to run when all is loaded. ``superusers`` are the roles that are some.
    """

    def __init__(self, extensions, superusers=()):
        self.postponed = []
        self._made = set(schemas_of(extensions))
        # Other schemas are the system's.
        self._schemas = set(["public"]) | self._made
        self._superusers = superusers
        self._schema = None
        self._another = None
        self._standard_strings = False

    def passed(self, payload):
        """Return a statement if it is for the role that loads, else None."""
        self._follow(payload)
        if payload.startswith(b"CREATE EXTENSION ") or _PLPGSQL.match(payload) or self._is_made(payload):
            return None
        if self._changes_role(payload):
            return None
        statement = payload if self._another or self._is_for_later(payload) else self._ownership(payload)
        if statement is None:
            return payload
        self._postpone(statement)
        return None

    def _postpone(self, statement):
        """Keep a statement in the form that every psql reads alike, whatever its session is set to."""
        self.postponed.append(disarm(statement, self._standard_strings, ALLOWED[STATEMENT]))

    def _follow(self, payload):
        path, schema = _SEARCH_PATH.match(payload), _SCHEMA.match(payload)
        if path:
            self._schema = path.group(1)
        if schema:
            self._schemas.add(bare(schema.group(1)))
        self._standard_strings = self._standard_strings or payload == _STANDARD_STRINGS

    def _is_made(self, payload):
        schema = _SCHEMA.match(payload)
        return schema is not None and bare(schema.group(1)) in self._made

    def _is_for_later(self, payload):
        later = _LATER.match(payload)
        return later is not None and (later.group("schema") is None or bare(later.group("schema")) in self._schemas)

    def _changes_role(self, payload):
        """Follow the role that a statement runs as: pg_dump sets it for a right granted by another than the owner."""
        another = _AS_ANOTHER.match(payload)
        if another:
            name = quoted(another.group(1)) if another.group(1) else b'"' + another.group(2).replace(b'"', b'""') + b'"'
            self._another = bare(name) not in self._superusers
            payload = b"SET SESSION AUTHORIZATION " + name + b";"
        elif not _AS_BEFORE.match(payload):
            if self._another and not _RIGHTS.match(payload):
                raise DumpRefused("it does more in the name of another role than to give rights: %s" % shown(payload))
            return False
        if self._another:
            self._postpone(payload)
        self._another = self._another if another else None
        return True

    def _ownership(self, payload):
        """Return a statement that sets the owner of an object of the dump, with its schema; None for others."""
        for pattern in _OWNERS_IN_SCHEMA:
            found = pattern.match(payload)
            schema = found and (found.group(1) or self._schema)
            if schema and bare(schema) in self._schemas and is_role(found.group(2)):
                payload = _with_role(payload, found)
                return payload if found.group(1) else _with_schema(payload, schema)
        plain = _OWNER_OF_PLAIN.match(payload)
        known = plain and (plain.group(1) is None or bare(plain.group(1)) in self._schemas)
        return _with_role(payload, plain) if known and is_role(plain.group(2)) else None


def _with_role(payload, found):
    """Return a statement with the role that it names in quotes."""
    return payload[: found.start(2)] + quoted(found.group(2)) + payload[found.end(2):]


_KIND = re.compile(
    br"ALTER (?:FOREIGN TABLE|MATERIALIZED VIEW|TEXT SEARCH [A-Z]+|DEFAULT CONVERSION|OPERATOR (?:CLASS|FAMILY)"
    br"|[A-Z]+) "
)


def _with_schema(payload, schema):
    at = _KIND.match(payload).end()
    return payload[:at] + schema + b"." + payload[at:]
