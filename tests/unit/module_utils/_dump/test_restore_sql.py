# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The statements of a dump that reach psql and those that do not; the ids replaced, and the maps refused."""

from __future__ import annotations

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump import connected, segments
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump_statements import (
    DumpRefused,
    Fit,
    roles_of,
)
from ansible_collections.microbosh.director.plugins.module_utils._dump._iaas_ids import (
    KINDS,
    Ids,
    RewriteError,
    resolve,
)
from ansible_collections.microbosh.director.plugins.module_utils._dump._restore_sql import (
    Contents,
    databases_in,
    globals_statements,
    statements,
)
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres import Version
from places import DUMPS

SETTINGS = b"SET client_encoding = 'UTF8';\nSET standard_conforming_strings = on;\n\n"
HEAD = b"--\n-- PostgreSQL database dump\n--\n\n" + SETTINGS
TAIL = b"\n--\n-- PostgreSQL database dump complete\n--\n\n"
IDS = b"""CREATE TABLE public.vms (id integer, agent_id text, cid text);
COPY public.vms (id, agent_id, cid) FROM stdin;
1\ta-1\ti-1
2\ta-2\ti-2
3\ti-9\t\\N
\\.
COPY public.persistent_disks (id, disk_cid) FROM stdin;
1\tvol-1
2\tback\\\\slash
\\.
COPY public.orphaned_vms (id, cid) FROM stdin;
1\ti-9
\\.
COPY public.director_attributes (name, value) FROM stdin;
uuid\t0c7ad1a1
other\ti-1
\\.
COPY public.events (id, vm_cid, cid) FROM stdin;
1\ti-1\ti-1
\\.
COPY other.vms (cid) FROM stdin;
i-1
\\.
"""


def dump(body):
    return HEAD + body + TAIL


def read(content, name=None):
    contents = Contents(name)
    contents.read([content])
    return contents


def sent(content, name=None, mapping=None, missing=(), counts=None):
    contents = read(content, name)
    return b"".join(statements([content], contents, mapping or {}, set(missing), {} if counts is None else counts))


@pytest.mark.parametrize(
    "evil",
    [
        b"\\! touch /tmp/pwned\n",
        b"\\copy public.vms to '/tmp/x'\n",
        b"\\o /tmp/x\n",
        b"\\setenv A b\n",
        b"SELECT pg_catalog.setval('a', 1) \\! touch /tmp/pwned\n;\n",
        b"SELECT pg_catalog.setval('a', 1) \\g |touch /tmp/pwned\n;\n",
        # psql ends the literal after the escaped quote, or does not, and goes on with what follows.
        b"COMMENT ON TABLE public.x IS E'\\'' \\! touch /tmp/pwned\n --';\n",
        b"COMMENT ON TABLE public.x IS U&'\\' ;\n",
        b"COMMENT ON TABLE public.x IS 'a' /* ' */ \\! touch /tmp/pwned\n /* ' */;\n",
        b"ALTER TABLE a$b$ \\! touch /tmp/pwned\n $b$;\n",
        b"CREATE TABLE public.a$b$ (a integer); DROP TABLE public.x; CREATE TABLE public.c$b$ (a integer);\n",
        b"CREATE TABLE public.t (a text DEFAULT 1a$b$ ' $b$ ; \\! touch /tmp/pwned '::text, b text DEFAULT $b$ $b$);\n",
        b"COMMENT ON TABLE public.x IS 'a\0';\n",
        b"COPY public.x (a) FROM stdin;\n1\0\n\\.\n",
        # psql does not end a body in parentheses, and takes no name for the beginning of one.
        b"CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT (END);\n",
        b"CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT (CASE); END; DROP TABLE public.x; END;\n",
        b"CREATE FUNCTION begin(atomic int) RETURNS int LANGUAGE sql AS 'SELECT 1'; DROP TABLE public.x; END;\n",
        b"ALTER TABLE x -- '\r\\! touch /tmp/pwned\n '\n;\n",
        b"-- comment\r\\! touch /tmp/pwned\n",
        b"COPY public.x (a) FROM stdin;\n1\n\\.\r\n\\! touch /tmp/pwned\n\\.\n",
        b"COPY public.x FROM PROGRAM 'touch /tmp/pwned';\n",
        b"COPY public.x TO '/tmp/pwned';\n",
        b"DO $$ BEGIN PERFORM 1; END $$;\n",
        b"COPY public.x (a) FROM '/etc/passwd';\n",
        b"CREATE TABLE public.x AS SELECT pg_read_file('/etc/passwd');\n",
        b"CREATE UNLOGGED TABLE \"x y\" AS SELECT 1;\n",
        b"SELECT pg_catalog.setval(pg_read_file('/etc/passwd'), 1);\n",
        b"SELECT pg_catalog.setval('a', 1), pg_read_file('/etc/passwd');\n",
        b"SELECT * FROM pg_catalog.pg_restore_relation_stats('relation', pg_read_file('/etc/passwd'));\n",
        b"SELECT pg_catalog.set_config('log_directory', 'x', false);\n",
        b"SET session_preload_libraries = 'evil';\n",
        b"SET client_encoding = 'SJIS';\n",
        b"CREATE SUBSCRIPTION s CONNECTION 'host=evil' PUBLICATION p WITH (slot_name = 'x');\n",
        b"CREATE SUBSCRIPTION s CONNECTION 'host=evil' PUBLICATION \"p WITH (connect = false)\";\n",
        b"ALTER SUBSCRIPTION s ENABLE;\n",
        b"ALTER ROLE vcap SET search_path TO 'x';\n",
        b"ALTER ROLE vcap IN DATABASE uaa SET search_path TO 'x';\n",
        b"GRANT ALL ON DATABASE uaa TO PUBLIC;\n",
        b"CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; END \\! touch /tmp/pwned\n;\n",
        b"CREATE ROLE evil SUPERUSER;\n",
        b"ALTER USER vcap WITH PASSWORD 'x';\n",
        b"CREATE DATABASE other;\n",
        b"ALTER DATABASE uaa OWNER TO x;\n",
        b"DROP DATABASE uaa;\n",
        b"GRANT vcap TO evil;\n",
        b"ALTER SYSTEM SET archive_command = 'x';\n",
        b"SELECT pg_catalog.lo_import('/etc/passwd');\n",
        b"SELECT pg_read_file('/etc/passwd');\n",
        b"INSERT INTO public.vms VALUES (1);\n",
        # Elsewhere, one restores who may make roles and has other databases.
        b"ALTER  ROLE uaa PASSWORD 'evil';\n",
        b"ALTER\tROLE uaa PASSWORD 'evil';\n",
        b"ALTER --\n ROLE uaa PASSWORD 'evil';\n",
        b"ALTER  DATABASE other SET search_path TO evil;\n",
        b"ALTER GROUP g ADD USER x;\n",
        b"COMMENT ON  ROLE uaa IS 'x';\n",
        b"COMMENT ON\nDATABASE other IS 'x';\n",
        b"SECURITY LABEL FOR x ON  ROLE uaa IS 'x';\n",
        b"SECURITY LABEL FOR x ON ROLE uaa IS 'x';\n",
        b"GRANT ALL ON  DATABASE other TO uaa;\n",
        b"GRANT ALL  ON DATABASE other TO uaa;\n",
        b"GRANT ALL ON\nDATABASE other TO uaa;\n",
        b"REVOKE  ALL ON DATABASE other FROM uaa;\n",
        b"GRANT ALL ON ALL TABLES IN SCHEMA public TO uaa;\n",
        b"GRANT ALL ON TABLE public.t TO UAA;\n",
        b"GRANT ALL ON TABLE public.t TO CURRENT_USER;\n",
        b"ALTER TABLE public.t OWNER TO VCAP;\n",
        b"ALTER TABLE public.t OWNER TO PUBLIC;\n",
        b"ALTER DEFAULT PRIVILEGES FOR ROLE Current_User GRANT ALL ON TABLES TO uaa;\n",
        b"SET SESSION AUTHORIZATION default;\n",
        b"SET SESSION AUTHORIZATION Default;\n",
    ],
)
def test_what_acts_beyond_the_database_refuses_the_dump(evil):
    with pytest.raises(DumpRefused):
        read(dump(evil))


BODY = b"CREATE FUNCTION public.f() RETURNS int LANGUAGE sql\n BEGIN ATOMIC\n"
SUBSCRIPTION = b"CREATE SUBSCRIPTION s CONNECTION 'dbname=x;' PUBLICATION p, \"q\" WITH (connect = false"
# What pg_dump writes, by what is special about it; the text that is sent, where it is another one.
WRITTEN = [
    (b"CREATE RULE r AS ON INSERT TO public.v DO INSTEAD ( INSERT INTO t VALUES (1);\n DELETE FROM t;\n);", None),
    (BODY + b" SELECT CASE WHEN true THEN 1 END; SELECT 2;\nEND;", None),
    (BODY + b" SELECT begin.x FROM t begin;\nEND;", BODY + b' SELECT "begin".x FROM t "begin";\nEND;'),
    (b"CREATE FUNCTION public.begin() AS 'x';", b"CREATE FUNCTION public.\"begin\"() AS 'x';"),
    (b"BEGIN;", b""),
    (b"COMMIT;", b""),
    (b"SELECT pg_catalog.lo_create('4711');", None),
    (b"SELECT pg_catalog.lo_open('4711', 131072);", None),
    (b"SELECT pg_catalog.lowrite(0, '\\x5c00ff');", None),
    (b"SELECT pg_catalog.lo_close(0);", None),
    (b"ALTER LARGE OBJECT 4711 OWNER TO vcap;", None),
    (b"GRANT ALL ON LARGE OBJECT 4711 TO vcap;", None),
    (b"COMMENT ON DATABASE bosh IS 'a; b';", b""),
    (b"SET transaction_timeout = 0;", None),
    (b"SET default_table_access_method = heap;", None),
    (b"SET search_path = \"a;b\", pg_catalog;", None),
    (b"SELECT pg_catalog.setval('public.\"Seq''x\"', 12, true);", None),
    (b"GRANT SELECT(\"a)b\"),UPDATE(c) ON TABLE public.t TO vcap WITH GRANT OPTION;", None),
    (b"CREATE VIEW v AS SELECT (x)[1:\"DBNAME\"], 'a'::\"char\";",
     b"CREATE VIEW v AS SELECT (x)[1: \"DBNAME\"], 'a'::\"char\";"),
    (SUBSCRIPTION + b", slot_name = 's');", None),
    (b"CREATE OR REPLACE PROCEDURAL LANGUAGE plpgsql;", None),
    (b"CREATE USER MAPPING FOR vcap SERVER s OPTIONS (\n    password 'x;'\n);", None),
    (
        b"SELECT * FROM pg_catalog.pg_restore_attribute_stats(\n\t'version', '180000'::integer,\n"
        b"\t'schemaname', 'public',\n"
        b"\t'inherited', 'f'::boolean,\n\t'null_frac', '0.5'::real,\n\t'histogram_bounds', '{\"a;''\",b}'::text\n);",
        None,
    ),
]


@pytest.mark.parametrize(("statement", "form"), WRITTEN)
def test_what_pg_dump_writes_is_sent(statement, form):
    before, after = b"CREATE TABLE public.a (a int);", b"CREATE TABLE public.z (z int);"
    text = sent(dump(before + b"\n\n" + statement + b"\n\n" + after + b"\n"))
    expected = statement if form is None else form
    assert text == SETTINGS.strip() + b"\n" + before + b"\n" + (expected + b"\n" if expected else b"") + after + b"\n"


COLUMN = b'ALTER TABLE ONLY public."a (b" ALTER COLUMN id SET '


@pytest.mark.parametrize(
    ("version", "statement", "form"),
    [
        ((16, 1), b"SET transaction_timeout = 0;", None),
        ((17, 1), b"SET transaction_timeout = 0;", b"SET transaction_timeout = 0;"),
        ((11, 1), b"SET default_with_oids = true;", b"SET default_with_oids = true;"),
        ((12, 1), b"SET default_with_oids = true;", None),
        ((15, 1), b"SET default_tablespace = 'fast';", b"SET default_tablespace = '';"),
        ((15, 1), b"SET default_tablespace = '';", b"SET default_tablespace = '';"),
        ((17, 1), b"SELECT * FROM pg_catalog.pg_restore_relation_stats('relpages', '1'::integer);", None),
        (
            (13, 1),
            SUBSCRIPTION + b", slot_name = 's', binary = true);",
            SUBSCRIPTION + b", slot_name = 's');",
        ),
        ((15, 18), COLUMN + b"(pg_attver=30893624);", None),
        ((15, 18), COLUMN + b"(pg_attver=30893624, n_distinct=5);", COLUMN + b"(n_distinct=5);"),
        ((15, 18), COLUMN + b"(n_distinct=5, pg_attver=3);", COLUMN + b"(n_distinct=5);"),
        ((15, 18), COLUMN + b"(n_distinct=5);", COLUMN + b"(n_distinct=5);"),
        ((15, 18), COLUMN + b"STATISTICS 100;", COLUMN + b"STATISTICS 100;"),
    ],
)
def test_what_does_not_fit_the_server_is_left_out(version, statement, form):
    settings = {"default_tablespace", "default_with_oids"} | ({"transaction_timeout"} if version[0] > 16 else set())
    assert Fit(Version(version), settings, {"pg_default"}).fitted(statement) == form


def test_what_is_left_out_and_makes_a_difference_is_told():
    fit = Fit(Version((15, 1)), None, {"pg_default"})
    for statement in (b"SET default_tablespace = fast;", b"SET default_with_oids = true;", b"SET lock_timeout = 0;"):
        fit.fitted(statement)
    assert len(fit.left_out) == 2


@pytest.mark.parametrize("size", [1, 7, 100])
def test_statements_with_semicolons_of_their_own_are_cut_right_in_chunks_of_any_size(size):
    content = dump(b"\n\n".join(statement for statement, form in WRITTEN) + b"\n")
    chunks = [content[at : at + size] for at in range(0, len(content), size)]
    found = [payload for kind, payload in segments(chunks) if kind == "statement"]
    assert found[2:] == [statement for statement, form in WRITTEN]


def test_rows_that_come_in_parts_through_a_root_are_added_up():
    part = b"-- load via partition root public.moods\n\nCOPY public.moods (m) FROM stdin;\nsad\n\\.\n"
    assert read(dump(part + part)).rows == {"public.moods": 2}


@pytest.mark.parametrize("name", ["director", "small"])
def test_a_dump_of_one_database_is_sent_without_comments_and_commands(name):
    text = sent((DUMPS / f"{name}.sql").read_bytes())
    assert b"\\restrict" not in text
    assert b"Dumped from" not in text
    assert b"COPY public." in text


def test_a_literal_that_ends_with_a_backslash_is_sent_so_that_every_psql_reads_it_alike():
    text = sent((DUMPS / "director.sql").read_bytes())
    assert b"IS  E'it''s -- not a comment \\\\';" in text


def test_such_a_literal_is_refused_where_its_meaning_is_not_known():
    content = dump(b"COMMENT ON TABLE public.x IS 'a\\';\n").replace(b"strings = on", b"strings = off")
    with pytest.raises(DumpRefused, match="two ways"):
        read(content)


@pytest.mark.parametrize("cut", range(0, 700, 13))
def test_a_dump_that_is_not_whole_is_refused(cut):
    content = (DUMPS / "small.sql").read_bytes()
    with pytest.raises(DumpRefused, match="not whole"):
        read(content[: -cut - 2])


def test_one_database_is_taken_out_of_a_cluster():
    content = (DUMPS / "cluster.sql").read_bytes()
    assert databases_in([content]) == ("cluster", ["template1", "postgres", "small"])
    text = sent(content, "small")
    assert text == sent((DUMPS / "small.sql").read_bytes())
    assert b"CREATE ROLE" not in text
    assert b"DATABASE" not in text


def test_of_a_cluster_only_the_chosen_database_is_judged_and_sent():
    first = b"\\connect a\n\n" + dump(b"COPY public.x (a) FROM stdin;\n1\n\\.\n")
    second = b"CREATE DATABASE b;\n\\connect b\n\n" + dump(b"COPY public.x (a) FROM stdin;\n1\n2\n\\.\n")
    cluster = (b"--\n-- PostgreSQL database cluster dump\n--\n\nCREATE ROLE x;\n" + first + second
               + b"--\n-- PostgreSQL database cluster dump complete\n--\n\n")  # fmt: skip
    assert [read(cluster, name).rows for name in "ab"] == [{"public.x": 1}, {"public.x": 2}]
    assert sent(cluster, "a").count(b"COPY") == 1


def test_pg_dump_with_create_is_one_database_behind_its_connect():
    made = b"CREATE DATABASE bosh WITH TEMPLATE = template0;\nALTER DATABASE bosh OWNER TO vcap;\n\\connect bosh\n\n"
    content = HEAD + made + b"SET client_encoding = 'UTF8';\nCOPY public.x (a) FROM stdin;\n1\n\\.\n" + TAIL
    assert databases_in([content]) == ("database", ["bosh"])
    assert b"DATABASE" not in sent(content, "bosh")
    assert read(content, "bosh").rows == {"public.x": 1}


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (b"\\connect bosh\n", "bosh"),
        (b'\\connect "bosh-backup"\n', "bosh-backup"),
        (b"\\connect -reuse-previous=on \"dbname='bosh-backup'\"\n", "bosh-backup"),
        (b"\\connect -reuse-previous=on \"dbname='it\\'s \"\"x\"\"'\"\n", "it's \"x\""),
        (b"\\connection bosh\n", None),
        (b"\\restrict abc\n", None),
    ],
)
def test_the_database_of_a_connect(line, name):
    assert connected(line) == name


@pytest.mark.parametrize(
    ("statement", "roles"),
    [
        (b"ALTER TABLE public.x OWNER TO vcap;", {"vcap"}),
        (b'ALTER TABLE public.x OWNER TO "odd ""role";', {'odd "role'}),
        (b"GRANT ALL ON TABLE public.x TO uaa;", {"uaa"}),
        (b"GRANT SELECT(a),UPDATE(b) ON TABLE public.x TO uaa WITH GRANT OPTION;", {"uaa"}),
        (b"REVOKE ALL ON SCHEMA public FROM PUBLIC;", set()),
        (b"ALTER DEFAULT PRIVILEGES FOR ROLE a IN SCHEMA public GRANT SELECT ON TABLES  TO b;", {"a", "b"}),
        (b"CREATE TABLE public.x (a text DEFAULT 'OWNER TO vcap;');", set()),
    ],
)
def test_the_roles_that_a_statement_needs(statement, roles):
    assert roles_of(statement) == roles


def test_what_names_a_missing_role_is_left_out():
    body = b"ALTER TABLE public.x OWNER TO gone;\nALTER TABLE public.x OWNER TO vcap;\n"
    assert read(dump(body)).statements_by_role == {"gone": 1, "vcap": 1}
    text = sent(dump(body), missing={"gone"})
    assert b"gone" not in text
    assert b"vcap" in text


def test_globals_are_sent_without_tablespaces():
    content = (DUMPS / "cluster.sql").read_bytes().split(b"--\n-- Databases")[0]
    content += b"CREATE TABLESPACE fast OWNER vcap LOCATION '/mnt';\n"
    text = b"".join(globals_statements([content]))
    assert b"CREATE ROLE vcap;" in text
    assert b"fast" not in text


def found(content=IDS):
    return read(dump(content)).ids


def test_ids_are_found_in_their_columns_only():
    assert found() == {
        "agent_id": {"a-1": {"vms.agent_id": 1}, "a-2": {"vms.agent_id": 1}, "i-9": {"vms.agent_id": 1}},
        "director_uuid": {"0c7ad1a1": {"director_attributes.value": 1}},
        "disk_cid": {"vol-1": {"persistent_disks.disk_cid": 1}, "back\\slash": {"persistent_disks.disk_cid": 1}},
        "snapshot_cid": {},
        "stemcell_cid": {},
        "subnet_cid": {},
        "vm_cid": {"i-1": {"vms.cid": 1}, "i-2": {"vms.cid": 1}, "i-9": {"orphaned_vms.cid": 1}},
    }


@pytest.mark.parametrize("width", [1, 2, 3, 7, 64, 100_000])
def test_ids_are_replaced_in_their_columns_only(width):
    mapping = {"vm_cid": {"i-1": "i-new", "i-9": "tab\there"}, "disk_cid": {"back\\slash": "vol-3"},
               "director_uuid": {"0c7ad1a1": "deadbeef"}}  # fmt: skip
    content = dump(IDS)
    counts = {}
    pieces = [content[at : at + width] for at in range(0, len(content), width)]
    text = b"".join(statements(pieces, read(content), mapping, set(), counts))
    expected = (
        IDS.replace(b"1\ta-1\ti-1\n", b"1\ta-1\ti-new\n").replace(b"\n1\ti-9\n", b"\n1\ttab\\there\n")
        .replace(b"back\\\\slash", b"vol-3").replace(b"0c7ad1a1", b"deadbeef")
    )  # fmt: skip
    assert text.replace(b"\n", b"").endswith(expected.replace(b"\n", b""))
    assert counts == dict.fromkeys(
        ("vms.cid", "orphaned_vms.cid", "persistent_disks.disk_cid", "director_attributes.value"), 1
    )


@pytest.mark.parametrize(
    ("wanted", "resolved"),
    [
        ({}, {}),
        ({"i-1": "i-new", "a-1": "a-new"}, {"vm_cid": {"i-1": "i-new"}, "agent_id": {"a-1": "a-new"}}),
        ({"vm_cid": {"i-9": "i-new"}}, {"vm_cid": {"i-9": "i-new"}}),
        ({"i-1": "i-2", "i-2": "i-1"}, {"vm_cid": {"i-1": "i-2", "i-2": "i-1"}}),
        ({"vol-1": 12345}, {"disk_cid": {"vol-1": "12345"}}),
    ],
)
def test_a_map_is_resolved(wanted, resolved):
    assert resolve(wanted, found()) == resolved


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"i-7": "i-new"}, "i-7 occurs in no column"),
        (
            {"i-9": "i-new"},
            r"i-9 is ambiguous, it occurs as agent_id \(vms.agent_id\) and as vm_cid \(orphaned_vms.cid\)",
        ),
        ({"vm_cid": {"vol-1": "x"}}, r"vol-1 does not occur as vm_cid, but it does as disk_cid"),
        ({"i-1": "i-2"}, r"the new id i-2 is there already, as vm_cid \(vms.cid\)"),
        ({"i-1": "vol-1"}, "the new id vol-1 is there already, as disk_cid"),
        ({"i-1": "i-1"}, "the new id i-1 is there already"),
        ({"i-1": "x", "i-2": "x"}, "x would become the vm_cid of several: i-1, i-2"),
        ({"cid": {"i-1": "x"}}, "unknown kinds: cid"),
        ({"vm_cid": {"i-1": "x"}, "i-2": "y"}, "mixes"),
        ({"i-1": ""}, "no id"),
        ({"i-1": None}, "no id"),
        ({"i-1": True}, "no id"),
    ],
)
def test_a_map_that_is_wrong_is_refused(wanted, message):
    with pytest.raises(RewriteError, match=message):
        resolve(wanted, found())


def test_the_uuid_of_an_old_director_has_a_column_of_its_own():
    content = b"COPY public.director_attributes (uuid) FROM stdin;\n0c7ad1a1\n\\.\n"
    assert found(content)["director_uuid"] == {"0c7ad1a1": {"director_attributes.uuid": 1}}


def test_a_dump_without_any_of_the_tables_has_no_ids():
    assert Ids().found == {kind: {} for kind in KINDS}


@pytest.mark.parametrize("statement", [
    b"GRANT ALL ON FUNCTION pg_catalog.pg_replication_origin_advance(text, pg_lsn) TO admins;",
    b"GRANT SELECT(name),UPDATE(setting) ON TABLE pg_catalog.pg_settings TO admins;",
    b"REVOKE ALL ON SCHEMA information_schema FROM PUBLIC;",
])  # fmt: skip
def test_rights_on_what_is_the_systems_are_left_out_where_no_superuser_loads_and_told(statement):
    """As the dumps of some clouds have them, whose server gives them itself."""
    fit = Fit(superuser=False)
    assert fit.fitted(statement) is None
    assert [what.split(":")[0] for what in fit.left_out] == ["what only a superuser may"]
    kept = b"GRANT ALL ON TABLE public.pg_catalog TO admins;"
    assert (fit.fitted(kept), Fit().fitted(statement)) == (kept, statement)
