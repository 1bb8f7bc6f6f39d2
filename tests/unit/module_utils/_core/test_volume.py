# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file system that cannot keep backups is told before anything is copied; one where root may not chown serves."""

from __future__ import annotations

import errno
import os
import shutil

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._core import _volume

REAL = {name: getattr(os, name) for name in ("chmod", "lchown", "utime", "open")}


def refused(*_arguments, **_options):
    raise OSError(errno.EPERM, "Operation not permitted")


def ignored(*_arguments, **_options):
    return None


def without_colons(path, *arguments, **options):
    if b":" in os.fsencode(path).rpartition(b"/")[2]:
        raise OSError(errno.EINVAL, "Invalid argument")
    return REAL["open"](path, *arguments, **options)


# As vfat, a share of Windows, an object store and others have it.
POOR = [
    ("link", refused, "hard links"),
    ("symlink", refused, "symbolic links"),
    ("chmod", ignored, "modes"),
    ("utime", ignored, "times"),
    ("open", without_colons, "every name"),
]


def test_a_local_disk_has_everything(tmp_path):
    assert _volume.look(str(tmp_path)) == {"changed": False, "lacks": [], "owners": os.geteuid() == 0}


@pytest.mark.parametrize(("call", "instead", "told"), POOR)
def test_what_is_missing_is_told(tmp_path, monkeypatch, call, instead, told):
    monkeypatch.setattr(_volume.os, call, instead)
    (lack,) = _volume.look(str(tmp_path))["lacks"]
    assert lack.startswith(told)


def test_a_name_that_is_another_one_is_told(tmp_path, monkeypatch):
    lexists = os.path.lexists
    monkeypatch.setattr(_volume.os.path, "lexists", lambda path: lexists(path.lower()))
    (lack,) = _volume.look(str(tmp_path))["lacks"]
    assert lack == "names that differ in case alone ('file' and 'FILE' are one file)"


def test_links_that_are_copies_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr(_volume.os, "link", shutil.copy)
    (lack,) = _volume.look(str(tmp_path))["lacks"]
    assert lack.endswith("(a linked file is counted once)")


def test_it_leaves_nothing_behind(tmp_path):
    (tmp_path / "director1").mkdir()
    before = (tmp_path / "director1").stat().st_mtime_ns
    _volume.look(str(tmp_path / "director1" / "not" / "there"))
    _volume.gives_away(_volume.beside(f"{tmp_path}/director1/"))
    assert [path.name for path in tmp_path.rglob("*")] == ["director1"]
    assert _volume.beside(f"{tmp_path}/director1/") == str(tmp_path)
    assert (tmp_path / "director1").stat().st_mtime_ns >= before


@pytest.mark.parametrize("instead", [refused, ignored])
def test_a_root_that_is_squashed_gives_nothing_away(tmp_path, monkeypatch, instead):
    monkeypatch.setattr(_volume.os, "geteuid", lambda: 0)
    monkeypatch.setattr(_volume.os, "lchown", instead)
    assert _volume.look(str(tmp_path)) == {"changed": False, "lacks": [], "owners": False}


def test_nobody_else_tries(tmp_path, monkeypatch):
    monkeypatch.setattr(_volume.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(_volume.os, "lchown", None)
    assert not _volume.gives_away(str(tmp_path))


@pytest.mark.skipif(os.geteuid() != 0, reason="to anybody else nothing is tried")
def test_whether_files_can_be_given_away_waits_for_no_disk(tmp_path, monkeypatch):
    """It is asked in an outage, when a disk may have all of a first pass to write."""
    for name in ("fsync", "fdatasync", "sync"):
        monkeypatch.setattr(_volume.os, name, refused)
    assert _volume.gives_away(str(tmp_path))
    assert os.listdir(tmp_path) == []
