# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The change of an id since the backup is told by the operator's files of then and of now alone."""

from __future__ import annotations

import json

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._dump._iaas_ids import COLUMNS, resolve
from ansible_collections.microbosh.director.plugins.module_utils._restore._reconcile import (
    LIVE,
    Named,
    ids_in,
    known_in,
)
from ansible_collections.microbosh.director.plugins.modules.iaas_reconcile_info import load_known, perform

AGENT = "bm-e0bcbfab-fd07-4fe7-b110-675e27a85225"
DEPLOYMENTS = f"""---
instances:
- :id: 1
  :name: micro
  :uuid: {AGENT}
  :stemcell_cid: sc-1
  :stemcell_sha1: 1f4c
  :stemcell_name: bosh-stemcell-aws
  :config_sha1: 2a5d
  :vm_cid: i-1
  :disk_cid: vol-1
disks: []
registry_instances: []
"""
# The same as some version of Ruby wrote it.
TAGGED = """--- !ruby/hash-with-ivars:Bosh::Deployer::State
elements:
  instances:
  - !ruby/object:Bosh::Deployer::Models::Instance
    ? !ruby/sym id
    : 1
    :name: !binary |-
      bWljcm8=
    :uuid: !binary |-
      Ym0tZTBiY2JmYWItZmQwNy00ZmU3LWIxMTAtNjc1ZTI3YTg1MjI1
    :stemcell_cid: !ruby/string:Cid
      str: sc-1
    :stemcell_sha1: 1f4c
    :stemcell_name: !ruby/sym bosh-stemcell-aws
    :vm_cid: i-1
    :disk_cid: vol-1
ivars: {}
"""
STATE = {
    "director_id": "of-the-cli",
    "installation_id": "7f1e",
    "current_vm_cid": "i-1",
    "current_disk_id": "d2",
    "disks": [{"id": "d1", "cid": "vol-old"}, {"id": "d2", "cid": "vol-1"}],
    "stemcells": [{"id": "s1", "name": "bosh-aws", "version": "1.404", "cid": "sc-1"}],
}
TABLES = {
    "director_attributes": ("name, value", ["uuid\tuuid-1", "other\tx"]),
    "vms": ("id, agent_id, cid", ["1\tagent-1\ti-of-cf"]),
    "instances": ("id, vm_cid_bak", ["1\ti-before"]),
    "persistent_disks": ("id, disk_cid", ["1\tvol-of-cf"]),
    "stemcells": ("name, version, cid", ["bosh-aws\t1.404\tsc-of-cf", "bosh-aws\t1.737\tsc-other"]),
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
def file(tmp_path):
    def write(content, name="known"):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    return write


@pytest.fixture
def compare(file):
    """A function that compares a dump with the file of the backup and that of today."""

    def run(path, before, today):
        before = before and file(before, "before")
        return perform({"dump": path, "before": before, "known": file(today)})

    return run


def state(**changes):
    return {**STATE, **changes}


@pytest.mark.parametrize("content", [DEPLOYMENTS, TAGGED])
def test_bosh_deployments_names_the_vm_of_the_director_whatever_ruby_wrote(file, content):
    assert set(load_known(file(content)).named) == {
        Named("agent_id", AGENT, "instance micro"),
        Named("vm_cid", "i-1", "instance micro"),
        Named("disk_cid", "vol-1", "instance micro"),
        Named("stemcell_cid", "sc-1", "stemcell bosh-stemcell-aws 1f4c"),
    }


def test_a_uuid_that_is_no_agents_is_the_directors():
    assert known_in({"instances": [{"id": "1", "uuid": "0c7a"}]}).named == [
        Named("director_uuid", "0c7a", "instance 1")
    ]


def test_the_state_of_create_env_names_the_current_disk_only():
    assert set(known_in(STATE).named) == {
        Named("director_uuid", "of-the-cli", "director"),
        Named("vm_cid", "i-1", "current VM"),
        Named("disk_cid", "vol-1", "current disk"),
        Named("stemcell_cid", "sc-1", "stemcell bosh-aws 1.404"),
    }


@pytest.mark.parametrize("content", ["", "[]", "{}", "a: b", "instances: [1]", "instances: {a: b}", "a: [", "\t{"])
def test_another_file_is_refused(file, content):
    with pytest.raises(DirectorError, match=r"The file .*known"):
        load_known(file(content))


def test_the_directors_own_ids_are_never_proposed_for_those_of_a_deployment(dump, compare):
    """One against one of each kind, each on one side only: the file's are the director's, the database's are not."""
    today = state(
        director_id="other", current_vm_cid="i-2", disks=[{"id": "d2", "cid": "vol-2"}],
        stemcells=[{"name": "bosh-aws", "version": "1.404", "cid": "sc-2"}],
    )  # fmt: skip
    result = compare(dump(), STATE, today)
    assert (result["agree"], result["differing"], result["rewrite"], result["unsettled"]) == (True, [], {}, [])
    assert {"kind": "vm_cid", "id": "i-2"} in result["absent"]
    assert result["lines"][0] == "The database names no id that became another one between the two files"
    assert "vm_cid i-2 is the director's own: its database does not name it" in result["lines"]


def test_without_the_file_of_the_backup_nothing_is_mapped(dump, compare):
    result = compare(dump(vms=("id, agent_id, cid", ["1\ta\ti-1"])), None, state(current_vm_cid="i-2"))
    assert (result["agree"], result["rewrite"]) == (None, {})
    assert "Without the file as it was at the backup" in result["lines"][0]


def test_what_the_database_names_and_the_files_tell_is_mapped(dump, compare):
    path = dump(
        vms=("id, agent_id, cid", [f"1\t{AGENT}\ti-1", "2\ta\ti-of-cf"]),
        persistent_disks=("id, disk_cid", ["1\tvol-1"]),
        stemcells=("name, version, cid", ["bosh-aws\t1.404\tsc-1"]),
        local_dns_records=("id, agent_id", [f"1\t{AGENT}"]),
    )
    today = (
        DEPLOYMENTS.replace("i-1", "i-2").replace("vol-1", "vol-2").replace("sc-1", "sc-2").replace(AGENT, "bm-new")
    )
    result = compare(path, TAGGED, today)
    assert result["rewrite"] == {
        "agent_id": {AGENT: "bm-new"},
        "disk_cid": {"vol-1": "vol-2"},
        "stemcell_cid": {"sc-1": "sc-2"},
        "vm_cid": {"i-1": "i-2"},
    }
    assert result["differing"][0]["columns"] == ["local_dns_records.agent_id", "vms.agent_id"]
    assert "vm_cid i-1 (vms.cid) is i-2 today" in result["lines"]
    assert resolve(result["rewrite"], ids_in(path).found) == result["rewrite"]


def test_another_version_of_a_stemcell_is_not_the_same_stemcell(dump, compare):
    path = dump(stemcells=("name, version, cid", ["bosh-aws\t1.404\tsc-1"]))
    today = state(stemcells=[{"name": "bosh-aws", "version": "1.737", "cid": "sc-9"}])
    result = compare(path, STATE, today)
    assert result["rewrite"] == {}
    assert [item["id"] for item in result["unsettled"]] == ["sc-1"]
    assert "today's file has no stemcell bosh-aws 1.404" in result["lines"][0]
    both = state(stemcells=[*today["stemcells"], {"name": "bosh-aws", "version": "1.404", "cid": "sc-8"}])
    assert compare(path, STATE, both)["rewrite"] == {"stemcell_cid": {"sc-1": "sc-8"}}


def test_an_id_that_is_only_remembered_is_told_and_not_unsettled(dump, compare):
    path = dump(instances=("id, vm_cid_bak", ["1\ti-1"]))
    result = compare(path, STATE, {"director_id": "of-the-cli"})
    assert [(item["id"], item["live"]) for item in result["differing"]] == [("i-1", False)]
    assert result["unsettled"] == []


def test_an_id_that_the_database_gives_to_something_else_is_not_taken(dump, compare):
    path = dump(vms=("id, agent_id, cid", ["1\ta\ti-1", "2\tb\ti-2"]))
    result = compare(path, STATE, state(current_vm_cid="i-2"))
    assert result["rewrite"] == {}
    assert "the database names i-2, which is that of today, as another one" in result["lines"][0]


def test_two_ids_never_become_one(dump, compare):
    entry = "- {id: 1, name: a, vm_cid: %s}\n- {id: 2, name: b, vm_cid: %s}\n"
    path = dump(vms=("id, agent_id, cid", ["1\ta\ti-1", "2\tb\ti-2"]))
    result = compare(path, "instances:\n" + entry % ("i-1", "i-2"), "instances:\n" + entry % ("i-3", "i-3"))
    assert result["rewrite"] == {}
    assert [item["reason"] for item in result["unsettled"]] == ["several ids would become i-3"] * 2


def test_two_of_one_name_are_not_told_apart(dump, compare):
    entry = "- {id: 1, name: a, vm_cid: %s}\n- {id: 2, name: a, vm_cid: %s}\n"
    path = dump(vms=("id, agent_id, cid", ["1\ta\ti-1"]))
    result = compare(path, "instances:\n" + entry % ("i-1", "i-2"), "instances:\n" + entry % ("i-3", "i-2"))
    assert result["rewrite"] == {}
    assert "the files have several of instance a" in result["lines"][0]


def test_files_of_two_forms_tell_nothing(dump, compare):
    with pytest.raises(DirectorError, match=r"a bosh-deployments\.yml and the one of today a state\.json"):
        compare(dump(), DEPLOYMENTS, STATE)


def test_what_agrees_is_said_to_agree(dump, compare):
    result = compare(dump(vms=("id, agent_id, cid", ["1\ta\ti-1"])), STATE, STATE)
    assert result["agree"]
    assert (result["differing"], result["rewrite"]) == ([], {})


@pytest.mark.parametrize(
    ("kind", "column", "live"),
    [
        ("vm_cid", "vms.cid", True), ("vm_cid", "instances.vm_cid_bak", False), ("vm_cid", "instances.vm_cid", True),
        ("vm_cid", "orphaned_vms.cid", False), ("agent_id", "vms.agent_id", True),
        ("agent_id", "instances.agent_id_bak", False), ("agent_id", "instances.agent_id", True),
        ("agent_id", "local_dns_records.agent_id", True), ("agent_id", "agent_dns_versions.agent_id", True),
        ("disk_cid", "persistent_disks.disk_cid", True), ("disk_cid", "dynamic_disks.disk_cid", True),
        ("disk_cid", "orphan_disks.disk_cid", False), ("snapshot_cid", "snapshots.snapshot_cid", True),
        ("snapshot_cid", "orphan_snapshots.snapshot_cid", False), ("stemcell_cid", "stemcells.cid", True),
        ("subnet_cid", "subnets.cid", True),
    ],
)  # fmt: skip
def test_every_column_that_names_the_iaas_is_known(dump, kind, column, live):
    table, name = column.split(".")
    assert (table, name) in COLUMNS[kind]
    assert (column in LIVE) is live
    ids = ids_in(dump(**{table: (f"id, {name}", ["1\tthe-id", "2\t\\N"])}))
    assert ids.found[kind]["the-id"] == {column: 1}


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
