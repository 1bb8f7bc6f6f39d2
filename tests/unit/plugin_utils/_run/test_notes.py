# SPDX-License-Identifier: GPL-3.0-or-later
"""Notes of tasks, which are left only where somebody reads them."""

from __future__ import annotations

import stat

import pytest
from ansible import constants
from ansible_collections.microbosh.director.plugins.plugin_utils._run import _notes as notes


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    return tmp_path


def test_nobody_reads_them_and_none_is_left(place):
    assert notes.note("d1", moved=3) is False
    assert list(place.iterdir()) == []
    assert notes.note_of("d1") == {}


def test_the_newest_one_is_read():
    notes.begin()
    assert notes.note("d1", moved=3, total=9)
    assert notes.note("d1", moved=4, total=9)
    notes.note("d2", said="waiting")
    found = notes.note_of("d1")
    assert (found.pop("at") > 0, found) == (True, {"moved": 4, "total": 9})
    assert notes.note_of("d2")["said"] == "waiting"
    assert len(list(notes.directory().iterdir())) == 2


def test_they_are_of_this_user_alone():
    notes.begin()
    notes.note("d1", moved=3)
    (file,) = notes.directory().iterdir()
    assert stat.S_IMODE(notes.directory().stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'"a"', b"{}", b'{"at": "x"}', b"\xff", b'{"at": 1' + b" " * 20000])
def test_what_is_no_note_is_none(text):
    notes.begin()
    notes.note("d1", moved=3)
    (file,) = notes.directory().iterdir()
    file.write_bytes(text)
    assert notes.note_of("d1") == {}


def test_afterwards_none_is_left():
    notes.begin()
    notes.begin()
    notes.end()
    notes.end()
    assert notes.note("d1", moved=3) is False
