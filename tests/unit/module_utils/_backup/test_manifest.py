# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifest of a backup: written, checked, and never believed more than it deserves."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._backup._manifest_verification import explain, verify
from ansible_collections.microbosh.director.plugins.module_utils._backup._manifest_writing import write
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._tree import _sha256sums as sha256sums
from ansible_collections.microbosh.director.plugins.module_utils._tree._mtree import parse, readable
from backup_trees import NAMES, NOBODY, acting_as, copy, make_backup, make_partial, make_store

FIRST = "20261121T221311Z"
SECOND = "20261122T221326Z"


@pytest.fixture
def source(tmp_path):
    return make_store(tmp_path / "host")


@pytest.fixture
def partial(tmp_path, source):
    return make_partial(tmp_path / "backups", FIRST, source)


@pytest.fixture
def backup(tmp_path, source):
    return make_backup(tmp_path / "backups", FIRST, source)


def listing(partial):
    return [str(partial / ".work" / "rsync.log")]


def entries_of(backup):
    entries, problems = parse((backup / "metadata.mtree").read_bytes())
    assert problems == []
    return entries


def check_with_coreutils(backup):
    return subprocess.run(
        ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=backup, capture_output=True, check=False
    )


def test_coreutils_accept_it_whatever_the_names(backup):
    assert check_with_coreutils(backup).returncode == 0
    (backup / "vcap/store/odd" / "new\nline").write_text("something else")
    assert check_with_coreutils(backup).returncode == 1


def test_it_is_what_coreutils_would_write(backup):
    with open(backup / "SHA256SUMS", "rb") as sums:
        lines = {line for line in sums.read().split(b"\n") if b"vcap/store/odd" in line}
    names = [os.path.join(b"vcap/store/odd", name) for name in NAMES]
    written = subprocess.run(["sha256sum", *names], cwd=backup, capture_output=True, check=True).stdout
    assert lines == set(written.strip(b"\n").split(b"\n"))


def test_every_name_is_in_the_metadata(backup):
    found = {
        os.fsencode(os.path.relpath(os.path.join(directory, name), backup))
        for top in ("vcap", "dbs")
        for directory, directories, files in os.walk(backup / top)
        for name in directories + files
    }
    assert set(entries_of(backup)) == found | {b"vcap", b"dbs", b"filter"}


def test_metadata_holds_what_the_host_had(source, backup):
    entries = entries_of(backup)
    assert entries[b"vcap/store/executable"].mode == 0o4755
    assert entries[b"vcap/store/tree"].mode == 0o2755
    assert entries[b"vcap/store/tree/empty"].mode == 0o1777
    assert entries[b"vcap/store/big"].mtime == 1_234_567_890_123_456_789
    assert entries[b"vcap/store/nothing"].mtime == -1_500_000_000
    assert entries[b"vcap/store/dangling link"].link == b"tree/no\nsuch file"
    assert entries[b"vcap/store/pipe"].type == "fifo"
    assert entries[b"vcap"].mtime == source.stat().st_mtime_ns


def test_hard_links_are_told(backup):
    twins = {path for path, entry in entries_of(backup).items() if entry.twin == b"vcap/store/third"}
    assert twins == {b"vcap/store/third", b"vcap/store/tree/second", b"vcap/store/tree/sub/first"}


def test_owners_come_from_the_listing(tmp_path, source):
    partial = make_partial(tmp_path / "backups", FIRST, source)
    log = Path(listing(partial)[0])
    log.write_bytes(log.read_bytes().replace(b"|rw-r--r--|3000000|store/big", b"|rw-r-----|3000000|store/big"))
    lines = log.read_text(errors="surrogateescape").splitlines(keepends=True)
    forged = ["|".join([*line.split("|")[:1], "1234", "2345", *line.split("|")[3:]]) if "store/big" in line else line
              for line in lines]
    log.write_text("".join(forged), errors="surrogateescape")
    result = write(str(partial), listing(partial))
    entry = entries_of(partial)[b"vcap/store/big"]
    assert (entry.uid, entry.gid, entry.mode, result["changed"]) == (1234, 2345, 0o640, True)


def test_counts(partial):
    result = write(str(partial), listing(partial))
    assert result["files"] == len(NAMES) + 3 + 3 + 2
    assert result["links"] == 1
    assert result["directories"] == 7
    assert result["read"] == result["files"] - 2
    assert result["bytes"] == result["read_bytes"] > 3_000_000
    assert result["whole"] is True
    assert result["reused"] == 0


def test_written_again_it_is_the_same(partial):
    before = (partial / "SHA256SUMS").stat()
    assert write(str(partial), listing(partial))["changed"] is False
    assert (partial / "SHA256SUMS").stat() == before


def test_check_mode_writes_nothing(partial):
    (partial / "SHA256SUMS").unlink()
    assert write(str(partial), listing(partial), dry_run=True)["changed"] is True
    assert not (partial / "SHA256SUMS").exists()


def test_an_entry_that_nothing_names_is_refused(partial):
    (partial / "vcap/store/stranger\n").write_text("who?")
    with pytest.raises(DirectorError, match=r"not named by any listing.*vcap/store/stranger\\012") as refused:
        write(str(partial), listing(partial))
    assert refused.value.facts == {"unlisted": ["vcap/store/stranger\\012"], "absent": []}


def test_a_listed_entry_that_is_not_there_is_refused(partial):
    (partial / "vcap/store/big").unlink()
    with pytest.raises(DirectorError, match="named but not there: vcap/store/big") as refused:
        write(str(partial), listing(partial))
    assert refused.value.facts == {"unlisted": [], "absent": ["vcap/store/big"]}


def test_an_entry_that_is_listed_as_something_else_is_refused(partial):
    (partial / "vcap/store/big").unlink()
    (partial / "vcap/store/big").mkdir()
    with pytest.raises(DirectorError, match="or as something else: vcap/store/big"):
        write(str(partial), listing(partial))


def test_a_stranger_at_the_top_is_refused(partial):
    (partial / "core").write_text("dumped")
    with pytest.raises(DirectorError, match="core"):
        write(str(partial), listing(partial))


def test_a_published_manifest_is_not_written_again(backup):
    with pytest.raises(DirectorError, match="is published"):
        write(str(backup), [])


def test_later_listings_correct_earlier_ones(tmp_path, source):
    partial = make_partial(tmp_path / "backups", FIRST, source)
    shutil.rmtree(source / "store/tree")
    (source / "store/tree").write_text("a file now")
    (source / "store/big").unlink()
    (source / "store/executable").chmod(0o600)
    second = copy(source, partial / "vcap", log=partial / ".work" / "second.log")
    write(str(partial), [*listing(partial), str(second)])
    entries = entries_of(partial)
    assert entries[b"vcap/store/tree"].type == "file"
    assert entries[b"vcap/store/executable"].mode == 0o600
    assert verify(str(partial))["whole"]


class TestPrevious:
    """A file with the inode of the previous backup's is not read again."""

    @pytest.fixture
    def following(self, tmp_path, source, backup):
        (source / "store/new").write_text("new")
        (source / "store/third").write_text("three names, another content")
        return make_partial(tmp_path / "backups", SECOND, source, backup)

    def test_only_what_changed_is_read(self, following, backup):
        result = write(str(following), listing(following), str(backup))
        # the new file, the changed one, and what is never linked: the dump and the filter
        assert result["read"] == 4
        assert result["reused"] == result["files"] - 4 - 2
        assert check_with_coreutils(following).returncode == 0
        assert result["warnings"] == []

    def test_it_is_the_same_as_if_all_had_been_read(self, following, backup):
        manifests = [(following / name).read_bytes() for name in ("SHA256SUMS", "metadata.mtree")]
        result = write(str(following), listing(following))
        assert result["reused"] == 0
        assert manifests == [(following / name).read_bytes() for name in ("SHA256SUMS", "metadata.mtree")]

    def test_all_is_read_when_asked(self, following, backup):
        result = write(str(following), listing(following), str(backup), reread=True)
        assert (result["reused"], result["read"]) == (0, result["files"] - 2)

    def test_rot_is_found_when_all_is_read(self, following, backup):
        flip(backup / "vcap/store/big", 1_000_000, keep_time=True)
        assert write(str(following), listing(following), str(backup))["whole"]
        with pytest.raises(DirectorError, match=r"no longer have the content.*vcap/store/big") as refused:
            write(str(following), listing(following), str(backup), reread=True)
        assert refused.value.facts["altered"] == ["vcap/store/big"]

    def test_a_shared_file_that_was_written_to_is_found_at_once(self, following, backup):
        flip(backup / "vcap/store/big", 1_000_000)
        with pytest.raises(DirectorError, match="vcap/store/big"):
            write(str(following), listing(following), str(backup))

    def test_a_shared_file_whose_time_was_changed_is_told(self, following, backup):
        os.utime(backup / "vcap/store/big")
        result = write(str(following), listing(following), str(backup))
        assert ["vcap/store/big" in warning for warning in result["warnings"]] == [True]

    @pytest.mark.parametrize("name", ["SHA256SUMS", "metadata.mtree"])
    def test_a_damaged_previous_manifest_is_not_believed(self, following, backup, name):
        flip(backup / name, 30)
        result = write(str(following), listing(following), str(backup))
        assert result["reused"] == 0
        assert name in result["warnings"][0]


def flip(path, position, keep_time=False):
    status = path.stat()
    with open(path, "r+b") as file:
        file.seek(position)
        byte = file.read(1)
        file.seek(position)
        file.write(bytes([byte[0] ^ 1]))
    if keep_time:
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def found(backup):
    result = verify(str(backup))
    assert result["whole"] is not any(result[kind] for kind in ("missing", "altered", "extra", "metadata", "problems"))
    return result


class TestVerification:
    """Missing, altered, extra and other metadata are told apart."""

    def test_a_whole_backup_is_whole(self, backup):
        result = found(backup)
        assert result["whole"], explain(str(backup), result)
        assert result["read"] == result["files"] - 2 + 2

    def test_a_partial_one_can_be_verified_before_it_is_published(self, partial):
        assert found(partial)["whole"]

    def test_missing(self, backup):
        (backup / "vcap/store/odd/back\\slash").unlink()
        shutil.rmtree(backup / "vcap/store/tree/empty")
        restore_times(backup, "vcap/store/odd", "vcap/store/tree")
        result = found(backup)
        assert result["missing"] == ["vcap/store/odd/back\\134slash", "vcap/store/tree/empty"]
        assert (result["altered"], result["extra"], result["metadata"]) == ([], [], [])

    def test_extra(self, backup):
        (backup / "dbs/new.sql").write_text("")
        (backup / "notes").write_text("")
        restore_times(backup, "dbs")
        result = found(backup)
        assert result["extra"] == ["dbs/new.sql", "notes"]
        assert (result["altered"], result["missing"], result["metadata"]) == ([], [], [])

    def test_altered(self, backup):
        flip(backup / "vcap/store/third", 3)
        result = found(backup)
        assert result["altered"] == ["vcap/store/third", "vcap/store/tree/second", "vcap/store/tree/sub/first"]
        assert (result["missing"], result["extra"], result["metadata"]) == ([], [], [])

    def test_other_metadata(self, backup):
        (backup / "vcap/store/executable").chmod(0o755)
        os.utime(backup / "vcap/store/big", ns=(0, 1_234_567_890_123_456_788))
        (backup / "vcap/store/dangling link").unlink()
        os.symlink("elsewhere", backup / "vcap/store/dangling link")
        (backup / "vcap/store/pipe").unlink()
        (backup / "vcap/store/pipe").write_text("no pipe")
        restore_times(backup, "vcap/store", "vcap/store/dangling link", "vcap/store/pipe")
        result = found(backup)
        deviations = {(item["path"], item["keyword"], item["recorded"], item["found"]) for item in result["metadata"]}
        assert deviations == {
            ("vcap/store/executable", "mode", "04755", "0755"),
            ("vcap/store/big", "mtime", "1234567890.123456789", "1234567890.123456788"),
            ("vcap/store/dangling link", "link", "tree/no\\012such\\040file", "elsewhere"),
            ("vcap/store/pipe", "type", "fifo", "file"),
            ("vcap/store/pipe", "size", "", "7"),
        }
        assert (result["missing"], result["altered"], result["extra"]) == ([], [], [])

    def test_a_hard_link_that_became_a_copy(self, backup):
        second = backup / "vcap/store/tree/second"
        shutil.copy2(second, backup / "copy")
        os.rename(backup / "copy", second)
        restore_times(backup, "vcap/store/tree")
        assert found(backup)["metadata"] == [
            {"path": "vcap/store/tree/second", "keyword": "twin", "recorded": "vcap/store/third", "found": ""}
        ]

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
    def test_other_owner(self, backup):
        os.chown(backup / "vcap/store/big", 1234, 2345)
        assert {(item["keyword"], item["found"]) for item in found(backup)["metadata"]} == {
            ("uid", "1234"),
            ("gid", "2345"),
        }

    def test_a_record_that_is_gone(self, backup):
        (backup / "backup.log").unlink()
        assert found(backup)["missing"] == ["backup.log"]

    def test_no_metadata(self, backup):
        (backup / "metadata.mtree").unlink()
        result = found(backup)
        assert result["missing"] == ["metadata.mtree"]
        assert result["altered"] == []

    def test_no_checksums(self, backup):
        (backup / "SHA256SUMS").unlink()
        result = found(backup)
        assert result["missing"] == ["SHA256SUMS"]
        assert "never finished" in result["problems"][0]

    def test_a_directory_that_is_no_backup(self, tmp_path):
        with pytest.raises(DirectorError, match="no directory vcap"):
            verify(str(tmp_path))

    def test_a_pin_is_not_extra(self, backup):
        (backup / "pinned").write_text("before the upgrade")
        assert found(backup)["whole"]

    def test_a_copy_of_a_backup_is_whole_too(self, tmp_path, backup):
        subprocess.run(["cp", "-a", backup, tmp_path / "copy"], check=True)
        assert found(tmp_path / "copy")["whole"]

    def test_the_sentence_names_what_is_wrong(self, backup):
        flip(backup / "dbs/bosh.sql", 0)
        (backup / "vcap/store/big").unlink()
        sentence = explain(str(backup), found(backup))
        assert "1 missing (vcap/store/big)" in sentence
        assert "1 altered (dbs/bosh.sql)" in sentence


def restore_times(backup, *paths):
    """Undo what a change in a directory does to the directory's time."""
    entries = entries_of(backup)
    for path in paths:
        time = entries[os.fsencode(path)].mtime
        os.utime(backup / path, ns=(time, time), follow_symlinks=False)


def test_one_flipped_bit_anywhere_is_found_and_named(tmp_path, backup):
    """At least one bit of every file that holds anything, some of each record, twins once."""
    chance = random.Random(20261122)
    files = [path for path in backup.rglob("*") if path.is_file() and not path.is_symlink() and path.stat().st_size]
    records = [backup / name for name in ("SHA256SUMS", "metadata.mtree", "backup.json", "backup.log")]
    for path in files + records * 40:
        status = path.stat()
        content = path.read_bytes()
        position = chance.randrange(len(content))
        damaged = bytearray(content)
        damaged[position] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        result = found(backup)
        assert not result["whole"], f"{path} at {position}"
        name = readable(os.fsencode(path.relative_to(backup)))
        named = {*result["altered"], *result["missing"], *result["extra"]}
        # A digest in SHA256SUMS that is wrong for a record cannot be told from a record that is wrong.
        assert name in named or (name == "SHA256SUMS" and named & {"backup.json", "backup.log", "metadata.mtree"})
        path.write_bytes(content)
        # Writing takes the set-user-ID bit away, unless root writes.
        path.chmod(stat.S_IMODE(status.st_mode))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert found(backup)["whole"]


@pytest.mark.parametrize("more", [b"0", b"\n", b"the last line"])
def test_what_was_appended_to_a_record_is_found(backup, more):
    with open(backup / "SHA256SUMS", "rb+") as record:
        lines = record.readlines()
        record.write(lines[-1] if more == b"the last line" else more)
    assert "SHA256SUMS" in " ".join(verify(str(backup))["problems"])


@pytest.mark.parametrize("name", ["SHA256SUMS", "metadata.mtree"])
def test_a_record_that_was_cut_short_is_found(backup, name):
    content = (backup / name).read_bytes()
    cuts = {0, 1, len(content) - 1, len(content) // 2, content.rindex(b"\n", 0, -1) + 1, content.index(b"\n") + 1}
    for cut in cuts:
        (backup / name).write_bytes(content[:cut])
        result = found(backup)
        assert name in result["altered"]
        assert result["problems"]
        assert result["missing"] == result["extra"] == []


@pytest.mark.parametrize("line", [
    b"", b"hello", b"0" * 64, b"0" * 63 + b"  x", b"A" * 64 + b"  x", b"0" * 64 + b" *x", b"0" * 64 + b"  ",
    b"\\" + b"0" * 64 + b"  x", b"0" * 64 + b"  x\\y", b"\\" + b"0" * 64 + b"  x\\q", b"\\" + b"0" * 64 + b"  x\\",
])
def test_a_malformed_line_is_named_by_its_number(line):
    good = sha256sums.format_line(b"good", "1" * 64)
    digests, problems = sha256sums.parse(good + line + b"\n" + good)
    assert digests == {b"good": "1" * 64}
    assert [problem[:17] for problem in problems] == ["SHA256SUMS line 2", "SHA256SUMS line 3"]


def test_a_controller_that_is_not_root_keeps_owners_and_reads_what_denies_it(source):
    """Made by a user who cannot give files away, read files whose mode forbids it, and leaves the mode as it was."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        backups = Path(directory)
        backups.chmod(0o755)
        (source / "store/secret").write_text("write only")
        (source / "store/read only").mkdir()
        (source / "store/read only/file").write_text("")
        (source / "store/read only").chmod(0o555)
        copy(source, backups / "host", log=backups / "first.log")
        user = NOBODY if os.geteuid() == 0 else None
        work = backups / "work"
        work.mkdir()
        if user:
            os.chown(work, user, user)
        partial = work / f"{FIRST}.partial"
        with acting_as(NOBODY):
            (partial / ".work").mkdir(parents=True)
        log = copy(backups / "host", partial / "vcap", user=user)
        with acting_as(NOBODY):
            (partial / "vcap/store/secret").chmod(0o200)
            log.write_bytes(log.read_bytes().replace(b"|rw-r--r--|10|store/secret", b"|-w-------|10|store/secret"))
            write(str(partial), [str(log)])
            result = verify(str(partial))
        assert result["whole"], explain(str(partial), result)
        assert (partial / "vcap/store/secret").stat().st_mode & 0o777 == 0o200
        assert entries_of(partial)[b"vcap/store/big"].uid == os.geteuid()
        assert entries_of(partial)[b"vcap/store/secret"].mode == 0o200


@pytest.mark.parametrize(("kept", "deviating"), [(0o400, []), (0o000, []), (0o440, ["mode"])])
def test_a_mode_that_shuts_out_who_is_not_root_is_kept_readable(source, kept, deviating):
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        Path(directory).chmod(0o755)
        backups = Path(directory, "backups")
        backups.mkdir()
        if os.geteuid() == 0:
            os.chown(backups, NOBODY, NOBODY)
        partial = backups / f"{FIRST}.partial"
        copy(source, Path(directory, "host"), log=Path(directory, "log"))
        with acting_as(NOBODY):
            (partial / ".work").mkdir(parents=True)
        log = copy(Path(directory, "host"), partial / "vcap", user=NOBODY if os.geteuid() == 0 else None)
        with acting_as(NOBODY):
            (partial / "vcap/store/nothing").chmod(kept)
            log.write_bytes(log.read_bytes().replace(b"|rw-r--r--|0|store/nothing", b"|---------|0|store/nothing"))
            write(str(partial), [str(log)])
            result = verify(str(partial))
        assert entries_of(partial)[b"vcap/store/nothing"].mode == 0
        assert [found["keyword"] for found in result["metadata"]] == deviating


def test_a_file_that_got_another_owner_is_shared_by_who_is_not_root_without_a_warning(source):
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        Path(directory).chmod(0o777)
        user = NOBODY if os.geteuid() == 0 else None
        copy(source, Path(directory, "host"), log=Path(directory, "log"))
        with acting_as(NOBODY):
            backup = make_backup(Path(directory, "backups"), FIRST, Path(directory, "host"))
            partial = Path(directory, "backups", f"{SECOND}.partial")
            (partial / ".work").mkdir(parents=True)
        log = copy(Path(directory, "host"), partial / "vcap", backup / "vcap", user=user)
        with acting_as(NOBODY):
            log.write_bytes(re.sub(rb"\|\d+\|(.*\|store/big)", rb"|77|\1", log.read_bytes()))
            result = write(str(partial), [str(log)], str(backup))
        assert (partial / "vcap/store/big").samefile(backup / "vcap/store/big")
        assert (entries_of(partial)[b"vcap/store/big"].uid, result["warnings"]) == (77, [])


def test_results_can_be_sent_to_ansible(backup):
    for name in NAMES:
        os.unlink(os.path.join(os.fsencode(backup / "vcap/store/odd"), name))
    missing = json.loads(json.dumps(found(backup)))["missing"]
    assert "vcap/store/odd/latin-1\\040\\351\\377" in missing
    assert len(missing) == len(NAMES)
