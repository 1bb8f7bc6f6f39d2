# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The properties of a database that no dump holds: owner, locale, rights, settings, connection limit, comment.

It is asked of the server at the dump, kept beside it as SQL that a person can run, too, and given to the database that
a restore makes before that gets its name.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import re
from collections import namedtuple

from ansible_collections.microbosh.director.plugins.module_utils._core._text import encoded, native
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump import STATEMENT, segments
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump_statements import (
    NAME,
    OF_THE_DATABASE,
    DumpRefused,
    assignment_of,
    disarm,
    roles_of,
    shown,
)
from ansible_collections.microbosh.director.plugins.module_utils._postgres._psql import (
    hexadecimal,
    identifier,
    literal,
    select,
)

ENDING = ".properties"
HEADER = b"--\n-- PostgreSQL database properties\n--\n"
LONGEST = 1 << 20

# Their values are lists of names, each in quotes where it needs them.
_LISTS = ("local_preload_libraries", "search_path", "session_preload_libraries", "shared_preload_libraries",
          "temp_tablespaces", "unix_socket_directories")
_ELEMENT = re.compile(r'\s*("(?:[^"]|"")*"|[^,"]+?)\s*(?:,|\Z)')
_TEMPLATE = " IS_TEMPLATE true;"
_PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}
_CREATE = re.compile(
    br"CREATE DATABASE " + NAME + br" WITH TEMPLATE = template0((?: [A-Z_]+ =  ?E?'(?:[^']|'')*')*);\Z"
)
# Settings that only a superuser makes and that change what is logged, counted or limited, and nothing else.
_HARMLESS = re.compile(
    r"(?:log_\w+|track_\w+|auto_explain\.\w+|pg_stat_statements\.\w+|compute_query_id|deadlock_timeout|temp_file_limit"
    r"|commit_delay|lc_messages|update_process_title)\Z"
)
# An extension that is not loaded knows them when it is: with these, one of a language runs code.
_OF_LANGUAGES = re.compile(r"pl(?!pgsql\.)\w*\.")
_OPTION = re.compile(r" ([A-Z_]+) =  ?E?'((?:[^']|'')*)'")

Traits = namedtuple("Traits", "owner encoding collate ctype provider locale rules")
Traits.__new__.__defaults__ = (None,) * 7
_WORDS = (("ENCODING", "encoding"), ("LC_COLLATE", "collate"), ("LC_CTYPE", "ctype"), ("LOCALE_PROVIDER", "provider"),
          ("ICU_LOCALE", "locale"), ("BUILTIN_LOCALE", "locale"), ("ICU_RULES", "rules"))


def traits_query(database, version):
    """Return the question for the Traits of a database."""
    provider = locale = rules = "''"
    if version.major >= (15,):
        provider = "datlocprovider"
        locale = "datlocale" if version.major >= (17,) else "daticulocale"
    if version.major >= (16,):
        rules = "daticurules"
    columns = ("pg_catalog.pg_get_userbyid(datdba)", "pg_catalog.pg_encoding_to_char(encoding)", "datcollate",
               "datctype", provider, "coalesce(%s, '')" % locale, "coalesce(%s, '')" % rules)
    return select([hexadecimal(column) for column in columns],
                  "pg_catalog.pg_database WHERE datname =" + literal(database))


def traits_of(row):
    """Given the answer to that question, return the Traits."""
    found = Traits(*[value or None for value in row])
    return found._replace(provider=_PROVIDERS.get(found.provider, found.provider))


def _sql(text):
    return literal(text).strip()


def create_statement(name, traits, version):
    """Return the statement that makes a database of these Traits, as a server of that version knows them."""
    parts = ["CREATE DATABASE %s TEMPLATE template0" % identifier(name)]
    if traits.owner:
        parts.append("OWNER %s" % identifier(traits.owner))
    for word, value in (("ENCODING", traits.encoding), ("LC_COLLATE", traits.collate), ("LC_CTYPE", traits.ctype)):
        if value:
            parts.append("%s%s" % (word, literal(value)))
    if traits.provider and version.major >= (15,):
        parts.append("LOCALE_PROVIDER %s" % identifier(traits.provider))
        if traits.locale:
            parts.append("%s_LOCALE%s" % ("BUILTIN" if traits.provider == "builtin" else "ICU", literal(traits.locale)))
        if traits.rules:
            parts.append("ICU_RULES%s" % literal(traits.rules))
    return " ".join(parts)


class _Asked(object):
    """One database, and the questions about it, which every server since 9.0 understands."""

    def __init__(self, ask, version, database):
        self._ask = ask
        self._version = version
        self._database = database
        self._name = identifier(database)
        self._source = "pg_catalog.pg_database WHERE datname =" + literal(database)

    def traits(self):
        rows = self._ask(traits_query(self._database, self._version))
        return traits_of(rows[0]) if rows else None

    def _rows(self, columns, source):
        return self._ask(select([hexadecimal(column) for column in columns], source))

    def statements(self):
        """Return the statements that give another database of that name what this one has."""
        comment = "coalesce(pg_catalog.shobj_description(oid, 'pg_database'), '')"
        columns = ("pg_catalog.pg_get_userbyid(datdba)", "datconnlimit", "datistemplate", comment, "datacl IS NULL")
        owner, limit, template, comment, plain = self._rows(columns, self._source)[0]
        found = ["ALTER DATABASE %s OWNER TO %s;" % (self._name, identifier(owner))]
        if limit != "-1":
            found.append("ALTER DATABASE %s CONNECTION LIMIT %d;" % (self._name, int(limit)))
        if comment:
            found.append("COMMENT ON DATABASE %s IS %s;" % (self._name, _sql(comment)))
        if plain not in ("t", "true"):
            found.extend(self._rights(owner))
        found.extend(self._settings())
        if template in ("t", "true"):
            found.append("ALTER DATABASE %s%s" % (self._name, _TEMPLATE))
        return found

    def _rights(self, owner):
        # Not from a function in FROM, which would have to know the row beside it: that is younger than 9.0.
        rights = select(["(pg_catalog.aclexplode(datacl)).*"], self._source)
        source = " ".join((
            "(", rights, ") a LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee",
            "WHERE a.grantee = 0 OR r.rolname IS NOT NULL ORDER BY r.rolname, a.privilege_type",
        ))
        rows = self._rows(("coalesce(r.rolname, '')", "a.privilege_type", "a.is_grantable", "a.grantee = 0"), source)
        found = ["REVOKE ALL ON DATABASE %s FROM PUBLIC;" % self._name,
                 "REVOKE ALL ON DATABASE %s FROM %s;" % (self._name, identifier(owner))]
        for role, right, grantable, public in rows:
            to = "PUBLIC" if public in ("t", "true") else identifier(role)
            found.append("GRANT %s ON DATABASE %s TO %s%s;" % (
                right, self._name, to, " WITH GRANT OPTION" if grantable in ("t", "true") else ""))
        return found

    def _settings(self):
        settings = select(
            ["setrole", "pg_catalog.unnest(setconfig) AS setting"],
            "pg_catalog.pg_db_role_setting WHERE setdatabase = (%s)" % select(["oid"], self._source))
        source = " ".join((
            "(", settings, ") s LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole",
            "WHERE s.setrole = 0 OR r.rolname IS NOT NULL ORDER BY r.rolname NULLS FIRST, s.setting",
        ))
        rows = self._rows(("s.setrole = 0", "coalesce(r.rolname, '')", "s.setting"), source)
        return [
            "ALTER %s SET %s;" % (
                "DATABASE " + self._name if everybody in ("t", "true")
                else "ROLE %s IN DATABASE %s" % (identifier(role), self._name), _assignment(setting))
            for everybody, role, setting in rows
        ]


def _assignment(setting):
    """Given a setting as the catalog has it, name=value, return it as SQL writes it."""
    name, value = setting.split("=", 1)
    values = [value]
    if name.lower() in _LISTS:
        values = [element[1:-1].replace('""', '"') if element[:1] == '"' else element
                  for element in _ELEMENT.findall(value) if element] or [""]
    name = ".".join(identifier(part) for part in name.split("."))
    return "%s TO %s" % (name, ", ".join(_sql(value) for value in values))


def properties_of(ask, version, database):
    """Given how to ask a server, return the Traits of a database and its statements; None if there is none."""
    asked = _Asked(ask, version, database)
    traits = asked.traits()
    return Properties(traits, asked.statements()) if traits else None


def superusers_setting(ask, names):
    """Return the first of these settings that only a superuser may make and that is not harmless, or None."""
    named = sorted(name for name in names if not _HARMLESS.match(name))
    languages = [name for name in named if _OF_LANGUAGES.match(name)]
    if languages or not named:
        return languages[0] if languages else None
    rows = ask(select([hexadecimal("name")], "pg_catalog.pg_settings WHERE context NOT IN ('user', 'backend')"
                      " AND pg_catalog.lower(name) IN (%s)" % ", ".join(literal(name) for name in named)))
    return rows[0][0] if rows else None


def _hides_functions(setting, values):
    """Return whether a setting lets functions of others stand before PostgreSQL's own."""
    if setting != "search_path":
        return False
    return "pg_catalog" in values[1:] or any("\\" in value for value in values)


class Properties(namedtuple("Properties", "traits statements")):
    """The properties of one database, as SQL statements."""

    __slots__ = ()

    def text(self, database):
        """Return it as a file for people and for ``read_properties``."""
        unlike = "ICU_LOCALE" if self.traits.provider == "builtin" else "BUILTIN_LOCALE"
        options = "".join(" %s = %s" % (word, literal(getattr(self.traits, field)))
                          for word, field in _WORDS if getattr(self.traits, field) and word != unlike)
        create = "CREATE DATABASE %s WITH TEMPLATE = template0%s;" % (identifier(database), options)
        lines = [create] + list(self.statements)
        return HEADER + b"\n" + encoded("\n".join(lines)) + b"\n"

    @property
    def template(self):
        return any(statement.endswith(_TEMPLATE) for statement in self.statements)

    def count(self, role):
        """Return the number of statements that need a role."""
        return sum(role in roles_of(encoded(statement)) for statement in self.statements)

    def roles(self):
        return set(role for statement in self.statements for role in roles_of(encoded(statement)))

    def _assignments(self):
        """Return what is set in the database: statements, with role, setting and values."""
        found = [(statement, assignment_of(encoded(statement))) for statement in self.statements]
        return [(statement,) + assigned for statement, assigned in found if assigned]

    def settings(self):
        """Return the names of what is set in the database, in small letters."""
        return set(setting for dummy, dummy, setting, dummy in self._assignments())

    def powers_needed(self, superusers):
        """Return why an operator has to allow these properties before a database gets them, or None."""
        for statement, role, setting, values in self._assignments():
            if role in superusers:
                return "sets something for the sessions of a superuser: %s" % shown(encoded(statement))
            if _hides_functions(setting, values):
                return "lets others' functions stand before PostgreSQL's own: %s" % shown(encoded(statement))
        return None

    def renamed(self, name, missing_roles=()):
        """Return the statements for a database of another name, without those that name roles which do not exist."""
        statements = []
        for statement in self.statements:
            payload = encoded(statement)
            if roles_of(payload) & set(missing_roles):
                continue
            found = OF_THE_DATABASE.match(payload)
            statements.append(native(payload[: found.start(1)] + encoded(identifier(name)) + payload[found.end(1) :]))
        return statements


def read_properties(text):
    """Given the content of such a file, return the Properties; raise DumpRefused if it holds anything else."""
    if not text.startswith(HEADER) or len(text) > LONGEST:
        raise DumpRefused("it is no file of the properties of a database")
    traits, statements = Traits(), []
    for kind, payload in segments([text]):
        if kind == "note":
            continue
        create = _CREATE.match(payload)
        if create:
            traits = _traits_in(native(create.group(1)))
        elif kind == STATEMENT and OF_THE_DATABASE.match(payload):
            statements.append(native(disarm(payload, False, OF_THE_DATABASE)))
        else:
            raise DumpRefused("it holds something else than properties of a database: %s" % shown(payload))
    return Properties(traits, statements)


def _traits_in(options):
    found = dict((word, value.replace("''", "'").replace("\\\\", "\\")) for word, value in _OPTION.findall(options))
    return Traits(**dict((field, found[word]) for word, field in _WORDS if word in found))
