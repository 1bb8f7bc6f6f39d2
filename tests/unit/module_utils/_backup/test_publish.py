# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup is published whole or not at all, whenever its process dies; the next run continues."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import stat

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._backup._manifest_verification import verify
from ansible_collections.microbosh.director.plugins.module_utils._backup._manifest_writing import write
from ansible_collections.microbosh.director.plugins.module_utils._backup._snapshots import (
    BEFORE_OUTAGE,
    MOST_LEFT_BEHIND,
    begin,
    newest_published,
    parse_id,
    publish,
)
from ansible_collections.microbosh.director.plugins.module_utils._backup._snapshots import Disk as RealDisk
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._files import (
    durable_file,
    remove_tree,
    write_durably,
)
from backup_trees import Disk, copy, every_death, make_backup, make_partial, make_store, report, snapshot

FIRST = "20261121T221311Z"
SECOND = "20261122T221326Z"
THIRD = "20261123T221326Z"


@pytest.fixture
def source(tmp_path):
    return make_store(tmp_path / "host")


@pytest.fixture
def backups(tmp_path):
    return tmp_path / "backups"


@pytest.fixture
def partial(backups, source):
    return make_partial(backups, SECOND, source)


def mode(path):
    return stat.S_IMODE(path.lstat().st_mode)


class TestPublish:
    """From proven copy to backup."""

    def test_it_is_a_backup_afterwards(self, backups, partial):
        disk = Disk()
        result = publish(str(partial), str(backups), report(SECOND), disk)
        backup = backups / SECOND
        assert result == {"changed": True, "path": str(backup), "id": SECOND, "latest": str(backups / "latest")}
        assert sorted(os.listdir(backup)) == [
            "SHA256SUMS", "backup.json", "backup.log", "dbs", "filter", "metadata.mtree", "vcap"
        ]
        assert sorted(os.listdir(backups)) == [SECOND, "latest"]
        assert os.readlink(backups / "latest") == SECOND
        assert json.loads((backup / "backup.json").read_text("utf-8")) == {**report(SECOND), "status": "published"}
        assert {mode(backup / name) for name in ("backup.json", "backup.log", "SHA256SUMS")} == {0o600}
        assert mode(backup) == 0o700
        assert disk.synced == str(partial)
        assert verify(str(backup))["whole"]

    def test_again_it_changes_nothing(self, backups, partial):
        publish(str(partial), str(backups), report(SECOND), Disk())
        before = snapshot(backups)
        assert publish(str(partial), str(backups), report(SECOND), Disk())["changed"] is False
        assert snapshot(backups) == before

    def test_again_it_sees_to_latest(self, backups, partial):
        publish(str(partial), str(backups), report(SECOND), Disk())
        (backups / "latest").unlink()
        assert publish(str(partial), str(backups), report(SECOND), Disk())["changed"] is True
        assert os.readlink(backups / "latest") == SECOND

    def test_check_mode_changes_nothing(self, backups, partial):
        before = snapshot(backups)
        assert publish(str(partial), str(backups), report(SECOND), Disk(), dry_run=True)["changed"] is True
        assert snapshot(backups) == before

    @pytest.mark.parametrize("name", ["SHA256SUMS", "metadata.mtree", "backup.log", "vcap"])
    def test_refuses_if_something_is_missing(self, backups, partial, name):
        if name == "vcap":
            shutil.rmtree(partial / name)
        else:
            (partial / name).unlink()
        self.assert_refused(backups, partial, report(SECOND), f"has no {name}")

    def test_refuses_if_there_is_one(self, backups, partial):
        (backups / SECOND).mkdir()
        self.assert_refused(backups, partial, report(SECOND), "exists already")

    @pytest.mark.parametrize("proof", [{}, {"proof": None}, {"proof": {}}, {"proof": {"whole": False}},
                                       {"proof": {"whole": "no"}}])
    def test_refuses_what_is_not_proven(self, backups, partial, proof):
        self.assert_refused(backups, partial, {"id": SECOND, **proof}, "proof.whole")

    def test_refuses_the_report_of_another_backup(self, backups, partial):
        self.assert_refused(backups, partial, report(FIRST), f"about {FIRST}, not about {SECOND}")

    def test_refuses_a_manifest_that_is_damaged(self, backups, partial):
        with open(partial / "metadata.mtree", "ab") as metadata:
            metadata.write(b"\n")
        self.assert_refused(backups, partial, report(SECOND), "not written together")

    def test_refuses_a_manifest_that_was_cut_short(self, backups, partial):
        os.truncate(partial / "SHA256SUMS", 1000)
        self.assert_refused(backups, partial, report(SECOND), "SHA256SUMS ends in the middle of a line")

    def test_refuses_another_directory(self, backups, partial, tmp_path):
        with pytest.raises(DirectorError, match="cannot be published"):
            publish(str(partial), str(tmp_path), report(SECOND), Disk())

    def assert_refused(self, backups, partial, what, message):
        before = snapshot(backups)
        with pytest.raises(DirectorError, match=message):
            publish(str(partial), str(backups), what, Disk())
        assert snapshot(backups) == before

    def test_a_disk_that_fails_is_told(self, backups, partial):
        conversation = {("sync", "-f", str(partial)): (1, "", "sync: error syncing: Input/output error")}
        disk = RealDisk(lambda argv: conversation.pop(tuple(argv)))
        with pytest.raises(DirectorError, match="Input/output error"):
            publish(str(partial), str(backups), report(SECOND), disk)
        assert os.listdir(backups) == [f"{SECOND}.partial"]
        assert conversation == {}

    def test_dies_anywhere_and_is_whole_or_not_there(self, tmp_path, source):
        numbers = itertools.count()

        def prepare():
            backups = tmp_path / f"backups{next(numbers)}"
            make_partial(backups, SECOND, source)
            make_backup(backups, FIRST, source)
            return backups

        def action(backups):
            publish(str(backups / f"{SECOND}.partial"), str(backups), report(SECOND), Disk())

        def check(backups):
            published = (backups / SECOND).exists()
            assert published is not (backups / f"{SECOND}.partial").exists()
            assert os.readlink(backups / "latest") in ((FIRST, SECOND) if published else (FIRST,))
            if published:
                assert verify(str(backups / SECOND))["whole"]
            action(backups)
            assert verify(str(backups / SECOND))["whole"]
            assert os.readlink(backups / "latest") == SECOND
            assert sorted(os.listdir(backups)) == [FIRST, SECOND, "latest"]

        assert every_death(action, prepare, check) > 12


class TestBegin:
    """The directory that a backup is made in."""

    def test_the_first_of_all(self, backups):
        path = backups / f"{FIRST}.partial"
        assert begin(str(backups), FIRST) == {
            "changed": True,
            "path": str(path),
            "resumed": False,
            "resumed_from": None,
            "previous": None,
            "previous_outage": None,
            "link_dest": [],
        }
        assert {mode(directory) for directory in (backups, path, path / ".work")} == {0o700}
        assert (path / ".work" / "incomplete").is_file()

    def test_again_it_changes_nothing(self, backups):
        begin(str(backups), FIRST)
        (backups / f"{FIRST}.partial" / "vcap").mkdir()
        before = snapshot(backups)
        assert begin(str(backups), FIRST)["changed"] is False
        assert snapshot(backups) == before

    def test_the_filter_is_in_it(self, backups):
        begin(str(backups), FIRST, rules=["- /store/café", "+ /store/**"])
        path = backups / f"{FIRST}.partial" / "filter"
        assert path.read_text(encoding="utf-8") == "- /store/café\n+ /store/**\n"
        assert mode(path) == 0o600

    def test_what_an_earlier_run_rehearsed_is_gone(self, backups, partial):
        rehearsed = partial / ".work" / "preflight"
        (rehearsed / "dbs").mkdir(parents=True)
        (rehearsed / "dbs" / "bosh.sql").write_text("of the earlier run")
        (rehearsed / "blobs.log").write_text("of the earlier run")
        begin(str(backups), THIRD)
        rehearsed = backups / f"{THIRD}.partial" / ".work" / "preflight"
        assert [path.relative_to(rehearsed).as_posix() for path in rehearsed.rglob("*")] == ["dbs"]
        assert {mode(rehearsed), mode(rehearsed / "dbs")} == {0o700}

    def test_check_mode_changes_nothing(self, backups, partial):
        before = snapshot(backups)
        assert begin(str(backups), THIRD, dry_run=True)["resumed_from"] == SECOND
        assert snapshot(backups) == before

    def test_the_previous_backup_is_found(self, backups, source):
        make_backup(backups, FIRST, source)
        make_backup(backups, SECOND, source)
        (backups / SECOND / "backup.json").write_text('{"status": "torn"}')
        result = begin(str(backups), THIRD)
        assert result["previous"] == str(backups / FIRST)
        assert result["link_dest"] == [str(backups / FIRST / "vcap")]

    def test_a_failed_run_is_continued(self, backups, source, partial):
        previous = make_backup(backups, FIRST, source)
        (partial / ".work" / "staging").mkdir()
        (partial / ".work" / "staging" / "half").write_text("half a file")
        (partial / ".work" / "vcap").mkdir()
        (partial / "SHA256SUMS.new").write_text("half")
        (backups / "20261120T000000Z.partial").mkdir()
        inode = (partial / "vcap/store/big").stat().st_ino
        result = begin(str(backups), THIRD)
        path = backups / f"{THIRD}.partial"
        assert (result["resumed"], result["resumed_from"]) == (True, SECOND)
        assert result["link_dest"] == [str(path / ".work/left-1"), str(path / ".work/left-2"), str(previous / "vcap")]
        assert sorted(os.listdir(backups)) == [FIRST, f"{THIRD}.partial", "latest"]
        assert sorted(os.listdir(path)) == [".work", "backup.log"]
        assert sorted(os.listdir(path / ".work")) == ["incomplete", "left-1", "left-2", "preflight", "staging"]
        assert (path / ".work/left-1/store/big").stat().st_ino == inode
        copy(source, path / "vcap", path / ".work/left-1", path / ".work/left-2", previous / "vcap")
        assert (path / "vcap/store/big").stat().st_ino == inode

    def test_what_was_copied_before_an_outage_in_the_place_of_an_online_copy_is_linked(self, backups, partial):
        (partial / ".work" / BEFORE_OUTAGE).mkdir()
        (partial / ".work" / BEFORE_OUTAGE / "online").touch()
        (partial / ".work" / "vcap").mkdir()
        found = begin(str(backups), THIRD)["link_dest"]
        assert [os.path.basename(path) for path in found] == ["left-1", "left-2", "left-3"]
        assert os.listdir(found[-1]) == ["online"]
        assert not os.path.exists(backups / f"{THIRD}.partial" / ".work" / BEFORE_OUTAGE)

    def test_continuing_leaves_published_backups_alone(self, backups, source):
        first = make_backup(backups, FIRST, source)
        make_partial(backups, SECOND, source, first)
        os.utime(source / "store/big")
        (source / "store/executable").chmod(0o600)
        result = begin(str(backups), THIRD)
        partial = backups / f"{THIRD}.partial"
        log = copy(source, partial / "vcap", *result["link_dest"])
        (partial / "filter").write_text("")
        written = write(str(partial), [str(log)], result["previous"])
        assert written["warnings"] == []
        assert written["reused"] > 20
        assert verify(str(first))["whole"]

    def test_only_so_many_failed_runs_are_remembered(self, backups):
        for number in range(MOST_LEFT_BEHIND + 3):
            result = begin(str(backups), f"20261122T2213{number:02}Z")
            assert len(result["link_dest"]) == min(number, MOST_LEFT_BEHIND)
            path = backups / f"20261122T2213{number:02}Z.partial" / "vcap"
            path.mkdir()
            (path / str(number)).touch()
        assert sorted(os.listdir(result["link_dest"][0])) == [str(MOST_LEFT_BEHIND + 1)]

    def test_refuses_an_id_that_is_there(self, backups, source):
        make_backup(backups, FIRST, source)
        with pytest.raises(DirectorError, match="already"):
            begin(str(backups), FIRST)

    @pytest.mark.parametrize("name", ["", "latest", "20261322T221326Z", "20261122T221326", "../20261122T221326Z"])
    def test_refuses_what_is_no_id(self, backups, name):
        with pytest.raises(DirectorError, match="no id of a backup"):
            begin(str(backups), name)
        assert not backups.exists()

    def test_dies_anywhere_and_begins_again(self, tmp_path, source):
        numbers = itertools.count()

        def prepare():
            backups = tmp_path / f"backups{next(numbers)}"
            previous = make_backup(backups, FIRST, source)
            make_partial(backups, SECOND, source, previous)
            (backups / "20261120T000000Z.partial").mkdir()
            return backups

        def action(backups):
            begin(str(backups), THIRD)

        def check(backups):
            result = begin(str(backups), THIRD)
            assert sorted(os.listdir(backups)) == [FIRST, f"{THIRD}.partial", "latest"]
            assert (backups / result["link_dest"][0] / "store/big").stat().st_size == 3_000_000
            assert not (backups / f"{THIRD}.partial" / "SHA256SUMS").exists()
            assert verify(str(backups / FIRST))["whole"]

        assert every_death(action, prepare, check) > 12


def test_the_newest_published_has_a_manifest(backups, source):
    assert newest_published(str(backups)) is None
    make_backup(backups, FIRST, source)
    assert newest_published(str(backups)) == str(backups / FIRST)
    (backups / FIRST / "SHA256SUMS").unlink()
    assert newest_published(str(backups)) is None


def test_ids_are_times():
    assert parse_id("20261122T221326Z").tm_hour == 22
    assert parse_id("20260230T000000Z") is None
    assert parse_id("20261122T221326Z\n") is None


class TestDurableFile:
    """Whole or not there."""

    def test_replaces_at_the_end(self, tmp_path):
        path = tmp_path / "file"
        write_durably(str(path), b"old")
        with durable_file(str(path), 0o640) as target:
            target.write(b"new")
            assert path.read_bytes() == b"old"
        assert path.read_bytes() == b"new"
        assert mode(path) == 0o640
        assert os.listdir(tmp_path) == ["file"]

    def test_leaves_no_trace_if_it_fails(self, tmp_path):
        path = tmp_path / "file"
        write_durably(str(path), b"old")
        with pytest.raises(ZeroDivisionError), durable_file(str(path)):
            raise ZeroDivisionError
        assert path.read_bytes() == b"old"
        assert os.listdir(tmp_path) == ["file"]


def test_a_tree_is_removed_without_following_links(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o500)
    top = tmp_path / "top"
    (top / "sub").mkdir(parents=True)
    (top / "sub" / "file").touch()
    os.symlink(outside, top / "link")
    (top / "sub").chmod(0)
    remove_tree(str(top))
    assert os.listdir(tmp_path) == ["outside"]
    assert mode(outside) == 0o500
