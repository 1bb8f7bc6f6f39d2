# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run needs on the controller is there or made, and what is missing is named with the way out."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._backup import _controller
from ansible_collections.microbosh.director.plugins.modules import backup_controller
from ansible_collections.microbosh.director.plugins.plugin_utils._run._in_process import printed


def mode(path):
    return path.stat().st_mode & 0o7777


def program(directory, name, script):
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def answer(check=False, **given):
    return json.loads(printed(backup_controller, {**given, "_ansible_check_mode": check}, "/")["stdout"])


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """A directory whose programs are the only ones but a shell's."""
    directory = tmp_path / "programs"
    directory.mkdir()
    monkeypatch.setenv("PATH", f"{directory}")
    return directory


def test_directories_are_made_for_their_owner_alone_whatever_the_umask_is(tmp_path):
    before = os.umask(0o277)
    try:
        assert answer(directory=str(tmp_path / "a/b"), control_directory=str(tmp_path / "cp"))["changed"]
    finally:
        os.umask(before)
    assert [mode(tmp_path / name) for name in ("a", "a/b", "a/b/logs", "cp")] == [0o700] * 4
    assert not answer(directory=str(tmp_path / "a/b"), control_directory=str(tmp_path / "cp"))["changed"]


def test_what_others_may_look_into_becomes_the_owners_alone(tmp_path):
    (tmp_path / "logs").mkdir(mode=0o755)
    tmp_path.chmod(0o750)
    assert answer(directory=str(tmp_path))["changed"]
    assert [mode(path) for path in (tmp_path, tmp_path / "logs")] == [0o700, 0o700]


def test_check_mode_makes_nothing_but_the_place_of_connections(tmp_path):
    found = answer(check=True, directory=str(tmp_path / "a/b"), control_directory=str(tmp_path / "cp"), volume=True)
    assert found["changed"]
    assert [path.name for path in tmp_path.iterdir()] == ["cp"]
    tmp_path.chmod(0o750)
    assert answer(check=True, directory=str(tmp_path))["changed"]
    assert mode(tmp_path) == 0o750


def test_a_place_of_backups_that_cannot_be_is_named_with_the_setting():
    found = answer(directory="/dev/null/backups")
    assert found["failed"]
    assert found["msg"].startswith("No backup can be kept in /dev/null/backups: ")
    assert "Not a directory" in found["msg"]
    assert "Set microbosh_backup_dir to" in found["msg"]


def test_a_place_of_connections_that_cannot_be_is_named_as_such():
    assert answer(control_directory="/dev/null/cp")["msg"].startswith("Shared connections can have no directory /dev/n")


def test_a_file_is_no_directory(tmp_path):
    (tmp_path / "file").touch()
    assert answer(directory=str(tmp_path / "file"))["msg"] == f"{tmp_path / 'file'} is not a directory."


def test_a_directory_that_another_run_makes_meanwhile_will_do(tmp_path, monkeypatch):
    made = []

    def mkdir(path, mode):
        made.append(path)
        subprocess.run(["mkdir", path], check=True)
        raise FileExistsError(17, "File exists", path)

    monkeypatch.setattr(os, "mkdir", mkdir)
    assert _controller.have_directory(str(tmp_path / "a/b"))
    assert made == [str(tmp_path / "a"), str(tmp_path / "a/b")]
    assert mode(tmp_path / "a/b") == 0o700


def test_a_file_system_that_will_not_do_is_told_with_the_setting(monkeypatch, tmp_path):
    monkeypatch.setattr(_controller, "look", lambda directory: {"lacks": ["links (no)", "names (no)"], "owners": False})
    said = answer(directory=str(tmp_path), volume=True)["msg"]
    assert said.startswith(f"The file system of {tmp_path} lacks links (no), names (no). Set microbosh_backup_dir to")


@pytest.mark.parametrize(
    "version", ["rsync  version 3.1.3  protocol version 31", "rsync  version v3.4.1", "rsync version 3.10"]
)
def test_an_rsync_that_is_new_enough_will_do(programs, version):
    program(programs, "rsync", f"echo '{version}'")
    assert "failed" not in answer(rsync=True)


@pytest.mark.parametrize(
    ("script", "found"),
    [
        (None, "none"),
        ("exit 1", "none"),
        ("echo 'rsync  version 3.1.2  protocol version 31'", "rsync  version 3.1.2  protocol version 31"),
        ("echo 'openrsync: protocol version 29'; echo 'rsync version 2.6.9'", "openrsync: protocol version 29"),
    ],
)
def test_another_rsync_is_told_with_what_to_do(programs, script, found):
    if script:
        program(programs, "rsync", script)
    said = answer(rsync=True)["msg"]
    assert said.startswith(f"The controller needs rsync 3.1.3 or later and has {found}. Install the package rsync")


@pytest.fixture
def key(tmp_path):
    def make(passphrase=""):
        path = tmp_path / "key of backups"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", path], check=True)
        return str(path)

    return make


def test_a_key_that_signs_will_do(key, monkeypatch, tmp_path):
    path = key()
    assert "failed" not in answer(sign_key=path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "failed" not in answer(sign_key="~/key of backups")


def test_nobody_is_asked_for_a_passphrase(key):
    path = key("c1oudc0w")
    said = answer(sign_key=path)["msg"]
    assert said.startswith(f"No backup can be signed with {path} (microbosh_sign_key): ")
    assert "passphrase" in said


@pytest.mark.parametrize("name", ["/nowhere/key", "/dev/null"])
def test_what_is_no_key_is_named(name):
    assert answer(sign_key=name)["msg"].startswith(f"No backup can be signed with {name} (microbosh_sign_key): ")


def test_a_controller_without_ssh_keygen_says_so(programs):
    assert "ssh-keygen: No such file or directory" in answer(sign_key="/nowhere/key")["msg"]


def test_extra_files_are_files_or_lead_to_some(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "state.json").touch()
    (tmp_path / "link").symlink_to("state.json")
    assert "failed" not in answer(extra_files=["~/state.json", str(tmp_path / "link")])
    for wrong in ("~/nowhere", str(tmp_path)):
        said = answer(extra_files=["~/state.json", wrong])["msg"]
        assert said == f"microbosh_extra_files names {wrong}, which is not a file on the controller."
