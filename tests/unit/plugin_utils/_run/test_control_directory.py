# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared connections have a directory in which ssh can make a socket, and that nobody else can have made."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from pathlib import Path

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._run import _control_directory as control

# What ssh binds first: the name of the connection, %C and a suffix.
NAME = "a" * 10 + "0" * 40 + "." + "x" * 16


@pytest.fixture
def short(monkeypatch):
    """A short directory, in which alone a private one may be made."""
    top = Path(tempfile.mkdtemp(prefix="m", dir="/tmp"))
    monkeypatch.setattr(control, "places", lambda environment: [str(top / "a"), str(top / "b")])
    yield top
    shutil.rmtree(top)


def bind(directory):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.join(directory, NAME))


def test_the_longest_takes_a_socket(short):
    longest = str(short) + "/" + "d" * (control.LONGEST - len(str(short)) - 1)
    assert control.is_short(longest)
    assert not control.is_short(f"{longest}d")
    assert control.control_directory(longest, {}) == longest
    bind(longest)


@pytest.mark.parametrize("name", ["d" * 54, "with blank", "100%C", "${HOME}", "it's", 'the "one"', "dir\\", "ü" * 20])
def test_another_is_taken_where_ssh_could_not_use_it(short, name):
    found = control.control_directory(str(short / name), {})
    assert found == str(short / "a")
    assert os.lstat(found).st_mode & 0o777 == 0o700
    bind(found)


def test_what_is_configured_is_taken_and_nothing_is_left_in_it(short):
    assert control.control_directory(str(short / "cp"), {}) == str(short / "cp")
    assert list((short / "cp").iterdir()) == []


def test_what_is_no_directory_does_not_serve(short):
    (short / "file").touch()
    assert control.control_directory(str(short / "file" / "cp"), {}) == str(short / "a")


def planted_link(place):
    (place.parent / "elsewhere").mkdir(mode=0o700)
    place.symlink_to(place.parent / "elsewhere")


def planted_file(place):
    place.touch()


def open_to_others(place):
    place.mkdir()
    place.chmod(0o777)


def somebody_elses(place):
    place.mkdir(mode=0o700)
    os.chown(place, 4711, 4711)


@pytest.mark.parametrize("plant", [planted_link, planted_file, open_to_others, somebody_elses])
def test_what_another_may_have_put_there_is_not_used(short, plant):
    if plant is somebody_elses and os.geteuid() != 0:
        pytest.skip("only root can give a directory away")
    plant(short / "a")
    assert control.control_directory("/" + "d" * 200, {}) == str(short / "b")


def test_where_others_may_rename_nothing_is_made(short):
    short.chmod(0o777)
    with pytest.raises(control.NoDirectoryError, match="ANSIBLE_SSH_CONTROL_PATH_DIR"):
        control.control_directory("/" + "d" * 200, {})
    short.chmod(0o1777)
    assert control.control_directory("/" + "d" * 200, {}) == str(short / "a")


def test_places_are_short_and_the_users_own(monkeypatch):
    monkeypatch.setattr(tempfile, "gettempdir", lambda: "/" + "t" * 200)
    found = control.places({"XDG_RUNTIME_DIR": "/run/user/4711"})
    assert found[0] == f"/tmp/microbosh-{os.geteuid()}"
    assert f"/run/user/4711/microbosh-{os.geteuid()}" in found
    assert all(control.is_short(path) for path in found)
