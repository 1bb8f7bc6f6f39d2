# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verify playbook on real backups: what is whole, what is damaged, and that it needs no director for it."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

EVERYTHING = {"microbosh_verify": "all", "microbosh_rehearse": True}

# An address where nothing can be: whatever would connect to the director fails.
NO_DIRECTOR = ("-e", "ansible_host=192.0.2.1")


@pytest.fixture(scope="module")
def verified(new_director):
    """A director that has one backup, as a directory and as an archive."""
    director = new_director("e2e-verify", generation="director", blobs=12)
    for run in (director.setup(), director.backup(microbosh_archive="{id}.tar.zst")):
        assert run.status == 0, run.output
    return director


@pytest.fixture
def backup(verified, tmp_path):
    """A copy of the backup that a test may damage, alone in a directory for backups."""
    verified.copies = tmp_path / "backups"
    verified.copies.mkdir(mode=0o700)
    copy = verified.copies / verified.ids[0]
    # With its hard links, owners and times.
    subprocess.run(["cp", "--archive", verified.latest, copy], check=True)
    (copy / "verdict.json").unlink(missing_ok=True)
    (verified.copies / "latest").symlink_to(copy.name)
    return copy


@pytest.fixture
def verify(verified):
    def run(*arguments, **settings):
        return verified.play("verify", *NO_DIRECTOR, *arguments, microbosh_backup_dir=str(verified.copies), **settings)

    return run


def verdict(backup):
    return json.loads((backup / "verdict.json").read_text())


def overwrite(path, content):
    """Change a file as a failing disk does: its times stay."""
    status = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def blobs(backup):
    return sorted(path for path in (backup / "vcap/store/blobstore/store").rglob("*") if path.is_file())


@pytest.fixture
def rehearsals():
    """Return a directory in which no other test rehearses, and which the server's account may enter."""
    with tempfile.TemporaryDirectory(prefix="rehearsals-", dir="/var/tmp") as directory:
        os.chmod(directory, 0o755)
        yield Path(directory)


def test_backup_and_archive_are_whole_and_their_dumps_can_be_loaded_without_the_director(verified, rehearsals):
    run = verified.play("verify", *NO_DIRECTOR, **EVERYTHING, microbosh_rehearse_dir=str(rehearsals))
    assert run.status == 0, run.output
    assert "2 of 2 backups of e2e-verify are whole, and their dumps can be loaded" in run
    recorded = {dump["database"]: sum(dump["rows"].values()) for dump in verified.report["dumps"]}
    assert {"bosh", "uaa", "credhub"} <= set(recorded)
    archive = next((verified.backups / "archives").glob("*.tar.zst"))
    kept = [verdict(verified.latest), json.loads(archive.with_name(f"{archive.name}.verdict.json").read_text())]
    for each in kept:
        assert each["verified"]["whole"]
        assert {item["database"]: item["rows"] for item in each["rehearsed"]["databases"]} == recorded
        assert all(item["compared"] and not item["differences"] for item in each["rehearsed"]["databases"])
    assert not (verified.backups / "verifying").exists()
    assert list(rehearsals.iterdir()) == []


def test_a_second_verification_finds_the_same(backup, verify):
    assert [verify().status for dummy in range(2)] == [0, 0]
    assert verdict(backup)["verified"]["findings"] == []


def test_check_mode_verifies_and_keeps_no_verdict(backup, verify):
    run = verify("--check")
    assert run.status == 0, run.output
    assert "1 of 1 backups" in run
    assert not (backup / "verdict.json").exists()


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("damage", ["flipped", "missing", "truncated", "swapped"])
def test_damage_is_found_named_and_kept(backup, verify, damage, seed):
    chance = random.Random(f"{damage} {seed}")
    paths = chance.sample(blobs(backup), 2)
    if damage == "flipped":
        paths = paths[:1]
        content = bytearray(paths[0].read_bytes())
        content[chance.randrange(len(content))] ^= 1
        overwrite(paths[0], bytes(content))
    elif damage == "missing":
        paths = paths[:1]
        paths[0].unlink()
    elif damage == "truncated":
        paths = [chance.choice(sorted((backup / "dbs").iterdir()))]
        content = paths[0].read_bytes()
        overwrite(paths[0], content[: chance.randrange(len(content))])
    else:
        first, second = (path.read_bytes() for path in paths)
        overwrite(paths[0], second)
        overwrite(paths[1], first)
    run = verify(microbosh_rehearse=True)
    assert run.status != 0
    assert f"Verification of e2e-verify FAILED not good {backup.name}" in run.flat.replace("e2e-verify: ", "")
    for path in paths:
        kind = "missing" if damage == "missing" else "altered"
        assert f"{kind:<8} {path.relative_to(backup)}: " in run.output
    assert verdict(backup)["verified"]["whole"] is False
    assert "rehearsed" not in verdict(backup)


def test_a_share_goes_on_where_the_last_one_ended_and_marks_every_backup_that_has_what_is_damaged(backup, verify):
    """Two backups with the same files, as two nights make them."""
    other = backup.with_name("20200101T000000Z")
    subprocess.run(["cp", "--archive", "--link", backup, other], check=True)
    runs = [verify(microbosh_verify="share") for dummy in range(2)]
    assert [run.status for run in runs] == [0, 0], runs[1].output
    assert "Read again 3.4 % of 2 backups" in runs[0]
    assert "Read again 0.0 % of 2 backups: 0 files" in runs[1]
    assert "are whole" not in runs[0]
    blob = blobs(backup)[0]
    overwrite(blob, b"x" * blob.stat().st_size)
    (backup.parent / "reread.json").unlink()
    run = verify(microbosh_verify="share", microbosh_reread_days=1)
    assert run.status == 2, run.output
    assert "Read again 100.0 % of 2 backups" in run
    assert f"altered  {blob.relative_to(backup)}: it has not the recorded content" in run.output
    assert f"not good {other.name}, {backup.name}" in run.flat.replace("e2e-verify: ", "")
    assert [verdict(each)["verified"]["whole"] for each in (backup, other)] == [False, False]


def test_what_was_added_is_extra(backup, verify):
    (backup / "vcap" / "store" / "core").write_text("dumped")
    run = verify()
    assert run.status != 0
    assert "extra vcap/store/core: the manifest does not name it" in run


def test_an_altered_archive_is_not_unpacked(verified, verify, tmp_path):
    verified.copies = tmp_path
    source = next((verified.backups / "archives").glob("*.tar.zst"))
    archive = Path(shutil.copy(source, tmp_path))
    shutil.copy(f"{source}.sha256", tmp_path)
    content = bytearray(archive.read_bytes())
    content[len(content) // 3] ^= 1
    archive.write_bytes(bytes(content))
    run = verify(microbosh_verify=str(archive))
    assert run.status != 0
    assert f"archive {archive.name}:" in run
    assert "does not have the digest" in run


@pytest.mark.parametrize("wanted", ["20200101T000000Z", "/no/such/archive.tar.gz"])
def test_what_is_not_there_is_an_error_that_says_what_is(backup, verify, wanted):
    run = verify(microbosh_verify=wanted)
    assert run.status != 0
    assert "There is no" in run
    assert backup.name in run
    assert "Nothing was looked at" in run


def test_nothing_is_rehearsed_in_a_directory_that_is_not_there(backup, verify):
    run = verify(microbosh_rehearse=True, microbosh_rehearse_dir="/no/such")
    assert run.status != 0
    assert "There is no directory /no/such to rehearse in" in run
