# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded director of today has the schema of the real one: every table, column, type, default and key."""

from __future__ import annotations

import subprocess

import pytest
from places import REPOSITORY, UNIT
from postgres_rig import running_server

FACTS = UNIT / "fixtures" / "director" / "schema.tsv"
SCHEMA = REPOSITORY / "tests/testhost/image/root/usr/local/lib/testhost/schema/bosh-director.sql"
# What only the filler puts rows into, for it makes the blobs as well.
FILLED = {"blobs", "compiled_packages", "local_dns_blobs", "log_bundles", "rendered_templates_archives", "templates"}
LINKED_TO_FILLED = {"instances_templates", "release_versions_templates", "tasks", "tasks_teams"}

# Table, column, type, null, default and key of each column, in the words of the facts; a key's own sequence is none.
COLUMNS = r"""
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'not null' ELSE '' END,
    CASE WHEN pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%' THEN ''
        ELSE coalesce(pg_get_expr(d.adbin, d.adrelid), '') END,
    coalesce((SELECT CASE k.contype WHEN 'p' THEN 'pk' ELSE '-> ' || k.confrelid::regclass || '.id' ||
        CASE k.confdeltype WHEN 'c' THEN ' cascade' ELSE '' END END
        FROM pg_constraint k WHERE k.conrelid = c.oid AND k.conkey = ARRAY[a.attnum] AND k.contype IN ('p', 'f')), '')
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace ORDER BY c.relname, a.attnum
"""
UNIQUE = r"""
SELECT i.indrelid::regclass || '(' || string_agg(a.attname, ' ' ORDER BY k.place) || ')'
FROM pg_index i CROSS JOIN unnest(i.indkey) WITH ORDINALITY k(number, place)
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
WHERE i.indisunique AND NOT i.indisprimary AND i.indrelid::regclass::text NOT LIKE 'pg_%'
GROUP BY i.indexrelid, i.indrelid
"""
EMPTY = r"""
SELECT relname FROM pg_class,
    LATERAL query_to_xml(format('SELECT count(*) AS n FROM %I', relname), false, true, '') AS counted
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND (xpath('/row/n/text()', counted))[1]::text = '0'
"""


@pytest.fixture(scope="module")
def ask():
    """A function that asks a server that has the schema, and returns rows of fields."""
    with running_server("/var/tmp") as scratch:
        psql = [scratch.binaries.command("psql"), "-XqAtF\t", "-v", "ON_ERROR_STOP=1", "-v", "host=director"]
        psql += [*scratch.endpoint.options, "-d", "postgres"]

        def run(*arguments):
            done = subprocess.run([*psql, *arguments], check=False, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            return [line.split("\t") for line in done.stdout.splitlines()]

        run("-1", "-f", SCHEMA)
        yield lambda query: run("-c", query)


def test_every_table_column_type_default_and_key_is_as_on_a_real_director(ask):
    lines = FACTS.read_text(encoding="utf-8").splitlines()
    wanted = [(*line.split("\t"), "", "", "")[:6] for line in lines if not line.startswith("#")]
    assert [tuple(row) for row in ask(COLUMNS)] == wanted
    assert len({table for table, *_ in wanted}) == 60


def test_what_is_unique_on_a_real_director_is_unique_here(ask):
    unique = {row[0] for row in ask(UNIQUE)}
    assert {
        "vms(cid)", "vms(agent_id)", "instances(vm_cid_bak)", "instances(agent_id_bak)", "persistent_disks(disk_cid)",
        "orphan_disks(disk_cid)", "snapshots(snapshot_cid)", "dynamic_disks(name)", "stemcells(name version cpi)",
        "agent_dns_versions(agent_id)", "ip_addresses(address_str)",
    } <= unique  # fmt: skip
    assert not unique & {"dynamic_disks(disk_cid)", "orphaned_vms(cid)", "blobs(blobstore_id)", "subnets(cid)"}


def test_every_table_that_the_filler_leaves_alone_has_rows(ask):
    assert {row[0] for row in ask(EMPTY)} == FILLED | LINKED_TO_FILLED


def test_texts_hold_all_that_a_text_may_hold(ask):
    texts = "SELECT content FROM configs UNION ALL SELECT manifest_text FROM deployments"
    for part in (r"E'\t'", r"E'\n\\.\n'", r"E'\r\n'", r"E'\\'", r"E'\U0001F4E1'", r"''''"):
        assert ask(f"SELECT count(*) FROM ({texts}) t(v) WHERE position({part} in v) > 0") != [["0"]], part
    assert ask("SELECT count(*) FROM ip_addresses WHERE address_str::cidr IS NULL") == [["0"]]
    assert ask("SELECT count(*) > 0 FROM vms WHERE network_spec_json::json ->> 'default' IS NOT NULL") == [["t"]]
