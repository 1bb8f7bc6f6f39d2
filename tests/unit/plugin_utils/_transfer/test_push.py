# SPDX-License-Identifier: GPL-3.0-or-later
"""A writer on the backup volume who puts links there while files are pushed has none of the controller's pushed."""

from __future__ import annotations

import hashlib
import os
import resource
import shlex
import subprocess
import time

import pytest
from ansible_collections.microbosh.director.plugins.action import push
from ansible_collections.microbosh.director.plugins.action.push import ActionModule, permitted
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer import _push_staging
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._inside import OutsideError, Way, read_inside
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._push_staging import batch_size, staged

NAMES = [b"store/a/file", b"store/a/twin", b"store/b/odd \n\xfc", b"top"]


@pytest.fixture
def tree(tmp_path):
    """A backup, and a directory of the controller that has the same names."""
    for place, content in (("backup/vcap", "ours"), ("controller", "SECRET")):
        for name in NAMES[:1] + NAMES[2:]:
            path = tmp_path / place / os.fsdecode(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
    os.link(tmp_path / "backup/vcap/store/a/file", tmp_path / "backup/vcap/store/a/twin")
    (tmp_path / "controller/store/a/twin").write_text("SECRET")
    return tmp_path / "backup/vcap"


@pytest.fixture
def pusher(monkeypatch, tmp_path):
    """Run rsync as synchronize would, to a directory here; what is called before each time may do harm."""

    def make(harm=lambda number: None):
        runs = []

        def synchronize(action, transfer, task_vars):
            harm(len(runs))
            runs.append(transfer)
            options = [shlex.split(option)[0] for option in transfer["rsync_opts"]]
            command = ["rsync", "--times", "--perms", *options, transfer["src"], transfer["dest"]]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            return {"rc": done.returncode, "failed": done.returncode != 0, "msg": done.stderr}

        monkeypatch.setattr(push, "synchronize", synchronize)
        action = ActionModule.__new__(ActionModule)
        (tmp_path / "director").mkdir(exist_ok=True)

        def pushed(src, names):
            arguments = {"src": str(src), "dest": str(tmp_path / "director"), "timeout": 60}
            return action._pushed(arguments, names, tmp_path / "log", {})

        pushed.runs = runs
        return pushed

    return make


def contents(directory):
    return {
        os.fsencode(path.relative_to(directory)): path.read_text() for path in directory.rglob("*") if path.is_file()
    }


def links_everywhere(tree):
    """Put links to the controller's own in the place of what is pushed, at every depth."""
    controller = tree.parent.parent / "controller"
    (tree / "store").rename(tree.parent / "aside")
    (tree / "store").symlink_to(controller / "store")
    (tree / "top").unlink()
    (tree / "top").symlink_to(controller / "top")


def test_files_come_with_their_names_times_and_content(pusher, tree, tmp_path):
    os.utime(tree / "top", (1_400_000_000, 1_400_000_000))
    answer = pusher()(tree, NAMES)
    assert answer["rc"] == 0, answer
    assert contents(tmp_path / "director") == dict.fromkeys(NAMES, "ours")
    assert (tmp_path / "director/top").stat().st_mtime == 1_400_000_000
    assert not [path for path in (tmp_path / "director").rglob("*") if path.is_symlink()]


def test_links_that_come_when_rsync_begins_lead_nowhere(pusher, tree, tmp_path):
    answer = pusher(lambda number: links_everywhere(tree))(tree, NAMES)
    assert answer["rc"] == 0, answer
    assert contents(tmp_path / "director") == dict.fromkeys(NAMES, "ours")


def test_links_that_come_between_two_batches_end_the_push(pusher, tree, tmp_path, monkeypatch):
    monkeypatch.setattr(_push_staging, "LARGEST_BATCH", 1)
    monkeypatch.setattr(_push_staging, "SMALLEST_BATCH", 1)
    pushed = pusher(lambda number: links_everywhere(tree) if number == 1 else None)
    with pytest.raises(push.AnsibleActionFail, match="without following a link"):
        pushed(tree, NAMES)
    assert set(contents(tmp_path / "director").values()) == {"ours"}


@pytest.mark.parametrize("place", ["backup/vcap", "backup"])
def test_a_link_in_the_place_of_the_source_itself_is_not_followed(pusher, tree, tmp_path, place):
    away = tmp_path / "away"
    (tmp_path / place).rename(away)
    (tmp_path / place).symlink_to(tmp_path / "controller" if place.endswith("vcap") else away)
    with pytest.raises(OutsideError, match="without following a link"):
        permitted(str(tree), ["top"], None)
    with pytest.raises(push.AnsibleActionFail, match="without following a link"):
        pusher()(tree, [b"top"])
    assert contents(tmp_path / "director") == {}


@pytest.mark.parametrize("name", [b"../secret", b"store", b"store/a/link", b"store/a/pipe", b"gone"])
def test_what_is_no_file_inside_is_not_opened(tree, tmp_path, name):
    (tree / "store/a/link").symlink_to("file")
    os.mkfifo(tree / "store/a/pipe")
    (tree.parent / "secret").write_text("x")
    (tmp_path / "stage").mkdir()
    with pytest.raises(OutsideError), staged(os.fsencode(tree), [NAMES[0], name], tmp_path / "stage"):
        pass
    assert not [link for link in os.scandir("/proc/self/fd") if str(tree) in os.path.realpath(link.path)]


def test_a_mode_that_denies_its_owner_is_widened_by_what_is_open_and_comes_back(tree, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    (tree / "store/a/file").chmod(0o200)
    (tmp_path / "stage").mkdir()
    with staged(os.fsencode(tree), NAMES[:2], tmp_path / "stage"):
        assert (tree / "store/a/file").stat().st_mode & 0o777 == 0o600
        (tree / "store/a/file").rename(tree / "store/a/moved")
        (tree / "store/a/file").symlink_to(tmp_path / "controller/top")
    assert (tree / "store/a/moved").stat().st_mode & 0o777 == 0o200
    assert (tmp_path / "controller/top").stat().st_mode & 0o777 == 0o644


def test_a_low_limit_of_open_files_is_kept_to_and_given_back(monkeypatch):
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with batch_size() as most:
        assert most > 0
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before


def test_many_files_take_seconds(tree, tmp_path):
    for directory in range(20):
        (tree / f"many/{directory}").mkdir(parents=True)
        for number in range(100):
            (tree / f"many/{directory}/{number}").touch()
    names = [b"many/%d/%d" % (directory, number) for directory in range(20) for number in range(100)]
    (tmp_path / "stage").mkdir()
    began = time.monotonic()
    with batch_size(), staged(os.fsencode(tree), names, tmp_path / "stage"):
        assert sum(len(files) for dummy, dummy_names, files in os.walk(tmp_path / "stage")) == len(names)
    assert time.monotonic() - began < 10


def test_what_is_read_is_no_link_and_what_was_seen(tree, tmp_path):
    (tree / "record").write_text("seen")
    digest = hashlib.sha256(b"seen").hexdigest()
    assert read_inside(str(tree / "record"), 10, digest) == b"seen"
    with pytest.raises(OutsideError, match="is not what it was"):
        read_inside(str(tree / "top"), 10, digest)
    with pytest.raises(OutsideError, match="larger"):
        read_inside(str(tree / "record"), 3)
    (tree / "record").unlink()
    (tree / "record").symlink_to(tmp_path / "controller/top")
    with pytest.raises(OutsideError, match="is no file"):
        read_inside(str(tree / "record"), 10)


def test_directories_on_the_way_are_closed(tree):
    before = len(os.listdir("/proc/self/fd"))
    with Way(os.fsencode(tree)) as way:
        for name in NAMES:
            os.close(way.open(name))
    assert len(os.listdir("/proc/self/fd")) == before
