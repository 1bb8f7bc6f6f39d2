# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The properties of a database, and the roles that a dump needs, survive a restore of a dump."""

from __future__ import annotations

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._dump._database_properties import (
    HEADER,
    read_properties,
)
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump_directory import DumpDirectory, DumpJob
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump_file import read_as_restore
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump_statements import DumpRefused
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres import Endpoint
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore import (
    DatabaseServer,
    restore_database,
)
from postgres_databases import SMALL, Postgres, altered
from postgres_rig import run_command, running_server

ODD = 'od\'d "name"; -- \\'
MADE = (
    "CREATE ROLE owner_of_it LOGIN", "CREATE ROLE reader_of_it", "CREATE ROLE group_of_it",
    "GRANT group_of_it TO owner_of_it",
)  # fmt: skip


def quoted(name):
    return f'"{name.replace(chr(34), chr(34) * 2)}"'


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_server("/var/tmp") as scratch:
        postgres = Postgres(scratch, tmp_path_factory.mktemp("packages"))
        postgres.sql("postgres", *MADE)
        yield postgres


def make(postgres, name):
    """Make a database on which everything hangs that can, with a table."""
    it = quoted(name)
    postgres.sql(
        "postgres", f"CREATE DATABASE {it} OWNER owner_of_it TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C'"
    )
    postgres.sql(
        "postgres",
        f"ALTER DATABASE {it} CONNECTION LIMIT 7",
        f"COMMENT ON DATABASE {it} IS E'It''s; \\\\ a\\ncomment'",
        f"REVOKE ALL ON DATABASE {it} FROM PUBLIC",
        f"GRANT CONNECT ON DATABASE {it} TO reader_of_it WITH GRANT OPTION",
        f"ALTER DATABASE {it} SET search_path TO 'Odd, one', public",
        f"ALTER DATABASE {it} SET \"my.secret\" TO E'a\\\\b''c'",
        f"ALTER ROLE reader_of_it IN DATABASE {it} SET statement_timeout TO '5s'",
    )
    postgres.sql(name, "CREATE TABLE public.kept (a int)", "INSERT INTO public.kept VALUES (1)",
                 "ALTER TABLE public.kept OWNER TO owner_of_it")  # fmt: skip


QUESTIONS = (
    "SELECT pg_get_userbyid(datdba), encoding, datcollate, datctype, datconnlimit FROM pg_database",
    "SELECT shobj_description(oid, 'pg_database') FROM pg_database",
    "SELECT (aclexplode(datacl)).* FROM pg_database",
    "SELECT setrole, unnest(setconfig) FROM pg_db_role_setting JOIN pg_database ON pg_database.oid = setdatabase",
)


def hanging(postgres, name):
    where = f" WHERE datname = E'{name.replace(chr(39), chr(39) * 2).replace(chr(92), chr(92) * 2)}'"
    answers = [sorted(postgres.sql("postgres", question + where).splitlines()) for question in QUESTIONS]
    assert all(answers)
    return answers


def dumped(postgres, directory, *names):
    job = DumpJob(DumpDirectory(str(directory)), postgres.scratch.endpoint, str(postgres.packages), list(names), True)

    def run(argv, environ_update=None, handle_exceptions=True):
        return run_command(argv, environ_update)

    return job.dump(run)


@pytest.mark.parametrize("name", ["bosh", ODD])
def test_it_is_kept_beside_the_dump_and_given_to_what_a_restore_makes(postgres, tmp_path, name):
    make(postgres, name)
    before = hanging(postgres, name)
    (dump,) = dumped(postgres, tmp_path / "dbs", name)["dumps"]
    assert dump["properties"]["path"] == str(tmp_path / "dbs" / f"{name}.properties")
    postgres.drop(name)
    result = postgres.restore(dump["path"], target=name)
    assert (result["missing_roles"], result["warnings"]) == ({}, [])
    assert hanging(postgres, name) == before


def test_a_person_can_run_the_file(postgres, tmp_path):
    make(postgres, "bosh")
    before = hanging(postgres, "bosh")
    dumped(postgres, tmp_path / "dbs", "bosh")
    postgres.drop("bosh")
    postgres.run_file("postgres", tmp_path / "dbs" / "bosh.properties")
    assert hanging(postgres, "bosh") == before


def test_a_backup_from_before_that_file_keeps_what_hangs_on_the_database_that_is_replaced(postgres, tmp_path):
    make(postgres, "bosh")
    before = hanging(postgres, "bosh")
    dumped(postgres, tmp_path / "dbs", "bosh")
    (tmp_path / "dbs" / "bosh.properties").unlink()
    postgres.restore(tmp_path / "dbs" / "bosh.sql", target="bosh", replace=True)
    assert hanging(postgres, "bosh") == before


def test_a_dump_that_makes_its_database_says_what_hangs_on_it(postgres, tmp_path):
    make(postgres, "bosh")
    before = hanging(postgres, "bosh")
    path = tmp_path / "bosh.sql"
    path.write_text(postgres.dump("--create", "bosh"), encoding="utf-8")
    postgres.drop("bosh")
    postgres.restore(path)
    # The owner stands before the part that is read as that of the database, too.
    assert hanging(postgres, "bosh") == before


@pytest.mark.parametrize(
    "line",
    [
        "\\! touch /tmp/pwned",
        "DROP DATABASE uaa;",
        "CREATE ROLE evil SUPERUSER;",
        "ALTER ROLE vcap SET session_preload_libraries TO 'x';",
        "SELECT pg_read_file('/etc/passwd');",
        "CREATE DATABASE bosh WITH TEMPLATE = template0 OWNER = evil;",
        "ALTER DATABASE \"bosh\" SET session_preload_libraries='/x';",
        "ALTER DATABASE \"bosh\" SET session_preload_libraries = '/x';",
        "ALTER DATABASE \"bosh\" SET  session_preload_libraries TO '/x';",
        "ALTER DATABASE \"bosh\" SET SESSION_PRELOAD_LIBRARIES TO '/x';",
        "ALTER DATABASE \"bosh\" SET session_preload_libraries FROM CURRENT;",
        "ALTER DATABASE \"bosh\" SET\tsession_preload_libraries TO '/x';",
        "ALTER DATABASE \"bosh\" --\n SET session_preload_libraries TO '/x';",
        "ALTER ROLE vcap IN DATABASE \"bosh\" SET session_preload_libraries='/x';",
        "ALTER ROLE ALL IN DATABASE \"bosh\" SET work_mem TO '1MB';",
        "ALTER ROLE current_user IN DATABASE \"bosh\" SET work_mem TO '1MB';",
        "ALTER DATABASE \"bosh\" OWNER TO CURRENT_USER;",
        "ALTER DATABASE \"bosh\" OWNER TO VCAP;",
        "ALTER DATABASE \"bosh\" RENAME TO x;",
        "ALTER DATABASE \"bosh\" SET TABLESPACE x;",
        "ALTER DATABASE \"bosh\" ALLOW_CONNECTIONS false;",
        "GRANT ALL ON DATABASE \"bosh\" , template1 TO uaa;",
        "GRANT ALL ON DATABASE \"bosh\", template1 TO uaa;",
        "GRANT ALL ON DATABASE \"bosh\" TO uaa, CURRENT_USER;",
        "GRANT ALL ON DATABASE \"bosh\" TO UAA;",
        "COMMENT ON DATABASE \"bosh\" IS 'a' || 'b';",
    ],
)
def test_a_file_that_says_anything_else_is_refused(line):
    with pytest.raises(DumpRefused):
        read_properties(HEADER + b"\n" + line.encode() + b"\n")


@pytest.mark.parametrize(
    "line",
    [
        # As we write them, and as pg_dump and pg_dumpall did from 9.0 to 18.
        "ALTER DATABASE bosh OWNER TO vcap;", 'ALTER DATABASE "bosh-x" OWNER TO "Odd one";',
        "ALTER DATABASE bosh CONNECTION LIMIT 7;", "ALTER DATABASE bosh CONNECTION LIMIT = 7;",
        "ALTER DATABASE bosh IS_TEMPLATE true;", "ALTER DATABASE bosh IS_TEMPLATE = true;",
        "COMMENT ON DATABASE bosh IS 'it''s';", "COMMENT ON DATABASE bosh IS E'a\\\\b\n';",
        "SECURITY LABEL FOR selinux ON DATABASE bosh IS 'system_u:object_r';",
        "REVOKE ALL ON DATABASE bosh FROM PUBLIC;", "REVOKE CONNECT,TEMPORARY ON DATABASE bosh FROM PUBLIC;",
        "REVOKE ALL ON DATABASE bosh FROM vcap;", "GRANT CREATE,CONNECT ON DATABASE bosh TO PUBLIC;",
        'GRANT ALL ON DATABASE bosh TO "uaa-x" WITH GRANT OPTION;',
        "ALTER DATABASE bosh SET search_path TO 'a', 'b';", 'ALTER DATABASE bosh SET search_path TO "$user", public;',
        'ALTER DATABASE bosh SET "DateStyle" TO ISO, DMY;', 'ALTER DATABASE bosh SET "DateStyle" TO \'ISO, DMY\';',
        "ALTER DATABASE bosh SET work_mem TO '1MB';", "ALTER DATABASE bosh SET log_line_prefix TO  E'\\\\x';",
        'ALTER DATABASE "bosh" SET "my"."secret" TO E\'a\';', 'ALTER DATABASE bosh SET "my.secret" TO \'\';',
        "ALTER ROLE uaa IN DATABASE bosh SET statement_timeout TO '5s';",
    ],
)  # fmt: skip
def test_what_every_version_writes_of_a_database_is_read(line):
    (found,) = read_properties(HEADER + b"\n" + line.encode() + b"\n").statements
    (renamed,) = read_properties(HEADER + b"\n" + line.encode() + b"\n").renamed("other")
    assert '"other"' in renamed
    assert renamed.replace('"other"', "").split() != found.split()


def test_a_locale_that_this_host_has_not_is_replaced_and_told(postgres, tmp_path):
    make(postgres, "bosh")
    dumped(postgres, tmp_path / "dbs", "bosh")
    path = tmp_path / "dbs" / "bosh.properties"
    path.write_text(path.read_text().replace("LC_COLLATE =  E'C'", "LC_COLLATE =  E'xx_XX.UTF-8'"))
    result = postgres.restore(tmp_path / "dbs" / "bosh.sql", target="bosh", replace=True)
    assert "could not be made with the locale xx_XX.UTF-8" in result["warnings"][0]


def test_roles_that_are_missing_are_made_as_they_were(postgres, tmp_path):
    make(postgres, "bosh")
    before = hanging(postgres, "bosh")
    dumped(postgres, tmp_path / "dbs", "bosh")
    postgres.drop("bosh")
    postgres.sql("postgres", "DROP ROLE owner_of_it", "DROP ROLE reader_of_it")
    options = {"target": "bosh", "roles": tmp_path / "dbs" / "globals.sql", "missing_roles": "refuse"}
    result = postgres.restore(tmp_path / "dbs" / "bosh.sql", **options)
    assert (result["made_roles"], result["missing_roles"]) == (["owner_of_it", "reader_of_it"], {})
    assert "were made as they were at the backup" in result["warnings"][0]
    assert hanging(postgres, "bosh")[0] == before[0]
    assert postgres.sql("postgres", "SELECT pg_has_role('owner_of_it', 'group_of_it', 'member'), rolcanlogin FROM"
                                    " pg_roles WHERE rolname = 'owner_of_it'") == "t|t"  # fmt: skip


def test_roles_that_nobody_can_make_are_refused_before_anything_is_changed(postgres, tmp_path):
    dump = altered(tmp_path, ("ALTER TABLE public.notes OWNER TO vcap;", "ALTER TABLE public.notes OWNER TO gone;"))
    with pytest.raises(DirectorError, match="gives objects or rights to the roles gone, which are neither"):
        postgres.restore(dump, target="bosh", missing_roles="refuse")
    # Of a role that was gone at the dump, there is but its number: nobody can make that.
    dump = altered(
        tmp_path, ("ALTER TABLE public.notes OWNER TO vcap;", 'GRANT SELECT ON TABLE public.notes TO "16389";')
    )
    assert postgres.restore(dump, target="bosh", missing_roles="refuse")["missing_roles"] == {"16389": 1}


def test_what_is_in_the_database_that_every_server_has_comes_back(postgres, tmp_path):
    postgres.sql("postgres", "CREATE TABLE public.here_too (a int)")
    dumped(postgres, tmp_path / "dbs", "postgres")
    postgres.sql("postgres", "DROP TABLE public.here_too")
    postgres.restore(tmp_path / "dbs" / "postgres.sql", target="postgres", replace=True)
    assert postgres.sql("postgres", "SELECT count(*) FROM public.here_too") == "0"
    postgres.sql("postgres", "DROP TABLE public.here_too")


def test_a_template_is_replaced_and_still_one(postgres, tmp_path):
    make(postgres, "bosh")
    dumped(postgres, tmp_path / "dbs", "bosh")
    postgres.sql("postgres", "ALTER DATABASE bosh IS_TEMPLATE true")
    (tmp_path / "dbs" / "bosh.properties").unlink()
    postgres.restore(tmp_path / "dbs" / "bosh.sql", target="bosh", replace=True)
    assert postgres.sql("postgres", "SELECT datistemplate FROM pg_database WHERE datname = 'bosh'") == "t"
    postgres.sql("postgres", "ALTER DATABASE bosh IS_TEMPLATE false")


def test_a_database_that_lets_nobody_in_can_be_replaced(postgres):
    postgres.sql("postgres", "CREATE DATABASE bosh", "ALTER DATABASE bosh ALLOW_CONNECTIONS false")
    with pytest.raises(DirectorError, match="There is a database bosh already"):
        postgres.restore(SMALL, target="bosh")
    postgres.restore(SMALL, target="bosh", replace=True)
    assert postgres.sql("bosh", "SELECT count(*) FROM notes") == "3"


def test_what_is_checked_is_not_loaded(postgres):
    postgres.sql("postgres", "CREATE DATABASE bosh")
    result = postgres.restore(SMALL, target="bosh", replace=True, asked=True, pretend=True)
    assert (result["changed"], result["replaced"], result["missing_roles"]) == (False, True, {})
    assert postgres.sql("bosh", "SELECT count(*) FROM pg_class WHERE relname = 'notes'") == "0"


def test_a_role_that_is_no_superuser_restores_its_own_database(postgres, tmp_path):
    postgres.sql("postgres", "CREATE ROLE plain LOGIN CREATEDB", "CREATE DATABASE bosh OWNER plain")
    here = postgres.scratch.endpoint
    as_plain = Endpoint(here.host, here.port, "plain")
    postgres.sql(
        "bosh", "SET SESSION AUTHORIZATION plain", "CREATE TABLE public.kept (a int)",
        "INSERT INTO public.kept VALUES (1)",
        "REVOKE ALL ON DATABASE bosh FROM PUBLIC", "RESET SESSION AUTHORIZATION",
        "ALTER ROLE reader_of_it IN DATABASE bosh SET work_mem TO '1MB'",
    )  # fmt: skip
    dumped(postgres, tmp_path / "dbs", "bosh")
    source = read_as_restore(str(tmp_path / "dbs" / "bosh.sql"))
    server = DatabaseServer.find(as_plain, str(postgres.packages), run_command)
    result = restore_database(source, server, {"target": "bosh", "replace": True, "rewrite": {}})
    assert result["rows"] == {"public.kept": 1}
    (warning,) = result["warnings"]
    assert "Not done: ALTER ROLE \"reader_of_it\" IN DATABASE" in warning
    said = postgres.sql("postgres", "SELECT pg_get_userbyid(datdba), datacl FROM pg_database WHERE datname = 'bosh'")
    assert said == "plain|{plain=CTc/plain}"
