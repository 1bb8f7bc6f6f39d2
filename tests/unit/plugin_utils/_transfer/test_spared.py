# SPDX-License-Identifier: GPL-3.0-or-later
"""A second pass looks into no directory of blobs that has not changed, and the backup has what the director has."""

from __future__ import annotations

import os
import shlex
import shutil
import stat
import subprocess
import types
from dataclasses import dataclass
from pathlib import Path

import pytest
from ansible_collections.microbosh.director.plugins.action.pull import ARGUMENTS, ActionModule, rsync_options
from ansible_collections.microbosh.director.plugins.module_utils._backup._manifest_writing import Owners
from ansible_collections.microbosh.director.plugins.module_utils._core._volume import beside, gives_away
from ansible_collections.microbosh.director.plugins.module_utils._tree import _rsync_log as rsync_log
from ansible_collections.microbosh.director.plugins.module_utils._tree._tree import examine_tree
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._inside import OutsideError
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._spared import (
    QUIET_SECONDS,
    append_lines,
    bring,
    changed_since,
    find_spared,
    only_rules,
    read_spared,
    sparing_rules,
    write_spared,
)

# What synchronize puts behind our options.
OF_SYNCHRONIZE = "--out-format=<<CHANGED>>%i %n%L"
NOW = 1_700_000_000
OLD = NOW - 10 * QUIET_SECONDS
BLOBS = "store/blobstore/store"
SHARDS = ("00", "a7", "b3", "ff")


def put(path, seconds, content="a blob"):
    """A file of that time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    os.utime(path, (seconds, seconds))


def aged(top, seconds=OLD):
    """All directories have that time, as nothing happened in them since."""
    for path, _names, _files in os.walk(top, topdown=False):
        os.utime(path, (seconds, seconds))


@pytest.fixture
def vcap(tmp_path):
    """The director's files: four shards of blobs, an upload, a log."""
    top = tmp_path / "vcap"
    for shard in SHARDS:
        for number in range(3):
            put(top / BLOBS / shard / f"blob-{number}", OLD)
    put(top / "store/blobstore/tmp/uploads/0001", OLD)
    put(top / "store/director/tasks/1/debug", OLD, "a log")
    aged(top)
    return top


def spared_in(top, places=("store/blobstore",), clock=NOW):
    return find_spared(str(top), list(places), clock)


def test_directories_in_which_nothing_happened_for_a_while_are_spared(vcap):
    assert sorted(spared_in(vcap)) == [f"{BLOBS}/{shard}" for shard in SHARDS]
    assert set(spared_in(vcap).values()) == {OLD * 10**9}
    assert spared_in(vcap, [BLOBS]) == spared_in(vcap), "a link may lead to where they are"


@pytest.mark.parametrize("clock", [0, float("nan"), float("inf"), OLD, OLD + QUIET_SECONDS, -1e300])
def test_without_a_clock_that_says_so_nothing_is(vcap, clock):
    assert spared_in(vcap, clock=clock) == {}


@pytest.mark.parametrize(
    "place", ["", "..", "../vcap/store/blobstore", "/store/blobstore", "store/*", "st\nore", "gone"]
)
def test_a_place_that_is_no_plain_path_has_none(vcap, place):
    assert spared_in(vcap, [place]) == {}


def test_a_directory_of_the_same_seconds_as_the_look_is_not_spared(vcap):
    os.utime(vcap / BLOBS / "a7", (NOW - QUIET_SECONDS, NOW - QUIET_SECONDS))
    assert f"{BLOBS}/a7" not in spared_in(vcap)


def test_a_blob_that_may_still_be_written_keeps_its_directory_from_being_spared(vcap):
    put(vcap / BLOBS / "a7/growing", NOW - 1)
    os.utime(vcap / BLOBS / "a7", (OLD, OLD))
    assert f"{BLOBS}/a7" not in spared_in(vcap)


def test_a_directory_with_another_one_in_it_is_not_spared(vcap):
    (vcap / BLOBS / "a7/deeper").mkdir()
    aged(vcap)
    assert f"{BLOBS}/a7" not in spared_in(vcap)


def test_blobs_that_lie_side_by_side_are_spared_as_one_directory(tmp_path):
    put(tmp_path / "store/blobstore/one", OLD)
    aged(tmp_path)
    assert list(spared_in(tmp_path)) == ["store/blobstore"]


@pytest.mark.parametrize("link", [f"{BLOBS}/a7", BLOBS, "store/blobstore", "store"])
def test_a_link_in_place_of_a_directory_is_not_followed(vcap, tmp_path, link):
    shutil.move(vcap / link, tmp_path / "elsewhere")
    (vcap / link).symlink_to(tmp_path / "elsewhere")
    assert all(path != link and not path.startswith(link + "/") for path in spared_in(vcap))


def test_what_was_noted_is_read_again_and_without_it_nothing_is_spared(tmp_path):
    assert read_spared(str(tmp_path / "none")) == read_spared(None) == {}
    write_spared(str(tmp_path / "spared.json"), {f"{BLOBS}/00": 7})
    assert read_spared(str(tmp_path / "spared.json")) == {f"{BLOBS}/00": 7}


def test_rules_name_directories_from_the_top():
    assert sparing_rules({"a/b": 1, "a/0": 1}) == ["- /a/0/*", "- /a/b/*"]
    some = dict.fromkeys(["s/a0", "s/af", "s/b0", "s/bf", "s/c1"], 1)
    assert sparing_rules(some) == ["- /s/[ab][0f]/*", "- /s/[c][1]/*"]
    every = {f"s/{number:02x}": 1 for number in range(256)}
    assert sparing_rules(every) == ["- /s/[0123456789abcdef][0123456789abcdef]/*"]
    assert only_rules(["a/b/c"]) == ["+ /a/", "+ /a/b/", "+ /a/b/c/", "- /*", "- /a/*", "- /a/b/*"]


@dataclass
class Passes:
    """Two passes of a run over one tree, with the options of the action and rsync itself, but no connection."""

    vcap: Path
    work: Path

    def __post_init__(self):
        self.calls = []
        (self.work / "filter").write_text("- /store/secret\n- *.tmp\n+ store/**\n")

    @property
    def spare(self):
        return str(self.work / "spared.json")

    def pull(self, dest, listing, **given):
        action = object.__new__(ActionModule)
        action._task = types.SimpleNamespace(check_mode=False)
        action._synchronize = self._rsync
        arguments = {name: argument.get("default") for name, argument in ARGUMENTS.items()}
        arguments.update(src="/var/vcap/", dest=f"{self.work / dest}/", reader="/usr/local/sbin/microbosh-read")
        arguments.update(filter=str(self.work / "filter"), listing=str(self.work / listing), vanishing=True)
        answer = action._pulled({**arguments, "spare": self.spare, **given}, {"inventory_hostname": "director1"})
        assert not answer.get("failed"), answer
        return answer

    def _rsync(self, arguments, _task_vars):
        by_root = gives_away(beside(arguments["dest"]))
        options = [shlex.split(option)[0] for option in rsync_options(arguments, by_root)]
        before = os.path.getsize(arguments["listing"]) if os.path.exists(arguments["listing"]) else 0
        command = ["rsync", "--archive", *options, OF_SYNCHRONIZE, f"{self.vcap}/", arguments["dest"]]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if os.path.exists(arguments["listing"]):
            lines = Path(arguments["listing"]).read_bytes()[before:].splitlines(keepends=True)
            self.calls.append(set(rsync_log.parse(lines)))
        return {"rc": done.returncode, "failed": done.returncode != 0, "msg": done.stdout or done.stderr}

    def first(self, previous=None, clock=NOW):
        link_dest = [str(previous)] if previous else []
        given = {"spare_in": ["store/blobstore"], "clock": clock, "link_dest": link_dest}
        return self.pull("first", "first.log", **given)

    def second(self):
        return self.pull("second", "second.log", link_dest=[str(self.work / "first")], delete=False)

    def bring(self):
        spared = read_spared(self.spare)
        append_lines(str(self.work / "first.log"), str(self.work / "second.log"), spared)
        return bring(str(self.work / "first"), str(self.work / "second"), spared)


@pytest.fixture
def passes(vcap, tmp_path):
    (tmp_path / "work").mkdir()
    return Passes(vcap, tmp_path / "work")


def seen(top):
    """All that is in a tree: {path: what it is}."""
    found = {}
    for path in [top, *top.rglob("*")]:
        status = path.lstat()
        kind = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        found[str(path.relative_to(top))] = (stat.S_IFMT(status.st_mode), kind, status.st_mtime_ns)
    return found


def test_a_first_pass_that_may_spare_nothing_goes_by_none_of_an_earlier_run(passes, vcap):
    passes.first()
    assert read_spared(passes.spare)
    passes.pull("anew", "anew.log", spare_in=[])
    assert seen(passes.work / "anew") == seen(vcap)
    assert read_spared(passes.spare) == {}


def inodes(top):
    stats = {str(path.relative_to(top)): path.lstat() for path in top.rglob("*")}
    return {path: (status.st_ino, status.st_mode, status.st_mtime_ns) for path, status in stats.items()}


def test_in_a_director_that_did_nothing_only_directories_are_looked_at(passes, vcap):
    passes.first()
    answer = passes.second()
    assert answer["spared"] == len(SHARDS)
    assert len(passes.calls) == 2, "nothing had to be looked into again"
    assert not [path for path in passes.calls[1] if b"blob-" in path]
    assert passes.bring() == 3 * len(SHARDS)
    assert seen(passes.work / "second") == seen(vcap)


@pytest.mark.parametrize("blobs", [10, 500])
def test_what_rsync_is_asked_for_does_not_grow_with_the_number_of_blobs(passes, vcap, blobs):
    for number in range(blobs):
        put(vcap / BLOBS / SHARDS[number % 4] / f"more-{number}", OLD)
    aged(vcap)
    passes.first()
    passes.second()
    first, second = passes.calls
    assert len(first) > blobs
    assert second == {path for path in first if b"blob-" not in path and b"more-" not in path}
    assert len(second) == 15
    assert passes.bring() == blobs + 3 * len(SHARDS)


def disturb(vcap, tmp_path):
    """What a director does between the passes: in all kinds of places."""
    put(vcap / BLOBS / "00/new", NOW + 5)
    (vcap / BLOBS / "a7/blob-1").unlink()
    put(vcap / BLOBS / "c4/of-a-new-directory", NOW + 5)
    shutil.rmtree(vcap / BLOBS / "b3")
    put(vcap / "store/director/tasks/1/debug", NOW + 5, "a longer log")


def test_the_backup_has_exactly_what_the_director_has_then(passes, vcap, tmp_path):
    passes.first()
    disturb(vcap, tmp_path)
    answer = passes.second()
    assert answer["spared"] == 1, "only ff is as it was"
    assert not [path for path in passes.calls[2] if path.startswith(f"{BLOBS}/ff/".encode())]
    passes.bring()
    assert seen(passes.work / "second") == seen(vcap)


def test_the_listing_names_every_entry_and_no_other(passes, vcap, tmp_path):
    passes.first()
    disturb(vcap, tmp_path)
    passes.second()
    passes.bring()
    listed = rsync_log.parse((passes.work / "second.log").read_bytes().splitlines(keepends=True))
    copied = {entry.path[2:] or b".": entry for entry in examine_tree(os.fsencode(passes.work / "second"), b".")}
    assert set(listed) == set(copied)
    entries = examine_tree(os.fsencode(passes.work), b"second")
    for entry in entries:
        entry.path = entry.path.replace(b"second", b"vcap", 1)
    if os.geteuid() == 0:
        owners = Owners([str(passes.work / "second.log")])
        assert len(list(owners.each(entries))) == len(copied)
        owners.finish(os.fsencode(passes.work))


def test_a_link_planted_in_place_of_a_directory_is_copied_and_leads_nowhere(passes, vcap, tmp_path):
    passes.first()
    outside = tmp_path / "outside"
    outside.mkdir()
    os.utime(outside, (OLD, OLD))
    shutil.rmtree(vcap / BLOBS / "a7")
    (vcap / BLOBS / "a7").symlink_to(outside)
    passes.second()
    passes.bring()
    assert (passes.work / "second" / BLOBS / "a7").is_symlink()
    assert not list(outside.iterdir())
    assert seen(passes.work / "second") == seen(vcap)


@pytest.mark.parametrize("link", [BLOBS, "store/blobstore", "store"])
def test_nor_one_above_all_of_them(passes, vcap, tmp_path, link):
    passes.first()
    shutil.move(vcap / link, tmp_path / "outside")
    before = seen(tmp_path / "outside")
    (vcap / link).symlink_to(tmp_path / "outside")
    answer = passes.second()
    assert answer["spared"] == 0
    assert passes.bring() == 0
    assert seen(tmp_path / "outside") == before


def test_the_files_of_the_previous_backup_stay_as_they_are(passes, vcap, tmp_path):
    previous = tmp_path / "previous"
    subprocess.run(["cp", "-a", str(vcap), str(previous)], check=True)
    before = inodes(previous)
    passes.first(previous)
    (vcap / BLOBS / "00/blob-0").chmod(0o600)  # within a directory that is spared, and in one that is not
    put(vcap / BLOBS / "a7/new", NOW + 5)
    (vcap / BLOBS / "a7/blob-0").chmod(0o600)
    passes.second()
    passes.bring()
    assert inodes(previous) == before
    shared = passes.work / "second" / BLOBS / "ff/blob-0"
    assert shared.stat().st_ino == (previous / BLOBS / "ff/blob-0").stat().st_ino


def test_the_filter_of_the_backup_holds_in_what_is_looked_into_again(passes, vcap):
    passes.first()
    put(vcap / BLOBS / "00/half.tmp", NOW + 5)
    put(vcap / BLOBS / "00/whole", NOW + 5)
    passes.second()
    passes.bring()
    names = set(os.listdir(passes.work / "second" / BLOBS / "00"))
    assert "whole" in names
    assert "half.tmp" not in names


def test_a_run_that_was_killed_while_it_brought_them_has_all_of_them_in_two_trees(passes, vcap, monkeypatch):
    passes.first()
    passes.second()
    renames = []

    def rename(*given, **more):
        if len(renames) == 5:
            raise KeyboardInterrupt
        renames.append(given)
        os.replace(*given, **more)

    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(KeyboardInterrupt):
        passes.bring()
    monkeypatch.undo()
    both = {path.name for tree in ("first", "second") for path in (passes.work / tree / BLOBS).rglob("blob-*")}
    assert both == {"blob-0", "blob-1", "blob-2"}
    again = passes.work / "again"
    link_dest = [str(passes.work / tree) for tree in ("second", "first")]
    answer = passes.pull("again", "again.log", link_dest=link_dest, spare=None)
    assert answer["files"] == 0, "nothing is copied again"
    assert seen(again) == seen(vcap)


def test_nothing_is_put_over_what_is_there(passes):
    passes.first()
    passes.second()
    (passes.work / "second" / BLOBS / "00/in the way").write_text("x")
    with pytest.raises(OutsideError, match="not empty"):
        passes.bring()


def test_what_is_gone_is_told_from_what_has_changed(vcap):
    spared = spared_in(vcap)
    (vcap / BLOBS / "00/new").write_text("x")
    shutil.rmtree(vcap / BLOBS / "a7")
    assert changed_since(str(vcap), spared) == ([f"{BLOBS}/00"], [f"{BLOBS}/a7"])


def test_owners_are_asked_for_what_is_spared_before_and_for_the_rest_afterwards(passes, vcap, tmp_path):
    """As a controller without root does: the look in the outage names no blob that is spared."""
    passes.first()
    passes.pull("first", "owners.spared", owners=True, spared_only=True, vanishing=False)
    named = set(rsync_log.parse((passes.work / "owners.spared").read_bytes().splitlines(keepends=True)))
    assert {path for path in named if b"blob-" in path} == {
        f"{BLOBS}/{shard}/blob-{number}".encode() for shard in SHARDS for number in range(3)
    }
    assert b"store/director" not in named
    disturb(vcap, tmp_path)
    passes.second()
    passes.pull("second", "owners", owners=True, vanishing=True)
    spared = read_spared(passes.spare)
    append_lines(str(passes.work / "owners.spared"), str(passes.work / "owners"), spared)
    passes.bring()
    listed = rsync_log.parse((passes.work / "owners").read_bytes().splitlines(keepends=True))
    copied = {entry.path[2:] or b"." for entry in examine_tree(os.fsencode(passes.work / "second"), b".")}
    assert set(listed) == copied
    assert seen(passes.work / "second") == seen(vcap)
