# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A database whose owner put functions where a superuser's questions would call them: none is called."""

from __future__ import annotations

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._postgres._database_check import DatabaseCheck
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres_info import (
    DIRECTOR_TABLES,
    PostgresInfo,
)
from ansible_collections.microbosh.director.plugins.module_utils._postgres._psql import Psql, count_rows
from ansible_collections.microbosh.director.plugins.module_utils._postgres._tasks import TasksUnknown, TaskTable
from postgres_rig import let_in, run_command, running_server

BOSH = "bosh"
# Each stands in the place of something of PostgreSQL's own, and counts its calls.
TRAPS = """
CREATE SCHEMA evil; CREATE SEQUENCE evil.calls;
CREATE FUNCTION evil.called(text) RETURNS text LANGUAGE plpgsql AS
  $$BEGIN PERFORM pg_catalog.nextval('evil.calls'); RETURN $1; END$$;
CREATE FUNCTION evil.convert_to(text, text) RETURNS bytea LANGUAGE sql AS 'SELECT evil.called($1)::bytea';
CREATE FUNCTION evil.encode(bytea, text) RETURNS text LANGUAGE sql AS 'SELECT evil.called(''00''::text)';
CREATE FUNCTION evil.has_database_privilege(oid, text) RETURNS bool LANGUAGE sql AS 'SELECT evil.called($2) = $2';
CREATE FUNCTION evil.current_setting(text) RETURNS text LANGUAGE sql AS 'SELECT evil.called(''150000''::text)';
CREATE FUNCTION evil.pg_get_userbyid(oid) RETURNS name LANGUAGE sql AS 'SELECT evil.called(''x''::text)::name';
CREATE FUNCTION evil.same(varchar, varchar) RETURNS bool LANGUAGE sql AS 'SELECT evil.called($1) IS NOT NULL';
CREATE OPERATOR evil.= (PROCEDURE = evil.same, LEFTARG = varchar, RIGHTARG = varchar);
CREATE FUNCTION evil.joined(text, text) RETURNS text LANGUAGE sql AS 'SELECT evil.called($1)';
CREATE OPERATOR evil.|| (PROCEDURE = evil.joined, LEFTARG = text, RIGHTARG = text);
CREATE VIEW public.pg_class AS SELECT evil.called(relname::text) AS relname FROM pg_catalog.pg_class;
"""
TABLES = """
CREATE TABLE director_attributes (name varchar(255), value varchar(255));
INSERT INTO director_attributes VALUES ('uuid', 'of the director');
CREATE TABLE deployments (name text); INSERT INTO deployments VALUES ('cf');
CREATE TABLE tasks (id int, state varchar(255), "timestamp" timestamp, description text, checkpoint_time timestamp);
INSERT INTO tasks VALUES (7, 'processing', now() AT TIME ZONE 'utc', 'deploy', now() AT TIME ZONE 'utc');
"""
VIEWS = """
CREATE VIEW director_attributes AS SELECT evil.called('uuid') AS name, evil.called('of a view') AS value;
CREATE VIEW deployments AS SELECT evil.called('of a view') AS name;
CREATE VIEW tasks AS SELECT 7 AS id, evil.called('processing') AS state, now() AS "timestamp", 'x'::text AS description;
"""
CASTS = """
CREATE TYPE evil.kind AS (word text);
CREATE FUNCTION evil.as_text(evil.kind) RETURNS text LANGUAGE sql AS 'SELECT evil.called(''cast'')';
CREATE CAST (evil.kind AS text) WITH FUNCTION evil.as_text(evil.kind) AS IMPLICIT;
CREATE TABLE director_attributes (name varchar(255), value evil.kind);
INSERT INTO director_attributes VALUES ('uuid', ROW('x'));
CREATE TABLE deployments (name evil.kind); INSERT INTO deployments VALUES (ROW('x'));
CREATE TABLE tasks (id int, state evil.kind, "timestamp" timestamp, description text);
"""


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    directory = tmp_path_factory.mktemp("hostile")
    let_in(directory)
    with running_server(directory) as server:
        yield server


@pytest.fixture
def database(scratch, request):
    psql = Psql(scratch.binaries, scratch.endpoint, run_command)
    rest = [name for name in DIRECTOR_TABLES if name not in ("director_attributes", "deployments", "tasks")]
    psql.ask("postgres", f"DROP DATABASE IF EXISTS {BOSH}")
    psql.ask("postgres", f"CREATE DATABASE {BOSH}")
    made = [TRAPS, request.param, *[f"CREATE TABLE {name} (id int);" for name in rest]]
    psql.load(BOSH, [piece.encode() for piece in made])
    psql.ask("postgres", f"ALTER DATABASE {BOSH} SET search_path = evil, public, pg_catalog")
    return psql


def calls(psql):
    return psql.ask(BOSH, "SELECT is_called::pg_catalog.int4 FROM evil.calls")


@pytest.mark.parametrize("database", [TABLES, VIEWS, CASTS], ids=["tables", "views", "casts"], indirect=True)
def test_no_question_calls_what_a_database_brings(scratch, database, request):
    """As what is asked by vcap, who may start programs."""
    where = (scratch.endpoint, "", run_command)
    checked = DatabaseCheck(*where, director=BOSH)
    told = checked.facts()
    PostgresInfo(*where, BOSH).facts()
    try:
        running = TaskTable(scratch.endpoint, BOSH, "", run_command).look().running
    except TasksUnknown:
        running = None
    count_rows(database, BOSH, {"public.deployments": 1})
    assert calls(database) == [["0"]]
    if request.node.callspec.id == "tables":
        assert (told["uuid"], told["deployments"]) == ("of the director", ["cf"])
        assert [task.id for task in running] == [7]
    else:
        assert (told["uuid"], told["deployments"], running) == (None, [], None)


def test_a_timeout_of_the_database_or_the_role_ends_no_question(scratch):
    """It is set for services; what counts every row of a large table takes its time."""
    psql = Psql(scratch.binaries, scratch.endpoint, run_command)
    psql.ask("postgres", f"DROP DATABASE IF EXISTS {BOSH}")
    psql.ask("postgres", f"CREATE DATABASE {BOSH}")
    psql.ask("postgres", f"ALTER DATABASE {BOSH} SET statement_timeout = '20ms'")
    user = scratch.endpoint.user
    psql.ask("postgres", f"ALTER ROLE {user} SET statement_timeout = '20ms'")
    psql.load(BOSH, [b"CREATE TABLE events AS SELECT 1 AS id FROM pg_sleep(0.1);"])
    try:
        assert psql.ask(BOSH, "SELECT 1 FROM pg_sleep(0.1)") == [["1"]]
        assert count_rows(psql, BOSH, {"public.events": 1}) == {"public.events": 1}
    finally:
        psql.ask("postgres", f"ALTER ROLE {user} RESET statement_timeout")
