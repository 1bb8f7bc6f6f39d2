# SPDX-License-Identifier: GPL-3.0-or-later
"""A record of a backup that is exchanged between the check and the use is not used."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.microbosh.director.plugins.action.push import permitted
from ansible_collections.microbosh.director.plugins.module_utils._backup import _signature as signature
from ansible_collections.microbosh.director.plugins.module_utils._backup import _snapshots as snapshots
from ansible_collections.microbosh.director.plugins.module_utils._backup._manifest_verification import verify
from ansible_collections.microbosh.director.plugins.module_utils._backup._verification import verify_backup
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._restore._rehearsal import Rehearsal
from ansible_collections.microbosh.director.plugins.plugin_utils._source import _source, _verifying
from ansible_collections.microbosh.director.plugins.plugin_utils._source._signing import Trust
from ansible_collections.microbosh.director.plugins.plugin_utils._source._source import SourceError, find
from ansible_collections.microbosh.director.plugins.plugin_utils._source._tree_action import content, digests_of
from ansible_collections.microbosh.director.plugins.plugin_utils._source._verifying import Verifier
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._inside import OutsideError
from director_backup import make_director_backup
from test_signature import NAME, make_key, signature_host


@pytest.fixture
def backup(tmp_path):
    return make_director_backup(tmp_path)


@pytest.fixture(params=["signed", "unsigned", "no key"])
def trust(request, backup, tmp_path):
    """A key and a backup that has its signature or not, or no key at all."""
    if request.param == "no key":
        return None
    (tmp_path / "keys").mkdir()
    key, host = make_key(tmp_path / "keys/sign"), signature_host(backup)
    if request.param == "signed":
        signature.sign(str(backup), NAME, host, key)
    return Trust(key, host, unsigned=request.param == "unsigned")


def looked_at(backup, trust):
    return find(NAME, backup.parent, backup.parent / "scratch", None, trust)


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def alter(path, old, new):
    """Change a file, and keep its time."""
    status = path.stat()
    path.write_bytes(path.read_bytes().replace(old, new))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def exchange(backup, name="dbs/bosh.sql", old=b"-- PostgreSQL database dump\n", new=b"-- EVIL-- database dump\n\n\n\n"):
    """Change a file, and let the manifest agree with it."""
    before = sha256(backup / name)
    alter(backup / name, old, new)
    metadata = (backup / "metadata.mtree").read_bytes()
    lines = metadata.replace(before.encode(), sha256(backup / name).encode())
    size = b"\\g<1>%d" % (backup / name).stat().st_size
    lines = re.sub(rb"(\./%s [^\n]*size=)\d+" % re.escape(name.encode()), size, lines)
    (backup / "metadata.mtree").write_bytes(lines)
    sums = (backup / "SHA256SUMS").read_bytes().replace(before.encode(), sha256(backup / name).encode())
    sums = sums.replace(hashlib.sha256(metadata).hexdigest().encode(), hashlib.sha256(lines).hexdigest().encode())
    (backup / "SHA256SUMS").write_bytes(sums)
    assert verify(str(backup))["whole"]  # it vouches for itself


def test_a_backup_that_stays_is_described_with_its_records(backup, trust):
    found = looked_at(backup, trust).describe()
    assert found["records"]["SHA256SUMS"] == sha256(backup / "SHA256SUMS")
    assert found["records"]["metadata.mtree"] == sha256(backup / "metadata.mtree")
    assert found["agent_id"] == "bm-1"
    assert {dump["name"]: dump["sha256"] for dump in found["dumps"]}["bosh.sql"] == sha256(backup / "dbs/bosh.sql")


def test_all_of_a_backup_exchanged_after_it_was_looked_at_is_not_described(backup, trust):
    source = looked_at(backup, trust)
    exchange(backup)
    with pytest.raises((SourceError, DirectorError), match="exchange"):
        source.describe()


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("filter", b"+ store/**", b"- store/**"),
        ("backup.json", b"bosh-1", b"bosh-2"),
        ("metadata.mtree", b"uid=", b"uid=1"),
        ("SHA256SUMS", b"  vcap/bosh", b"  vcap/bosx"),
        ("dbs/bosh.sql", b"packages", b"packaged"),
        ("dbs/globals.sql", b"CREATE ROLE", b"create role"),
        ("vcap/bosh/settings.json", b"bm-1", b"bm-2"),
    ],
)
def test_one_file_exchanged_after_it_was_looked_at_is_not_described(backup, trust, name, old, new):
    source = looked_at(backup, trust)
    alter(backup / name, old, new)
    with pytest.raises((SourceError, DirectorError), match="exchange"):
        source.describe()


def test_a_record_that_goes_or_comes_after_it_was_looked_at_is_noticed(backup, trust):
    source = looked_at(backup, trust)
    (backup / "backup.json").unlink()
    with pytest.raises((SourceError, DirectorError), match=r"backup\.json"):
        source.describe()


def test_a_dump_is_hashed_and_understood_in_one_reading(backup, monkeypatch):
    source = looked_at(backup, None)
    read, calls = _source.open_for_reading, []

    def counted(path):
        calls.append(os.path.basename(path))
        return read(path)

    monkeypatch.setattr(_source, "open_for_reading", counted)
    source.describe()
    assert sorted(set(calls)) == sorted(calls)
    assert "bosh.sql" in calls


def test_verify_does_not_call_the_exchanged_one_whole(backup, trust):
    records = looked_at(backup, trust).records
    assert verify(str(backup), records=records)["whole"]
    exchange(backup)
    with pytest.raises(DirectorError, match="exchanges files"):
        verify(str(backup), records=records)
    result = verify_backup(str(backup), records=records)
    assert not result["whole"]
    assert any("exchanges files" in item["detail"] for item in result["findings"])


def test_what_is_exchanged_while_the_signature_is_checked_is_not_signed(backup, tmp_path, monkeypatch):
    key = make_key(tmp_path / "sign")
    host = signature_host(backup)
    signature.sign(str(backup), NAME, host, key)
    said = _verifying.said_of_signature

    def then_exchanged(*arguments):
        found = said(*arguments)
        exchange(backup)
        return found

    monkeypatch.setattr(_verifying, "said_of_signature", then_exchanged)
    verdict = Verifier(backup.parent, tmp_path / "scratch", None, False, None, Trust(key, host)).examine(NAME)
    assert not verdict["whole"]


def test_a_rehearsal_loads_the_dump_that_was_verified_and_no_other(backup, tmp_path):
    source = looked_at(backup, None)
    vouched = source.vouched()
    exchange(backup)
    scratch = type("Scratch", (), {"ended": "", "endpoint": None, "binaries": type("B", (), {"version": 1})()})()
    rehearsal = Rehearsal(str(backup), scratch, None, vouched=vouched)
    rehearsal.load("bosh")
    assert any("SHA-256" in problem for problem in rehearsal.problems)


def test_a_run_signs_what_it_wrote_and_not_what_lies_there(tmp_path, monkeypatch):
    key = make_key(tmp_path / "sign")
    seal, told = snapshots._seal, {}

    def then_exchanged(partial, report):
        told["digests"] = seal(partial, report)
        with open(os.path.join(partial, "filter"), "ab") as target:
            target.write(b"- store/**\n")
        return told["digests"]

    monkeypatch.setattr(snapshots, "_seal", then_exchanged)
    publish = snapshots.publish
    monkeypatch.setattr("director_backup.publish", lambda *arguments: publish(*arguments, sign_key=key))
    made = make_director_backup(tmp_path)
    with pytest.raises(SourceError, match="not that of"):
        looked_at(made, Trust(key, "bosh-1"))
    (made / "filter").write_bytes(b"+ store/**\n")
    assert looked_at(made, Trust(key, "bosh-1")).signature == "signed"


def test_what_a_director_is_sent_is_the_list_that_was_looked_at(backup):
    found = looked_at(backup, None).describe()
    digest = found["records"]["metadata.mtree"]
    assert content(found["metadata"], digest) == (backup / "metadata.mtree").read_bytes()
    names = ["bosh/settings.json"]
    assert permitted(found["directory"] + "/vcap", names, found["metadata"], found["records"])
    alter(backup / "metadata.mtree", b"uid=", b"uid=1")
    with pytest.raises(AnsibleActionFail, match="is not what it was"):
        content(found["metadata"], digest)
    with pytest.raises(OutsideError, match="is not what it was"):
        permitted(found["directory"] + "/vcap", names, found["metadata"], found["records"])


def test_of_what_only_root_reads_nothing_else_is_sent(backup, tmp_path):
    metadata = (backup / "metadata.mtree").read_bytes()
    digests = digests_of(metadata, ["bosh/settings.json"])
    path = backup / "vcap/bosh/settings.json"
    assert content(str(path), digests["bosh/settings.json"]) == path.read_bytes()
    (tmp_path / "controller").mkdir()
    (tmp_path / "controller/settings.json").write_text("SECRET")
    shutil.move(path.parent, tmp_path / "aside")
    path.parent.symlink_to(tmp_path / "controller")
    for digest in (None, digests["bosh/settings.json"]):
        with pytest.raises(AnsibleActionFail, match="without following a link"):
            content(str(path), digest)
    with pytest.raises(AnsibleActionFail, match="names no file"):
        digests_of(metadata, ["../../etc/shadow"])


def test_latest_is_asked_once_where_it_leads(backup, tmp_path, monkeypatch):
    """It led to the newest when that was asked for, and to an older one when it was opened."""
    key = make_key(tmp_path / "sign")
    (tmp_path / "again").mkdir()
    make_director_backup(tmp_path / "again", "20261123T221326Z").rename(tmp_path / "20261123T221326Z")
    for name in (NAME, "20261123T221326Z"):
        signature.sign(str(tmp_path / name), name, "bosh-1", key)
    answers = ["20261123T221326Z", NAME, NAME]
    monkeypatch.setattr(_source, "latest_id", lambda directory: answers.pop(0))
    found = find("latest", tmp_path, tmp_path / "scratch", None, Trust(key, "bosh-1"))
    assert found.path.name == "20261123T221326Z"


def test_a_backup_that_becomes_a_link_to_another_directors_is_none(backup, tmp_path, monkeypatch):
    (tmp_path / "other").mkdir()
    other = make_director_backup(tmp_path / "other")

    def then_exchanged(directory):
        backup.rename(tmp_path / "aside")
        backup.symlink_to(other)
        return [NAME]

    monkeypatch.setattr(_source, "list_ids", then_exchanged)
    with pytest.raises(SourceError, match="is a link"):
        looked_at(backup, None)


def test_a_directory_without_manifest_is_what_it_was_when_it_was_described(tmp_path):
    top = tmp_path / "by-hand"
    (top / "vcap/bosh").mkdir(parents=True)
    (top / "vcap/bosh/settings.json").write_text(json.dumps({"agent_id": "bm-7"}))
    found = find(str(top), tmp_path, tmp_path / "scratch").describe()
    assert found["agent_id"] == "bm-7"
    assert found["records"]["metadata.mtree"] == hashlib.sha256(content(found["metadata"])).hexdigest()


def test_a_link_on_the_way_is_resolved_when_it_is_looked_at(backup, tmp_path):
    (tmp_path / "way").symlink_to(backup.parent)
    found = find(str(tmp_path / "way" / NAME), tmp_path / "none", tmp_path / "scratch").describe()
    assert found["path"] == str(tmp_path / "way" / NAME)
    assert found["directory"] == str(backup)
    assert permitted(found["directory"] + "/dbs", ["bosh.sql"], None) == [b"bosh.sql"]
