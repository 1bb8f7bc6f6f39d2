# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A dump does what it says, and a rehearsal executes it: so what it can do is nothing, whoever wrote it."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import threading
from pathlib import Path

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump_file import RolesFile
from ansible_collections.microbosh.director.plugins.module_utils._postgres import _containment as containment
from ansible_collections.microbosh.director.plugins.module_utils._postgres._scratch_limits import Limits
from ansible_collections.microbosh.director.plugins.module_utils._postgres._scratch_postgres import (
    ScratchServer,
    unprivileged,
)
from ansible_collections.microbosh.director.plugins.module_utils._restore import _rehearsal as rehearsal
from crafted_dumps import COUNTED, ROWS, RUN, TABLE, VEHICLES, attempt, make_backup, outcome
from postgres_rig import newest_binaries, run_command

LIBC = str(next(iter([*Path("/lib").glob("*/libc.so.6"), *Path("/lib64").glob("libc.so.6")])))
SECRET = "what only this host knows"


@pytest.fixture(scope="module")
def host():
    """A place that everybody may read, as the account of the server is not ours where we are root."""
    path = Path(tempfile.mkdtemp(prefix="crafted-", dir="/var/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def place(host, name):
    """A place of its own for one dump, with a file in it that nobody is to read."""
    path = host / name
    path.mkdir(exist_ok=True)
    path.chmod(0o777)
    (path / "secret").write_text(SECRET)
    (path / "secret").chmod(0o644)
    return path


def untouched(place):
    return [path.name for path in place.iterdir()] == ["secret"]


def rehearse(backup, parent="/var/tmp", **options):
    newest_binaries()
    return rehearsal.rehearse_backup(backup, str(parent), "", run_command, **options)


NO_PROGRAM = (
    "STOPPED must be superuser or have privileges of the pg_execute_server_program|STOPPED permission denied to COPY"
)
FORBIDDEN = {
    "COPY FROM PROGRAM": "CREATE TEMP TABLE x (a text); EXECUTE 'COPY x FROM PROGRAM ''touch {host}/ran''';",
    "COPY TO a file": "EXECUTE 'COPY (SELECT 1) TO ''{host}/written''';",
    "COPY FROM a file": "CREATE TEMP TABLE x (a text); EXECUTE 'COPY x FROM ''{host}/secret'''; "
    "SELECT a INTO said FROM x;",
    "pg_read_file": "said := pg_read_file('{host}/secret');",
    "pg_read_binary_file": "said := pg_read_binary_file('{host}/secret');",
    "pg_ls_dir": "SELECT string_agg(f, ',') INTO said FROM pg_ls_dir('{host}') f;",
    "pg_stat_file": "said := pg_stat_file('{host}/secret');",
    "pg_read_file under another name": "EXECUTE 'CREATE FUNCTION public.read(text) RETURNS text LANGUAGE internal AS "
                                       "''pg_read_file_all'''; "
    "EXECUTE 'SELECT public.read(''{host}/secret'')' INTO said;",
    "lo_import": "said := lo_import('{host}/secret');",
    "lo_export": "said := lo_from_bytea(0, 'x'); PERFORM lo_export(said::oid, '{host}/written');",
    "LOAD": "LOAD '{host}/secret';",
    "a library for sessions": "EXECUTE format('ALTER DATABASE %I SET session_preload_libraries = evil', "
    "current_database());",
    "a function in C": "EXECUTE 'CREATE FUNCTION public.c(cstring) RETURNS int LANGUAGE c AS ''{libc}'', ''system''';",
    "plpython3u": "EXECUTE 'CREATE EXTENSION plpython3u';",
    "plperlu": "EXECUTE 'CREATE EXTENSION plperlu';",
    "file_fdw": "EXECUTE 'CREATE EXTENSION file_fdw SCHEMA public';",
    "postgres_fdw": "EXECUTE 'CREATE EXTENSION postgres_fdw SCHEMA public';",
    "dblink": "EXECUTE 'CREATE EXTENSION dblink SCHEMA public';",
    "adminpack": "EXECUTE 'CREATE EXTENSION adminpack SCHEMA pg_catalog';",
    "an event trigger": "EXECUTE 'CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION public.event()';",
    "a foreign data wrapper": "EXECUTE 'CREATE FOREIGN DATA WRAPPER w';",
    "a subscription": "EXECUTE 'CREATE SUBSCRIPTION s CONNECTION ''host=127.0.0.1'' PUBLICATION p "
    "WITH (connect = false)';",
    "ALTER SYSTEM": "EXECUTE 'ALTER SYSTEM SET archive_command = ''touch {host}/ran''';",
    "SET ROLE": "SET ROLE microbosh_rehearsal; EXECUTE 'COPY (SELECT 1) TO PROGRAM ''touch {host}/ran''';",
    "set_config of the role": "PERFORM set_config('role', 'microbosh_rehearsal', false);",
    "RESET ROLE": "RESET ROLE; EXECUTE 'COPY (SELECT 1) TO PROGRAM ''touch {host}/ran''';",
    "SET SESSION AUTHORIZATION": "SET SESSION AUTHORIZATION microbosh_rehearsal;",
    "the role of the dump that was a superuser": "SET ROLE vcap;",
    "a superuser": "EXECUTE 'CREATE ROLE s SUPERUSER';",
    "to become a superuser": "EXECUTE format('ALTER ROLE %I SUPERUSER', session_user);",
    "to become one who may start programs": "EXECUTE format('GRANT pg_execute_server_program TO %I', session_user);",
    "the passwords": "SELECT string_agg(rolname || rolpassword, ',') INTO said FROM pg_authid;",
    "a function of the system's": "EXECUTE 'ALTER FUNCTION pg_catalog.pg_read_file(text) OWNER TO app';",
    "the catalog": "UPDATE pg_proc SET prosecdef = true WHERE proname = 'pg_read_file';",
    "the owner's database": "EXECUTE 'CREATE TABLE pg_catalog.x (a int)';",
    "the log": "PERFORM pg_rotate_logfile();",
    "the settings": "PERFORM pg_reload_conf();",
}  # fmt: skip


ROLES_REFUSED = {
    "of everybody": "ALTER ROLE ALL SET session_preload_libraries TO '/tmp/evil';\n",
    "of our own role": "ALTER ROLE microbosh_rehearsal WITH NOSUPERUSER EVIL;\n",
    "a statement of another kind": "COPY (SELECT 1) TO PROGRAM 'true';\n",
    "of a name that is another one's": "CREATE ROLE \"VCAP\";\nGRANT VCAP TO app;\n",
    "of whoever runs it": "CREATE ROLE \"CURRENT_USER\";\nALTER ROLE CURRENT_USER WITH LOGIN PASSWORD 'evil';\n",
    "of everybody in small letters": "CREATE ROLE \"all\";\nALTER ROLE all SET search_path TO 'evil';\n",
    "of the session's": "GRANT app TO session_user;\n",
    "given by another": "GRANT app TO vcap GRANTED BY CURRENT_ROLE;\n",
    "a new one without quotes": "CREATE ROLE Evil;\n",
    "a setting in capitals": "ALTER ROLE app SET SESSION_PRELOAD_LIBRARIES TO '/tmp/evil';\n",
    "a setting with other blanks": "ALTER ROLE app SET session_preload_libraries='/tmp/evil';\n",
    "a role with other blanks": "ALTER  ROLE app SET search_path TO 'evil';\n",
    "a note of whoever runs it": "COMMENT ON ROLE current_user IS 'x';\n",
    "a parameter for whoever runs it": "GRANT SET ON PARAMETER work_mem TO current_user;\n",
    "a call": "SELECT pg_catalog.set_config('search_path', pg_read_file('/etc/passwd'), false);\n",
}


@pytest.mark.parametrize("what", ROLES_REFUSED)
def test_a_roles_file_says_roles_and_nothing_else(tmp_path, what):
    path = Path(make_backup(tmp_path, {}, ROLES_REFUSED[what]), "dbs", "globals.sql")
    with pytest.raises(DirectorError, match="it holds a statement that pg_dumpall does not write"):
        RolesFile(str(path)).said()
    with pytest.raises(DirectorError, match=r"it holds a statement that pg_dump(all)? does not write"):
        RolesFile(str(path)).require_loadable()


REFUSED = {
    "event trigger": "CREATE EVENT TRIGGER e ON ddl_command_start\n   EXECUTE FUNCTION public.evil();\n",
    "foreign data wrapper": "CREATE FOREIGN DATA WRAPPER w;\n",
    "file_fdw": "CREATE EXTENSION IF NOT EXISTS file_fdw WITH SCHEMA public;\n",
    "postgres_fdw": "CREATE EXTENSION IF NOT EXISTS postgres_fdw WITH SCHEMA public;\n",
    "dblink": "CREATE EXTENSION IF NOT EXISTS dblink WITH SCHEMA public;\n",
    "plperl (CVE-2024-10979)": "CREATE EXTENSION IF NOT EXISTS plperl WITH SCHEMA pg_catalog;\n",
    "plpython3u": "CREATE EXTENSION IF NOT EXISTS plpython3u WITH SCHEMA pg_catalog;\n",
    "extension with odd options": "CREATE EXTENSION pgcrypto WITH SCHEMA public VERSION '1.0' CASCADE;\n",
    "language": "CREATE TRUSTED PROCEDURAL LANGUAGE plevil HANDLER public.h;\n",
    "function in C": "CREATE FUNCTION public.c(text) RETURNS integer\n    LANGUAGE c\n    AS 'libc.so.6', 'system';\n",
    "function of the server's": "CREATE FUNCTION public.r(text) RETURNS text\n    LANGUAGE internal\n"
    "    AS 'pg_read_file_all';\n",
    "subscription": "CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p "
    "WITH (connect = false, slot_name = 's');\n",
    "base type": "CREATE TYPE public.b (\n    INPUT = public.i,\n    OUTPUT = public.o\n);\n",
    "access method": "CREATE ACCESS METHOD h TYPE TABLE HANDLER heap_tableam_handler;\n",
}


PATTERNS = {
    # An extension's script finds what the dump put in its way (CVE-2022-2625), or runs in a schema of an evil name
    # (CVE-2023-39417): it is made first, in an empty database.
    "CVE-2022-2625": (
        "CREATE FUNCTION public.armor(bytea) RETURNS text\n    LANGUAGE plpgsql\n    AS $_$ BEGIN END $_$;\n"
        "ALTER FUNCTION public.armor(bytea) OWNER TO app;\n"
        "CREATE EXTENSION IF NOT EXISTS pgcrypto WITH SCHEMA public;\n",
        "already exists",
    ),
    "CVE-2023-39417": (
        'CREATE SCHEMA "a$b""\'";\nCREATE EXTENSION IF NOT EXISTS pgcrypto WITH SCHEMA "a$b""\'";\n' + TABLE + ROWS,
        "loaded",
    ),
    # An owner of code is said when all of it is loaded, and nothing is executed after that.
    "CVE-2022-1552": (
        attempt(RUN).replace("app", "vcap")
        + TABLE
        + ROWS
        + "CREATE INDEX i ON public.t USING btree (public.pure(a));\n",
        NO_PROGRAM,
    ),
    "CVE-2024-0985": (
        attempt(RUN).replace("app", "vcap") + VEHICLES["materialized view"] + "ALTER TABLE public.m OWNER TO vcap;\n",
        NO_PROGRAM,
    ),
    "CVE-2024-7348": (attempt(RUN).replace("app", "vcap") + COUNTED, "public.t is no table"),
    # Of what the server's own functions are called, in the session that counts (CVE-2018-1058).
    "CVE-2018-1058": (
        attempt(RUN)
        + TABLE
        + ROWS
        + "CREATE FUNCTION public.convert_to(text, text) RETURNS bytea\n    LANGUAGE plpgsql\n"
        "    AS $_$ BEGIN PERFORM public.evil(); RETURN 'x'; END $_$;\n",
        NO_PROGRAM + "|loaded",
    ),
    "CVE-2025-8714": ("\\! touch {host}/ran\n" + TABLE + ROWS, "command for psql"),
    "CVE-2025-8715": (
        'CREATE TABLE public."a\n\\! touch {host}/ran\n" (\n    a integer\n);\n-- Name: a\n\\! touch {host}/ran\n',
        "command for psql",
    ),
    "a row that ends its table": (
        TABLE + "COPY public.t (a) FROM stdin;\n1\n\\.\n\\! touch {host}/ran\n",
        "command for psql",
    ),
    "more than an owner": (
        attempt(RUN)
        + TABLE
        + ROWS
        + "ALTER TABLE public.t ADD CONSTRAINT c CHECK ((public.evil() > 0)), OWNER TO app;\n",
        "STOPPED|ERROR",
    ),
    "an owner of the system's": (
        TABLE + ROWS + "ALTER FUNCTION pg_catalog.pg_read_file(text) OWNER TO app;\n",
        "must be owner",
    ),
    "a right on the system's": (
        TABLE + ROWS + "GRANT ALL ON FUNCTION pg_catalog.pg_read_file(text) TO app;\n",
        "needs a superuser: GRANT ALL ON FUNCTION",
    ),
    "code in the name of another role": (
        attempt("NULL;") + "SET SESSION AUTHORIZATION vcap;\n" + VEHICLES["check"],
        "REACHED|in the name of another role",
    ),
    "a library of the database's": (
        attempt("EXECUTE format('ALTER DATABASE %I SET local_preload_libraries = evil', current_database());")
        + VEHICLES["check"],
        "REACHED|STOPPED",
    ),
}


EVENT = (
    "CREATE FUNCTION public.event() RETURNS event_trigger\n    LANGUAGE plpgsql\n    AS 'BEGIN END';\n"
    + "ALTER FUNCTION public.event() OWNER TO app;\n"
)
PREPARED = (
    "CREATE ROLE prepared;\nALTER ROLE prepared WITH SUPERUSER;\nGRANT pg_execute_server_program TO prepared;\n"
    "GRANT vcap TO prepared;\nALTER ROLE prepared SET session_preload_libraries TO '/tmp/evil';\n"
)
CRAFTED = {
    **{f"by {name}": (attempt(RUN) + body, NO_PROGRAM) for name, body in VEHICLES.items()},
    **{f"of {name}": (EVENT + attempt(sql) + VEHICLES["check"], "STOPPED") for name, sql in FORBIDDEN.items()},
    **{f"needs {name}": (TABLE + ROWS + statement, f"it needs a superuser: {statement.splitlines()[0][:60].strip()}")
       for name, statement in REFUSED.items()},
    **PATTERNS,
    "a prepared role": (attempt("SET ROLE prepared;") + VEHICLES["check"], "STOPPED permission denied to set role"),
}  # fmt: skip
NAMES = {what: f"d{number}" for number, what in enumerate(CRAFTED)}


def _placed(body, where):
    return body.replace("{host}", str(where)).replace("{libc}", LIBC)


@pytest.fixture(scope="module")
def crafted(tmp_path_factory, host):
    """All of them, in one backup."""
    bodies = {NAMES[what]: _placed(CRAFTED[what][0], place(host, NAMES[what])) for what in CRAFTED}
    return rehearse(make_backup(tmp_path_factory.mktemp("crafted"), bodies, PREPARED))


@pytest.mark.parametrize("what", CRAFTED)
def test_a_crafted_dump_gets_nothing(crafted, host, what):
    found = outcome(crafted, NAMES[what])
    assert any(word in found for word in CRAFTED[what][1].split("|")), found
    assert untouched(host / NAMES[what])
    assert SECRET not in found


def test_a_good_one_beside_them_is_loaded(crafted):
    loaded = [item["database"] for item in crafted["databases"] if item["loaded"]]
    assert NAMES["CVE-2023-39417"] in loaded
    assert not crafted["good"]


class TestLimits:
    def test_an_endless_loop_is_ended(self, tmp_path):
        body = attempt("LOOP NULL; END LOOP;") + VEHICLES["check"]
        result = rehearse(make_backup(tmp_path, {"bosh": body}), seconds=3)
        assert "it took more than 3 seconds" in outcome(result)
        assert result["seconds"] < 30

    def test_so_is_one_who_sleeps_and_catches_what_would_end_him(self, tmp_path):
        body = attempt(
            "LOOP BEGIN PERFORM pg_sleep(9999); EXCEPTION WHEN OTHERS OR QUERY_CANCELED THEN NULL; END; END LOOP;"
        )
        result = rehearse(make_backup(tmp_path, {"bosh": body + VEHICLES["check"]}), seconds=3)
        assert "it took more than 3 seconds" in outcome(result)

    def test_memory_has_an_end(self, tmp_path):
        body = attempt("said := repeat('x', 900000000); said := (said || 'y') || (said || 'z'); said := 'it had 4 GB';")
        result = rehearse(make_backup(tmp_path, {"bosh": body + VEHICLES["check"]}))
        assert "out of memory" in outcome(result)

    def test_the_disk_is_not_filled(self, tmp_path, monkeypatch):
        monkeypatch.setattr(rehearsal, "ROOM_OF_A_CLUSTER", 150 << 20)
        body = attempt("CREATE TABLE public.bomb AS SELECT repeat('x', 999) FROM generate_series(1, 1000000000);")
        result = rehearse(make_backup(tmp_path, {"bosh": body + VEHICLES["check"]}), seconds=300)
        assert "it wrote more than" in outcome(result)

    def test_nor_by_what_is_sorted(self, tmp_path, monkeypatch):
        monkeypatch.setattr(rehearsal, "ROOM_OF_A_CLUSTER", 150 << 20)
        body = attempt(
            "PERFORM count(*) FROM (SELECT i, repeat('x', 99) FROM generate_series(1, 1000000000) i ORDER BY -i) s;"
        )
        result = rehearse(make_backup(tmp_path, {"bosh": body + VEHICLES["check"]}), seconds=300)
        assert "it wrote more than" in outcome(result)


MEANS = {
    "root's namespaces": (containment.ROOT,),
    "namespaces and the filter": (containment.USER, containment.FILTER),
    "users' namespaces": (containment.USER,),
    "Landlock and the filter": (containment.LANDLOCK, containment.FILTER),
    "everything": containment.MEANS,
}


def contained(allowed):
    """The containment that these means make, or a skip where this host has not got them."""
    package, account = newest_binaries().package, unprivileged("")
    if containment.ROOT in allowed and os.geteuid() != 0 and len(allowed) == 1:
        pytest.skip("only root makes namespaces without one of users")
    return containment.find_containment(package, "/var/tmp", account, allowed)


class TestContainment:
    """The containment holds where the role does not: for a superuser, in a contained server."""

    @pytest.fixture(scope="class", params=MEANS)
    def ask(self, request):
        binaries = newest_binaries()
        held = contained(MEANS[request.param])
        with ScratchServer(binaries, "/var/tmp", unprivileged(""), held, Limits(300, 1 << 30, 1 << 20)) as scratch:
            command = [binaries.command("psql"), "-XqAt", *scratch.endpoint.options, "-d", "postgres"]
            yield lambda *queries: run_command([*command, *[part for query in queries for part in ("-c", query)]])

    def test_a_superuser_starts_no_program_and_sees_no_file(self, ask, host):
        host = place(host, "files")
        for query in (
            f"COPY (SELECT 1) TO PROGRAM 'touch {host}/ran'",
            f"COPY (SELECT 1) TO '{host}/written'",
            f"SELECT pg_read_file('{host}/secret')",
            f"SELECT pg_ls_dir('{host}')",
            "SELECT pg_read_file('/etc/passwd')",
            f"SELECT lo_export(lo_from_bytea(0, 'x'), '{host}/written')",
            "SELECT pg_read_file('/proc/1/environ')",
            f"LOAD '{host}/secret'",
        ):
            code, out, error = ask(query)
            assert (code, out) == (1, ""), query
            assert SECRET not in error
        assert untouched(host)

    def test_native_code_starts_no_program(self, ask, host):
        host = place(host, "native")
        create = "CREATE FUNCTION run(cstring) RETURNS int LANGUAGE c STRICT AS '%s', 'system'"
        ask(create % LIBC, f"SELECT run('touch {host}/ran')")
        assert untouched(host)

    def test_a_superuser_reaches_no_socket(self, ask, host):
        accepted, host = [], Path(tempfile.mkdtemp(dir=host))
        host.chmod(0o777)
        listener, local = socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX)
        local.bind(f"{host}/.s.PGSQL.5432")
        (host / ".s.PGSQL.5432").chmod(0o777)
        local.listen()
        for each in (listener, local):
            threading.Thread(target=lambda each=each: accepted.append(each.accept()), daemon=True).start()
        port = listener.getsockname()[1]
        extension = "CREATE EXTENSION IF NOT EXISTS dblink"
        for where in (f"host=127.0.0.1 port={port} user=x", f"host={host} user=x"):
            code, dummy, error = ask(extension, f"SELECT dblink_connect('{where} connect_timeout=3')")
            assert code == 1, error
        assert accepted == []

    def test_the_server_works(self, ask):
        assert ask("CREATE EXTENSION pgcrypto", "CREATE TABLE t AS SELECT generate_series(1, 100000) a",
                   "CREATE INDEX ON t (a)",
                   "SELECT count(*), length(gen_random_bytes(4)) FROM t")[1] == "100000|4\n"  # fmt: skip


def test_without_any_means_it_is_refused_and_says_why():
    with pytest.raises(
        DirectorError, match=r"cannot be contained on this controller, so it is not loaded.*5.13 or newer"
    ):
        containment.find_containment(newest_binaries().package, "/var/tmp", unprivileged(""), (containment.LANDLOCK,))


def test_a_containment_that_does_not_hold_is_not_believed(monkeypatch):
    monkeypatch.setattr(containment.seccomp, "install", lambda libc, secret: None)
    with pytest.raises(DirectorError, match=r"it could (start a program|reach a network)"):
        containment.find_containment(
            newest_binaries().package, "/var/tmp", unprivileged(""), (containment.LANDLOCK, containment.FILTER)
        )


def test_what_the_operator_allows_is_loaded_and_contained(tmp_path, host):
    host = place(host, "allowed")
    body = attempt(RUN.replace("{host}", str(host))) + VEHICLES["check"]
    result = rehearse(make_backup(tmp_path, {"bosh": body}), as_superuser=True)
    assert outcome(result).startswith("STOPPED could not execute command")
    assert untouched(host)


def test_nothing_of_it_is_there_afterwards(tmp_path, host):
    parent = host / "afterwards"  # nobody else's: other tests rehearse at the same time
    parent.mkdir()
    result = rehearse(make_backup(tmp_path, {"bosh": TABLE + ROWS}), parent)
    assert result["good"], result
    assert result["contained_by"]
    assert list(parent.iterdir()) == []
