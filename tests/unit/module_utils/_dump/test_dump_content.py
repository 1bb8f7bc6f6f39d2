# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a dump says, table by table."""

from __future__ import annotations

import json
import os
import random
import subprocess

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._dump import _dump_content
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump import read_dump
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump_content import Content, RowSum
from places import DUMPS, REPOSITORY
from pythons import OLDEST

NAMES = ("small", "director")
SETVAL = "SELECT pg_catalog.setval('%s', %d, %s);\n\n"
TABLE = "COPY public.t (a, b) FROM stdin;\n%s\\.\n\n"
ROWS = ["1\tone\n", "2\ttwo\n", "2\ttwo\n", "3\t\\N\n", "\n"]


def content(text, size=None):
    raw = text if isinstance(text, bytes) else text.encode()
    found = Content()
    read_dump([raw[at : at + size] for at in range(0, len(raw), size)] if size else [raw], inspect=found.inspect)
    return found.facts()


def of_rows(*rows):
    return content(TABLE % "".join(rows))["tables"]["public.t"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [1, 2, 3, 64, 1000])
def test_the_size_of_chunks_makes_no_difference(name, size):
    text = (DUMPS / f"{name}.sql").read_bytes()
    assert content(text, size) == content(text)


@pytest.mark.parametrize("name", NAMES)
def test_every_table_of_a_dump_is_in_its_content(name):
    text = (DUMPS / f"{name}.sql").read_bytes()
    rows = {table.qualified: count for table, count in read_dump([text]).rows.items()}
    assert {table: found["rows"] for table, found in content(text)["tables"].items()} == rows


def test_the_order_of_rows_does_not_count():
    shuffled = list(ROWS)
    random.Random(1).shuffle(shuffled)
    assert shuffled != ROWS
    assert of_rows(*shuffled) == of_rows(*ROWS)


@pytest.mark.parametrize(
    "others",
    [ROWS[1:], ROWS[:4], [*ROWS, "1\tone\n"], ["1\tone\n", "1\tone\n", *ROWS[2:]], ["1\ttwo\n", "2\tone\n", *ROWS[2:]],
     [*ROWS[:3], "3\t\n", "\n"]],
)  # fmt: skip
def test_every_row_counts_as_often_as_it_is_there(others):
    assert of_rows(*others)["digest"] != of_rows(*ROWS)["digest"]
    assert of_rows(*others)["rows"] == len(others)


def test_many_rows_are_added_up_in_parts(monkeypatch):
    rows = [f"{number}\tx\n" for number in range(3 * _dump_content._AT_ONCE + 5)]
    found = of_rows(*rows)
    assert (found["rows"], found) == (len(rows), of_rows(*reversed(rows)))
    alone = RowSum()
    for row in rows:
        alone.add(row.encode())
    assert alone.facts() == found


def test_a_row_that_is_longer_than_any_chunk_is_one_row():
    long = "1\t" + "x" * 100_000 + "\n"
    assert content(TABLE % long, 1000) == content(TABLE % long)
    assert of_rows(long)["rows"] == 1


def test_sequences_are_told_apart_from_the_rest():
    text = (
        SETVAL % ("public.tasks_id_seq", 12, "true")
        + SETVAL % ('public."Odd""one"', 1, "false")
        + SETVAL % ("public.it''s", -5, "true")
        + "SET search_path = other, pg_catalog;\n"
        + SETVAL % ("bare_seq", 3, "true")
    )
    assert content(text)["sequences"] == {
        "public.tasks_id_seq": "12,t",
        'public."Odd""one"': "1,f",
        'public."it\'s"': "-5,t",
        "other.bare_seq": "3,t",
    }
    assert content(text.replace("12", "13"))["schema"] == content(text)["schema"]


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("\\restrict abc", "\\restrict xyz", True),
        ("a integer", "a bigint", False),
        ("(a, b)", "(b, a)", False),
        ("OWNER TO vcap", "OWNER TO other", False),
        ("E'x\\\\y', 7", "E'x\\\\y', 8", False),
    ],
)
def test_what_is_neither_rows_nor_sequences_counts_as_a_whole(old, new, same):
    text = (
        "\\restrict abc\n\nCREATE TABLE public.t (\n    a integer\n);\nALTER TABLE public.t OWNER TO vcap;\n"
        + TABLE % ROWS[0]
        + "SELECT pg_catalog.setval(E'x\\\\y', 7, true);\n\n\\unrestrict abc\n"
    )
    assert old in text
    assert (content(text.replace(old, new))["schema"] == content(text)["schema"]) is same


def test_rows_of_one_table_count_for_that_one_alone():
    other = TABLE.replace("public.t ", 'public."T" ')
    first, second = content(TABLE % ROWS[0] + other % ROWS[1]), content(TABLE % ROWS[0] + other % ROWS[0])
    assert first["schema"] == second["schema"]
    assert first["tables"]["public.t"] == second["tables"]["public.t"]
    assert first["tables"]['public."T"'] != second["tables"]['public."T"']


def test_parts_of_a_partitioned_table_are_one():
    assert content(TABLE % ROWS[0] + TABLE % ROWS[1])["tables"] == {"public.t": of_rows(*ROWS[:2])}


@pytest.mark.parametrize("python", OLDEST)
def test_an_old_python_says_the_same(python, tmp_path):
    parts = "ansible_collections/microbosh/director/plugins"
    places = [tmp_path.joinpath(*parts.split("/")[:depth]) for depth in range(1, 5)]
    for place in places:
        place.mkdir()
        (place / "__init__.py").touch()
    path = DUMPS / "director.sql"
    package = parts.replace("/", ".") + ".module_utils._dump."
    code = (
        f"import json, sys, types; name = {package!r}[:-7]; made = types.ModuleType(name);"
        f"made.__path__ = [{str(REPOSITORY / 'plugins/module_utils')!r}]; sys.modules[name] = made;"
        f"from {package}_dump_content import Content; from {package}_dump import chunks_of, read_dump;"
        f"c = Content(); read_dump(chunks_of({str(path)!r}), inspect=c.inspect); print(json.dumps(c.facts()))"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([python, "-c", code], check=False, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == content(path.read_bytes())
