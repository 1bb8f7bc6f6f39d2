# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the statements of pg_dump and pg_dumpall 9.4 to 18, and passes on to psql only those that they write.

A plain dump is a program for psql. Every statement is read as psql would read it. A backslash that psql could take for
a command, and a statement that pg_dump does not write, refuse the dump; a word that psql could take for the beginning
of a body, or a colon for one of a variable, is written so that there is only one way to read it.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import re

from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._text import native
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump import COPY, STATEMENT

_TOKEN = re.compile(
    br"""
    (?P<word> [A-Za-z_\x80-\xff][A-Za-z0-9_$\x80-\xff]* )
    | (?P<literal> '[^']*(?:''[^']*)*' )
    | (?P<dollar> \$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)?\$ )
    | --[^\n\r]*\n
    | (?P<refused> -- | \\ | /\* )
    | :: | := | (?P<colon> : )
    | (?P<open> \( ) | (?P<close> \) ) | (?P<semicolon> ; )
    | "[^"]*" | [^A-Za-z_\x80-\xff'"$:\\/();-]+ | [$/-]
    """,
    re.VERBOSE,
)
# Where a backslash stands before a quote, standard_conforming_strings decides whether the literal ends there.
_AMBIGUOUS = re.compile(br"(?<!\\)(?:\\\\)*\\'")
_ATOMIC = re.compile(br"\s+ATOMIC\b", re.IGNORECASE)

# Names that pg_dump does not quote have small letters only; PostgreSQL would fold any others.
NAME = br'(?:"(?:[^"]|"")+"|[a-z_][a-z0-9_$]*)'
# A name in any form that SQL allows, to find what is to be refused.
ANY_NAME = br'(?:"(?:[^"]|"")*"|[^\s".,();\'\\]+)'
TEXT = br"E?'[^']*(?:''[^']*)*'"
_TEXTS = br" *" + TEXT + br"(?:, *" + TEXT + br")*"
# Before 10.3, the values of two settings were written as they are.
_WORD = br'(?:"(?:[^"]|"")*"|[A-Za-z_$][A-Za-z0-9_$]*)'
_ASSIGNMENT = (
    br"SET (?P<setting>" + NAME + br"(?:\." + NAME + br")*) TO (?P<values>" + _TEXTS + br"|(?<=SET search_path TO )"
    + _WORD + br"(?:, ?" + _WORD + br')*|(?<=SET "DateStyle" TO )' + _WORD + br"(?:, ?" + _WORD + br")*)"
)
# Without quotes they are no names, whatever roles there are.
_NO_ROLES = frozenset(b"current_user session_user current_role user default all none public".split())
_TO_ROLE = br"(?:GROUP )?(?:" + NAME + br"|PUBLIC)"
# Arguments of the few functions that a dump calls; they hold no further call.
_VALUE = br"(?:E?'[^']*(?:''[^']*)*'(?:::[\w\" ]+(?:\[\])?)?|-?[0-9.]+(?:::\w+)?|true|false|NULL)"
_VALUES = br"\(\s*(?:" + _VALUE + br"(?:\s*,\s*" + _VALUE + br")*)?\s*\);\Z"
_CALLS = (
    br"SELECT pg_catalog\.(?:set_config\('search_path',|setval\(|lo_create\(|lo_open\(|lowrite\(|lo_close\()"
    br"|SELECT \* FROM pg_catalog\.pg_restore_(?:relation|attribute|extended)_stats\("
)
_CALL = re.compile(br"SELECT (?:\* FROM )?pg_catalog\.\w+" + _VALUES)
_SETTING = re.compile(br"SET ([A-Za-z_]+) = (.*);\Z", re.DOTALL)
SETTINGS = frozenset((
    b"statement_timeout lock_timeout idle_in_transaction_session_timeout transaction_timeout client_encoding"
    b" standard_conforming_strings check_function_bodies xmloption client_min_messages escape_string_warning"
    b" row_security default_tablespace default_with_oids default_table_access_method search_path"
    b" default_transaction_read_only default_toast_compression extra_float_digits synchronize_seqscans"
    b" quote_all_identifiers restrict_nonsystem_relation_kind idle_session_timeout DateStyle IntervalStyle"
).split())
# Those of a server. In SJIS, BIG5, GBK and the like a quote or a backslash may be half of a character.
ENCODINGS = re.compile(
    br"'(?:UTF8|UNICODE|SQL_ASCII|LATIN(?:[1-9]|10)|WIN\d+|ISO_8859_[5-8]|KOI8[RU]?|EUC_(?:JP|CN|KR|TW|JIS_2004)"
    br"|MULE_INTERNAL)'\Z"
)

_CREATED = (
    br"(?:(?:UNLOGGED |FOREIGN )?TABLE(?! (?:" + ANY_NAME + br"\.)?" + ANY_NAME + br" AS\b)"
    br"|(?:UNIQUE )?INDEX|(?:CONSTRAINT |EVENT )?TRIGGER|(?:MATERIALIZED |RECURSIVE )?VIEW|FUNCTION|PROCEDURE"
    br"|AGGREGATE|(?:UNLOGGED )?SEQUENCE|TYPE|DOMAIN|SCHEMA|EXTENSION|CAST|TRANSFORM|(?:DEFAULT )?CONVERSION|COLLATION"
    br"|TEXT SEARCH|STATISTICS|POLICY|PUBLICATION|RULE|OPERATOR|ACCESS METHOD|SERVER|FOREIGN DATA WRAPPER|USER MAPPING"
    br"|(?:TRUSTED )?(?:PROCEDURAL )?LANGUAGE|PROPERTY GRAPH)\b"
)
# What is altered, commented, labelled in a database. One blank is between two words: pg_dump writes no more.
_ALTERED = (
    br"(?:(?:FOREIGN )?TABLE|INDEX|(?:MATERIALIZED )?VIEW|SEQUENCE|TYPE|DOMAIN|SCHEMA|FUNCTION|PROCEDURE|ROUTINE"
    br"|AGGREGATE|OPERATOR(?: CLASS| FAMILY)?|COLLATION|(?:DEFAULT )?CONVERSION"
    br"|TEXT SEARCH (?:PARSER|TEMPLATE|DICTIONARY|CONFIGURATION)"
    br"|STATISTICS|(?:EVENT )?TRIGGER|RULE|POLICY|PUBLICATION|SUBSCRIPTION|(?:TRUSTED )?(?:PROCEDURAL )?LANGUAGE|SERVER"
    br"|FOREIGN DATA WRAPPER|ACCESS METHOD|LARGE OBJECT|EXTENSION|PROPERTY GRAPH)"
)
_GIVEN = (
    br"(?:TABLE|SEQUENCE|FUNCTION|PROCEDURE|ROUTINE|LANGUAGE|SCHEMA|TYPE|DOMAIN|LARGE OBJECT|FOREIGN SERVER"
    br"|FOREIGN DATA WRAPPER|PROPERTY GRAPH)"
)
_RIGHTS = br"(?:[A-Z,]|(?<! ) |\((?:[^)\"]|\"[^\"]*\")*\))+?"
# A subscription is made disabled, and connects nowhere until an operator enables it.
_SUBSCRIPTION = re.compile(
    br"CREATE SUBSCRIPTION " + NAME + br" CONNECTION E?'[^']*(?:''[^']*)*'"
    br" PUBLICATION " + NAME + br"(?:, " + NAME + br")*"
    br" WITH \(connect = false[,)]"
)
_OF_A_DATABASE = re.compile(
    br"(?:SET [A-Za-z_]+ =|(?:RE)?SET SESSION AUTHORIZATION\b|BEGIN;|COMMIT;|" + _CALLS +
    br"|CREATE (?:OR REPLACE )?" + _CREATED + br"|CREATE SUBSCRIPTION\b"
    br"|ALTER (?:" + _ALTERED + br"|DEFAULT PRIVILEGES) [^ ]"
    br"|COMMENT ON (?:" + _ALTERED + br"|COLUMN|CONSTRAINT|CAST|TRANSFORM|USER MAPPING) [^ ]"
    br"|(?:GRANT|REVOKE) " + _RIGHTS + br"(?<! ) ON " + _GIVEN + br" [^ ]"
    br"|SECURITY LABEL FOR " + NAME + br" ON (?:" + _ALTERED + br"|COLUMN) [^ ]|REFRESH MATERIALIZED VIEW [^ ])"
)
# Statements of pg_dump on the database itself: they need its name, and are no part of its content.
OF_THE_DATABASE = re.compile(
    br"(?:ALTER DATABASE |COMMENT ON DATABASE |SECURITY LABEL FOR " + NAME + br" ON DATABASE "
    br"|(?:GRANT|REVOKE) [A-Z ,]+?ON DATABASE |ALTER ROLE " + NAME + br" IN DATABASE )(" + NAME + br")( [^\0]*)\Z"
)
_RIGHT_ON_DATABASE = br"(?:ALL|CREATE|TEMPORARY|CONNECT)"
_RIGHTS_ON_DATABASE = _RIGHT_ON_DATABASE + br"(?:, ?" + _RIGHT_ON_DATABASE + br")*"
_SAID_OF_A_DATABASE = re.compile(
    br"(?:ALTER DATABASE " + NAME + br" (?:OWNER TO " + NAME + br"|CONNECTION LIMIT (?:= )?-?[0-9]+"
    br"|IS_TEMPLATE (?:= )?(?:true|false)|" + _ASSIGNMENT + br")"
    br"|ALTER ROLE (?P<role>" + NAME + br") IN DATABASE " + NAME + br" " +
    _ASSIGNMENT.replace(b"<setting>", b"<its_setting>").replace(b"<values>", b"<its_values>") +
    br"|COMMENT ON DATABASE " + NAME + br" IS (?:NULL| *" + TEXT + br")"
    br"|SECURITY LABEL FOR " + NAME + br" ON DATABASE " + NAME + br" IS *" + TEXT +
    br"|GRANT " + _RIGHTS_ON_DATABASE + br" ON DATABASE " + NAME + br" TO " + _TO_ROLE + br"(?: WITH GRANT OPTION)?"
    br"|REVOKE (?:GRANT OPTION FOR )?" + _RIGHTS_ON_DATABASE + br" ON DATABASE " + NAME + br" FROM " + _TO_ROLE +
    br"(?: CASCADE)?);\Z"
)
_ROWS_OF_A_TABLE = re.compile(br"COPY ")
ALLOWED = {STATEMENT: _OF_A_DATABASE, COPY: _ROWS_OF_A_TABLE}
OF_A_CLUSTER = re.compile(
    br"(?:SET [A-Za-z_]+ =|(?:CREATE|ALTER) ROLE |GRANT " + NAME + br" TO |(?:GRANT|REVOKE) [A-Z ,]+? ON PARAMETER "
    br"|COMMENT ON ROLE |SECURITY LABEL FOR " + NAME + br" ON ROLE )"
)
TABLESPACE = re.compile(
    br"(?:CREATE|ALTER|COMMENT ON|(?:GRANT|REVOKE) [A-Z ,]+? ON|SECURITY LABEL FOR " + NAME + br" ON) TABLESPACE\b"
)
TRANSACTION = (b"BEGIN;", b"COMMIT;")


def _naming_roles(name):
    """Return the patterns of the statements that name a role, given what is taken for a name."""
    role = br"(" + name + br")"
    return (
        re.compile(br"ALTER .* OWNER TO " + role + br";\Z", re.DOTALL),
        re.compile(br"GRANT .* TO (?:GROUP )?" + role + br"(?: WITH GRANT OPTION)?;\Z", re.DOTALL),
        re.compile(br"REVOKE .* FROM (?:GROUP )?" + role + br"(?: CASCADE)?;\Z", re.DOTALL),
        re.compile(br"ALTER DEFAULT PRIVILEGES FOR ROLE " + role),
        re.compile(br"ALTER DEFAULT PRIVILEGES .* (?:TO|FROM) " + role + br"(?: WITH GRANT OPTION)?;\Z", re.DOTALL),
        re.compile(br"SET SESSION AUTHORIZATION (?!DEFAULT;)" + role + br";\Z"),
        re.compile(br"CREATE USER MAPPING FOR " + role),
        re.compile(br"ALTER ROLE " + role + br" IN DATABASE "),
    )


_ROLE = br"(" + NAME + br")"
_ROLES = _naming_roles(NAME)
_ANY_ROLES = _naming_roles(ANY_NAME)
_OF_EVERYBODY = (re.compile(br"(?:GRANT|REVOKE|ALTER DEFAULT PRIVILEGES) "), re.compile(br"CREATE USER MAPPING FOR "))
_POLICY = re.compile(
    br"CREATE POLICY " + NAME + br" ON " + NAME + br"(?:\." + NAME + br")?(?: AS \w+)?(?: FOR \w+)?"
    br" TO (" + NAME + br"(?:, " + NAME + br")*)(?=[ ;])"
)


# Some servers, as 15.20, keep a version of their own with each column as if it were an option of it. A pg_dump that is
# older writes it down, and a server that is older does not know it; one that needs it makes it anew.
_OWN_OPTION = re.compile(br"(?:, )?\bpg_attver=[^,()'\"]*")
_COLUMN_OPTIONS = re.compile(
    br"(ALTER [A-Z ]+ " + NAME + br"(?:\." + NAME + br")? ALTER COLUMN " + NAME + br" SET \()([^;]*)\);\Z"
)

# Options of a subscription, by the version that brought them: a newer pg_dump writes them for an older server, too.
_OPTIONS_SINCE = (
    (re.compile(br", (?:binary|streaming) = [^,);]+"), (14,)),
    (re.compile(br", (?:two_phase|disable_on_error) = [^,);]+"), (15,)),
    (re.compile(br", (?:password_required|run_as_owner|origin) = [^,);]+"), (16,)),
    (re.compile(br", failover = [^,);]+"), (17,)),
)


class DumpRefused(DirectorError):
    """A dump that is not to be given to psql."""


def bare(name):
    """Given a name as SQL writes it, return the name that PostgreSQL reads."""
    return native(name[1:-1].replace(b'""', b'"') if name[:1] == b'"' else name.lower())


def quoted(name):
    """Given a name as SQL writes it, return it with quotes."""
    return name if name[:1] == b'"' else b'"' + name + b'"'


def is_role(name):
    """Return whether this can only be the name of a role, for every PostgreSQL."""
    return name[:1] == b'"' or (re.match(NAME + br"\Z", name) is not None and name not in _NO_ROLES)


def assignment_of(payload):
    """Given a statement that sets something for a database, return the role it is for, the setting and its values.

    The role is None if it is for everybody; None is returned for a statement of another kind.
    """
    found = _SAID_OF_A_DATABASE.match(payload)
    if found is None or not (found.group("setting") or found.group("its_setting")):
        return None
    role = bare(found.group("role")) if found.group("role") else None
    return (role,) + _assigned(found.group("setting") or found.group("its_setting"),
                               found.group("values") or found.group("its_values"))


_OF_A_ROLE = re.compile(br"ALTER ROLE (" + NAME + br") " + _ASSIGNMENT + br";\Z")


def assignment_of_role(payload):
    """Given a statement that sets something for a role, return the role as it is written, the setting, its values."""
    found = _OF_A_ROLE.match(payload)
    return (found.group(1),) + _assigned(found.group("setting"), found.group("values")) if found else None


def _assigned(setting, values):
    """Return the name of a setting, in small letters, and its values without quotes."""
    name = ".".join(bare(part) for part in re.findall(NAME, setting)).lower()
    words = re.findall(TEXT + br"|" + _WORD, values)
    return name, [native(word.lstrip(b"E")[1:-1]) if word.endswith(b"'") else bare(word) for word in words]


class _Nesting(object):
    """Counts parentheses and bodies as psql does, which decide for it which semicolon ends a statement."""

    def __init__(self, with_body):
        self._with_body = with_body
        self._parentheses = self._bodies = 0
        self._ended = False

    def follow(self, kind, word):
        """Take the next token; return whether it belongs to the one statement."""
        if self._ended:
            return not word.strip()
        if kind == "open":
            self._parentheses += 1
        elif kind == "close":
            self._parentheses = max(self._parentheses - 1, 0)
        elif kind == "semicolon":
            self._ended = not self._parentheses and not self._bodies
        elif kind == "word" and self._with_body and not self._parentheses:
            # Any other "begin" is sent as a name.
            self._bodies = max(self._bodies + {b"begin": 1, b"case": self._bodies and 1, b"end": -1}.get(word, 0), 0)
        return True

    @property
    def ended(self):
        return self._ended


def require_readable(payload, what):
    """Raise DumpRefused for a byte at which only psql ends a line or a table."""
    if b"\0" in payload:
        raise DumpRefused("it holds %s with a zero byte, which pg_dump does not write" % what)
    if what == "rows" and b"\r" in payload:
        raise DumpRefused("it holds rows with a bare carriage return, which pg_dump does not write")


def disarm(payload, standard_strings, allowed):
    """Given a statement, return it in a form that every psql reads alike; raise DumpRefused for one that pg_dump
    would not have written.
    """
    require_readable(payload, "a statement")
    pieces = []
    at = 0
    with_body = allowed is _OF_A_DATABASE and _has_body(payload)
    nesting = _Nesting(with_body)
    while at < len(payload):
        token = _TOKEN.match(payload, at)
        end = _end_of(token, payload)
        piece = payload[at:end]
        if token.lastgroup == "literal" and _AMBIGUOUS.search(piece):
            piece = _explicit(piece, payload[:at], standard_strings)
        elif token.lastgroup == "colon":
            piece = b": "  # before a name, psql would take it for a variable of its own
        elif with_body and piece.lower() == b"begin" and not _ATOMIC.match(payload, end):
            piece = b'"begin"'  # a name, after which psql would wait for an END
        # Of a name with a dollar that pg_dump puts in no quotes, a part could begin a text.
        odd = token.lastgroup == "word" and b"$" in piece
        if odd or not nesting.follow(token.lastgroup, piece.lower()):
            raise DumpRefused("it holds a statement that psql could take for several: %s" % shown(payload))
        pieces.append(piece)
        at = end
    if not nesting.ended:
        raise DumpRefused("psql would not know where this statement ends: %s" % shown(payload))
    _require_allowed(payload, allowed)
    return b"".join(pieces)


def _has_body(payload):
    return re.match(br"CREATE (?:OR REPLACE )?(?:FUNCTION|PROCEDURE)\b", payload) is not None


def _require_allowed(payload, allowed):
    refused = not allowed.match(payload)
    if payload.startswith(b"SELECT "):
        refused = refused or not _CALL.match(payload)
    elif re.match(br"SET [A-Za-z_]+ =", payload):
        refused = refused or not _is_known_setting(payload)
    elif payload.startswith(b"CREATE SUBSCRIPTION "):
        refused = refused or not _SUBSCRIPTION.match(payload)
    elif payload.startswith(b"ALTER SUBSCRIPTION "):
        refused = refused or not re.match(br"ALTER SUBSCRIPTION " + NAME + br" OWNER TO ", payload)
    if allowed is OF_THE_DATABASE:
        refused = refused or not _SAID_OF_A_DATABASE.match(payload)
    if refused or not all(_may_be_named(name, payload) for name in _roles_as_written(payload)):
        raise DumpRefused("it holds a statement that pg_dump does not write into a database: %s" % shown(payload))


def _roles_as_written(payload):
    found = [pattern.match(payload) for pattern in _ANY_ROLES]
    return [match.group(1) for match in found if match]


def _may_be_named(name, payload):
    """Return whether a name stands for the role that it looks like, or for everybody where that may stand."""
    rights, mapping = _OF_EVERYBODY
    if name == b"PUBLIC" and (rights.match(payload) or mapping.match(payload)):
        return True
    return is_role(name) or (name == b"public" and mapping.match(payload) is not None)


def _is_known_setting(payload):
    setting = _SETTING.match(payload)
    if setting is None or setting.group(1) not in SETTINGS:
        return False
    return setting.group(1) != b"client_encoding" or ENCODINGS.match(setting.group(2)) is not None


def _end_of(token, payload):
    if token is None or token.lastgroup == "refused":
        raise DumpRefused("psql could take a part of this statement for a command of its own: %s" % shown(payload))
    if token.lastgroup != "dollar":
        return token.end()
    end = payload.find(token.group(), token.end())
    if end < 0:
        raise DumpRefused("it holds a statement that does not end: %s" % shown(payload))
    return end + len(token.group())


def _explicit(literal, before, standard_strings):
    """Return a literal with backslashes in the form that says what they mean, whatever the server's settings are."""
    if not standard_strings or re.search(br"[A-Za-z0-9_$&\x80-\xff]\Z", before):
        raise DumpRefused("it holds a text that psql could read in two ways: %s" % shown(literal))
    return b" E" + literal.replace(b"\\", b"\\\\")


def shown(payload):
    """Return the beginning of a statement for a message."""
    return native(payload.strip()[:60]).split("\n")[0]


def roles_of(payload):
    """Return the names of the roles without which a statement would fail."""
    roles = set()
    for pattern in _ROLES:
        match = pattern.match(payload)
        if match:
            roles.add(bare(match.group(1)))
    policy = _POLICY.match(payload)
    if policy:
        roles.update(bare(name) for name in re.findall(NAME, policy.group(1)))
    return set(role for role in roles if role != "public")


_OF_ROLES = re.compile(
    br"(?:(?:CREATE|ALTER|COMMENT ON) ROLE " + _ROLE + br"[ ;]|GRANT " + _ROLE + br" TO " + _ROLE + br"[ ;])"
)


def roles_granted(payload):
    """Return the names of the roles that a statement of a dump of globals makes, sets, or puts into each other."""
    match = _OF_ROLES.match(payload)
    return set(bare(name) for name in match.groups() if name) if match else set()


# Grantors, comments on extensions, which belong to a superuser, and rights on objects of the system.
_OF_SUPERUSERS = re.compile(
    br"(?:RE)?SET SESSION AUTHORIZATION\b|COMMENT ON EXTENSION\b"
    br"|(?:GRANT|REVOKE) " + _RIGHTS + br" ON (?:SCHEMA |[A-Z]+ (?=[a-z_]+\.))(?:pg_catalog|information_schema)[. ]"
)


def tablespace_of(payload):
    """Return the tablespace that a statement chooses for what follows, or None."""
    setting = _SETTING.match(payload)
    name, value = setting.groups() if setting else (None, b"''")
    return bare(value) if name == b"default_tablespace" and value != b"''" else None


def _without_own_option(head, options):
    """Return the statement that sets the options of a column, without a server's own; None if nothing is left of it."""
    options = re.sub(br"\A, ", b"", _OWN_OPTION.sub(b"", options))
    return head + options + b");" if options else None


class Fit(object):
    """Adapts a dump's statements to a server of another version, with other settings or tablespaces.

    ``settings`` are the names that the server knows, or None if it was not asked; ``tablespaces`` those that it has;
    ``superuser`` tells whether it is loaded by one.
    """

    def __init__(self, version=None, settings=None, tablespaces=None, superuser=True):
        self._major = version.major if version else None
        self._settings = settings
        self._tablespaces = tablespaces
        self._superuser = superuser
        self.left_out = {}
        # A Guard that holds back what the loading role may not do; None where it may do everything.
        self.guard = None

    def _leave(self, what):
        self.left_out[what] = self.left_out.get(what, 0) + 1

    def fitted(self, payload):
        """Return the statement as this server takes it, or None if it is none for it."""
        if payload in TRANSACTION or OF_THE_DATABASE.match(payload):
            return None
        if not self._superuser and _OF_SUPERUSERS.match(payload):
            self._leave("what only a superuser may: %s" % shown(payload))
            return None
        setting = _SETTING.match(payload)
        if setting:
            if self.guard:
                self.guard.passed(payload)
            return self._fitted_setting(payload, setting.group(1), setting.group(2))
        if payload.startswith(b"SELECT * FROM pg_catalog.pg_restore_") and self._major and self._major < (18,):
            return None
        options = _COLUMN_OPTIONS.match(payload)
        if options:
            return _without_own_option(*options.groups())
        if self.guard:
            payload = self.guard.passed(payload)
        subscription = _SUBSCRIPTION.match(payload or b"")
        return self._fitted_subscription(payload, subscription.end()) if subscription else payload

    def _fitted_subscription(self, payload, at):
        head, options = payload[: at - 1], payload[at - 1 :]
        for option, since in _OPTIONS_SINCE:
            if self._major and self._major < since:
                options = option.sub(b"", options)
        return head + options

    def _lacks_tablespace(self, value):
        return value != b"''" and self._tablespaces is not None and bare(value) not in self._tablespaces

    def _fitted_setting(self, payload, name, value):
        if name == b"default_tablespace" and self._lacks_tablespace(value):
            self._leave("the tablespace %s, which is not on this server" % bare(value))
            return b"SET default_tablespace = '';"
        if name == b"default_with_oids" and self._major and self._major >= (12,):
            if value == b"true":
                self._leave("the hidden columns oid, which PostgreSQL has no more")
            return None
        if self._settings is not None and native(name).lower() not in self._settings:
            return None
        return payload
