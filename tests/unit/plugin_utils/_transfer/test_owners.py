# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller that is not root learns owners, groups and modes from a dry run, and keeps modes that let it read."""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest
from ansible_collections.microbosh.director.plugins.action.pull import (
    ARGUMENTS,
    LISTING,
    rsync_options,
    until_nothing_vanishes,
)
from ansible_collections.microbosh.director.plugins.module_utils._core._kept import CHMOD, kept_mode
from ansible_collections.microbosh.director.plugins.module_utils._tree._rsync_log import Listed, parse, parse_mode
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._left_out import (
    in_steady,
    tops,
    vanished_paths,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._owners import (
    compare_with_copy,
    remove_from_copy,
    write_listing,
)
from backup_trees import NAMES, NOBODY

MODES = [*range(0o1000), 0o1777, 0o2755, 0o4755, 0o6000, 0o7777]
# What synchronize puts behind our options.
OF_SYNCHRONIZE = "--out-format=<<CHANGED>>%i %n%L"


def options(by_root=False, **given):
    arguments = {name: argument.get("default") for name, argument in ARGUMENTS.items()}
    quoted = rsync_options({**arguments, "reader": "/usr/local/sbin/microbosh-read", **given}, by_root)
    return [shlex.split(option)[0] for option in quoted]


def test_what_is_taken_leaves_the_director_and_nothing_else_does():
    assert "--remove-source-files" in options(take=True)
    assert [given for given in (True, False) if "--remove-source-files" in options(by_root=given)] == []


def line(entry, name):
    return f"{entry}|1000|4321|rw-r--r--|4|{name}"


def dry_run(source, target, *arguments, user=None):
    """Return the lines that rsync prints, as somebody who may read the source."""
    command = ["rsync", "-a", "--dry-run", *arguments, f"{source}/", f"{target}/"]
    done = subprocess.run(command, capture_output=True, check=False, user=user, group=user, extra_groups=user and [])
    return os.fsdecode(done.stdout).split("\n")


@pytest.mark.parametrize("kind", ["file", "dir"])
def test_a_kept_mode_is_what_rsync_makes_of_it(tmp_path, kind):
    source = tmp_path / "source"
    source.mkdir()
    for mode in MODES:
        path = source / f"{mode:o}"
        path.mkdir() if kind == "dir" else path.touch()
        path.chmod(mode)
    printed = dry_run(source, tmp_path / "target", f"--chmod={CHMOD}", "--out-format=%B|%n")
    seen = dict(reversed(line.split("|")) for line in printed if "|" in line and not line.endswith("|./"))
    assert {int(name.rstrip("/"), 8): parse_mode(mode.encode()) for name, mode in seen.items()} == {
        mode: kept_mode(kind, mode) for mode in MODES
    }


def test_only_who_is_not_root_widens_modes_and_only_in_the_copy():
    assert f"--chmod={CHMOD}" in options()
    assert f"--chmod={CHMOD}" in options(estimate=True)
    assert f"--chmod={CHMOD}" not in options(by_root=True)
    assert f"--chmod={CHMOD}" not in options(owners=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be squashed")
def test_a_root_that_may_not_give_files_away_copies_and_links_them(tmp_path):
    """As on a share that squashes root: every chown is refused there."""
    source, first, second = (tmp_path / name for name in ("source", "first", "second"))
    (source / "shared").mkdir(parents=True)
    (source / "shared" / "file").write_text("content")
    os.link(source / "shared" / "file", source / "another name")
    subprocess.run(["chown", "-R", "1234:4321", source], check=True)
    (source / "shared").chmod(0o2770)
    (source / "shared" / "file").chmod(0o640)
    squashed = ["setpriv", "--bounding-set=-chown", "--inh-caps=-chown", "rsync", "--archive"]
    for target, more in ((first, []), (second, [str(first)])):
        given = [shlex.split(option)[0] for option in options(link_dest=more)]
        subprocess.run([*squashed, *given, f"{source}/", f"{target}/"], check=True)
    copies = [top / name for top in (first, second) for name in ("another name", "shared/file")]
    assert {path.stat().st_nlink for path in copies} == {4}
    assert {path.stat().st_uid for path in copies} == {0}
    assert (second / "shared").stat().st_mode & 0o770 == 0o770


def test_the_look_at_the_owners_copies_nothing_and_tells_groups_of_others():
    """As synchronize runs it: with a format of its own at the end."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        source, copy, work = (Path(directory, name) for name in ("source", "copy", "work"))
        source.mkdir()
        for name in ("same", "changed"):
            (source / name).write_text(name)
            (source / name).chmod(0o2754)
        subprocess.run(["cp", "-a", source, copy], check=True)
        (source / "changed").write_text("changed since")
        (source / "changed").chmod(0o2754)
        user = None
        if os.geteuid() == 0:
            user = NOBODY
            subprocess.run(["chown", "-R", "1234:4321", source], check=True)
            subprocess.run(["chmod", "-R", "g=s,o+rx", source], check=True)
            subprocess.run(["chown", "-R", f"{user}:{user}", copy], check=True)
        Path(directory).chmod(0o755)
        before = {path: path.stat() for path in source.iterdir()}
        printed = dry_run(source, copy, *options(owners=True), OF_SYNCHRONIZE, user=user)
        write_listing(work, printed)
        listed = parse(work.read_bytes().splitlines())
        assert set(listed) == {b".", b"same", b"changed"}
        for path, seen in before.items():
            mode = stat.S_IMODE(seen.st_mode)
            assert listed[path.name.encode()] == Listed(("file",), seen.st_uid, seen.st_gid, mode)
        assert (copy / "changed").read_text() == "changed"


def test_a_listing_holds_names_of_every_kind(tmp_path):
    """Each is read as it would be from rsync's own log, in which a line ends at a newline only."""
    source = tmp_path / "source"
    source.mkdir()
    for name in NAMES:
        Path(os.fsdecode(os.path.join(os.fsencode(source), name))).touch()
    write_listing(tmp_path / "listing", dry_run(source, tmp_path / "target", "-ii", f"--out-format={LISTING}"))
    assert set(parse((tmp_path / "listing").read_bytes().split(b"\n"))) == {b".", *NAMES}


def test_a_listing_grows_and_is_nobody_elses(tmp_path):
    listing = tmp_path / "listing"
    write_listing(listing, [line(".f....og...", "one")])
    write_listing(listing, [line(".f....og...", "two")])
    assert set(parse(listing.read_bytes().splitlines())) == {b"one", b"two"}
    assert listing.stat().st_mode & 0o077 == 0


class TestWhatChangedMeanwhile:
    """The copy was made, then the director worked on, then it was asked for the owners."""

    @pytest.fixture
    def copy(self, tmp_path):
        copy = tmp_path / "vcap"
        (copy / "gone.d" / "below").mkdir(parents=True)
        (copy / "gone.d" / "below" / "file").touch()
        (copy / "became a file").mkdir()
        (copy / "became a file" / "inside").touch()
        for name in ("kept", "gone", "became a directory"):
            (copy / name).touch()
        (copy / "link").symlink_to("kept")
        (copy / "gone.d").chmod(0o500)
        os.utime(copy, ns=(0, 1_234_567_890_123_456_789))
        return copy

    @pytest.fixture
    def lines(self):
        return [
            line(".d....og...", "./"), line(">f.st.og...", "kept"), line(".L....og...", "link"),
            line("cd+++++++++", "new/"), line(">f+++++++++", "new/file"), line("cLc........", "new link"),
            line("cd+++++++++", "became a directory/"), line(">f+++++++++", "became a directory/x"),
            line(">f+++++++++", "became a file"), "sent 76 bytes  received 407 bytes",
        ]  # fmt: skip

    def test_only_what_was_copied_is_listed(self, copy, lines):
        assert compare_with_copy(str(copy), lines)[0] == lines[:3]

    def test_only_what_is_listed_stays_in_the_copy(self, copy, lines):
        gone = compare_with_copy(str(copy), lines)[1]
        remove_from_copy(str(copy), gone)
        assert tops(gone) == ["became a directory", "became a file", "gone", "gone.d"]
        assert sorted(os.listdir(copy)) == ["kept", "link"]
        assert copy.stat().st_mtime_ns == 1_234_567_890_123_456_789

    def test_what_agrees_is_left_alone(self, tmp_path):
        (tmp_path / "kept").touch()
        lines = [line(".d....og...", "./"), line(".f....og...", "kept")]
        assert compare_with_copy(f"{tmp_path}/", lines) == (lines, [])
        assert os.listdir(tmp_path) == ["kept"]


# What rsync says of files that went away, from a plain server, from a daemon, and from one in its own root.
SAID = """\
file has vanished: "/var/vcap/store/director/tasks/7/debug"
file has vanished: "/store/tmp/a \\#012 b" (in vcap)
directory has vanished: "store/tmp/d" (in vcap)
file has vanished: "store/tmp/d/below" (in vcap)
rsync warning: some files vanished before they could be transferred (code 24) at main.c(1956) [generator=3.5.0]
"""


def test_what_vanished_is_known_by_name():
    assert vanished_paths(SAID) == [
        b"store/director/tasks/7/debug", b"store/tmp/a \n b", b"store/tmp/d", b"store/tmp/d/below",
    ]  # fmt: skip
    assert vanished_paths("rsync: link_stat failed: No such file or directory (2)") == []
    assert tops(vanished_paths(SAID)) == ["store/director/tasks/7/debug", "store/tmp/a\\040\\012\\040b", "store/tmp/d"]


@pytest.mark.parametrize(
    ("path", "refused"),
    [
        (b"store/postgres-15/base/1/2", True), (b"store/postgres-15", True), (b"store", True),
        (b"store/postgres-150/base", False), (b"store/director/tasks/7", False), (b"dbs/store/postgres-15/x", False),
    ],
)  # fmt: skip
def test_what_must_not_vanish(path, refused):
    assert bool(in_steady([path], ["store/postgres-15/"])) == refused
    assert in_steady([path], []) == []


def test_a_look_during_which_something_vanished_is_repeated():
    answers = [{"rc": 24, "failed": True}, {"rc": 24, "failed": True}, {"rc": 0, "msg": "all"}, {"rc": 1}]
    assert until_nothing_vanishes(lambda: answers.pop(0), 5) == {"rc": 0, "msg": "all"}
    assert until_nothing_vanishes(lambda: answers.pop(0), 5) == {"rc": 1}
    asked = []
    assert until_nothing_vanishes(lambda: asked.append(1) or {"rc": 24}, 2) == {"rc": 24}
    assert len(asked) == 3
