# SPDX-License-Identifier: GPL-3.0-or-later
"""The staging directory is made by root where others may write, and leads root nowhere."""

from __future__ import annotations

import os
import stat

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._tree import _openat
from ansible_collections.microbosh.director.plugins.module_utils._tree._openat import Planted
from ansible_collections.microbosh.director.plugins.module_utils._tree._staging_directory import make, remove

ME = os.geteuid()
# Root gives it to somebody else; nobody else can.
USER = 65534 if ME == 0 else ME


@pytest.fixture
def store(tmp_path):
    """A directory that everybody may write to, with another one that nobody else has any business with."""
    (tmp_path / "precious").mkdir(mode=0o755)
    (tmp_path / "precious" / "file").write_text("x")
    (tmp_path / "store").mkdir()
    (tmp_path / "store").chmod(0o777)
    yield tmp_path / "store"
    found = (tmp_path / "precious").stat()
    assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (ME, 0o755)
    assert (tmp_path / "precious" / "file").read_text() == "x"
    assert [path.name for path in (tmp_path / "store").iterdir() if path.name.startswith(".")] == []


@pytest.fixture
def at_the_rename(monkeypatch):
    """Let something happen at the last moment, before the directory gets its place."""

    def let(happen):
        rename = os.rename

        def late(*paths):
            monkeypatch.setattr(_openat.os, "rename", rename)
            happen()
            rename(*paths)

        monkeypatch.setattr(_openat.os, "rename", late)

    return let


def test_it_is_the_users_alone_whatever_the_umask(store):
    before = os.umask(0)
    try:
        assert make(str(store / "staging"), USER) is True
    finally:
        os.umask(before)
    found = (store / "staging").lstat()
    assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (USER, 0o700)
    assert make(str(store / "staging"), USER) is False
    (store / "staging").chmod(0o755)
    assert make(str(store / "staging"), USER, dry_run=True) is True
    assert make(str(store / "staging"), USER) is True
    assert stat.S_IMODE((store / "staging").lstat().st_mode) == 0o700


def test_nothing_is_made_or_removed_when_it_is_only_tried(store):
    assert make(str(store / "staging"), USER, dry_run=True) is True
    assert remove(str(store / "staging")) is False
    assert list(store.iterdir()) == []
    make(str(store / "staging"), USER)
    assert remove(str(store / "staging"), dry_run=True) is True
    assert (store / "staging").is_dir()


def test_a_link_in_its_place_is_not_followed(store):
    (store / "staging").symlink_to("../precious")
    with pytest.raises(Planted, match="is no directory"):
        make(str(store / "staging"), USER)
    assert remove(str(store / "staging")) is True
    assert not (store / "staging").is_symlink()


def test_a_directory_of_somebody_else_is_not_given_away(store):
    (store / "staging").mkdir()
    with pytest.raises(Planted, match=f"belongs to user {ME}"):
        make(str(store / "staging"), USER + 1)


@pytest.mark.parametrize("what", ["a link", "a file", "a directory with something in it"])
def test_what_is_put_there_at_the_last_moment_leads_nowhere(store, at_the_rename, what):
    def plant():
        if what == "a link":
            (store / "staging").symlink_to("../precious")
        elif what == "a file":
            (store / "staging").write_text("x")
        else:
            (store / "staging").mkdir()
            (store / "staging" / "x").write_text("x")

    at_the_rename(plant)
    with pytest.raises(Planted, match="was put there this very moment"):
        make(str(store / "staging"), USER)


def test_a_directory_in_the_place_of_the_one_that_it_is_made_in_is_not_given_away(store, at_the_rename):
    """What was made is in the one that is open, wherever that was moved to."""

    def swap():
        [room] = store.iterdir()
        room.rename(store.parent / "moved")
        room.mkdir()
        (room / "made").symlink_to("../../precious")

    at_the_rename(swap)
    make(str(store / "staging"), USER)
    assert not (store / "staging").is_symlink()
    assert (store / "staging").lstat().st_uid == USER
    for path in store.glob(".*/made"):
        path.unlink()
        path.parent.rmdir()


def test_it_goes_with_all_that_is_in_it_and_nothing_else(store):
    make(str(store / "staging"), ME)
    (store / "staging" / "deep" / "er").mkdir(parents=True)
    (store / "staging" / "deep" / "link").symlink_to(store.parent / "precious")
    assert remove(str(store / "staging")) is True
    assert list(store.iterdir()) == []
