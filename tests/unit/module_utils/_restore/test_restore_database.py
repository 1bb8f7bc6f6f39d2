# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases are loaded into a real server: whole, under any name, and without harm to the one that is there."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from pathlib import Path

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump import segments
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump_file import (
    DumpFile,
    dumped_from,
)
from ansible_collections.microbosh.director.plugins.module_utils._dump._superuser_statements import Guard
from ansible_collections.microbosh.director.plugins.module_utils._postgres._database_check import DatabaseCheck
from ansible_collections.microbosh.director.plugins.module_utils._postgres._psql import identifier
from ansible_collections.microbosh.director.plugins.module_utils._postgres._psql_feed import restricting
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore import (
    DatabaseServer,
    examine,
    restore_database,
)
from crafted_dumps import HEAD, RUN, TAIL, VEHICLES, attempt
from places import DUMPS, UNIT
from postgres_databases import ROLES, SMALL, Postgres, altered
from postgres_rig import run_command, running_server

EVERYTHING = UNIT / "fixtures" / "schemas" / "everything.sql"


def without_chance(dump):
    """A dump without the key that each has of its own, and with rows in order that have none."""
    lines = [line for line in dump.splitlines() if not line.startswith(("\\restrict ", "\\unrestrict "))]
    # Which partition of an enumeration a row is in depends on numbers that the server gave to its words.
    moods = re.compile(r"(?:sad|it's; ok|happy\\\\n)\t\d+\Z")
    return [line for line in lines if not moods.match(line)], sorted(line for line in lines if moods.match(line))


@pytest.fixture(scope="module")
def everything(server):
    """A database with an object of every kind, and its dump."""
    for role in ROLES:
        server.sql("postgres", f"CREATE ROLE {identifier(role)}")
    server.sql("postgres", "CREATE DATABASE everything IS_TEMPLATE true")
    server.run_file("everything", EVERYTHING)
    return server.dump("everything")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_server("/var/tmp") as scratch:
        yield Postgres(scratch, tmp_path_factory.mktemp("packages"))


def parts(dump):
    """The rows and comments of a dump: what every release of pg_dump writes alike."""
    return re.findall(r"^(?:COPY .*?^\\\.$|COMMENT .*?;$)", dump, re.DOTALL | re.MULTILINE)


def test_psql_runs_nothing_that_hides_in_a_text(postgres, tmp_path):
    # One text for a server with standard_conforming_strings, and the end of another one for psql before a newline.
    hidden = f"COMMENT ON SCHEMA public IS E'a'\n'\\'' \\! touch {tmp_path}/run\n --';\n"
    dump = altered(tmp_path, ("CREATE TABLE public.notes", hidden + "CREATE TABLE public.notes"))
    with pytest.raises(DirectorError, match="syntax error"):
        postgres.restore(dump, target="bosh")
    assert not (tmp_path / "run").exists()


def test_psql_takes_no_command_even_if_one_got_there(postgres, tmp_path):
    postgres.sql("postgres", "CREATE DATABASE bosh")
    with pytest.raises(DirectorError, match="backslash commands are restricted"):
        postgres.server().load("bosh", [f"SELECT 1 \\! touch {tmp_path}/run\n;\n".encode()])
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("version", ["15.14", "13.22", "18.0", "19"])
def test_psql_of_these_versions_can_be_restricted(version):
    assert restricting(dumped_from(version)).startswith(b"\\restrict ")


@pytest.mark.parametrize("version", ["15.13", "12.22", "9.4.26", "9.0.3", "17"])
def test_psql_of_those_cannot(version):
    assert restricting(dumped_from(version)) == b""


@pytest.mark.parametrize("name", ["director", "small"])
def test_a_database_is_loaded_and_dumps_as_before(postgres, name):
    path = DUMPS / f"{name}.sql"
    result = postgres.restore(path, target="bosh")
    assert parts(postgres.dump("bosh")) == parts(path.read_text(encoding="utf-8"))
    assert result["target"] == "bosh"
    assert (result["changed"], result["replaced"], result["missing_roles"]) == (True, False, {})
    assert result["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_database_with_every_kind_of_object_is_loaded_and_dumps_as_before(postgres, everything, tmp_path):
    path = tmp_path / "everything.sql"
    path.write_text(everything, encoding="utf-8")
    with pytest.raises(DirectorError, match="is not loaded: it needs a superuser: CREATE FUNCTION"):
        postgres.restore(path, target="loaded")
    result = postgres.restore(path, target="loaded", as_superuser=True)
    assert (result["missing_roles"], result["warnings"]) == ({}, [])
    assert without_chance(postgres.dump("loaded")) == without_chance(everything)
    rows = {"parents": 2, "children": 3, "grandchildren": 1, "moods": 30, "no_columns": 2}
    assert rows == {name: result["rows"][f"public.{name}"] for name in rows}
    # What is replaced holds a subscription, which keeps PostgreSQL from dropping it.
    again = postgres.restore(path, target="loaded", replace=True, as_superuser=True)
    assert (again["replaced"], again["warnings"]) == (True, [])
    assert postgres.databases() == {"postgres", "loaded"}


# What of schemas/everything.sql only a superuser may make, or keep, as code that belongs to one.
OF_SUPERUSERS = (
    "SUBSCRIPTION \"sub; odd\"", "EVENT TRIGGER odd_event", "TRANSFORM FOR pair LANGUAGE sql", "TYPE base CASCADE",
    "TYPE shell",
    "OPERATOR CLASS odd_class USING btree", "OPERATOR FAMILY odd_family USING btree",
    "ACCESS METHOD btree_of_ours CASCADE",
    "ACCESS METHOD heap_of_ours CASCADE", "FOREIGN DATA WRAPPER odd_wrapper CASCADE", "PUBLICATION of_schema",
    "TEXT SEARCH PARSER odd_parser CASCADE", "TEXT SEARCH TEMPLATE odd_template CASCADE", "FUNCTION from_sql CASCADE",
    "AGGREGATE percentile(float8 ORDER BY anyelement) CASCADE",
)


@pytest.fixture
def ordinary(postgres, everything):
    """The dump of all the kinds of objects that somebody may have who is no superuser."""
    postgres.sql("postgres", "CREATE DATABASE ordinary TEMPLATE everything")
    subscription = 'ALTER SUBSCRIPTION "sub; odd" '
    there = postgres.sql("ordinary", "SELECT count(*) FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid "
                         "WHERE datname = current_database()") != "0"  # a copy of a database has none
    postgres.sql("ordinary", *([f"{subscription} SET (slot_name = NONE)"] if there else []),
                 *(f"DROP {what}" for what in OF_SUPERUSERS
                   if there or not what.startswith("SUBSCRIPTION")))  # fmt: skip
    return postgres.dump("ordinary").replace("OWNER TO microbosh_rehearsal;", "OWNER TO kept_owner;")


def test_all_that_is_no_superusers_is_loaded_by_a_role_that_is_none(postgres, ordinary, tmp_path):
    path = tmp_path / "ordinary.sql"
    path.write_text(ordinary, encoding="utf-8")
    result = postgres.restore(path, target="loaded")
    assert (result["missing_roles"], result["warnings"]) == ({}, [])
    postgres.restore(path, target="reference", as_superuser=True)
    loaded, reference = (
        without_chance(postgres.dump(name).replace("Owner: microbosh_rehearsal", "Owner: kept_owner"))
        for name in ("loaded", "reference")
    )
    assert loaded == reference
    assert postgres.sql("postgres", "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'microbosh_load%'") == "0"


def test_rows_of_tables_with_children_are_compared_one_by_one(postgres, everything, tmp_path):
    path = tmp_path / "everything.sql"
    path.write_text(everything, encoding="utf-8")
    rows = postgres.restore(path, target="loaded", as_superuser=True)["rows"]
    check = DatabaseCheck(postgres.scratch.endpoint, str(postgres.packages), run_command)
    assert check.compare({"loaded": rows})["total"] == sum(rows.values())
    postgres.sql("loaded", "DELETE FROM moods WHERE n = 30", "DELETE FROM children WHERE id = 3")
    with pytest.raises(DirectorError) as raised:
        check.compare({"loaded": rows})
    assert sorted(raised.value.facts["differences"]) == [
        "public.children in loaded has 2 rows instead of 3", "public.moods in loaded has 29 rows instead of 30",
    ]  # fmt: skip


def test_rows_that_an_extension_brings_are_not_counted(postgres):
    postgres.sql("postgres", "CREATE DATABASE extended")
    postgres.sql("extended", "CREATE TABLE brought (a int)", "INSERT INTO brought VALUES (1), (2), (3)",
                 "ALTER EXTENSION plpgsql ADD TABLE brought")  # fmt: skip
    check = DatabaseCheck(postgres.scratch.endpoint, str(postgres.packages), run_command)
    assert check.compare({"extended": {"public.brought": 1}})["differences"] == []
    with pytest.raises(DirectorError, match="has 3 rows instead of 4"):
        check.compare({"extended": {"public.brought": 4}})


@pytest.mark.parametrize("encoding", ["LATIN1", "LATIN9", "KOI8R", "EUC_JP", "WIN1251", "SQL_ASCII"])
def test_a_database_of_another_encoding_is_loaded_and_counted(postgres, tmp_path, encoding):
    name = {"LATIN1": "grün", "LATIN9": "€", "SQL_ASCII": "plain"}.get(encoding, "да")
    postgres.sql("postgres", f"CREATE DATABASE odd TEMPLATE template0 ENCODING '{encoding}'")
    create = f'SET client_encoding = UTF8; CREATE TABLE "{name}" (a text); INSERT INTO "{name}" VALUES (\'{name}\')'
    postgres.sql("odd", *create.split("; "))
    path = tmp_path / "odd.sql"
    postgres.dump("--file", str(path), "odd")
    result = postgres.restore(path, target="odd", replace=True)
    assert result["rows"] == {"public." + (name if name == "plain" else f'"{name}"'): 1}
    check = DatabaseCheck(postgres.scratch.endpoint, str(postgres.packages), run_command)
    assert check.compare({"odd": result["rows"]})["differences"] == []


def test_one_database_of_a_cluster_is_loaded_under_another_name_beside_the_live_one(postgres):
    postgres.sql("postgres", "CREATE DATABASE small")
    result = postgres.restore(DUMPS / "cluster.sql", database="small", target="small backup's \"x\"")
    assert result["rows"] == {"public.lines": 4, "public.notes": 3}
    assert postgres.databases() == {"postgres", "small", "small backup's \"x\""}
    assert postgres.sql("small", "SELECT count(*) FROM pg_class WHERE relname = 'lines'") == "0"


def test_a_cluster_needs_to_be_told_which_database(postgres):
    with pytest.raises(DirectorError, match="it holds the databases template1, postgres, small, and not bosh"):
        postgres.restore(DUMPS / "cluster.sql", database="bosh")
    with pytest.raises(DirectorError, match="which one to take was not said"):
        postgres.restore(DUMPS / "cluster.sql")


def test_a_dump_that_does_not_tell_its_name_needs_a_target(postgres):
    with pytest.raises(DirectorError, match="name the target"):
        postgres.restore(SMALL)


def test_an_existing_database_stays_unless_it_may_be_replaced(postgres):
    postgres.sql("postgres", "CREATE DATABASE bosh")
    postgres.sql("bosh", "CREATE TABLE precious (a int)")
    with pytest.raises(DirectorError, match="There is a database bosh already"):
        postgres.restore(SMALL, target="bosh")
    assert postgres.sql("bosh", "SELECT count(*) FROM precious") == "0"


def test_a_replaced_database_keeps_owner_and_encoding(postgres):
    postgres.sql("postgres", "CREATE DATABASE bosh OWNER vcap TEMPLATE template0 ENCODING 'LATIN1'")
    result = postgres.restore(SMALL, target="bosh", replace=True)
    assert result["replaced"]
    traits = "SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'bosh'"
    assert postgres.sql("postgres", traits) == "vcap|LATIN1"
    assert postgres.sql("bosh", "SELECT count(*) FROM notes") == "3"
    assert postgres.databases() == {"postgres", "bosh"}


def test_a_database_in_use_is_not_replaced_and_its_users_are_named(postgres):
    postgres.sql("postgres", "CREATE DATABASE bosh")
    argv = [postgres.scratch.binaries.command("psql"), "-XqAt", *postgres.scratch.endpoint.options, "-d", "bosh"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        other.stdin.write("SELECT pg_backend_pid();\n")
        other.stdin.flush()
        pid = other.stdout.readline().strip()
        with pytest.raises(DirectorError, match=rf"in use.*process {pid}, role microbosh_rehearsal, from the socket"):
            postgres.restore(SMALL, target="bosh", replace=True)
        other.stdin.close()


@pytest.mark.parametrize(
    "damage",
    [
        ("CREATE TABLE public.notes", "CREATE TABLE public.notes (a nosuchtype);\nCREATE TABLE public.notes"),
        ("COPY public.notes (id, note)", "COPY public.nosuch (id, note)"),
    ],
)
def test_a_load_that_fails_leaves_the_database_as_it_was_and_nothing_else(postgres, tmp_path, damage):
    postgres.sql("postgres", "CREATE DATABASE bosh")
    postgres.sql("bosh", "CREATE TABLE precious (a int)")
    with pytest.raises(DirectorError, match=r"could not be loaded: .*ERROR:.*nosuch.*The databases are as they were"):
        postgres.restore(altered(tmp_path, damage), target="bosh", replace=True)
    assert postgres.databases() == {"postgres", "bosh"}
    assert postgres.sql("bosh", "SELECT count(*) FROM precious") == "0"


def test_rows_that_did_not_all_arrive_are_an_error(postgres, tmp_path):
    forgetful = ("--\n-- Data for Name: notes", "CREATE RULE forget AS ON INSERT TO public.notes DO INSTEAD NOTHING;\n"
                 "CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$;\n"
                 "CREATE TRIGGER forget BEFORE INSERT ON public.notes FOR EACH ROW EXECUTE FUNCTION public.f();\n"
                 "--\n-- Data for Name: notes")  # fmt: skip
    with pytest.raises(DirectorError, match=r"was loaded, but public.notes has 0 rows instead of 3"):
        postgres.restore(altered(tmp_path, forgetful), target="bosh")
    assert postgres.databases() == {"postgres"}


def test_a_missing_role_is_told_and_its_objects_belong_to_who_restores(postgres, tmp_path):
    result = postgres.restore(altered(tmp_path, ("OWNER TO vcap", "OWNER TO gone")), target="bosh")
    assert result["missing_roles"] == {"gone": 2}
    assert any("The role gone" in warning for warning in result["warnings"])
    owner = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
    assert postgres.sql("bosh", owner) == "microbosh_rehearsal"


def test_ids_are_rewritten(postgres):
    old = "0c7ad1a1-1234-4c1f-a7e5-4a60a1f7a9d2"
    result = postgres.restore(DUMPS / "director.sql", target="bosh", rewrite={old: "new uuid\\"})
    assert result["rewritten"] == {"director_attributes.value": 1}
    assert result["mapping"] == {"director_uuid": {old: "new uuid\\"}}
    assert postgres.sql("bosh", "SELECT value FROM director_attributes WHERE name = 'uuid'") == "new uuid\\"


def test_an_id_that_is_not_there_is_an_error_before_anything_is_loaded(postgres):
    with pytest.raises(DirectorError, match="i-1 occurs in no column"):
        postgres.restore(DUMPS / "director.sql", target="bosh", rewrite={"i-1": "i-2"})
    assert postgres.databases() == {"postgres"}


def test_a_map_is_tried_without_a_server():
    old = "0c7ad1a1-1234-4c1f-a7e5-4a60a1f7a9d2"
    found = examine(DumpFile(str(DUMPS / "director.sql"), None, "bosh"), {old: "x"})
    assert found["mapping"] == {"director_uuid": {old: "x"}}
    with pytest.raises(DirectorError, match="i-1 occurs in no column"):
        examine(DumpFile(str(DUMPS / "director.sql"), None, "bosh"), {"i-1": "i-2"})


def test_check_mode_tells_and_loads_nothing(postgres):
    old = "0c7ad1a1-1234-4c1f-a7e5-4a60a1f7a9d2"
    result = postgres.restore(DUMPS / "director.sql", pretend=True, target="bosh", rewrite={old: "x"})
    assert result["rewritten"] == {"director_attributes.value": 1}
    assert postgres.databases() == {"postgres"}


def test_a_dump_that_its_checksum_does_not_vouch_for_is_refused(postgres):
    with pytest.raises(DirectorError, match=r"its SHA-256 is [0-9a-f]{64}, and 0{64} was expected"):
        postgres.restore(SMALL, target="bosh", checksum="0" * 64)


def test_a_dump_of_a_newer_server_is_refused(postgres, tmp_path):
    newer = altered(tmp_path, ("database version 15.18", "database version 99.1"))
    with pytest.raises(DirectorError, match=r"is of PostgreSQL 99\.1, and the server has"):
        postgres.restore(newer, target="bosh")


@pytest.mark.parametrize("name", ["template0", "template1"])
def test_databases_of_the_server_itself_are_not_replaced(postgres, name):
    with pytest.raises(DirectorError, match="belongs to the server"):
        postgres.restore(SMALL, target=name, replace=True)


def test_a_dump_that_changes_while_it_is_read_is_not_committed(postgres, tmp_path):
    path = altered(tmp_path)
    source = DumpFile(str(path), None, None)
    path.write_text(path.read_text().replace("lines (line)", "lines  (line)"))
    server = DatabaseServer.find(postgres.scratch.endpoint, str(postgres.packages), run_command)
    params = {"database": None, "target": "bosh", "replace": False, "rewrite": {}}
    with pytest.raises(DirectorError, match="changed while it was read"):
        restore_database(source, server, params)
    assert postgres.databases() == {"postgres"}


def test_what_a_killed_restore_left_is_cleared(postgres):
    mark = hashlib.sha256(b"bosh").hexdigest()[:16]
    postgres.sql("postgres", f"CREATE DATABASE microbosh_restore_{mark}", "CREATE DATABASE bosh",
                 f"CREATE DATABASE microbosh_replaced_{mark}")  # fmt: skip
    postgres.restore(SMALL, target="bosh", replace=True)
    assert postgres.databases() == {"postgres", "bosh"}


def test_nothing_is_left_of_a_server_of_our_own():
    with running_server("/var/tmp") as scratch:
        directory = scratch.directory
        process = int(Path(directory, "data", "postmaster.pid").read_text().splitlines()[0])
    assert not os.path.exists(directory)
    assert not os.path.exists(f"/proc/{process}")


class TestAsARoleOfItsOwn:
    """On a director the one who restores is a superuser: what the dump says is done by one who is none."""

    LEFT = "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'microbosh_load%'"

    @pytest.fixture(autouse=True)
    def roles(self, postgres):
        for role in ("app", "strong SUPERUSER"):
            postgres.sql("postgres", f"CREATE ROLE {role}")
        yield
        for name in postgres.databases() - {"postgres"}:
            postgres.drop(name)
        postgres.sql("postgres", "DROP ROLE app", "DROP ROLE strong")

    def dump(self, tmp_path, body):
        path = tmp_path / "crafted.sql"
        path.write_text(HEAD + body + TAIL, encoding="utf-8")
        return path

    @pytest.mark.parametrize("vehicle", VEHICLES)
    def test_no_code_of_a_dump_starts_a_program(self, postgres, tmp_path, vehicle):
        place = tmp_path / "place"
        place.mkdir(mode=0o777)
        code = attempt(RUN.replace("{host}", str(place)))
        with pytest.raises(DirectorError, match=r"STOPPED .*(pg_execute_server_program|permission denied to COPY)"):
            postgres.restore(self.dump(tmp_path, code + VEHICLES[vehicle]), target="bosh")
        assert list(place.iterdir()) == []
        assert postgres.databases() == {"postgres"}
        assert postgres.sql("postgres", self.LEFT) == "0"

    def test_owners_are_as_in_the_dump_and_the_role_is_gone(self, postgres, tmp_path):
        body = ("CREATE TABLE public.a (\n    a integer\n);\nALTER TABLE public.a OWNER TO app;\n"
                "CREATE TABLE public.b (\n    a integer\n);\nALTER TABLE public.b OWNER TO strong;\n"
                "CREATE TABLE public.c (\n    a integer\n);\nGRANT SELECT ON TABLE public.a TO vcap;\n")
        postgres.restore(self.dump(tmp_path, body), target="bosh")
        owners = postgres.sql("bosh", "SELECT string_agg(tablename || ' ' || tableowner, ', ' ORDER BY tablename) "
                              "FROM pg_tables "
                              "WHERE schemaname = 'public'")  # fmt: skip
        assert owners == "a app, b strong, c app"
        assert postgres.sql("bosh", "SELECT relacl FROM pg_class WHERE relname = 'a'") == "{app=arwdDxt/app,vcap=r/app}"
        owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'bosh'"
        assert postgres.sql("postgres", owner) == "app"
        assert postgres.sql("postgres", self.LEFT) == "0"

    @pytest.mark.parametrize("body", [
        "CREATE FUNCTION public.f() RETURNS integer\n    LANGUAGE sql SECURITY DEFINER\n    AS 'SELECT 1';\n"
        "ALTER FUNCTION public.f() OWNER TO strong;\n",
        "CREATE FUNCTION public.f() RETURNS integer\n    LANGUAGE sql\n    AS 'SELECT 1';\n",
    ])  # fmt: skip
    def test_code_that_would_belong_to_a_superuser_is_refused_and_can_be_allowed(self, postgres, tmp_path, body):
        path = self.dump(tmp_path, body)
        with pytest.raises(DirectorError, match="brings code that would belong to a superuser: CREATE FUNCTION"):
            postgres.restore(path, target="bosh", pretend=True)
        assert postgres.databases() == {"postgres"}
        postgres.restore(path, target="bosh", as_superuser=True)
        assert postgres.sql("bosh", "SELECT public.f()") == "1"

    @pytest.mark.parametrize("makes", [
        "CREATE ROLE gone;\nALTER ROLE gone WITH SUPERUSER INHERIT LOGIN;\n",
        "CREATE ROLE gone;\nGRANT strong TO gone;\n", "CREATE ROLE gone;\nGRANT pg_read_server_files TO gone;\n",
    ])  # fmt: skip
    def test_a_role_that_may_too_much_is_not_made(self, postgres, tmp_path, makes):
        roles = tmp_path / "globals.sql"
        roles.write_text("--\n-- PostgreSQL database cluster dump\n--\n\n" + makes
                         + "\n--\n-- PostgreSQL database cluster dump complete\n--\n\n")  # fmt: skip
        path = self.dump(tmp_path, "CREATE TABLE public.a (\n    a integer\n);\nALTER TABLE public.a OWNER TO gone;\n")
        with pytest.raises(DirectorError, match="needs a role that may more than own what it is given"):
            postgres.restore(path, target="bosh", roles=roles)
        assert postgres.sql("postgres", "SELECT count(*) FROM pg_roles WHERE rolname = 'gone'") == "0"

    def test_a_library_for_the_sessions_of_the_database_is_refused(self, postgres, tmp_path):
        path = self.dump(tmp_path, "CREATE TABLE public.a (\n    a integer\n);\n")
        path.with_suffix(".properties").write_text(
            "--\n-- PostgreSQL database properties\n--\n\nCREATE DATABASE \"bosh\" WITH TEMPLATE = template0;\n"
            "ALTER DATABASE \"bosh\" SET \"session_preload_libraries\" TO 'evil';\n")  # fmt: skip
        with pytest.raises(DirectorError, match="only a superuser may make: session_preload_libraries"):
            postgres.restore(path, target="bosh")

    def test_what_is_only_logged_or_counted_is_set_by_a_superuser(self, postgres, tmp_path):
        path = self.dump(tmp_path, "CREATE TABLE public.a (\n    a integer\n);\n")
        path.with_suffix(".properties").write_text(
            "--\n-- PostgreSQL database properties\n--\n\nCREATE DATABASE \"bosh\" WITH TEMPLATE = template0;\n"
            "ALTER DATABASE \"bosh\" SET \"log_min_duration_statement\" TO '1000';\n")  # fmt: skip
        postgres.restore(path, target="bosh")
        assert postgres.sql("bosh", "SHOW log_min_duration_statement") == "1s"

    def test_a_server_that_lets_the_role_in_nowhere_is_known_before(self, postgres, tmp_path):
        """As where pg_hba.conf names the roles that may come."""
        hba = Path(postgres.sql("postgres", "SHOW hba_file"))
        before = hba.read_text()
        path = self.dump(tmp_path, "CREATE TABLE public.a (\n    a integer\n);\n")
        user = postgres.scratch.endpoint.user
        hba.write_text(f"local all {user} trust\nhost all {user} all trust\n")
        postgres.sql("postgres", "SELECT pg_reload_conf()")
        try:
            with pytest.raises(DirectorError, match=r"could not be loaded: .*no pg_hba.conf entry"):
                postgres.restore(path, target="bosh", asked=True, way_in=True, pretend=True)
        finally:
            hba.write_text(before)
            postgres.sql("postgres", "SELECT pg_reload_conf()")
        postgres.restore(path, target="bosh", asked=True, way_in=True, pretend=True)
        assert (postgres.databases(), postgres.sql("postgres", self.LEFT)) == ({"postgres"}, "0")

    def test_what_a_killed_load_left_is_removed_by_the_next(self, postgres, tmp_path):
        mark = hashlib.sha256(b"other").hexdigest()[:16]
        postgres.sql("postgres", f"CREATE ROLE microbosh_load_{mark}",
                     f"CREATE DATABASE microbosh_restore_{mark} OWNER microbosh_load_{mark}")  # fmt: skip
        postgres.restore(SMALL, target="bosh")
        assert postgres.sql("postgres", self.LEFT) == "0"
        assert postgres.databases() == {"postgres", "bosh"}

    def test_extensions_are_there_before_and_where_they_were(self, postgres, tmp_path):
        body = ("CREATE SCHEMA crypto;\nCREATE EXTENSION IF NOT EXISTS pgcrypto WITH SCHEMA crypto;\n"
                "COMMENT ON EXTENSION pgcrypto IS 'kept';\nCREATE TABLE public.a (\n    a bytea DEFAULT "
                "crypto.gen_random_bytes(4),\n    b integer\n);\nCOPY public.a (b) FROM stdin;\n1\n\\.\n")
        postgres.restore(self.dump(tmp_path, body), target="bosh")
        assert postgres.sql("bosh", "SELECT length(a) FROM a") == "4"
        comment = "SELECT obj_description(oid, 'pg_extension') FROM pg_extension WHERE extname = 'pgcrypto'"
        assert postgres.sql("bosh", comment) == "kept"

    @pytest.mark.parametrize("how", ["standard_conforming_strings = off", "search_path = public",
                                     "client_encoding = 'LATIN1'"])
    def test_what_its_code_sets_holds_for_no_session_of_a_superuser(self, postgres, tmp_path, how):
        place = tmp_path / "place"
        place.mkdir(mode=0o777)
        body = (
            "CREATE FUNCTION public.pure(integer) RETURNS integer\n    LANGUAGE plpgsql\n"
            "    AS $_$ BEGIN EXECUTE format("
            f"$$ALTER DATABASE %I SET {how}$$, current_database()); RETURN 1; END $_$;\n"
            "ALTER FUNCTION public.pure(integer) OWNER TO app;\n"
            "CREATE TABLE public.t (\n    a integer,\n    CONSTRAINT c CHECK ((public.pure(a) > 0))\n);\n"
            "ALTER TABLE public.t OWNER TO app;\nCOPY public.t (a) FROM stdin;\n1\n\\.\n"
            "COMMENT ON EXTENSION plpgsql IS '\\';\n"
            f"COMMENT ON EXTENSION plpgsql IS '; COPY (SELECT 1) TO PROGRAM $$touch {place}/ran$$;"
            " ALTER ROLE app SUPERUSER; COMMENT ON EXTENSION plpgsql IS ';\n"
        )
        postgres.restore(self.dump(tmp_path, body), target="bosh")
        assert list(place.iterdir()) == []
        assert postgres.sql("postgres", "SELECT rolsuper FROM pg_roles WHERE rolname = 'app'") == "f"
        assert postgres.sql("postgres", "SELECT count(*) FROM pg_db_role_setting") == "0"
        said = "SELECT obj_description(oid, 'pg_extension') FROM pg_extension"
        assert postgres.sql("bosh", said).startswith("; COPY (SELECT 1)")

    def test_what_is_in_a_tablespace_stays_there(self, postgres, tmp_path):
        """As with an online backup of a server that has one: only its dump brings it back."""
        place = Path(postgres.scratch.directory, "data", "a place of its own")
        place.mkdir()
        os.chown(place, *(getattr(place.parent.stat(), name) for name in ("st_uid", "st_gid")))
        postgres.sql("postgres", f"CREATE TABLESPACE fast LOCATION '{place}'")
        body = ("SET default_tablespace = fast;\nCREATE TABLE public.a (\n    a integer\n);\n"
                "ALTER TABLE public.a OWNER TO app;\nSET default_tablespace = '';\n")  # fmt: skip
        try:
            postgres.restore(self.dump(tmp_path, body), target="bosh")
            assert postgres.sql("bosh", "SELECT tablespace FROM pg_tables WHERE tablename = 'a'") == "fast"
            assert postgres.sql("bosh", "SELECT spcacl FROM pg_tablespace WHERE spcname = 'fast'") in ("", self.NOBODY)
            with pytest.raises(DirectorError, match="permission denied for table pg_authid"):
                postgres.restore(self.dump(tmp_path, body + "COPY pg_catalog.pg_authid FROM stdin;\n\\.\n"), target="x")
            assert postgres.sql("postgres", self.LEFT) == "0"
        finally:
            postgres.drop("bosh")
            postgres.sql("postgres", "DROP TABLESPACE fast")

    NOBODY = "{microbosh_rehearsal=C/microbosh_rehearsal}"

    @pytest.mark.parametrize("statement", [
        "ALTER FUNCTION PG_CATALOG.lo_export(oid, text) OWNER TO app;", "ALTER SCHEMA PG_CATALOG OWNER TO app;",
        'ALTER FUNCTION "pg_catalog".lo_export(oid, text) OWNER TO app;', "ALTER SCHEMA Pg_Catalog OWNER TO app;",
        "ALTER TABLE Information_Schema.sql_features OWNER TO app;", "ALTER TABLE pg_toast.x OWNER TO app;",
        "SET search_path = PG_CATALOG, pg_catalog;\nALTER FUNCTION lo_export(oid, text) OWNER TO app;",
        "SET search_path = public, pg_catalog;\nSET search_path = Pg_Catalog;\n"
        "ALTER FUNCTION lo_export(oid, text) OWNER TO app;",
        "GRANT ALL ON LANGUAGE plpgsql , c TO app;",
        "ALTER DEFAULT PRIVILEGES FOR ROLE strong IN SCHEMA pg_catalog GRANT ALL ON FUNCTIONS TO app;",
    ])  # fmt: skip
    def test_nothing_of_the_systems_is_given_away(self, postgres, tmp_path, statement):
        table = "CREATE TABLE public.a (\n    a integer\n);\nALTER TABLE public.a OWNER TO app;\n"
        with pytest.raises(DirectorError, match=r"(must be owner|permission denied|not trusted|must be member|syntax)"):
            postgres.restore(self.dump(tmp_path, table + statement + "\n"), target="bosh")
        assert postgres.databases() == {"postgres"}

    @pytest.mark.parametrize("role", ["STRONG", "Strong", "CURRENT_USER", "session_user", "current_role", "USER"])
    def test_a_name_that_could_be_another_role_is_refused(self, postgres, tmp_path, role):
        code = ("CREATE FUNCTION public.f() RETURNS text\n    LANGUAGE sql SECURITY DEFINER\n"
                "    AS 'SELECT current_user::text';\n"
                f"ALTER FUNCTION public.f() OWNER TO {role};\nCREATE TABLE public.a (\n    a integer\n);\n"
                "ALTER TABLE public.a OWNER TO app;\n")  # fmt: skip
        with pytest.raises(DirectorError, match="pg_dump does not write into a database: ALTER FUNCTION"):
            postgres.restore(self.dump(tmp_path, code), target="bosh")
        rights = f"SET SESSION AUTHORIZATION {role};\nGRANT ALL ON FUNCTION pg_catalog.lo_export(oid, text) TO app;\n"
        with pytest.raises(DirectorError, match="pg_dump does not write into a database: SET SESSION"):
            postgres.restore(self.dump(tmp_path, rights), target="bosh")

    OF_STRONG = "CREATE TABLE public.t (\n    a integer\n);\nALTER TABLE public.t OWNER TO strong;\n"
    OF_APP = "CREATE TABLE public.u (\n    id integer NOT NULL\n);\nALTER TABLE public.u OWNER TO app;\n"
    WITH_A_CALL = "DEFAULT (lo_export  ('16400'::oid, '/var/tmp/attack'::text) - 1)"

    @pytest.mark.parametrize("body", [
        "CREATE RULE r AS\n    ON INSERT TO public.t DO  UPDATE pg_authid SET rolsuper = true;\n",
        "CREATE VIEW public.v AS\n SELECT pg_authid.rolname, pg_authid.rolsuper FROM pg_authid;\n"
        "ALTER TABLE public.v OWNER TO strong;\nGRANT ALL ON TABLE public.v TO PUBLIC;\n",
        "CREATE MATERIALIZED VIEW public.v AS\n SELECT 1 AS a\n  WITH NO DATA;\n",
        f"CREATE TABLE public.fk (\n    id integer {WITH_A_CALL}\n);\n",
        "CREATE TABLE public.fk (\n    id integer DEFAULT pg_catalog . \"lo_export\"(1, 'x')\n);\n",
        "ALTER TABLE ONLY public.t ALTER COLUMN a SET DEFAULT lo_import('/etc/passwd'::text);\n",
        "ALTER TABLE public.t\n    ADD CONSTRAINT c CHECK ((pg_advisory_lock(1) IS NULL)), OWNER TO app;\n",
        "CREATE INDEX i ON public.t USING btree (pg_backend_pid(), a);\n",
        "CREATE TABLE public.g (\n    a integer,\n    b integer GENERATED ALWAYS AS (hashtext('x'::text)) STORED\n);\n",
        "CREATE DOMAIN public.d AS integer DEFAULT txid_current();\n",
        "CREATE OPERATOR public.@@@ (\n    FUNCTION = int4pl,\n    LEFTARG = integer,\n    RIGHTARG = integer\n);\n",
        "CREATE POLICY p ON public.t USING ((a > 0));\n",
        "CREATE TRIGGER g BEFORE UPDATE ON public.t FOR EACH ROW "
        "EXECUTE FUNCTION suppress_redundant_updates_trigger();\n",
    ])  # fmt: skip
    def test_nothing_that_acts_by_itself_becomes_a_superusers(self, postgres, tmp_path, body):
        path = self.dump(tmp_path, self.OF_STRONG + self.OF_APP + body)
        with pytest.raises(DirectorError, match=r"would make a superuser the owner of what acts by itself: [CA]"):
            postgres.restore(path, target="bosh")
        assert postgres.databases() == {"postgres"}
        # Of one who is no superuser, it is loaded as far as he may do so himself.
        if "lo_import" not in body and "OWNER TO app;\n" not in body:
            path = self.dump(tmp_path, (self.OF_STRONG + self.OF_APP + body).replace("strong", "app"))
            assert postgres.restore(path, target="bosh", pretend=True)["warnings"] == []

    def test_what_a_superuser_keeps_on_a_director_is_loaded_without_a_permission(self, postgres, tmp_path):
        body = (
            "CREATE SEQUENCE public.s;\nALTER TABLE public.s OWNER TO strong;\n"
            "CREATE TYPE public.mood AS ENUM (\n    'a',\n    'b'\n);\nALTER TYPE public.mood OWNER TO strong;\n"
            "CREATE TABLE public.t (\n    id integer DEFAULT nextval('public.s'::regclass) NOT NULL,\n"
            "    name character varying(255) DEFAULT 'f(x)'::character varying,\n"
            "    n numeric(10,2) DEFAULT (5)::numeric(3,1),\n"
            "    at timestamp(3) without time zone DEFAULT timezone('utc'::text, now()) NOT NULL,\n"
            "    b integer GENERATED ALWAYS AS ((id * 2)) STORED,\n    uuid uuid DEFAULT gen_random_uuid(),\n"
            "    CONSTRAINT c CHECK (((name)::text = ANY ((ARRAY['f(x)'::character varying, "
            "'b'::character varying])::text[]))),\n"
            "    CONSTRAINT d CHECK (((id > 0) AND (char_length((name)::text) < 99)))\n);\n"
            "ALTER TABLE public.t OWNER TO strong;\n"
            "CREATE TABLE public.r (\n    id bigint NOT NULL,\n    t integer\n);\n"
            "ALTER TABLE public.r OWNER TO strong;\n"
            "ALTER TABLE public.r ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (\n"
            "    SEQUENCE NAME public.r_id_seq\n    START WITH 1\n);\n"
            "COPY public.t (id) FROM stdin;\n1\n\\.\n"
            "ALTER TABLE ONLY public.t\n    ADD CONSTRAINT t_pkey PRIMARY KEY (id);\n"
            "ALTER TABLE ONLY public.t\n    ADD CONSTRAINT t_key UNIQUE (name, at);\n"
            "CREATE UNIQUE INDEX i ON public.t USING btree (lower((name)::text), COALESCE(n, (0)::numeric))"
            " WHERE (id IS NOT NULL);\nALTER TABLE ONLY public.r\n"
            "    ADD CONSTRAINT f FOREIGN KEY (t) REFERENCES public.t(id) ON DELETE CASCADE;\n"
        )  # fmt: skip
        assert postgres.restore(self.dump(tmp_path, body), target="bosh")["rows"] == {"public.t": 1}
        assert postgres.sql("bosh", "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'") == "strong"

    @pytest.mark.parametrize(("statement", "why"), [
        ("ALTER ROLE \"strong\" IN DATABASE \"bosh\" SET \"search_path\" TO 'a';", "sessions of a superuser"),
        ("ALTER ROLE strong IN DATABASE bosh SET work_mem TO '1MB';", "sessions of a superuser"),
        ("ALTER DATABASE \"bosh\" SET \"search_path\" TO 'evil', 'pg_catalog';", "stand before PostgreSQL's own"),
        ("ALTER DATABASE bosh SET search_path TO evil, PG_CATALOG;", "stand before PostgreSQL's own"),
        ("ALTER ROLE app IN DATABASE bosh SET search_path TO 'x', E'pg\\\\137catalog';",
         "stand before PostgreSQL's own"),
        ("ALTER DATABASE bosh SET \"plperl.on_plperl_init\" TO 'x';", "only a superuser may make: plperl.on_plperl"),
    ])  # fmt: skip
    def test_nothing_is_set_for_the_sessions_of_superusers(self, postgres, tmp_path, statement, why):
        path = self.dump(tmp_path, self.OF_APP)
        path.with_suffix(".properties").write_text(
            "--\n-- PostgreSQL database properties\n--\n\nCREATE DATABASE \"bosh\" WITH TEMPLATE = template0;\n"
            f"{statement}\n")
        with pytest.raises(DirectorError, match=why):
            postgres.restore(path, target="bosh")
        postgres.restore(path, target="bosh", as_superuser=True)
        assert postgres.sql("postgres", "SELECT count(*) FROM pg_db_role_setting") == "1"

    def test_a_view_is_not_counted_by_a_superuser(self, postgres):
        postgres.sql("postgres", "CREATE DATABASE bosh")
        postgres.sql("bosh", "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''run''; END'",
                     "CREATE VIEW v AS SELECT f() AS a", "CREATE TABLE t (a int)",
                     "CREATE FUNCTION convert_to(text, text) RETURNS bytea LANGUAGE plpgsql "
                     "AS 'BEGIN RAISE EXCEPTION ''run''; END'")
        check = DatabaseCheck(postgres.scratch.endpoint, str(postgres.packages), run_command)
        with pytest.raises(DirectorError, match=r"public.v in bosh is no table, and had 1 rows"):
            check.compare({"bosh": {"public.v": 1, "public.t": 0}})


OLD = """SET search_path = public, pg_catalog;
CREATE PROCEDURAL LANGUAGE plpgsql;
ALTER PROCEDURAL LANGUAGE plpgsql OWNER TO vcap;
CREATE TABLE a (
    a integer
);
ALTER TABLE public.a OWNER TO app;
CREATE FUNCTION f() RETURNS integer
    LANGUAGE sql
    AS 'SELECT 1';
ALTER FUNCTION f() OWNER TO app;
ALTER FUNCTION pg_read_file(text) OWNER TO app;
"""


def test_a_name_of_an_old_dump_is_one_of_its_schema_and_none_of_the_systems():
    guard = Guard({})
    passed = [guard.passed(payload) for kind, payload in segments([OLD.encode()]) if kind == "statement"]
    assert [payload.split(b"\n")[0] for payload in passed if payload] == [
        b"SET search_path = public, pg_catalog;", b"CREATE TABLE a (", b"CREATE FUNCTION f() RETURNS integer",
    ]  # fmt: skip
    assert guard.postponed == [
        b'ALTER TABLE public.a OWNER TO "app";', b'ALTER FUNCTION public.f() OWNER TO "app";',
        b'ALTER FUNCTION public.pg_read_file(text) OWNER TO "app";',
    ]  # fmt: skip


@pytest.mark.parametrize("statement", [
    "ALTER TABLE public.t ADD CHECK (public.evil() > 0), OWNER TO app;", "ALTER FUNCTION pg_catalog.f() OWNER TO app;",
    'ALTER FUNCTION "pg_catalog".f() OWNER TO app;', "ALTER SCHEMA pg_catalog OWNER TO app;",
    "ALTER DOMAIN d SET DEFAULT f() OWNER TO app;",
    "ALTER LANGUAGE c OWNER TO app;", "ALTER TABLE public.t ALTER a TYPE text USING public.evil(), OWNER TO app;",
    "ALTER VIEW information_schema.tables OWNER TO app;", "GRANT ALL ON FUNCTION pg_catalog.pg_read_file(text) TO app;",
    "GRANT USAGE ON LANGUAGE c TO app;",
])  # fmt: skip
def test_a_superuser_says_nothing_of_the_systems_and_runs_nothing(statement):
    guard = Guard({})
    assert guard.passed(statement.encode()) == statement.encode()
    assert guard.postponed == []
