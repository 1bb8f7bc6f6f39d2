# SPDX-License-Identifier: GPL-3.0-or-later
"""A share of all backups is read again: each file once, and every backup that has a damaged one is told of."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._backup._snapshots import newest_published
from ansible_collections.microbosh.director.plugins.module_utils._backup._verdict import note, read_verdict
from ansible_collections.microbosh.director.plugins.plugin_utils._source import _rereading as rereading
from ansible_collections.microbosh.director.plugins.plugin_utils._source._reread_share import CIRCLE, Share
from ansible_collections.microbosh.director.plugins.plugin_utils._source._rereading import Rereading
from ansible_collections.microbosh.director.plugins.plugin_utils._source._verifying import Verifier
from backup_trees import make_backup, make_store
from director_backup import make_director_backup, pack

FIRST, SECOND, THIRD = "20261122T221326Z", "20261123T221326Z", "20261124T221326Z"
ALL = Share(0, CIRCLE)


@pytest.fixture
def store(tmp_path):
    return make_store(tmp_path / "host")


@pytest.fixture
def backups(tmp_path, store):
    """Two backups that share all files but one."""
    directory = tmp_path / "backups"
    directory.mkdir()
    first = make_backup(directory, FIRST, store)
    (store / "store" / "executable").write_text("#!/bin/sh\ntrue\n")
    make_backup(directory, SECOND, store, first)
    return directory


def read(directory, share=ALL, keep=True):
    work = Rereading(Verifier(directory, directory / "verifying", None, keep))
    work.open()
    for piece in share.pieces():
        work.read(piece)
    return work


def damage(path):
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def found(work):
    return {Path(path).name: [(one["kind"], one["path"]) for one in verdict["findings"]]
            for path, verdict in work.verdicts.items()}  # fmt: skip


def verified(directory, name):
    return read_verdict(str(directory / name / "verdict.json")).get("verified")


def inodes(directory):
    parts = [
        directory / name / part
        for name in (FIRST, SECOND)
        for part in ("vcap", "dbs", "filter", "backup.json", "backup.log")
    ]
    files = [path for part in parts for path in ([part] if part.is_file() else part.rglob("*"))]
    return {path.lstat().st_ino for path in files if path.is_file() and not path.is_symlink()}


def test_each_file_is_read_once_in_a_round(backups):
    work = read(backups)
    assert (found(work), work.known, len(work.backups)) == ({}, [], 2)
    assert work.files == len(inodes(backups))
    assert verified(backups, FIRST) is None  # only a share of it was looked at


def test_shares_make_up_the_whole(backups):
    parts = [read(backups, Share(place * CIRCLE // 5, CIRCLE // 5 + 1)).files for place in range(5)]
    assert sum(parts) == len(inodes(backups))
    assert max(parts) < len(inodes(backups))


def test_a_damaged_file_marks_every_backup_that_has_it(backups):
    damage(backups / FIRST / "vcap/store/big")
    work = read(backups)
    assert found(work) == {name: [("altered", "vcap/store/big")] for name in (FIRST, SECOND)}
    assert [verified(backups, name)["whole"] for name in (FIRST, SECOND)] == [False, False]
    assert newest_published(str(backups)) is None


def test_one_that_another_backup_has_otherwise_marks_the_one(backups):
    damage(backups / SECOND / "vcap/store/executable")
    assert set(found(read(backups))) == {SECOND}
    assert verified(backups, FIRST) is None


def test_every_name_that_leads_to_it_is_told(backups):
    damage(backups / FIRST / "vcap/store/third")
    names = [("altered", f"vcap/store/{name}") for name in ("third", "tree/second", "tree/sub/first")]
    assert sorted(found(read(backups))[SECOND]) == names


@pytest.mark.parametrize("name", ["backup.json", "backup.log", "dbs/bosh.sql", "filter"])
def test_no_part_of_a_backup_is_left_out(backups, name):
    damage(backups / SECOND / name)
    assert (SECOND, [("altered", name)]) in found(read(backups)).items()


def test_what_is_missing_cut_or_another_kind_of_file_is_found(backups):
    (backups / FIRST / "vcap/store/big").unlink()
    (backups / FIRST / "vcap/store/nothing").unlink()
    (backups / FIRST / "vcap/store/nothing").symlink_to("big")
    cut = backups / FIRST / "vcap/store/third"
    cut.write_bytes(cut.read_bytes()[:-1])
    seen = found(read(backups))
    expected = {("missing", "vcap/store/big"), ("altered", "vcap/store/nothing"), ("altered", "vcap/store/third")}
    assert expected <= set(seen[FIRST])
    assert ("altered", "vcap/store/third") in seen[SECOND]
    assert ("missing", "vcap/store/big") not in seen[SECOND]


def test_what_is_not_in_the_share_is_not_found(backups):
    digest = next(
        line for line in (backups / FIRST / "SHA256SUMS").read_bytes().split(b"\n") if line.endswith(b"store/big")
    )
    place = int(digest[:12], 16)
    damage(backups / FIRST / "vcap/store/big")
    assert found(read(backups, Share(place + 1, CIRCLE - 1))) == {}
    assert set(found(read(backups, Share(place, 1)))) == {FIRST, SECOND}


def test_check_mode_keeps_no_verdict(backups):
    damage(backups / FIRST / "vcap/store/big")
    assert found(read(backups, keep=False))
    assert verified(backups, FIRST) is None


def test_what_was_found_before_stays_and_a_rehearsal_too(backups):
    note(str(backups / FIRST / "verdict.json"), "rehearsed", {"good": True})
    damage(backups / FIRST / "vcap/store/big")
    read(backups)
    shutil.copy(backups / FIRST / "filter", backups / FIRST / "other")
    damage(backups / FIRST / "filter")
    read(backups)
    kept = read_verdict(str(backups / FIRST / "verdict.json"))
    assert {one["path"] for one in kept["verified"]["findings"]} == {"vcap/store/big", "filter"}
    assert len(kept["verified"]["findings"]) == 2
    assert kept["rehearsed"]["good"] is True


def test_a_backup_whose_records_are_damaged_is_read_whole_and_then_known(backups):
    damage(backups / SECOND / "SHA256SUMS")
    work = read(backups)
    assert {"SHA256SUMS"} <= {path for dummy, path in found(work)[SECOND]}
    assert verified(backups, SECOND)["whole"] is False
    again = read(backups)
    assert (found(again), again.known, len(again.backups)) == ({}, [SECOND], 1)


def test_a_backup_that_is_removed_meanwhile_is_no_damage_and_its_files_are_read_by_another_name(backups, monkeypatch):
    """As by the retention of a backup that runs at the same time: a backup is renamed, then removed."""
    on_disk = rereading.digest_on_disk

    def removed(path):
        if (backups / FIRST).exists():
            (backups / FIRST).rename(backups / f"{FIRST}.removing")
            shutil.rmtree(backups / f"{FIRST}.removing")
        return on_disk(path)

    monkeypatch.setattr(rereading, "digest_on_disk", removed)
    damage(backups / SECOND / "vcap/store/big")
    work = Rereading(Verifier(backups, backups / "verifying", None, True))
    work.open()
    work.read(ALL)
    assert found(work) == {SECOND: [("altered", "vcap/store/big")]}
    assert [backup.name for backup in work.backups] == [SECOND]


def test_what_cannot_be_read_is_damaged(backups, monkeypatch):
    def broken(path):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(rereading, "digest_on_disk", broken)
    verdict = read(backups).verdicts[str(backups / FIRST)]
    assert verdict["findings"][0]["detail"] == "it cannot be read: Input/output error"


def test_the_kernel_is_told_to_forget_it_before_and_after(backups, monkeypatch):
    """What a backup wrote an hour ago would be read from memory, and say nothing of the disk."""
    asked = []
    monkeypatch.setattr(os, "posix_fadvise", lambda file, *what: asked.append((os.lseek(file, 0, os.SEEK_CUR), *what)))
    rereading.digest_on_disk(os.fsencode(backups / FIRST / "vcap/store/big"))
    assert asked == [(place, 0, 0, os.POSIX_FADV_DONTNEED) for place in (0, 3_000_000)]


def test_a_file_whose_mode_denies_it_is_read(backups):
    (backups / FIRST / "vcap/store/big").chmod(0)
    assert found(read(backups)) == {}
    assert (backups / FIRST / "vcap/store/big").stat().st_mode & 0o777 == 0


def test_an_archive_is_held_against_its_checksum(tmp_path):
    backup = make_director_backup(tmp_path)
    (tmp_path / "archives").mkdir()
    archive = pack(backup, tmp_path / "archives" / f"d_{FIRST}.tar.gz")
    work = read(tmp_path)
    assert (found(work), work.archives) == ({}, 1)
    damage(archive)
    assert found(read(tmp_path)) == {archive.name: [("altered", archive.name)]}
    assert read_verdict(f"{archive}.verdict.json")["verified"]["whole"] is False
    Path(f"{archive}.sha256").unlink()
    assert ("missing", f"{archive.name}.sha256") in found(read(tmp_path))[archive.name]
