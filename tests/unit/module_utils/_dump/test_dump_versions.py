# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dumps of every pg_dump from 9.4 to 18 are read, and load where the server is not older.

The dumps everything-*.sql.gz are of schemas/everything.sql, written by the pg_dump of that version. The others are
small ones with what their versions write differently.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump_file import (
    DumpFileError,
    RolesFile,
    read_as_restore,
)
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump_reading import read_dumps
from ansible_collections.microbosh.director.plugins.module_utils._postgres._psql import identifier
from ansible_collections.microbosh.director.plugins.module_utils._restore._rehearsal import rehearse_backup
from places import DUMPS
from postgres_databases import ROLES, Postgres
from postgres_rig import run_command, running_server

HEAD = """--
-- PostgreSQL database dump
--
{restrict}
-- Dumped from database version {version}
-- Dumped by pg_dump version {version}

SET statement_timeout = 0;
SET lock_timeout = 0;
{settings}SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
{search_path}
SET check_function_bodies = false;
{later}SET client_min_messages = warning;
{security}
"""
OLD_PATH = "SET search_path = public, pg_catalog;"
EMPTY_PATH = "SELECT pg_catalog.set_config('search_path', '', false);"
TABLE = """
SET default_tablespace = '';

{with_oids}

CREATE TABLE {public}kept (
    a integer,
    b text
);


ALTER TABLE {public}kept OWNER TO vcap;

COPY {public}kept (a, b) FROM stdin;
1	\\\\.
2	\\N
\\.


--
-- Data for Name: BLOBS; Type: BLOBS; Schema: -; Owner: -
--

SELECT pg_catalog.lo_create('4711');


ALTER LARGE OBJECT 4711 OWNER TO vcap;

BEGIN;

SELECT pg_catalog.lo_open('4711', 131072);
SELECT pg_catalog.lowrite(0, '\\x5c00');
SELECT pg_catalog.lo_close(0);

COMMIT;

{acl}

--
-- PostgreSQL database dump complete
--

{unrestrict}"""
OLD_ACL = """REVOKE ALL ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM vcap;
GRANT ALL ON SCHEMA public TO vcap;
GRANT ALL ON SCHEMA public TO PUBLIC;
"""
NEW_ACL = "GRANT ALL ON SCHEMA public TO vcap;\n"
LANGUAGE = """
--
-- Name: bosh; Type: COMMENT; Schema: -; Owner: vcap
--

COMMENT ON DATABASE bosh IS 'the director''s; own';


CREATE EXTENSION IF NOT EXISTS plpgsql WITH SCHEMA pg_catalog;


COMMENT ON EXTENSION plpgsql IS 'PL/pgSQL procedural language';


SET search_path = public, pg_catalog;
"""


def crafted(version):
    """Return the dump that the pg_dump of a version writes for one table and one large object."""
    major = float(version) if version.startswith("9") else int(version)
    old = major < 11
    security = ("SET row_security = off;" if major > 9.4 else "") + (LANGUAGE if old else "")
    table_access = "SET default_table_access_method = heap;" if major >= 12 else "SET default_with_oids = true;"
    since = {"idle_in_transaction_session_timeout": 9.6, "transaction_timeout": 17}
    key = "Zm9vYmFy" if major >= 13 else ""  # in the minor releases since August 2025
    head = HEAD.format(
        version=f"{version}.2" if major >= 10 else f"{version}.26",
        restrict=f"\n\\restrict {key}\n" if key else "",
        settings="".join(f"SET {name} = 0;\n" for name, first in since.items() if major >= first),
        search_path="" if old else EMPTY_PATH,
        later="SET xmloption = content;\n" if major >= 9.6 else "",
        security=security,
    )
    return head + TABLE.format(
        public="" if old else "public.",
        with_oids=table_access,
        acl=OLD_ACL if old else NEW_ACL,
        unrestrict=f"\\unrestrict {key}\n\n" if key else "",
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_server("/var/tmp") as scratch:
        postgres = Postgres(scratch, tmp_path_factory.mktemp("packages"))
        for role in ROLES:
            postgres.sql("postgres", f"CREATE ROLE {identifier(role)}")
        yield postgres


@pytest.mark.parametrize("version", ["9.4", "9.5", "9.6", "10", "11", "12", "13", "14", "15"])
def test_a_dump_of_an_older_version_loads(postgres, tmp_path, version):
    path = tmp_path / "bosh.sql"
    path.write_text(crafted(version), encoding="utf-8")
    result = postgres.restore(path, target="bosh")
    assert (result["rows"], result["missing_roles"]) == ({"public.kept": 2}, {})
    assert postgres.sql("bosh", "SELECT string_agg(b, '') FROM kept") == "\\."
    assert postgres.sql("bosh", "SELECT encode(lo_get(4711), 'hex')") == "5c00"
    of_bosh = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'bosh'"
    comment = postgres.sql("postgres", of_bosh)
    old = version.startswith(("9", "10"))
    assert comment == ("the director's; own" if old else "")
    told = ["Left out: the hidden columns oid, which PostgreSQL has no more (1 times)."]
    assert result["warnings"] == (told if old or version == "11" else [])


@pytest.mark.parametrize("version", ["16", "17", "18"])
def test_a_dump_of_a_newer_version_is_read_and_its_setting_is_left_out(tmp_path, version):
    path = tmp_path / "bosh.sql"
    path.write_text(crafted(version), encoding="utf-8")
    assert read_as_restore(str(path)).contents.rows == {"public.kept": 2}


@pytest.mark.parametrize("version", ["14", "16", "17", "18"])
def test_a_dump_of_every_kind_of_object_is_read(tmp_path, version):
    path = tmp_path / "everything.sql"
    path.write_bytes(gzip.decompress((DUMPS / f"everything-{version}.sql.gz").read_bytes()))
    contents = read_as_restore(str(path)).contents
    assert (contents.large_objects, contents.rows["public.moods"], contents.rows["public.children"]) == (2, 30, 3)


def test_a_dump_of_every_kind_of_object_loads_into_a_newer_version(postgres, tmp_path):
    path = tmp_path / "everything.sql"
    path.write_bytes(gzip.decompress((DUMPS / "everything-14.sql.gz").read_bytes()))
    result = postgres.restore(path, target="loaded", as_superuser=True)
    assert (result["missing_roles"], result["warnings"]) == ({}, [])


GLOBALS = """--
-- PostgreSQL database cluster dump
--

SET default_transaction_read_only = off;

SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;

--
-- Roles
--

CREATE ROLE postgres;
ALTER ROLE postgres WITH SUPERUSER INHERIT CREATEROLE CREATEDB LOGIN REPLICATION BYPASSRLS;
CREATE ROLE "odd ""role""; x";
ALTER ROLE "odd ""role""; x" WITH NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB LOGIN PASSWORD 'SCRAM-SHA-256$4096:a$b:c';
COMMENT ON ROLE "odd ""role""; x" IS 'a;\\';

ALTER ROLE "odd ""role""; x" SET search_path TO 'a', 'b;';
ALTER ROLE "odd ""role""; x" IN DATABASE bosh SET work_mem TO '1MB';

GRANT pg_read_all_data TO "odd ""role""; x" WITH INHERIT TRUE GRANTED BY postgres;
GRANT "odd ""role""; x" TO postgres WITH ADMIN OPTION, INHERIT TRUE GRANTED BY postgres;
GRANT SET ON PARAMETER work_mem TO "odd ""role""; x";

CREATE TABLESPACE fast OWNER postgres LOCATION '/mnt/fast';
GRANT ALL ON TABLESPACE fast TO "odd ""role""; x";

--
-- PostgreSQL database cluster dump complete
--

"""


def test_roles_load_whoever_granted_them(postgres, tmp_path):
    path = tmp_path / "globals.sql"
    text = GLOBALS
    if postgres.scratch.binaries.version.major < (16,):
        text = text.replace(" WITH INHERIT TRUE", "").replace("ADMIN OPTION, INHERIT TRUE", "ADMIN OPTION")
    path.write_text(text, encoding="utf-8")
    roles = RolesFile(str(path))
    assert roles.made == {"postgres", 'odd "role"; x'}
    roles.require_loadable()
    psql = postgres.server()
    psql.make_roles(roles.pieces())
    assert roles.made <= psql.roles()


def written(tmp_path, **texts):
    """Dumps as pg_dump_bosh describes them, and their copies."""
    found = []
    for name, text in texts.items():
        path = tmp_path / f"{name}.sql"
        path.write_text(text, encoding="utf-8")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        found.append({"database": name, "path": f"/staging/{name}.sql", "size": path.stat().st_size, "sha256": digest})
    return found


def test_copies_are_read_as_a_restore_would(tmp_path):
    roles = dict(written(tmp_path, globals=GLOBALS)[0])
    dumps = written(tmp_path, bosh=crafted("15"), uaa=crafted("15").replace("1\t", "1\\!\t"))
    result = read_dumps(str(tmp_path), dumps, roles)
    assert result["problems"] == []
    assert [(dump["database"], dump["rows"], dump["roles"]) for dump in result["dumps"]] == [
        ("bosh", 2, ["vcap"]), ("uaa", 2, ["vcap"]),
    ]  # fmt: skip
    assert result["lost_roles"] == {"vcap": ["bosh", "uaa"]}


@pytest.mark.parametrize(
    ("body", "setting", "why"),
    [
        ("CREATE EXTENSION IF NOT EXISTS postgres_fdw WITH SCHEMA public;\n", None, "needs a superuser: CREATE EXT"),
        ("CREATE FUNCTION public.f() RETURNS integer\n    LANGUAGE sql\n    AS 'SELECT 1';\n", None, "brings code"),
        ("CREATE VIEW public.v AS\n SELECT pg_authid.rolname FROM pg_authid;\n", None, "would make a superuser the"),
        ("CREATE TABLE public.d (\n    a integer DEFAULT lo_import('/etc/passwd'::text)\n);\n", None,
         "would make a superuser the owner"),
        ("CREATE TABLE public.d (\n    a integer DEFAULT nextval('public.s'::regclass)\n);\n", None, None),
        ("GRANT ALL ON FUNCTION pg_catalog.pg_ls_waldir(OUT name text, OUT size bigint) TO vcap;\n", None,
         "needs a superuser: GRANT ALL ON FUNCTION pg_catalog.pg_ls_waldir"),
        ("GRANT SELECT(rolname),UPDATE(\"a)b\") ON TABLE pg_catalog.pg_authid TO vcap;\n", None,
         "needs a superuser: GRANT"),
        ("REVOKE SELECT ON TABLE pg_catalog.pg_user FROM PUBLIC;\n", None, "needs a superuser: REVOKE SELECT ON TABLE"),
        ("REVOKE ALL ON SCHEMA information_schema FROM PUBLIC;\n", None, "needs a superuser: REVOKE ALL ON SCHEMA"),
        ("SET search_path = pg_catalog;\nREVOKE ALL ON FUNCTION pg_ls_dir(text) FROM PUBLIC;\n", None,
         "needs a superuser: REVOKE ALL ON FUNCTION pg_ls_dir"),
        ("REVOKE ALL ON LANGUAGE sql FROM PUBLIC;\n", None, "needs a superuser: REVOKE ALL ON LANGUAGE sql"),
        ("REVOKE ALL ON LANGUAGE plpgsql FROM PUBLIC;\nGRANT ALL ON SCHEMA public TO vcap;\n", None, None),
        ("CREATE EXTENSION IF NOT EXISTS pg_stat_statements WITH SCHEMA public;\n"
         "GRANT ALL ON TABLE public.kept TO vcap;\nGRANT SELECT ON TABLE public.pg_stat_statements TO vcap;\n", None,
         "needs a superuser: GRANT SELECT ON TABLE public.pg_stat_statements"),
        ("CREATE EXTENSION IF NOT EXISTS hstore WITH SCHEMA public;\nGRANT ALL ON TABLE public.kept TO vcap;\n"
         "CREATE TYPE public.mood AS ENUM (\n    'a'\n);\nALTER TYPE public.mood OWNER TO vcap;\n"
         "REVOKE ALL ON TYPE public.mood FROM PUBLIC;\nALTER TABLE public.kept ALTER COLUMN a ADD GENERATED ALWAYS AS "
         "IDENTITY (\n    SEQUENCE NAME public.\"kept;seq\"\n    START WITH 1\n);\n"
         "GRANT USAGE ON SEQUENCE public.\"kept;seq\" TO vcap;\n", None, None),
        ("CREATE FUNCTION public.f() RETURNS boolean\n    LANGUAGE sql LEAKPROOF\n    AS $$SELECT true$$;\n", None,
         "needs a superuser: CREATE FUNCTION"),
        ("", "session_preload_libraries", "comes with a setting .*: session_preload_libraries"),
        ("", None, None),
    ],
)
def test_what_only_a_superuser_would_load_is_told(tmp_path, body, setting, why):
    """It is asked in the outage's preflight: only a dump brings an online backup back."""
    end = "--\n-- PostgreSQL database dump complete"
    dumps = written(tmp_path, bosh=crafted("15").replace(end, body + end))
    (roles,) = written(tmp_path, globals=GLOBALS.replace("postgres", "vcap"))
    result = read_dumps(str(tmp_path), [dict(dumps[0], superuser_setting=setting)], roles)
    assert (result["problems"], result["lost_roles"]) == ([], {})
    assert [re.match(why, found) is not None for found in result["superuser_for"].values()] == [True] * bool(why)
    assert len(result["told"]) == bool(why)
    assert read_dumps(str(tmp_path), dumps, None)["superuser_for"] == {}


def test_a_schema_of_a_superusers_makes_no_other_owner_one(tmp_path):
    """As in a database that is older than PostgreSQL 15, whose schema public is vcap's."""
    end = "--\n-- PostgreSQL database dump complete"
    body = ("ALTER SCHEMA public OWNER TO strong;\nCREATE VIEW public.v AS\n SELECT 1 AS a;\n"
            "ALTER TABLE public.v OWNER TO vcap;\n")  # fmt: skip
    dumps = written(tmp_path, bosh=crafted("15").replace(end, body + end))
    strong = "CREATE ROLE strong;\nALTER ROLE strong WITH SUPERUSER;\nCREATE ROLE vcap;\n"
    (roles,) = written(tmp_path, globals=GLOBALS.replace("CREATE ROLE postgres;", strong + "CREATE ROLE postgres;"))
    assert read_dumps(str(tmp_path), dumps, roles)["superuser_for"] == {}


@pytest.mark.parametrize("line", [
    "ALTER ROLE vcap IN DATABASE bosh SET work_mem TO '1MB';",
    "ALTER DATABASE bosh SET search_path TO 'a', 'pg_catalog';",
])  # fmt: skip
def test_what_hangs_on_a_database_and_needs_a_permission_is_told_too(tmp_path, line):
    dumps = written(tmp_path, bosh=crafted("15"))
    (roles,) = written(tmp_path, globals=GLOBALS.replace("postgres", "vcap"))
    properties = tmp_path / "bosh.properties"
    properties.write_text(f"--\n-- PostgreSQL database properties\n--\n\n{line}\n", encoding="utf-8")
    written_too = {"path": "/staging/bosh.properties", "size": properties.stat().st_size,
                   "sha256": hashlib.sha256(properties.read_bytes()).hexdigest()}  # fmt: skip
    result = read_dumps(str(tmp_path), [dict(dumps[0], properties=written_too)], roles)
    assert (result["problems"], list(result["superuser_for"])) == ([], ["bosh"])


def test_what_a_restore_would_refuse_is_named_with_the_way_out(tmp_path):
    evil = crafted("15").replace("lo_close(0);", "lo_export(4711, '/etc/cron.d/x');")
    (problem,) = read_dumps(str(tmp_path), written(tmp_path, bosh=evil), None)["problems"]
    for word in ("dump of bosh", "SELECT pg_catalog.lo_export(4711", "leave the database out of microbosh_databases"):
        assert word in problem


def test_a_copy_that_is_not_what_was_written_is_named(tmp_path):
    dumps = written(tmp_path, bosh=crafted("15"))
    with (tmp_path / "bosh.sql").open("a", encoding="utf-8") as stream:
        stream.write("x")
    (problem,) = read_dumps(str(tmp_path), dumps, None)["problems"]
    assert "bosh.sql is not what was dumped: that had" in problem
    (tmp_path / "bosh.sql").unlink()
    assert "what was copied has 0" in read_dumps(str(tmp_path), dumps, None)["problems"][0]


def test_a_torn_file_of_roles_is_refused(tmp_path):
    path = tmp_path / "globals.sql"
    path.write_text(GLOBALS[:-100], encoding="utf-8")
    with pytest.raises(DumpFileError, match="it is not whole"):
        RolesFile(str(path)).require_loadable()


def test_all_of_it_is_rehearsed(postgres, tmp_path):
    dbs = tmp_path / "backup" / "dbs"
    dbs.mkdir(parents=True)
    (dbs / "everything.sql").write_bytes(gzip.decompress((DUMPS / "everything-14.sql.gz").read_bytes()))
    # Every server has a database of this name; here it has rows.
    (dbs / "postgres.sql").write_text(crafted("15"), encoding="utf-8")
    makes = "".join(f"CREATE ROLE {identifier(role)};\n" for role in [*ROLES, "vcap"])
    (dbs / "globals.sql").write_text(GLOBALS.replace("CREATE ROLE postgres;", makes + "CREATE ROLE postgres;")
                                     .replace(", INHERIT TRUE", "").replace(" WITH INHERIT TRUE", ""))  # fmt: skip
    rows = {name: read_as_restore(str(dbs / f"{name}.sql")).contents.rows for name in ("everything", "postgres")}
    report = {"dumps": [{"database": name, "rows": rows[name]} for name in rows]}
    (tmp_path / "backup" / "backup.json").write_text(json.dumps(report), encoding="utf-8")
    result = rehearse_backup(str(tmp_path / "backup"), "/var/tmp", "", run_command, as_superuser=True)
    assert (result["problems"], result["good"]) == ([], True)
    assert [(each["database"], each["differences"]) for each in result["databases"]] == [
        ("everything", []), ("postgres", []),
    ]  # fmt: skip
