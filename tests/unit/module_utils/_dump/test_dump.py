# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dumps are read as psql would read them, on real output of pg_dump and pg_dumpall 15.18."""

from __future__ import annotations

import re
import time

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._dump import _dump
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump import (
    COPY,
    END,
    ROWS,
    STATEMENT,
    TORN,
    copy_target,
    read_dump,
    segments,
    unescape,
)
from places import DUMPS

NAMES = ("director", "small", "cluster")

# As pg_dump 9.0 wrote it: the schema in search_path, no versions, no \restrict.
OLD = b"""--
-- PostgreSQL database dump
--

SET statement_timeout = 0;
SET standard_conforming_strings = off;
SET search_path = public, pg_catalog;

CREATE TABLE blobs (
    id integer NOT NULL,
    note text DEFAULT 'it''s\\\\'
);

COPY blobs (id, note) FROM stdin;
1\tone
2\t\\N
\\.

SET search_path = audit, pg_catalog;

COPY trail  FROM stdin;


\\.

--
-- PostgreSQL database dump complete
--

"""


def fixture(name):
    return (DUMPS / f"{name}.sql").read_bytes()


def before_restrict(text):
    """The dump as a pg_dump wrote it that did not know of restrict, so before August 2025."""
    return re.sub(rb"\\(un)?restrict \w+\n\n", b"", text)


def rows_of(text):
    return {(table.database, table.qualified): count for table, count in read_dump([text]).rows.items()}


@pytest.mark.parametrize("name", NAMES)
def test_a_real_dump_is_complete(name):
    dump = read_dump([fixture(name)])
    assert (dump.complete, dump.flaw, dump.server_version) == (True, None, "15.18")
    assert dump.kind == ("cluster" if name == "cluster" else "database")


@pytest.mark.parametrize("text", [before_restrict(fixture("small")), before_restrict(fixture("cluster")), OLD])
def test_a_dump_of_an_older_pg_dump_is_complete(text):
    assert read_dump([text]).complete


@pytest.mark.parametrize(
    "text",
    [fixture("small"), before_restrict(fixture("small")), fixture("cluster"), before_restrict(fixture("cluster")), OLD],
    ids=["small", "small-before-restrict", "cluster", "cluster-before-restrict", "old"],
)
def test_of_all_beginnings_of_a_dump_only_the_whole_is_complete(text):
    complete = [length for length in range(len(text) + 1) if read_dump([text[:length]]).complete]
    assert complete == [len(text)]


def test_a_large_dump_cut_near_the_end_of_any_line_is_not_complete():
    text = fixture("director")
    ends = [match.end() for match in re.finditer(rb"\n", text)]
    cuts = {cut for end in ends for cut in (end - 1, end, end + 1) if cut < len(text)}
    assert len(cuts) > 1500
    assert [cut for cut in cuts if read_dump([text[:cut]]).complete] == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [1, 2, 3, 5, 64, 1000])
def test_the_size_of_chunks_makes_no_difference(name, size):
    text = fixture(name)
    chunks = [text[at : at + size] for at in range(0, len(text), size)]
    assert b"".join(payload for _kind, payload in segments(chunks)) == text
    assert read_dump(chunks) == read_dump([text])


def test_segments_of_a_torn_dump_lose_nothing():
    text = fixture("small")
    for length in range(len(text)):
        assert b"".join(payload for _kind, payload in segments([text[:length]])) == text[:length]


def test_rows_are_counted_by_table_with_traps_in_every_place():
    assert rows_of(fixture("director")) == {
        (None, '"odd schema"."it\'s, a ""table"" (1)"'): 2,
        (None, "public.blobs"): 2,
        (None, "public.compiled_packages"): 1,
        (None, "public.director_attributes"): 6,
        (None, "public.local_dns_blobs"): 1,
        (None, "public.log_bundles"): 1,
        (None, "public.orphan_disks"): 0,
        (None, "public.packages"): 3,
        (None, "public.rendered_templates_archives"): 1,
        (None, "public.tasks"): 1,
        (None, "public.templates"): 2,
    }


def test_a_cluster_dump_tells_databases_apart():
    assert rows_of(fixture("cluster")) == {("small", "public.lines"): 4, ("small", "public.notes"): 3}


def test_a_table_without_schema_is_in_that_of_the_search_path():
    assert rows_of(OLD) == {(None, "public.blobs"): 2, (None, "audit.trail"): 2}


def test_columns_keep_their_order_and_lose_their_quotes():
    dump = read_dump([fixture("director")])
    columns = {table.name: table.columns for table in dump.rows}
    assert columns["blobs"] == ("id", "blobstore_id", "sha1", "created_at", "type")
    assert columns['it\'s, a "table" (1)'] == ("a;column", 'b "c", d')


def test_rows_reach_whoever_asked_for_them():
    rows = []
    text = fixture("director")
    for chunks in ([text], [text[at : at + 7] for at in range(0, len(text), 7)]):
        rows.clear()
        read_dump(chunks, lambda table: rows.append if table.name == "director_attributes" else None)
        assert [[unescape(field) for field in row] for row in rows] == [
            [b"uuid", b"0c7ad1a1-1234-4c1f-a7e5-4a60a1f7a9d2"],
            [b"-- PostgreSQL database dump complete", b"--\n-- PostgreSQL database dump complete\n--\n\n"],
            [b"\\.", None],
            [b"", b"\\N"],
            [b"tab\there", b"\b\fv\r"],
            ["Grün ☃".encode(), b"\\x41"],
        ]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (b"plain", b"plain"),
        (b"", b""),
        (b"\\N", None),
        (b"\\\\N", b"\\N"),
        (b"a\\tb\\nc\\\\d", b"a\tb\nc\\d"),
        (b"\\b\\f\\r\\v", b"\b\f\r\v"),
        (b"\\101\\x41\\x4z", b"AA\x04z"),
        (b"\\q\\9\\x", b"q9x"),
    ],
)
def test_a_field_is_unescaped(field, value):
    assert unescape(field) == value


def test_segments_let_rows_be_rewritten_on_the_way():
    kinds = [(kind, payload) for kind, payload in segments([fixture("small")]) if kind in (COPY, ROWS, END)]
    assert [kind for kind, _payload in kinds] == [COPY, ROWS, END, COPY, ROWS, END]
    assert copy_target(kinds[3][1]) == (None, "public", "notes", ("id", "note"))
    assert kinds[4][1] == b"1\t-- PostgreSQL database dump complete\n2\t\\\\.\n3\t\\N\n"


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        (b"", "it is empty"),
        (b"PGDMP\x01\x0e\x00binary;", "it does not begin as the plain output of pg_dump does"),
        (b"\x1f\x8b\x08 gzip", "it does not begin as the plain output of pg_dump does"),
        (OLD[: OLD.index(b"2\t") + 3], "it ends after row 1 of table public.blobs"),
        (OLD[: OLD.index(b"NOT NULL")], "it ends inside of: CREATE TABLE blobs ("),
        (OLD[: OLD.index(b"SET search")], "its last lines, '-- PostgreSQL database dump complete' and so on, "),
        (OLD + b"x;\n", "its last lines"),
        (fixture("small")[: fixture("small").index(b"\n\\unrestrict") + 1], "its last lines"),
    ],
)
def test_a_flaw_is_said(text, flaw):
    assert read_dump([text]).flaw.startswith(flaw)


def test_another_kind_of_file_does_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(_dump, "LONGEST_STATEMENT", 1 << 16)
    found = list(segments(b"'" + b"x" * 4096 for _number in range(64)))
    assert {kind for kind, _payload in found} == {TORN}
    assert max(len(payload) for _kind, payload in found) < 1 << 18


def test_one_row_may_be_longer_than_any_chunk():
    text = OLD.replace(b"one", b"y" * 100_000)
    chunks = [text[at : at + 512] for at in range(0, len(text), 512)]
    largest = max(len(payload) for kind, payload in segments(chunks) if kind == ROWS)
    assert largest <= 1024
    assert read_dump(chunks).rows == read_dump([OLD]).rows


def test_dollar_quotes_end_where_they_do():
    function = b"CREATE FUNCTION f() AS $a$ ; $$ ' -- $b$ \n;COPY x FROM stdin;\n$a$;\n"
    text = OLD.replace(b"CREATE TABLE", function + b"CREATE TABLE")
    kinds = [payload for kind, payload in segments([text]) if kind == STATEMENT]
    assert len([payload for payload in kinds if payload.startswith(b"CREATE FUNCTION")]) == 1
    assert read_dump([text]).rows == read_dump([OLD]).rows


def test_many_small_tables_are_read_in_linear_time():
    table = b"COPY public.t%d (a) FROM stdin;\n1\n\\.\n\n"
    text = OLD[: OLD.index(b"SET")] + b"".join(table % number for number in range(50_000))
    began = time.process_time()
    read_dump([text[at : at + (1 << 20)] for at in range(0, len(text), 1 << 20)])
    assert time.process_time() - began < 10


def test_rows_are_read_at_150_megabytes_a_second():
    row = b"12345\tadmin\tcreate\t8f1d5a2e-9b1c-4f43-8a55-1f2f3a9d7c11\t2026-01-01 00:00:00\n"
    chunk = row * ((1 << 20) // len(row))
    head, tail = OLD[: OLD.index(b"1\tone")], OLD[OLD.index(b"\\.") :]
    count = 128
    began = time.process_time()
    dump = read_dump([head] + [chunk] * count + [tail])
    spent = time.process_time() - began
    assert dump.complete
    assert sum(dump.rows.values()) == count * chunk.count(b"\n") + 2
    assert count * len(chunk) / spent > 150e6
