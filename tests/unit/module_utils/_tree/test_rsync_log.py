# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress is read from the log of a real rsync while it grows."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from ansible_collections.microbosh.director.plugins.action.pull import LISTING, rsync_options
from ansible_collections.microbosh.director.plugins.module_utils._tree._rsync_log import ByDirectory, parse
from ansible_collections.microbosh.director.plugins.plugin_utils._run._lines import duration, size
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._transfer_log import Transfer, stats


def rsync(source, target, log, *options):
    command = ["rsync", "-a", "-ii", "-q", f"--log-file={log}", f"--log-file-format={LISTING}", *options]
    subprocess.run([*command, f"{source}/", target], check=True)


@pytest.fixture
def source(tmp_path):
    directory = tmp_path / "source"
    directory.mkdir()
    for name, length in {"small": 10, "with |7|8| bars": 300, "new\nline": 2000}.items():
        (directory / name).write_bytes(b"x" * length)
    (directory / "link").symlink_to("small")
    return directory


def test_files_and_bytes_are_counted_as_the_log_grows(source, tmp_path):
    log = tmp_path / "log"
    transfer = Transfer(str(log), None)
    transfer.read()
    assert transfer.counts() == {"files": 0, "bytes": 0, "wire_bytes": 0}
    rsync(source, tmp_path / "target", log)
    transfer.read()
    assert (transfer.files, transfer.bytes) == (3, 2310)
    (source / "more").write_bytes(b"y" * 5)
    rsync(source, tmp_path / "target", log)
    transfer.read()
    assert (transfer.files, transfer.bytes) == (4, 2315)


AS_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files of other groups")
@pytest.mark.parametrize("user", [[], AS_NOBODY], ids=["root", "nobody"])
def test_the_same_is_counted_for_every_user(user):
    """To anybody but root rsync tells a group that is not his own as DEFAULT."""
    with tempfile.TemporaryDirectory(prefix="mb") as scratch:
        top = Path(scratch)
        top.chmod(0o777)
        source = top / "source"
        (source / "inner").mkdir(parents=True)
        for name, length in {"small": 10, "inner/large": 2000}.items():
            (source / name).write_bytes(b"x" * length)
            os.chown(source / name, 33, 4321)
        shell = top / "shell"
        shell.write_text('#!/bin/sh\nshift\nexec "$@"\n')
        shell.chmod(0o755)
        command = [
            "rsync",
            "-a",
            "-ii",
            "-q",
            "-e",
            str(shell),
            f"--log-file={top}/log",
            f"--log-file-format={LISTING}",
        ]
        subprocess.run([*user, *command, f"director:{source}/", f"{top}/target"], check=True)
        log = (top / "log").read_bytes()
        assert (b"|DEFAULT|" in log) == bool(user)
        transfer = Transfer(None, None)
        transfer._log = f"{top}/log"
        transfer.read()
        assert (transfer.files, transfer.bytes, transfer.entries, transfer.covered) == (2, 2010, 4, 2010)
        listed = parse(log.splitlines(keepends=True))
        assert {path: entry.type for path, entry in listed.items()} == {
            b".": ("dir",), b"inner": ("dir",), b"small": ("file",), b"inner/large": ("file",),
        }  # fmt: skip
        assert listed[b"small"].gid == (None if user else 4321)


def test_a_log_that_was_there_before_does_not_count(source, tmp_path):
    rsync(source, tmp_path / "target", tmp_path / "log")
    transfer = Transfer(str(tmp_path / "log"), None)
    transfer.read()
    assert transfer.files == 0


def test_the_file_under_way_counts_by_its_size(tmp_path):
    (tmp_path / ".blob.Xy12").write_bytes(b"z" * 77)
    assert Transfer(None, str(tmp_path)).in_flight() == 77
    assert Transfer(None, str(tmp_path / "absent")).in_flight() == 0


def test_statistics_of_a_dry_run(source, tmp_path):
    command = ["rsync", "-a", "--dry-run", "--stats", f"{source}/", tmp_path / "target"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert stats(text) == {
        "total_files": 5, "total_bytes": 2315, "transfer_files": 3, "transfer_bytes": 2310,
    }  # fmt: skip


def test_missing_statistics_are_an_error():
    with pytest.raises(ValueError, match="total_files"):
        stats("sent 10 bytes")


def test_options_with_spaces_stay_one_word():
    arguments = {name: None for name in ("listing", "staging", "filter")}
    arguments.update(reader="", estimate=False, owners=False, look=False, delete=False, relative=False)
    arguments["link_dest"] = ["/my backups/1/vcap"]
    assert "'--link-dest=/my backups/1/vcap'" in rsync_options(arguments, by_root=True)


@pytest.mark.parametrize(("count", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 * 1024**4, "5.0 TiB")])
def test_sizes(count, text):
    assert size(count) == text


@pytest.mark.parametrize(("seconds", "text"), [(2.44, "2.4 s"), (125, "2 min 05 s"), (7500, "2 h 05 min")])
def test_durations(seconds, text):
    assert duration(seconds) == text


LINE = "2026/11/22 22:13:26 [1] %s|0|%s|%s|1|%s\n"


def test_a_log_says_by_directory_what_it_says_of_all(source, tmp_path):
    """Later logs correct earlier ones, in both."""
    (source / "below").mkdir()
    (source / "below/new\nline \\#012").write_text("x")
    logs = [tmp_path / "first", tmp_path / "second"]
    rsync(source, tmp_path / "target", logs[0], "--numeric-ids")
    (source / "small").unlink()
    (source / "below").chmod(0o700)
    rsync(source, tmp_path / "target", logs[1], "--numeric-ids", "--delete")
    expected = {}
    for log in logs:
        parse(log.read_bytes().splitlines(keepends=True), expected)
    listed = ByDirectory(logs)
    found = {name: value for name, value in listed.take(b"").items()}
    found.update({b"below/" + name: value for name, value in listed.take(b"below").items()})
    assert found == expected
    assert b"small" not in found
    assert found[b"below"].mode == 0o700
    assert (listed.take(b"below"), list(listed.rest())) == ({}, [])


def test_what_nobody_asked_for_is_what_is_left(tmp_path):
    log = tmp_path / "log"
    log.write_text(
        LINE % (">f+++++++++", "0", "rw-r--r--", "a/x") + LINE % ("*deleting  ", "0", "rw-r--r--", "a/y")
        + LINE % ("cd+++++++++", "DEFAULT", "rwxr-xr-x", "b/") + "not a line of it\n"
    )
    listed = ByDirectory([log])
    assert listed.take(b"")[b"b"].gid is None
    assert list(listed.rest()) == [b"a/x"]
