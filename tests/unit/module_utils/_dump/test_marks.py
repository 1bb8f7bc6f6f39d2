# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Marks of a database, of a real server."""

from __future__ import annotations

import contextlib
import json
import subprocess
from types import SimpleNamespace

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._dump import _marks
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump_directory import DumpDirectory, DumpJob
from ansible_collections.microbosh.director.plugins.module_utils._dump._marks import Marks, Settled, quiet, snapshot
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres import PostgresError, Version
from ansible_collections.microbosh.director.plugins.module_utils._postgres._psql import Psql
from ansible_collections.microbosh.director.plugins.plugin_utils._run._gate import admitted
from postgres_databases import Postgres
from postgres_rig import run_command, running_server

TABLES = (
    "CREATE TABLE kept (id serial PRIMARY KEY, name text)",
    'CREATE TABLE "Odd |""name" (a integer)',
    "CREATE SCHEMA other CREATE TABLE kept (a integer)",
    "INSERT INTO kept (name) SELECT 'row ' || n FROM generate_series(1, 20) n",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_server("/var/tmp") as scratch:
        yield Postgres(scratch, tmp_path_factory.mktemp("packages"))


@pytest.fixture
def database(server):
    """A database of its own, and what to ask of it."""
    server.sql("postgres", "CREATE DATABASE marked")
    server.sql("marked", *TABLES)
    psql = Psql(server.scratch.binaries.at(server.scratch.endpoint), server.scratch.endpoint, run_command)
    marks = Marks(psql, server.scratch.binaries.version)
    yield SimpleNamespace(
        psql=psql,
        sql=lambda *commands: server.sql("marked", *commands),
        mark=lambda: {key: value for key, value in marks.of("marked").items() if key != "transactions"},
        marks=marks,
        version=server.scratch.binaries.version,
        server=server,
    )
    server.drop("marked")


@contextlib.contextmanager
def session(server):
    """A connection that stays, as a service's: a function that runs a command in it and waits until it is done."""
    argv = [server.scratch.binaries.command("psql"), "-XqAt", *server.scratch.endpoint.options, "-d", "marked"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:

        def run(command):
            process.stdin.write(f"{command};\n\\echo done\n")
            while process.stdout.readline() not in ("done\n", ""):
                continue

        yield run
        process.stdin.close()


def test_a_mark_names_all_tables_and_sequences(database):
    mark = database.mark()
    assert {*mark["tables"]} == {"public.kept", 'public."Odd |""name"', "other.kept"}
    assert mark["tables"]["public.kept"]["versions"].split()[1] == "20"
    assert mark["sequences"] == {"public.kept_id_seq": "20,t"}
    assert (mark["counts"], mark["problem"]) == (True, None)


def test_where_nothing_is_done_the_mark_stays(database):
    first = database.mark()
    for command in ("SELECT count(*) FROM kept", "ANALYZE", "VACUUM FREEZE", "CREATE TEMPORARY TABLE own (a int)"):
        database.sql(command)
    assert database.mark() == first


@pytest.mark.parametrize(
    ("commands", "part"),
    [
        (["UPDATE kept SET name = 'x' WHERE id = 1", "UPDATE kept SET name = 'row 1' WHERE id = 1"], "tables"),
        (["DELETE FROM kept WHERE id = 1", "INSERT INTO kept VALUES (1, 'row 1')"], "tables"),
        (["INSERT INTO kept VALUES (99, 'x')", "DELETE FROM kept WHERE id = 99"], "tables"),
        (['INSERT INTO "Odd |""name" VALUES (1)', 'TRUNCATE "Odd |""name"'], "tables"),
        (["DROP TABLE other.kept", "CREATE TABLE other.kept (a integer)"], "tables"),
        (["SELECT nextval('kept_id_seq')"], "sequences"),
        (["ALTER TABLE kept ADD b integer", "ALTER TABLE kept DROP b"], "catalog"),
        (["GRANT SELECT ON kept TO vcap", "REVOKE SELECT ON kept FROM vcap"], "catalog"),
        (["CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "ALTER FUNCTION f() STRICT"], "catalog"),
    ],
)
def test_what_is_changed_and_taken_back_leaves_a_trace(database, commands, part):
    first = database.mark()
    for command in commands:
        database.sql(command)
    assert database.mark()[part] != first[part]


def test_a_mark_that_cannot_be_had_says_why(database):
    database.sql("CREATE ROLE stranger LOGIN")
    try:
        endpoint = database.server.scratch.endpoint._replace(user="stranger")
        mark = Marks(Psql(database.server.scratch.binaries.at(endpoint), endpoint, run_command), database.version).of(
            "marked"
        )
        assert "permission denied" in mark["problem"]
        assert (mark["tables"], mark["transactions"]) == ({}, None)
    finally:
        database.sql("DROP ROLE stranger")


def test_many_tables_are_asked_in_parts(database, monkeypatch):
    first = database.mark()
    monkeypatch.setattr(_marks, "AT_ONCE", 2)
    assert database.mark() == first


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("10:10:", "10:10:", True),
        ("10:10:", "10:11:", False),
        ("10:12:10", "10:12:10", False),  # that one goes on, and what it did may have been committed since
        ("", "", False),
        (None, None, False),
    ],
)
def test_a_server_is_quiet_if_nothing_was_begun_and_nothing_was_under_way(before, after, expected):
    assert quiet(before, after) is expected


def test_nobody_waits_for_a_server_that_wrote_nothing(database):
    settled = Settled(database.psql, database.version, sleep=lambda dummy: pytest.fail("it waited"))
    assert settled.wait(["marked"], snapshot(database.psql, "marked")) is False


def test_what_a_session_did_is_counted_when_the_wait_is_over(database):
    """Its first counts are sent at once, the next ones only when it has been idle for a while."""
    if database.version.major < Settled.COUNTS_WHEN_IDLE:
        pytest.skip("an older server counts when the session does something again")
    with session(database.server) as run:
        run("SELECT count(*) FROM kept")
        before, since = database.mark(), snapshot(database.psql, "marked")
        run("INSERT INTO other.kept VALUES (1)")
        run("DELETE FROM other.kept")
        assert Settled(database.psql, database.version).wait(["marked"], since) is True
        assert database.mark()["tables"]["other.kept"] != before["tables"]["other.kept"]


class Asked:
    """A psql that answers as a server would whose snapshot moved and whose sessions never rest."""

    def ask(self, database, query, seconds=0):
        return [["3"]] if "pg_stat_activity" in query else [["10:12:"]]


@pytest.mark.parametrize(("version", "seconds"), [((15, 2), 11.0), ((14, 9), 1.5), ((9, 0, 3), 1.5)])
def test_the_wait_has_an_end(version, seconds):
    clock = [100.0]

    def sleep(pace):
        clock[0] += pace

    assert Settled(Asked(), Version(version), lambda: clock[0], sleep).wait(["bosh"], "10:10:") is True
    assert clock[0] == 100.0 + seconds


def test_a_row_that_an_old_server_freezes_counts_as_moved():
    queries = []

    class Old:
        def ask(self, database, query, seconds=0):
            queries.append(query)
            if "relkind IN" in query:
                return [["16385", "f", "public", "kept"]]
            return [["all", "1", "2", "3", "10:10:", "on", ""], ["16385", "1", "2", "3", "4", "5", "6"]]

    assert Marks(Old(), Version((9, 3, 1))).of("bosh")["tables"] == {
        "public.kept": {"versions": "16385 1 2 3", "counted": "4 5 6"}
    }
    assert "relfrozenxid" in queries[-1]
    Marks(Old(), Version((9, 4, 1))).of("bosh")
    assert "relfrozenxid" not in queries[-1]


def test_dumps_with_content_stand_between_marks(database, tmp_path):
    def dump(since=""):
        directory = DumpDirectory(str(tmp_path / "dbs"))
        server = database.server
        job = DumpJob(directory, server.scratch.endpoint, str(server.packages), ["marked"], True, True, since)
        return job.dump(run_command)

    first = dump()
    second = dump(first["transactions"])
    assert admitted("pg_dump_bosh", {"stdout": json.dumps(first), "rc": 0}) == first
    before, after = (result["dumps"][0]["content"] for result in (first, second))
    assert {key: before[key] for key in ("schema", "tables", "sequences")} == {
        key: after[key] for key in ("schema", "tables", "sequences")
    }
    assert before["tables"]["public.kept"]["rows"] == first["dumps"][0]["rows"]["public.kept"] == 20
    assert before["marks"]["before"] == after["marks"]["after"]
    assert before["began"] < before["ended"] <= after["began"] < after["ended"]
    assert (before["settled"], after["settled"]) == (False, True)
    assert first["globals"]["content"]["schema"] == second["globals"]["content"]["schema"]
    database.sql("CREATE ROLE newcomer")
    try:
        third = dump()
        assert third["globals"]["content"]["schema"] != second["globals"]["content"]["schema"]
    finally:
        database.sql("DROP ROLE newcomer")


def test_dumps_whose_sessions_cannot_be_waited_for_are_not_settled(database, tmp_path, monkeypatch):
    def refuse(*dummies):
        raise PostgresError("no")

    monkeypatch.setattr(Settled, "wait", refuse)
    server, directory = database.server, DumpDirectory(str(tmp_path / "dbs"))
    job = DumpJob(directory, server.scratch.endpoint, str(server.packages), ["marked"], False, True, "1:1:")
    assert job.dump(run_command)["dumps"][0]["content"]["settled"] is False
