# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the plain output of pg_dump and pg_dumpall, in one pass and a few megabytes of memory.

Two layers. ``segments`` cuts a dump into what it is made of without losing a byte, so that a dump
can be rewritten on its way through. ``read_dump`` folds the segments into what there is to know
about a dump: whether it is whole, its tables, their columns and the number of their rows.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import itertools
import re
from collections import namedtuple

from ansible_collections.microbosh.director.plugins.module_utils._core._text import native

CHUNK = 1 << 20

# The kinds of segments. The payloads of all segments, joined, are the dump.
NOTE = "note"  # white space and comment lines
META = "meta"  # a line for psql itself: \connect, \restrict, \unrestrict
STATEMENT = "statement"  # one statement, up to and with its semicolon
COPY = "copy"  # the line COPY ... FROM stdin;
ROWS = "rows"  # some of the rows of that COPY, cut anywhere
END = "end"  # the line that ends the rows
TORN = "torn"  # what is left if the dump ends inside of any of these

# Nothing pg_dump writes comes near; it bounds the memory that a file of another kind can take.
LONGEST_STATEMENT = 64 << 20

_NOTE = re.compile(br"(?:\s+|--[^\n]*\n)+")
_META = re.compile(br"\\[^\n]*\n")

# pg_dump doubles quotes, and backslashes wherever these mean something. So a literal ends at its
# next quote, whatever standard_conforming_strings was on the server.
_QUOTED = br"""
    '[^']*' | "[^"]*" | --[^\n]*\n | -
    | (?P<dollar> \$ (?: [A-Za-z_\x80-\xff] [A-Za-z0-9_\x80-\xff]* )? \$ )
    | \$ | (?P<open> \( ) | (?P<close> \) ) | (?P<semicolon> ; )
    """
_TOKEN = re.compile(br"[^'\"$;()-]+ | " + _QUOTED, re.VERBOSE)
# Only the body of a function can hold semicolons of its own without quotes: BEGIN ATOMIC ...; ...; END, since 14.
_WITH_BODY = re.compile(br"CREATE (?:OR REPLACE )?(?:FUNCTION|PROCEDURE)\b")
_BODY_TOKEN = re.compile(
    br"(?P<word> [A-Za-z_\x80-\xff][A-Za-z0-9_$\x80-\xff]* ) | [^'\"$;()A-Za-z_\x80-\xff-]+ | " + _QUOTED, re.VERBOSE
)
_LONGEST_START = 32

_NAME = br'"(?:[^"]|"")*"|[^\s".,()]+'
_COPY = re.compile(
    br"COPY (?:(?P<schema>" + _NAME + br")\.)?(?P<table>" + _NAME + br")"
    br" *(?:\((?P<columns>.*)\))? FROM stdin;\n\Z",
    re.DOTALL,
)
NAMES = re.compile(_NAME)
_SEARCH_PATH = re.compile(br"SET search_path = (" + _NAME + br")")
_CONNECT = re.compile(br"\\connect (?:-reuse-previous=on )?(.*?)\s*\Z")
_CONNINFO = re.compile(br"dbname='(.*)'\Z", re.DOTALL)
_RESTRICT = re.compile(br"\\restrict (\S+)")
_UNRESTRICT = re.compile(br"\\unrestrict (\S+)")
_SERVER = re.compile(br"^-- Dumped from database version (\S+)", re.MULTILINE)

HEADERS = {
    "database": b"--\n-- PostgreSQL database dump\n--\n",
    "cluster": b"--\n-- PostgreSQL database cluster dump\n--\n",
}
_TRAILERS = {
    "database": re.compile(
        br"(?:\A|\n)--\n-- PostgreSQL database dump complete\n--\n\n(?:\\unrestrict \S+\n\n)?\Z"
    ),
    "cluster": re.compile(br"(?:\A|\n)--\n-- PostgreSQL database cluster dump complete\n--\n\n\Z"),
}
_HEADER_LENGTH = max(len(header) for header in HEADERS.values())
_TRAILER_LENGTH = 4096

_ESCAPE = re.compile(br"\\(x[0-9A-Fa-f]{1,2}|[0-7]{1,3}|.)", re.DOTALL)
_ESCAPED = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


_CLIENT_ENCODING = re.compile(br"SET client_encoding = '([A-Z0-9_]+)';")
_LATIN = (1, 2, 3, 4, 9, 10, 13, 14, 15, 16)  # of ISO 8859, by the number that PostgreSQL gives them
_CODECS = {b"KOI8": "koi8-r", b"KOI8R": "koi8-r", b"KOI8U": "koi8-u", b"EUC_JP": "euc_jp", b"EUC_KR": "euc_kr",
           b"EUC_CN": "gb2312"}
_CODECS.update((b"LATIN" + str(n).encode(), "iso8859-%d" % part) for n, part in enumerate(_LATIN, 1))
_CODECS.update((b"ISO_8859_" + str(n).encode(), "iso8859-%d" % n) for n in range(5, 9))
_CODECS.update((b"WIN" + str(n).encode(), "cp%d" % n) for n in [866, 874] + list(range(1250, 1259)))


def chunks_of(path):
    """Yield a file's bytes."""
    with open(path, "rb") as stream:
        while True:
            chunk = stream.read(CHUNK)
            if not chunk:
                return
            yield chunk


def unescape(field):
    """Given a field as COPY writes it, return its bytes, or None for NULL."""
    if b"\\" not in field:
        return field
    if field == b"\\N":
        return None
    return _ESCAPE.sub(_unescaped, field)


def _unescaped(match):
    code = match.group(1)
    if code[:1] == b"x" and len(code) > 1:
        return bytes(bytearray([int(code[1:], 16)]))
    if code.isdigit() and code[:1] < b"8":
        return bytes(bytearray([int(code, 8) & 0xFF]))
    return _ESCAPED.get(code, code)


class Table(namedtuple("Table", "database schema name columns")):
    """A table whose rows a dump holds; the names are without quotes."""

    __slots__ = ()

    @property
    def qualified(self):
        """Return the table's name as SQL writes it."""
        return "%s.%s" % (_quoted(self.schema), _quoted(self.name))


def _quoted(name):
    if re.match(r"[a-z_][a-z0-9_$]*\Z", name):
        return name
    return '"%s"' % name.replace('"', '""')


def _unquoted(name, codec=None):
    if name[:1] == b'"':
        name = name[1:-1].replace(b'""', b'"')
    return native(name, codec)


class Extent(object):
    """Follows the tokens of one statement and tells which semicolon ends it, as psql does.

    None within parentheses does: rules with several actions have such. None between BEGIN ATOMIC and its END does.
    """

    def __init__(self, with_body):
        self.tokens = _BODY_TOKEN if with_body else _TOKEN
        self._parentheses = 0
        self._blocks = 0
        self._before = None

    def ends_with(self, token):
        kind = token.lastgroup
        if kind == "open":
            self._parentheses += 1
        elif kind == "close":
            self._parentheses = max(self._parentheses - 1, 0)
        elif kind == "word":
            self._follow(token.group().lower())
        return kind == "semicolon" and not self._parentheses and not self._blocks

    def _follow(self, word):
        # "begin" may be a name, too; "case" and "end" as names are always in quotes.
        if self._blocks:
            self._blocks += {b"case": 1, b"end": -1}.get(word, 0)
        elif word == b"atomic" and self._before == b"begin":
            self._blocks = 1
        self._before = word


class _Segments(object):
    """Cuts chunks of a dump into segments."""

    def __init__(self, chunks):
        self._chunks = iter(chunks)
        self._text = b""
        self._at = 0

    def _more(self):
        """Read on; return whether there was more to read."""
        for chunk in self._chunks:
            self._text = self._text[self._at :] + chunk
            self._at = 0
            return True
        return False

    def _take(self, end):
        taken = self._text[self._at : end]
        self._at = end
        return taken

    def read(self):
        return itertools.chain.from_iterable(self._parts())

    def _parts(self):
        """Yield the segments in groups; each has to be used up before the next is asked for."""
        while self._at < len(self._text) or self._more():
            kind, end = self._unit()
            payload = self._take(end)
            if kind == STATEMENT and _COPY.match(payload + self._text[end : end + 1]):
                yield [(COPY, payload + self._take(end + 1))]
                yield self._rows()
            else:
                yield [(kind, payload)]

    def _unit(self):
        """Return the kind of what comes next, and where it ends."""
        while True:
            note = _NOTE.match(self._text, self._at)
            if note:
                return NOTE, note.end()
            if self._text[self._at : self._at + 1] not in (b"-", b"\\"):
                return self._statement()
            meta = _META.match(self._text, self._at)
            if meta:
                return META, meta.end()
            if len(self._text) - self._at > LONGEST_STATEMENT or not self._more():
                return TORN, len(self._text)

    def _statement(self):
        extent = self._extent()
        length = 0
        while length < LONGEST_STATEMENT:
            token = extent.tokens.match(self._text, self._at + length)
            end = self._token_end(token)
            if end is not None:
                length = end - self._at
                if extent.ends_with(token):
                    return STATEMENT, end
            elif len(self._text) - self._at > LONGEST_STATEMENT or not self._more():
                break
        return TORN, len(self._text)

    def _extent(self):
        while len(self._text) - self._at < _LONGEST_START and self._more():
            continue
        return Extent(_WITH_BODY.match(self._text, self._at) is not None)

    def _token_end(self, token):
        """Return where a token ends, or None if only the text that follows can tell."""
        if token is None:
            return None
        end = token.end()
        if token.lastgroup == "dollar":
            end = self._text.find(token.group(), end) + len(token.group())
            if end < token.end():
                return None
        return end if end < len(self._text) else None

    def _rows(self):
        # The position is kept on the byte before the rows, at first the newline of the COPY line,
        # so that the end is found in the same way whether or not there are rows before it.
        self._at -= 1
        while True:
            end = self._text.find(b"\n\\.\n", self._at)
            if end >= 0:
                if end > self._at:
                    yield ROWS, self._text[self._at + 1 : end + 1]
                self._at = end + 1
                yield END, self._take(end + 4)
                return
            # The end may be cut by the end of the chunk: hold back from its newline on.
            hold = self._text.rfind(b"\n", max(self._at, len(self._text) - 3))
            hold = max(hold, self._at) if hold >= 0 else len(self._text) - 1
            if hold > self._at:
                yield ROWS, self._text[self._at + 1 : hold + 1]
            self._at = hold
            if not self._more():
                self._at += 1
                yield TORN, self._take(len(self._text))
                return


def segments(chunks):
    """Given the bytes of a dump in chunks of any size, yield (kind, payload) of its segments."""
    return _Segments(chunks).read()


def connected(payload):
    """Given the payload of a META segment, return the database it connects to, or None if it does something else.

    The name is as it is; in quotes, with an odd character; or, since 9.6, with one within a connection string.
    """
    match = _CONNECT.match(payload)
    if not match:
        return None
    name = _unquoted(match.group(1))
    conninfo = _CONNINFO.match(name if str is bytes else name.encode("utf-8"))
    return native(re.sub(br"\\(.)", br"\1", conninfo.group(1))) if conninfo else name


class Names(object):
    """What a dump says on its way about the names in it: the schema that a bare one is in, and their encoding."""

    def __init__(self):
        self.schema = "public"
        self.codec = None

    def follow(self, statement):
        search_path = _SEARCH_PATH.match(statement)
        if search_path:
            self.schema = _unquoted(search_path.group(1), self.codec)
        encoding = _CLIENT_ENCODING.match(statement)
        if encoding:
            self.codec = _CODECS.get(encoding.group(1))


def qualified(parts, names):
    """Given the parts of a name as SQL writes them, and the Names of its dump, return it with its schema."""
    parts = [_unquoted(part, names.codec) for part in parts]
    return Table(None, parts[0] if len(parts) > 1 else names.schema, parts[-1], ()).qualified


def copy_target(payload, database=None, schema="public", codec=None):
    """Given the payload of a COPY segment, return the table it fills; ``codec`` is that of names, if not UTF-8.

    ``schema`` is for pg_dump before 10.3, which names it in search_path and not in the COPY line.
    """
    match = _COPY.match(payload)
    columns = tuple(_unquoted(name, codec) for name in NAMES.findall(match.group("columns") or b""))
    if match.group("schema"):
        schema = _unquoted(match.group("schema"), codec)
    return Table(database, schema, _unquoted(match.group("table"), codec), columns)


class Dump(namedtuple("Dump", "kind server_version flaw rows")):
    """The facts of a dump.

    ``kind`` is database (pg_dump), cluster (pg_dumpall) or None (neither); ``flaw`` says in what
    way the dump is not whole, and is None if it is; ``rows`` has the number of rows by Table.
    """

    __slots__ = ()

    @property
    def complete(self):
        return self.flaw is None


class _Reader(object):
    """Folds segments into a Dump."""

    def __init__(self, visit, inspect):
        self._visit = visit
        self._inspect = inspect
        self._database = None
        self._names = Names()
        self._table = None
        self._consume = None
        self._partial = b""
        self._head = b""
        self._tail = b""
        self._restricted = None
        self._server_version = None
        self._torn = None
        self._rows = {}

    def read(self, chunks):
        actions = {
            NOTE: self._on_note,
            META: self._on_meta,
            STATEMENT: self._on_statement,
            COPY: self._on_copy,
            ROWS: self._on_rows,
            END: self._on_end,
            TORN: self._on_torn,
        }
        for kind, payload in segments(chunks):
            if len(self._head) < _HEADER_LENGTH:
                self._head += payload[:_HEADER_LENGTH]
            if self._inspect:
                self._inspect(kind, payload)
            actions[kind](payload)
        kind = self._kind()
        return Dump(kind, self._server_version, self._flaw(kind), self._rows)

    def _on_note(self, payload):
        self._tail = (self._tail + payload)[-_TRAILER_LENGTH:]
        if self._server_version is None:
            version = _SERVER.search(payload)
            self._server_version = native(version.group(1)) if version else None

    def _on_meta(self, payload):
        restrict = _RESTRICT.match(payload)
        if restrict:
            self._restricted = restrict.group(1)
        unrestrict = _UNRESTRICT.match(payload)
        if unrestrict and unrestrict.group(1) == self._restricted:
            self._restricted = None
        self._database = connected(payload) or self._database
        self._on_note(payload)

    def _on_statement(self, payload):
        self._tail = b""
        self._names.follow(payload)

    def _on_copy(self, payload):
        self._tail = b""
        self._table = copy_target(payload, self._database, self._names.schema, self._names.codec)
        # Partitions of an enumeration come as several parts of their root.
        self._rows.setdefault(self._table, 0)
        self._consume = self._visit(self._table) if self._visit else None

    def _on_rows(self, payload):
        self._rows[self._table] += payload.count(b"\n")
        if self._consume:
            lines = (self._partial + payload).split(b"\n")
            self._partial = lines.pop()
            for line in lines:
                self._consume(line.split(b"\t"))

    def _on_end(self, payload):
        self._table = self._consume = None

    def _on_torn(self, payload):
        self._torn = payload

    def _kind(self):
        for kind, header in HEADERS.items():
            if self._head.startswith(header):
                return kind
        return None

    def _flaw(self, kind):
        if not self._head:
            return "it is empty"
        if kind is None:
            return "it does not begin as the plain output of pg_dump does"
        if self._table is not None:
            return "it ends after row %d of table %s" % (
                self._rows[self._table],
                self._table.qualified,
            )
        if self._torn is not None:
            return "it ends inside of: %s" % native(self._torn[:60]).split("\n")[0]
        if self._restricted is not None or not _TRAILERS[kind].search(self._tail):
            return "its last lines, '-- PostgreSQL %s dump complete' and so on, are not there" % (
                "database" if kind == "database" else "database cluster"
            )
        return None


def read_dump(chunks, visit=None, inspect=None):
    """Given the bytes of a dump in chunks of any size, return its Dump.

    ``visit`` is called with each Table before its rows; what it returns, unless None, is called
    with each row: a list of fields as they are in the dump, for ``unescape``. ``inspect`` is called
    with kind and payload of each segment.
    """
    return _Reader(visit, inspect).read(chunks)
