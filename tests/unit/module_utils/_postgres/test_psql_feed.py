# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever code of a dump does to the session, psql reads what it is sent as we do, and says no more than we keep."""

from __future__ import annotations

import os
import tracemalloc

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump_file import read_as_restore
from ansible_collections.microbosh.director.plugins.module_utils._postgres import _postgres, _psql
from ansible_collections.microbosh.director.plugins.module_utils._postgres._psql_feed import (
    MEMORY,
    MESSAGES,
    Fed,
    in_one_encoding,
    require_restricting,
)
from ansible_collections.microbosh.director.plugins.module_utils._postgres._scratch_postgres import matching_binaries
from ansible_collections.microbosh.director.plugins.module_utils._restore import _database_load
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore import DatabaseServer
from crafted_dumps import HEAD, TAIL
from postgres_databases import Postgres
from postgres_rig import run_command, running_server

# Half of a character begins with the last byte of these. They are whole in UTF-8, so the server takes them.
HALVES = {"SJIS": "\u0095", "BIG5": "\u00a5", "GBK": "\u0095", "UHC": "\u0095", "GB18030": "\u0095", "JOHAB": "\u0095"}
CODE = """CREATE FUNCTION public.f(integer) RETURNS integer
    LANGUAGE plpgsql
    AS $_$ BEGIN {} RETURN 1; END $_$;
ALTER FUNCTION public.f(integer) OWNER TO app;
CREATE TABLE public.t (
    a integer,
    CONSTRAINT c CHECK ((public.f(a) > 0))
);
ALTER TABLE public.t OWNER TO app;
COPY public.t (a) FROM stdin;
1
\\.
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_server("/var/tmp") as scratch:
        postgres = Postgres(scratch, tmp_path_factory.mktemp("packages"))
        postgres.sql("postgres", "CREATE ROLE app")
        yield postgres


def crafted(tmp_path, body):
    path = tmp_path / "bosh.sql"
    path.write_text(HEAD + body + TAIL, encoding="utf-8")
    return path


@pytest.mark.parametrize("encoding", HALVES)
def test_psql_follows_no_encoding_that_code_of_a_dump_sets(postgres, tmp_path, monkeypatch, encoding):
    """A psql of before August 2025, which has nothing but the way in which it reads."""
    monkeypatch.setattr(_psql, "restricting", lambda dummy: b"")
    body = CODE.format(f"PERFORM set_config('client_encoding', '{encoding}', false);")
    body += f"COMMENT ON TABLE public.t IS '{HALVES[encoding]}';\n"
    body += f"COMMENT ON COLUMN public.t.a IS '\n\\! touch {tmp_path}/ran\n';\n"
    postgres.restore(crafted(tmp_path, body), target="bosh")
    assert not (tmp_path / "ran").exists()
    comments = "SELECT obj_description('public.t'::regclass) || col_description('public.t'::regclass, 1)"
    assert postgres.sql("bosh", comments) == f"{HALVES[encoding]}\n\\! touch {tmp_path}/ran".strip()


AS_A_TEXT = "COMMENT ON COLUMN public.t.a IS '\n\\! touch {}/ran\n';\n"
READ_OTHERWISE = {
    "what a zero byte hides from psql": "COMMENT ON TABLE public.t IS 'x\0';\n" + AS_A_TEXT,
    "a body that ends within parentheses": "CREATE FUNCTION public.g() RETURNS integer\n    LANGUAGE sql\n"
    "    BEGIN ATOMIC SELECT ( END );\nCOPY public.t (a) FROM stdin;\n\\! touch {}/ran\n\\.\n",
    "a name that could begin a text": "CREATE TABLE public.u (\n    a text DEFAULT 1a$b$ ' $b$ ; \n"
    "\\! touch {}/ran\n'::text,\n    b text DEFAULT $b$ ' $b$\n);\n",
}


@pytest.mark.parametrize("what", READ_OTHERWISE)
def test_psql_takes_nothing_of_a_dump_for_its_own_command(postgres, tmp_path, monkeypatch, what):
    """A psql of before August 2025, on a director."""
    monkeypatch.setattr(_psql, "restricting", lambda dummy: b"")
    body = "CREATE TABLE public.t (\n    a text\n);\nALTER TABLE public.t OWNER TO app;\n"
    with pytest.raises(DirectorError, match="is not restored: "):
        postgres.restore(crafted(tmp_path, body + READ_OTHERWISE[what].format(tmp_path)), target="bosh")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("row", ["1\r", "1\0", "\\.\r"])
def test_a_dump_that_is_exchanged_after_it_was_looked_at_is_held_to_the_same(tmp_path, row):
    body = "CREATE TABLE public.t (\n    a text\n);\nCOPY public.t (a) FROM stdin;\n{}\n\\.\n"
    path = crafted(tmp_path, body.format(1))
    source = read_as_restore(str(path))
    crafted(tmp_path, body.format(f"{row}\n\\! touch {tmp_path}/ran"))
    with pytest.raises(DirectorError, match="pg_dump does not write"):
        b"".join(source.pieces({}, set(), {}))


def test_a_text_has_the_encoding_of_the_dump_after_code_has_set_another(postgres, tmp_path):
    body = CODE.format("PERFORM set_config('client_encoding', 'LATIN1', false);")
    body += "CREATE TABLE public.u (\n    b text\n);\nCOPY public.u (b) FROM stdin;\ngrün\n\\.\n"
    postgres.restore(crafted(tmp_path, body), target="bosh")
    assert postgres.sql("bosh", "SELECT convert_to(b, 'UTF8') FROM public.u") == "\\x6772c3bc6e"


def test_the_encoding_is_said_before_whatever_is_not_ascii():
    rows = [b"COPY t FROM stdin;\n", b"SET client_encoding = 'SJIS';\n", b"\xc3\xbc\n", b"\\.\n"]
    sent = [b"SET client_encoding = 'UTF8';\n", b"SELECT 1;\n", *rows, b"SELECT 2;\n", b"SELECT '\xc3\xbc';\n"]
    said = b"SET client_encoding = 'UTF8';\n"
    assert list(in_one_encoding(sent)) == [said, b"SELECT 1;\n", said, *rows, b"SELECT 2;\n", said, sent[-1]]


def test_of_an_encoding_that_nobody_said_the_bytes_stay_as_they_are():
    sent = b"SELECT '\xfc';\n"
    assert list(in_one_encoding([sent])) == [b"SET client_encoding = 'SQL_ASCII';\n", sent]


def test_messages_without_end_fill_neither_disk_nor_memory(postgres, tmp_path):
    flood = "FOR i IN 1..60 LOOP RAISE NOTICE '%', repeat('x', 1000000); END LOOP; RAISE EXCEPTION 'the cause';"
    dump = crafted(tmp_path, CODE.format(flood))
    tracemalloc.start()
    try:
        with pytest.raises(DirectorError, match="the cause") as raised:
            postgres.restore(dump, target="bosh")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(str(raised.value)) < 10_000
    assert peak < 10_000_000


def said_by(script):
    with Fed(["/bin/sh", "-c", script], dict(os.environ)) as process:
        process.feed([])
    return process.said


def test_of_messages_the_first_and_the_last_are_kept():
    flood = "head -c 3000000 /dev/zero | tr '\\0' x | fold -w 100 >&2"
    said = said_by(f"echo ERROR: first >&2; {flood}; echo >&2; echo last >&2")
    assert (said[0], said[-1]) == ("ERROR: first", "last")
    assert sum(map(len, said)) < 2 * MESSAGES


def test_what_is_not_too_much_is_kept_whole():
    assert said_by("cat >&2") == ["BEGIN;", "COMMIT;"]
    lines = [f"line {number}" for number in range(5000)]
    assert said_by("i=0; while [ $i -lt 5000 ]; do echo line $i; i=$((i+1)); done >&2") == lines


def test_a_message_takes_no_more_memory_than_there_is_for_it():
    assert said_by("ulimit -v >&2") == [str(MEMORY // 1024)]


def package(directory, version):
    """Make a package like a distribution's, whose psql says that it is of a version."""
    (directory / "bin").mkdir(parents=True)
    for name in ("initdb", "postgres", "psql", "pg_dump", "pg_dumpall"):
        program = directory / "bin" / name
        program.write_text(f"#!/bin/sh\necho 'pg_dump (PostgreSQL) {version}'\n")
        program.chmod(0o755)
    return directory


def test_a_rehearsal_takes_a_psql_that_can_be_kept_from_running_programs(tmp_path):
    places = [str(package(tmp_path / "14", "14.18"))]
    with pytest.raises(DirectorError, match=r"The psql 14\.18 of this controller can be made to run programs"):
        matching_binaries(None, places, run_command)
    places.append(str(package(tmp_path / "15", "15.14")))
    assert str(matching_binaries(None, places, run_command).version) == "15.14"


def test_a_load_elsewhere_runs_no_older_psql_on_the_controller(postgres, tmp_path, monkeypatch):
    old = package(tmp_path / "15", "15.13")
    (old / "bin" / "psql").unlink()
    (old / "bin" / "psql").symlink_to(postgres.scratch.binaries.command("psql"))
    (old / "lib").symlink_to(os.path.join(postgres.scratch.binaries.package, "lib"))
    monkeypatch.setattr(_postgres, "PLACES", [str(old)])
    server = DatabaseServer.find(postgres.scratch.endpoint, "", run_command)
    monkeypatch.setattr(_database_load, "server_of", lambda *dummy: server)
    params = dict.fromkeys(("checksum", "properties_checksum", "database", "roles"))
    params.update(src=str(crafted(tmp_path, "")), packages="", target="bosh", rewrite={})
    with pytest.raises(DirectorError, match=r"The psql 15\.13 of this controller"):
        _database_load.look(params, False, run_command)
    # On a director it is what there is, and it runs as nobody who may do more.
    assert _database_load.look({**params, "packages": "/var/vcap/packages"}, False, run_command)["changed"] is False


def test_who_is_told_what_to_do():
    with pytest.raises(DirectorError, match=r"Update its package postgresql-client to 13\.22, 14\.19"):
        require_restricting(None)
