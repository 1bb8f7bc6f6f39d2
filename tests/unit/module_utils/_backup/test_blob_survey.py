# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Blobs that a director itself has lost: named by their origin, mended, accepted, found in an earlier backup."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._backup._blob_listing import Listing
from ansible_collections.microbosh.director.plugins.module_utils._backup._blob_names import (
    BlobstoreError,
    names_blobs,
    names_with_origins,
    unknown_columns,
)
from ansible_collections.microbosh.director.plugins.module_utils._backup._blob_survey import (
    Survey,
    is_external,
    refusal,
    tell,
)
from ansible_collections.microbosh.director.plugins.module_utils._backup._blobstore import (
    Blobstore,
    check_blobstore,
    proven_backup,
    within,
)
from ansible_collections.microbosh.director.plugins.modules import blobstore_info
from places import REPOSITORY, UNIT

FRAME = "--\n-- PostgreSQL database dump\n--\n\n%s--\n-- PostgreSQL database dump complete\n--\n\n"
SCHEMAS = REPOSITORY / "tests" / "testhost/image/root/usr/local/lib/testhost/schema"
CONTENT = b"the right content\n"
SHA1 = hashlib.sha1(CONTENT).hexdigest()
# One blob of each kind, as a director of 2026 has them.
ROWS = {
    "releases (id, name)": ["1\tweb"],
    "release_versions (id, version, release_id)": ["7\t12\t1", "8\t13+dev.1\t1"],
    "packages (id, name, version, blobstore_id, sha1, release_id)": [
        f"3\tnginx\t5d1c\tpackage-blob\t{SHA1}\t1",
        "4\tgolang\taaaa\t\\N\t\\N\t1",
    ],
    "packages_release_versions (id, package_id, release_version_id)": ["1\t3\t7", "2\t3\t8"],
    "templates (id, name, version, blobstore_id, sha1, release_id)": [f"5\tproxy\tbbbb\tjob-blob\t{SHA1}\t1"],
    "release_versions_templates (id, release_version_id, template_id)": ["1\t7\t5"],
    "compiled_packages (id, blobstore_id, sha1, package_id, stemcell_os, stemcell_version)": [
        f"2\tcompiled-blob\t{SHA1}\t4\tubuntu-jammy\t1.18"
    ],
    "deployments (id, name)": ["1\tcf"],
    "instances (id, job, index, deployment_id)": ["9\trouter\t0\t1"],
    "rendered_templates_archives (id, instance_id, blobstore_id, sha1)": [f"1\t9\trendered-blob\t{SHA1}"],
    "blobs (id, blobstore_id, sha1, created_at, type)": [
        f"1\tdns-blob\t{SHA1}\t2026-01-01 00:00:00\tdns",
        f"2\texport-blob\t{SHA1}\t2026-01-02 00:00:00\texported-release",
    ],
    "local_dns_blobs (id, blob_id, version)": ["1\t1\t44"],
    "log_bundles (id, blobstore_id, timestamp)": ["1\tlogs-blob\t2026-01-03 00:00:00"],
}
ALL = ["compiled", "dns", "export", "job", "logs", "package", "rendered"]


def write_dump(path, rows=ROWS):
    copies = [f"COPY public.{table} FROM stdin;\n" + "\n".join([*lines, "\\.\n\n"]) for table, lines in rows.items()]
    text = "".join(copies)
    path.write_text(FRAME % text, encoding="utf-8")
    return path


def shard(blob_id):
    return hashlib.sha1(blob_id.encode()).hexdigest()[:2]


def place(blob_id):
    return f"store/blobstore/store/{shard(blob_id)}/{blob_id}"


def line(path, kind="f"):
    change = {"f": ">f", "d": "cd", "L": "cL"}[kind]
    end = "/" if kind == "d" else ""
    return f"2026/11/22 22:13:26 [7] {change}+++++++++|1000|1000|rw-r-----|5|{path}{end}\n".encode()


def listed(*names):
    """The listing of a director that has these blobs."""
    lines = [line("store", "d"), line("store/blobstore", "d"), line("store/blobstore/store", "d")]
    return Listing(lines + [line(place(f"{name}-blob")) for name in names])


@pytest.fixture
def dump(tmp_path):
    return write_dump(tmp_path / "bosh.sql")


def survey(dump, listing, **settings):
    known = {
        "directory": "", "kind": "auto", "served": True, "links": {}, "place": "store/blobstore",
        "accepted": [], "damaged": [], "host": "director1", "inventory": ["/etc/hosts.yml"],
    }  # fmt: skip
    return Survey(*names_with_origins(str(dump)), listing, {**known, **settings}).run()


def backup(directory, name, *names, blobs=None, content=CONTENT):
    """An earlier backup that holds these blobs."""
    for blob_id in [f"{one}-blob" for one in names]:
        path = directory / name / "vcap" / place(blob_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    report = {"status": "published", "proof": {"whole": True, "blobs": blobs or {}}}
    (directory / name).mkdir(exist_ok=True)
    (directory / name / "backup.json").write_text(json.dumps(report))
    (directory / name / "SHA256SUMS").touch()
    return directory / name


# --- what is not there, and what it is of -----------------------------------------------------------------------------


def test_a_director_that_has_everything_has_lost_nothing(dump):
    result = survey(dump, listed(*ALL))
    assert (result["named"], result["here"], result["made_again"], result["lost"]) == (7, 7, 0, [])
    assert (result["unsure"], tell(result), refusal(result, "refuse", [])) == (False, [], "")


def test_rendered_templates_that_were_never_written_are_no_fault(dump):
    result = survey(dump, listed(*(name for name in ALL if name != "rendered")))
    assert (result["made_again"], result["lost"], result["unsure"]) == (1, [], False)
    assert refusal(result, "refuse", []) == ""


@pytest.mark.parametrize(
    ("name", "about", "mend"),
    [
        ("package", "package nginx/5d1c of release web/12, web/13+dev.1", "upload-release --fix"),
        ("job", "job proxy/bbbb of release web/12", "upload-release --fix"),
        ("compiled", "package golang/aaaa of release web, compiled for ubuntu-jammy/1.18", "next deploy compiles it"),
        ("dns", "DNS records, version 44; blob dns 2026-01-01 00:00:00", "writes the DNS records again"),
        ("export", "blob exported-release 2026-01-02 00:00:00", "clean-up --all"),
        ("logs", "logs fetched at 2026-01-03 00:00:00", "10 days"),
    ],
)
def test_what_is_lost_is_told_by_what_it_is_of(dump, name, about, mend):
    result = survey(dump, listed(*(one for one in ALL if one != name)))
    (lost,) = result["lost"]
    assert (lost["id"], lost["about"], lost["path"]) == (f"{name}-blob", about, place(f"{name}-blob"))
    assert mend in lost["mend"]
    said = refusal(result, "refuse", [])
    for word in (about, f"{name}-blob", mend, "microbosh_lost_blobs", "Nothing was stopped"):
        assert word in said
    assert refusal(result, "publish", []) == ""
    assert about in " ".join(tell(result))


def test_what_is_accepted_by_id_refuses_nothing(dump):
    result = survey(dump, listed("package", "dns", "export", "logs", "job"))
    assert refusal(result, "refuse", ["compiled-blob"]) == ""
    assert refusal(result, "refuse", ["another"]) != ""


def test_the_generation_of_2014_is_told_as_well(tmp_path):
    rows = {
        "releases (id, name)": ["1\tbosh"],
        "stemcells (id, name, version)": ["2\tbosh-vsphere-esxi-ubuntu\t2776"],
        "packages (id, name, version, blobstore_id, sha1, dependency_set_json, release_id)": [
            f"3\truby\t1.1\tpackage-blob\t{SHA1}\t[]\t1"
        ],
        "compiled_packages (id, blobstore_id, sha1, package_id, stemcell_id)": [f"1\tcompiled-blob\t{SHA1}\t3\t2"],
    }
    result = survey(write_dump(tmp_path / "bosh.sql", rows), listed())
    assert [entry["about"] for entry in result["lost"]] == [
        "package ruby/1.1 of release bosh, compiled for bosh-vsphere-esxi-ubuntu/2776",
        "package ruby/1.1 of release bosh",
    ]


def test_names_are_shown_and_not_obeyed(tmp_path):
    row = f"3\t\\033[2Jx\\n{{{{ 1 }}}}\t1\tb\t{SHA1}\t1"
    rows = {"packages (id, name, version, blobstore_id, sha1, release_id)": [row]}
    (lost,) = survey(write_dump(tmp_path / "bosh.sql", rows), listed())["lost"]
    assert lost["about"] == "package ?[2Jx?{{ 1 }}/1 of release ?"


def test_a_blob_that_another_table_names_too_is_not_made_again(tmp_path):
    rows = {
        "rendered_templates_archives (id, instance_id, blobstore_id, sha1)": [f"1\t9\tshared\t{SHA1}"],
        "packages (id, blobstore_id, sha1)": [f"1\tshared\t{SHA1}"],
    }
    assert [entry["id"] for entry in survey(write_dump(tmp_path / "bosh.sql", rows), listed())["lost"]] == ["shared"]


def test_flat_blobstores_of_the_local_provider_are_found(dump):
    lines = [line("store", "d"), line("store/blobstore", "d")]
    result = survey(dump, Listing(lines + [line(f"store/blobstore/{name}-blob") for name in ALL]), served=False)
    assert (result["here"], result["external"]) == (7, False)


def test_a_hundred_thousand_blobs_take_seconds(tmp_path):
    numbers = range(100_000)
    rows = {"packages (id, blobstore_id, sha1)": [f"{number}\tb{number}\t{SHA1}" for number in numbers]}
    lines = [line(place(f"b{number}")) for number in numbers if number != 5]
    listing = Listing([line("store/blobstore/store", "d"), *lines])
    assert [entry["id"] for entry in survey(write_dump(tmp_path / "bosh.sql", rows), listing)["lost"]] == ["b5"]


# --- what an earlier backup holds -------------------------------------------------------------------------------------


def test_what_an_earlier_backup_holds_is_newly_lost(dump, tmp_path):
    for name in ("20261120T000000Z", "20261121T000000Z"):
        backup(tmp_path, name, "package")
    backup(tmp_path, "20261122T000000Z")
    result = survey(dump, listed("dns", "export", "logs", "job"), directory=str(tmp_path))
    (newly,) = result["newly_lost"]
    assert (newly["id"], newly["backup"]) == ("package-blob", "20261121T000000Z")
    assert [entry["id"] for entry in result["lost"]] == ["compiled-blob", "package-blob"]
    command = shlex.split(newly["command"])
    assert command[:-1] == ["ansible", "-i", "/etc/hosts.yml", "director1", "-b", "-m", "ansible.builtin.copy", "-a"]
    arguments = json.loads(command[-1])
    assert arguments["src"] == str(tmp_path / "20261121T000000Z/vcap" / place("package-blob"))
    assert arguments["dest"] == f"/var/vcap/store/blobstore/store/{shard('package-blob')}/"
    for said in (tell(result)[0], refusal(result, "refuse", [])):
        assert said.startswith("NEWLY LOST: package nginx/5d1c of release web/12")
        assert newly["command"] in said
        assert "microbosh_lost_blobs_accepted" in said


def test_a_backup_with_another_content_does_not_hold_it(dump, tmp_path):
    backup(tmp_path, "20261121T000000Z", "package", content=b"rot")
    assert survey(dump, listed(), directory=str(tmp_path))["newly_lost"] == []


def test_what_is_accepted_is_not_newly_lost(dump, tmp_path):
    backup(tmp_path, "20261121T000000Z", "package", "logs")
    result = survey(dump, listed(), directory=str(tmp_path), accepted=["package-blob"])
    assert [entry["id"] for entry in result["newly_lost"]] == ["logs-blob"]


def test_what_the_newest_backup_records_as_lost_needs_no_second_look(dump, tmp_path):
    backup(tmp_path, "20261121T000000Z", blobs={"lost": [{"id": "package-blob"}]})
    assert survey(dump, listed(*(n for n in ALL if n != "package")), directory=str(tmp_path))["unsure"] is False
    assert survey(dump, listed(*(n for n in ALL if n != "job")), directory=str(tmp_path))["unsure"] is True


# --- somewhere else ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "named", "here", "served", "before", "external"),
    [
        ("auto", 5, 0, False, {}, True),
        ("auto", 5, 0, False, {"named": 5, "external": True}, True),
        ("auto", 5, 0, False, {"named": 3, "made_again": 3, "checked": 0, "reused": 0}, True),
        ("auto", 5, 0, False, {"named": 5, "checked": 1, "reused": 4}, False),  # here yesterday: lost, all of them
        ("auto", 5, 0, False, {"named": 5, "without_digest": 1}, False),
        ("auto", 5, 1, False, {}, False),
        ("auto", 5, 0, True, {}, False),
        ("auto", 0, 0, False, {}, False),  # a fresh director
        ("local", 5, 0, False, {}, False),
        ("external", 5, 5, True, {}, True),
    ],
)
def test_external_blobstores_are_found(kind, named, here, served, before, external):
    assert is_external(kind, named, here, served, before)[0] is external


def test_an_external_blobstore_has_lost_nothing_and_is_told(dump):
    result = survey(dump, Listing([]), served=False)
    assert (result["external"], result["lost"], refusal(result, "refuse", [])) == (True, [], "")
    assert "its 7 blobs are in no backup" in tell(result)[0]


@pytest.mark.parametrize("link", ["store", "store/blobstore", "store/blobstore/store"])
def test_a_link_in_place_of_the_blobstore_is_told_as_that(dump, link):
    lines = [line("store", "d"), line("store/blobstore", "d")]
    listing = Listing([one for one in lines if f"|{link}/".encode() not in one] + [line(link, "L")])
    result = survey(dump, listing, served=False, links={link: "/mnt/blobs"})
    assert (result["external"], result["lost"]) == (False, [])
    said = refusal(result, "publish", [])
    assert f"/var/vcap/{link} leads to /mnt/blobs" in said
    assert "microbosh_blobstore to external" in said
    assert refusal(survey(dump, listing, kind="external"), "refuse", []) == ""


def test_a_link_that_the_backup_user_cannot_follow_is_told_all_the_same(dump):
    listing = Listing([line("store/blobstore", "d"), line("store/blobstore/store", "L")])
    links = {"store/blobstore/store": "/var/vcap/store/blobstore/store"}
    said = refusal(survey(dump, listing, links=links), "refuse", [])
    assert "/var/vcap/store/blobstore/store leads to a place that the backup user cannot see" in said


def test_a_link_to_what_the_filter_leaves_out_is_told_as_well(dump):
    listing = Listing([line("store/blobstore", "L")], "data/blobs")
    result = survey(dump, listing, place="data/blobs", links={"store/blobstore": "/var/vcap/data/blobs"})
    assert result["links"] == [{"path": "store/blobstore", "target": "/var/vcap/data/blobs"}]


def test_a_link_to_another_place_that_is_copied_is_followed(dump):
    lines = [line("store/big", "d"), line("store/big/store", "d")]
    lines += [line(place(f"{name}-blob").replace("blobstore", "big")) for name in ALL]
    links = {"store/blobstore": "/var/vcap/store/big"}
    result = survey(dump, Listing(lines, "store/big"), place="store/big", links=links)
    assert (result["links"], result["here"]) == ([], 7)


def test_a_blobstore_of_which_nothing_is_seen_is_told_as_that(dump):
    said = refusal(survey(dump, Listing([])), "refuse", [])
    assert "Not one blob was seen" in said
    assert "microbosh_blobstore" in said


def test_links_of_a_copy_are_followed_within_it_only(tmp_path):
    tree = tmp_path / "vcap"
    (tree / "store/big/store").mkdir(parents=True)
    (tree / "store/blobstore").symlink_to("/var/vcap/store/big")
    assert within(str(tree), "store/blobstore/store") == str(tree / "store/big/store")
    assert Blobstore(str(tree / "store/blobstore"), str(tree)).root == str(tree / "store/big/store")
    (tree / "store/relative").symlink_to("../store/big")
    assert within(str(tree), "store/relative/store") == str(tree / "store/big/store")


@pytest.mark.parametrize(
    "target", ["/etc", "/mnt/blobs", "../../../etc", "/var/vcap/../../etc", "/var/vcap/store/blobstore"]
)
def test_links_that_leave_a_copy_or_lead_in_circles_are_refused(tmp_path, target):
    (tmp_path / "vcap/store").mkdir(parents=True)
    (tmp_path / "vcap/store/blobstore").symlink_to(target)
    with pytest.raises(BlobstoreError, match="behind a link"):
        Blobstore(str(tmp_path / "vcap/store/blobstore"), str(tmp_path / "vcap"))


# --- what the copy has not got ----------------------------------------------------------------------------------------


@pytest.fixture
def copy(tmp_path):
    """A copy with all of the blobs."""
    for name in ALL:
        path = tmp_path / "vcap" / place(f"{name}-blob")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(CONTENT)
    return tmp_path / "vcap"


def check(dump, copy, **how):
    return check_blobstore(str(dump), str(copy / "store/blobstore"), str(copy), **how)


@pytest.mark.parametrize("name", ALL)
def test_what_the_director_had_and_the_copy_has_not_is_a_fault(dump, copy, name):
    (copy / place(f"{name}-blob")).unlink()
    known = {"lost": [{"id": f"{name}-blob"}]}
    result = check(dump, copy, recorded=known, had=listed(*ALL))
    assert [(entry["id"], entry["had"]) for entry in result["missing"]] == [(f"{name}-blob", True)]
    assert (result["whole"], result["lost"], result["made_again"]) == (False, [], 0)


def test_exactly_what_is_recorded_as_lost_may_be_missing(dump, copy):
    for name in ("job", "rendered"):
        (copy / place(f"{name}-blob")).unlink()
    lost = [{"id": "job-blob"}, {"id": "logs-blob"}]
    recorded = {"lost": lost, "newly_lost": lost}
    result = check(dump, copy, recorded=recorded)
    assert (result["whole"], result["made_again"], result["missing"]) == (True, 1, [])
    assert [entry["id"] for entry in result["lost"]] == ["job-blob"]
    assert result["newly_lost"] == [{"id": "job-blob"}]
    (copy / place("package-blob")).unlink()
    assert [entry["id"] for entry in check(dump, copy, recorded=recorded)["missing"]] == ["package-blob"]


def test_exactly_the_damage_that_is_recorded_is_accepted(dump, copy):
    (copy / place("job-blob")).write_bytes(b"damaged\n")
    (wrong,) = check(dump, copy)["wrong"]
    assert wrong["place"] == place("job-blob")
    recorded = {"damaged": [wrong]}
    result = check(dump, copy, recorded=recorded)
    assert (result["whole"], [entry["id"] for entry in result["damaged"]]) == (True, ["job-blob"])
    (copy / place("job-blob")).write_bytes(b"damaged more\n")
    assert check(dump, copy, recorded=recorded)["whole"] is False


def test_what_is_lost_because_something_else_is_in_its_place_is_accepted_when_recorded(dump, copy):
    (copy / place("job-blob")).unlink()
    (copy / place("job-blob")).mkdir()
    assert check(dump, copy)["whole"] is False
    result = check(dump, copy, recorded={"lost": [{"id": "job-blob"}]}, had=listed(*(n for n in ALL if n != "job")))
    assert (result["whole"], [entry["id"] for entry in result["lost"]]) == (True, ["job-blob"])


@pytest.mark.parametrize("blob_id", ["a b", "ünï☃", "*?[x]", "x" * 300, "-rf", "\\\\back", "tab\\there"])
def test_odd_ids_are_looked_for_as_they_are(tmp_path, blob_id):
    rows = {"packages (id, blobstore_id, sha1)": [f"1\t{blob_id}\t\\N"]}
    dump = write_dump(tmp_path / "bosh.sql", rows)
    real = blob_id.replace("\\\\", "\\").replace("\\t", "\t")
    (lost,) = survey(dump, listed())["lost"]
    assert (lost["id"], lost["path"]) == (real, place(real))
    if len(real) < 256:
        path = tmp_path / "vcap" / place(real)
        path.parent.mkdir(parents=True)
        path.touch()
        result = check(dump, tmp_path / "vcap")
        assert (result["whole"], result["without_digest"]) == (True, 1)
    else:
        assert [entry["id"] for entry in check(dump, tmp_path / "vcap")["missing"]] == [real]


def test_a_backup_proves_nothing_of_a_blob_that_it_records_as_damaged(dump, copy, tmp_path):
    (copy / place("job-blob")).write_bytes(b"damaged\n")
    earlier = tmp_path / "20261121T000000Z"
    (earlier / "dbs").mkdir(parents=True)
    write_dump(earlier / "dbs/bosh.sql")
    (earlier / "backup.json").write_text(json.dumps({"proof": {"blobs": {"damaged": check(dump, copy)["wrong"]}}}))
    (earlier / "vcap").symlink_to(copy)
    proven = proven_backup(str(earlier / "dbs/bosh.sql"), str(earlier / "vcap/store/blobstore"))
    result = check(dump, copy, proven=proven)
    assert ([entry["id"] for entry in result["wrong"]], result["reused"]) == (["job-blob"], 5)


def test_what_one_look_has_read_the_next_does_not(dump, copy, tmp_path):
    memory = str(tmp_path / "memory.json")
    assert check(dump, copy, memory=memory)["checked"] == 6
    path = copy / place("job-blob")
    before = path.stat()
    path.write_bytes(b"not read again...\n")  # the same file: nobody changes a blob in place
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    again = check(dump, copy, memory=memory)
    assert (again["checked"], again["whole"]) == (6, True)
    path.rename(tmp_path / "aside")
    path.write_bytes(b"not read again...\n")
    assert [entry["id"] for entry in check(dump, copy, memory=memory)["wrong"]] == ["job-blob"]


def test_a_shard_that_is_a_link_has_no_blobs(dump, copy, tmp_path):
    directory = copy / place("job-blob")
    directory.parent.rename(tmp_path / "elsewhere")
    directory.parent.symlink_to(tmp_path / "elsewhere")
    assert [entry["id"] for entry in check(dump, copy)["missing"]] == ["job-blob"]


# --- columns that nobody knows ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("column", ["blob_id", "source_blob_id", "blobstore_uuid", "BlobID", "blobstore_ids"])
def test_a_column_that_may_name_blobs_is_told(tmp_path, column):
    rows = {**ROWS, f"holograms (id, {column})": []}
    result = survey(write_dump(tmp_path / "bosh.sql", rows), listed(*ALL))
    assert result["unknown_columns"] == [f"holograms.{column}"]
    assert f"holograms.{column}" in " ".join(tell(result))
    assert refusal(result, "refuse", []) == ""


def columns_of_2014():
    sql = (SCHEMAS / "bosh-micro.sql").read_text()
    for table, body in re.findall(r'CREATE TABLE "?(\w+)"? \((.*?)\n?\);', sql, re.DOTALL):
        for column in re.findall(r'(?:\A|,)\s*"?(\w+)"?', body):
            yield table, column


def columns_of_2026():
    lines = (UNIT / "fixtures/director/schema.tsv").read_text().splitlines()
    return [line.split("\t")[:2] for line in lines if not line.startswith("#")]


@pytest.mark.parametrize(("columns", "naming"), [(columns_of_2014, 3), (columns_of_2026, 7)])
def test_every_column_of_the_real_tables_that_names_blobs_is_followed(columns, naming):
    """A new one in a new release of BOSH stops here, and not in an operator's report."""
    found = list(columns())
    assert [unknown for table, column in found for unknown in unknown_columns(table, [column])] == []
    assert len([table for table, column in found if names_blobs(table, column)]) >= naming


def test_the_module_puts_it_together(dump, tmp_path):
    (tmp_path / "blobs.log").write_bytes(b"".join([line("store/blobstore/store", "d"), line(place("package-blob"))]))
    spec = {
        "dump": str(dump), "listing": str(tmp_path / "blobs.log"), "place": "store/blobstore",
        "links": {}, "kind": "auto",
        "served": True, "directory": None, "lost": "refuse", "accepted": [], "damaged": [], "host": "", "inventory": [],
    }  # fmt: skip
    result = blobstore_info.perform(spec)
    assert (result["here"], len(result["lost"]), result["made_again"]) == (1, 5, 1)
    assert "has not got 5 of the 7 blobs" in result["refusal"]
    assert "and 2 more" in result["refusal"]


def test_blobs_that_were_moved_away_are_asked_for_where_nothing_serves_those_here(dump):
    """The disk keeps what was written before the blobstore moved; only what is new is missing."""
    there = listed(*(name for name in ALL if name != "job"))
    said = refusal(survey(dump, there, served=False), "refuse", [])
    assert "set microbosh_blobstore to external" in said
    assert "microbosh_blobstore" not in refusal(survey(dump, there), "refuse", [])
    assert "microbosh_blobstore" not in refusal(survey(dump, there, served=False, kind="local"), "refuse", [])


def test_a_shard_that_is_a_link_is_told_as_that(dump):
    lines = [line("store", "d"), line("store/blobstore", "d"), line("store/blobstore/store", "d")]
    assert Listing([*lines, line("store/blobstore/store/out", "L")]).links() == []  # it hides no blob
    listing = Listing([*lines, line("store/blobstore/store/ab", "L")])
    result = survey(dump, listing)
    assert [link["path"] for link in result["links"]] == ["store/blobstore/store/ab"]
    assert result["lost"] == []
