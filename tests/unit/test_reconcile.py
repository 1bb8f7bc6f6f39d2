# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a database and an operator's file disagree on, and when there is one answer to it."""

from __future__ import annotations

import json

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._iaas_ids import resolve
from ansible_collections.microbosh.director.plugins.module_utils._reconcile import (
    Named,
    ids_in,
    named_in,
    reconcile,
    report_lines,
)
from ansible_collections.microbosh.director.plugins.modules.iaas_reconcile import load_known, perform

DEPLOYMENTS = """---
instances:
- :id: 1
  :name: micro
  :uuid: bm-e0bcbfab-fd07-4fe7-b110-675e27a85225
  :stemcell_cid: sc-new
  :stemcell_sha1: 1f4c
  :stemcell_name: bosh-stemcell-aws
  :config_sha1: 2a5d
  :vm_cid: i-new
  :disk_cid: vol-1
disks: []
registry_instances: []
"""
STATE = {
    "director_id": "uuid-new",
    "installation_id": "7f1e",
    "current_vm_cid": "i-1",
    "current_disk_id": "d2",
    "disks": [{"id": "d1", "cid": "vol-old"}, {"id": "d2", "cid": "vol-1"}],
    "stemcells": [{"id": "s1", "name": "bosh-aws", "version": "1.404", "cid": "sc-1"}],
}
TABLES = {
    "director_attributes": ("name, value", ["uuid\tuuid-old", "other\tx"]),
    "vms": ("id, agent_id, cid", ["1\tbm-e0bcbfab-fd07-4fe7-b110-675e27a85225\ti-old"]),
    "instances": ("id, vm_cid_bak", ["1\ti-before"]),
    "persistent_disks": ("id, disk_cid", ["1\tvol-1"]),
    "stemcells": ("name, version, cid", ["bosh-aws\t1.404\tsc-old", "bosh-aws\t1.737\tsc-other"]),
}


@pytest.fixture
def dump(tmp_path):
    def write(**tables):
        parts = ["--\n-- PostgreSQL database dump\n--\n\n"]
        for name, (columns, rows) in {**TABLES, **tables}.items():
            lines = "".join(row + "\n" for row in rows)
            parts.append(f"COPY public.{name} ({columns}) FROM stdin;\n{lines}\\.\n")
        parts.append("\n--\n-- PostgreSQL database dump complete\n--\n\n")
        path = tmp_path / "bosh.sql"
        path.write_text("".join(parts))
        return str(path)

    return write


@pytest.fixture
def known(tmp_path):
    def write(content):
        path = tmp_path / "known"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    return write


def test_bosh_deployments_names_the_vm_of_the_director(known):
    assert set(load_known(known(DEPLOYMENTS))) == {
        Named("agent_id", "bm-e0bcbfab-fd07-4fe7-b110-675e27a85225", None),
        Named("vm_cid", "i-new", None),
        Named("disk_cid", "vol-1", None),
        Named("stemcell_cid", "sc-new", "bosh-stemcell-aws"),
    }


def test_a_uuid_that_is_no_agents_is_the_directors():
    assert named_in({"instances": [{"uuid": "0c7a"}]}) == [Named("director_uuid", "0c7a", None)]


def test_the_state_of_create_env_names_the_current_disk_only():
    assert set(named_in(STATE)) == {
        Named("director_uuid", "uuid-new", None),
        Named("vm_cid", "i-1", None),
        Named("disk_cid", "vol-1", None),
        Named("stemcell_cid", "sc-1", "bosh-aws-1.404"),
    }


@pytest.mark.parametrize("content", ["", "[]", "{}", "a: b", "instances: [1]", "instances: {a: b}", "a: [", "\t{"])
def test_another_file_is_refused(known, content):
    with pytest.raises(DirectorError, match=r"The file .*known"):
        load_known(known(content))


def test_one_live_id_against_one_is_settled(dump, known):
    result = perform({"dump": dump(), "known": known(DEPLOYMENTS)})
    assert not result["agree"]
    assert result["rewrite"] == {"vm_cid": {"i-old": "i-new"}}
    assert [item["id"] for item in result["differing"]] == ["sc-old", "sc-other", "i-before", "i-old"]
    assert [item["id"] for item in result["differing"] if not item["live"]] == ["i-before"]
    assert result["absent"] == [{"kind": "stemcell_cid", "id": "sc-new"}, {"kind": "vm_cid", "id": "i-new"}]
    assert [item["id"] for item in result["unsettled"]] == ["sc-old", "sc-other"]
    assert result["unnamed"] == ["director_uuid", "snapshot_cid"]


def test_a_stemcell_is_known_by_its_name_and_version(dump, known):
    result = perform({"dump": dump(), "known": known(STATE)})
    assert result["rewrite"] == {
        "director_uuid": {"uuid-old": "uuid-new"},
        "stemcell_cid": {"sc-old": "sc-1"},
        "vm_cid": {"i-old": "i-1"},
    }


def test_several_against_one_are_left_to_the_operator(dump, known):
    path = dump(vms=("id, agent_id, cid", ["1\ta\ti-7", "2\tb\ti-8"]))
    result = perform({"dump": path, "known": known(STATE)})
    assert "vm_cid" not in result["rewrite"]
    assert [item["id"] for item in result["unsettled"] if item["kind"] == "vm_cid"] == ["i-7", "i-8"]
    assert "vm_cid i-7 (vms.cid) is not in the file, and nothing tells which one it should be" in result["lines"]


def test_what_agrees_is_said_to_agree(dump, known):
    path = dump(
        vms=("id, agent_id, cid", ["1\ta\ti-1"]),
        director_attributes=("name, value", ["uuid\tuuid-new"]),
        stemcells=("name, version, cid", ["bosh-aws\t1.404\tsc-1"]),
        instances=("id, vm_cid_bak", []),
    )
    result = perform({"dump": path, "known": known(STATE)})
    assert result["agree"]
    assert (result["differing"], result["absent"], result["rewrite"]) == ([], [], {})
    assert result["lines"] == ["Every id that the file names is in the database, and none differs"]


def test_the_map_is_one_that_restoring_accepts(dump, known):
    path = dump()
    result = perform({"dump": path, "known": known(STATE)})
    assert resolve(result["rewrite"], ids_in(path).found) == result["rewrite"]


@pytest.mark.parametrize("content", ["", "CREATE TABLE x();"])
def test_a_dump_that_is_not_whole_is_refused(tmp_path, content):
    path = tmp_path / "bosh.sql"
    path.write_text(content)
    with pytest.raises(DirectorError, match="is not whole"):
        ids_in(str(path))


def test_the_dump_of_another_database_is_refused(tmp_path):
    path = tmp_path / "uaa.sql"
    path.write_text("--\n-- PostgreSQL database dump\n--\n\n\n--\n-- PostgreSQL database dump complete\n--\n\n")
    with pytest.raises(DirectorError, match="not of a director's database"):
        ids_in(str(path))


def test_the_lines_name_everything(dump, known):
    result = reconcile(ids_in(dump()), named_in(STATE))
    assert report_lines(result) == [
        "director_uuid uuid-old (director_attributes.value) is uuid-new in the file",
        "stemcell_cid sc-old (stemcells.cid) is sc-1 in the file",
        "stemcell_cid sc-other (stemcells.cid) is not in the file, and nothing tells which one it should be",
        "vm_cid i-before (instances.vm_cid_bak) is not in the file; the director only remembers it",
        "vm_cid i-old (vms.cid) is i-1 in the file",
    ]
