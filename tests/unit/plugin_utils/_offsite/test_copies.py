# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of real backups in a real repository of restic, in a directory beside them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._source._signing import Trust
from ansible_collections.microbosh.director.plugins.plugin_utils._source._source import SourceError, find
from offsite_controller import Beside

FIRST, SECOND, THIRD = "20261122T221326Z", "20261123T221326Z", "20261124T221326Z"


def tree_of(path):
    """Return what is in a directory: names, kinds, modes, times and contents."""
    found = {}
    for top, directories, files in os.walk(os.fsencode(path)):
        for name in [*directories, *files]:
            place = os.path.join(top, name)
            known = os.lstat(place)
            content = os.readlink(place) if os.path.islink(place) else None
            if os.path.isfile(place) and content is None:
                content = Path(os.fsdecode(place)).read_bytes()
            mode = (known.st_mode, known.st_uid, known.st_gid, known.st_mtime_ns)
            found[os.path.relpath(place, os.fsencode(path))] = (*mode, content)
    return found


def test_a_copy_comes_back_as_it_was_and_is_proven(controller):
    before = tree_of(controller.backups / FIRST)
    shutil.rmtree(controller.backups)
    controller.backups.mkdir()
    source = controller.bring("offsite:latest")
    assert source.proven
    assert source.path == controller.backups / "restore" / "brought" / FIRST
    assert tree_of(source.path) == before
    assert controller.verify(f"offsite:{FIRST}")["whole"]
    assert not (controller.backups / "verifying").exists()
    # What is elsewhere is known to a controller that is new.
    assert [one["id"] for one in controller.record()["copies"]] == [FIRST]


def test_what_has_no_copy_yet_is_copied_and_only_what_is_new_is_sent(controller):
    first = controller.backups / FIRST
    # Days without a repository.
    for name in (SECOND, THIRD):
        shutil.copytree(first, controller.backups / name, symlinks=True, copy_function=os.link)
    made = controller.copy()
    assert (made.problem, made.copied, made.copies) == ("", [THIRD, SECOND], [THIRD, SECOND, FIRST])
    assert made.new_bytes < 30_000 < 100_000 < made.bytes
    assert controller.copy().copied == []


def test_the_first_copy_is_of_the_newest_backup_that_is_fit(new):
    new.backup(FIRST)
    new.backup(SECOND)
    damaged = new.backup(THIRD)
    (damaged / "verdict.json").write_text(json.dumps({"verified": {"whole": False, "at": "2026-11-25T00:00:00Z"}}))
    assert new.copy().copied == [SECOND]


def test_directors_share_a_repository_and_see_their_own_copies_alone(controller, tmp_path):
    other = Beside(tmp_path / "other", controller.repository, "director2")
    other.backup(SECOND)
    assert other.copy(keep={"last": 1}).copies == [SECOND]
    assert controller.copy(keep={"last": 1}).copies == [FIRST]
    with pytest.raises(SourceError, match=f"no copy {FIRST} of director2 .*There are: {SECOND}"):
        find(f"offsite:{FIRST}", other.backups, other.backups / "restore", elsewhere=other.elsewhere("offsite:latest"))


def test_rules_decide_which_copies_stay_and_pinned_ones_do(controller):
    controller.backup(SECOND)
    assert controller.copy(keep={}).copies == [SECOND, FIRST]
    (controller.backups / FIRST / "pinned").touch()
    controller.backup(THIRD)
    assert controller.copy(keep={"yearly": 1}).copies == [THIRD, FIRST]
    (controller.backups / FIRST / "pinned").unlink()
    assert controller.copy(keep={"yearly": 1}).copies == [THIRD]


def test_all_data_is_read_in_so_many_runs(controller):
    seen = []
    for dummy in range(2):
        controller.copy(reread_runs=2)
        seen.append(controller.record()["reread"])
    assert [one["next"] for one in seen] == [2, 1]
    assert seen[0]["since"] is None
    assert seen[1]["since"] is not None
    assert controller.record()["checked"]["good"]


def test_data_that_is_damaged_is_found_and_told(controller):
    packs = [path for path in (controller.repository / "data").rglob("*") if path.is_file()]
    for path in packs:
        path.chmod(0o600)
        content = bytearray(path.read_bytes())
        content[len(content) // 3] ^= 1
        path.write_bytes(bytes(content))
    controller.backup(SECOND, seed=2)
    made = controller.copy(reread_runs=1)
    assert made.damaged
    assert made.step == "check"
    assert made.copied == [SECOND]
    assert controller.record()["checked"]["good"] is False
    assert "is damaged" in controller.record()["failed"]["said"]
    # It is not passed over by the next run.
    assert controller.copy(reread_runs=1).damaged


def test_an_archive_is_copied_and_comes_back(new):
    controller, path = new, new.backup(FIRST)
    archives = controller.backups / "archives"
    archives.mkdir()
    name = f"director1_{FIRST}.tar.gz"
    subprocess.run(["tar", "-czf", str(archives / name), "-C", str(controller.backups), FIRST], check=True)
    said = subprocess.run(["sha256sum", name], cwd=archives, check=True, capture_output=True, text=True).stdout
    (archives / f"{name}.sha256").write_text(said)
    made = controller.copy(copy="archive")
    assert (made.problem, made.copied) == ("", [FIRST])
    assert controller.record()["copies"][0]["of"] == "archive"
    before = {name: found[-1] for name, found in tree_of(path / "vcap").items()}
    source = controller.bring("offsite:latest")
    assert source.proven
    assert {name: found[-1] for name, found in tree_of(source.path / "vcap").items()} == before
    verdict = controller.verify("offsite:latest")
    assert (verdict["whole"], verdict["name"]) == (True, f"offsite:{FIRST}")


def test_without_an_archive_none_is_copied_and_that_is_told(controller):
    controller.backup(SECOND)
    made = controller.copy(copy="archive")
    assert f"{SECOND} has no archive" in made.problem
    assert made.missing == [SECOND]


def test_a_backup_that_cannot_be_read_whole_is_no_copy(controller, monkeypatch):
    # A file that vanishes is one that cannot be read, whoever asks.
    controller.backup(SECOND)
    bin_ = controller.backups / "bin"
    bin_.mkdir()
    real = shutil.which("restic")
    script = f'#!/bin/sh\n{real} "$@" || exit\ncase " $* " in *" backup "*) exit 3 ;; esac\n'
    (bin_ / "restic").write_text(script)
    (bin_ / "restic").chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_}:{os.environ['PATH']}")
    made = controller.copy()
    assert (made.step, made.missing) == ("copy", [SECOND])
    monkeypatch.undo()
    with pytest.raises(SourceError, match=f"no copy {SECOND}"):
        controller.bring(f"offsite:{SECOND}")
    assert controller.copy().copied == [SECOND]
    # Nothing is left of what was no copy.
    assert controller.restic("snapshots").count(SECOND) == 3


@pytest.mark.parametrize("damage", ["gone", "another"])
def test_copies_do_not_go_to_another_repository_than_before(controller, damage):
    shutil.rmtree(controller.repository)
    if damage == "another":
        controller.restic("init")
    controller.backup(SECOND)
    made = controller.copy()
    assert made.step == "reach"
    assert made.missing == [SECOND]
    assert ("not the repository that copies were made to" if damage == "another" else "unable to open") in made.problem
    assert (controller.repository / "config").exists() == (damage == "another")
    # What is known of copies is not forgotten for it.
    assert [one["id"] for one in controller.record()["copies"]] == [FIRST]
    assert controller.record()["failed"]["missing"] == [SECOND]


def test_a_wrong_password_reaches_nothing_and_makes_nothing(controller):
    (controller.backups / "offsite.json").unlink()
    controller.password.write_text("wrong\n")
    made = controller.copy()
    assert "wrong password" in made.problem
    assert made.missing == [FIRST]
    with pytest.raises(SourceError, match="wrong password"):
        controller.bring("offsite:latest")
    assert not (controller.backups / "restore").exists()


def test_a_second_controller_goes_on_with_what_is_there(controller, tmp_path):
    second = Beside(tmp_path / "second", controller.repository)
    second.backup(SECOND)
    made = second.copy()
    assert (made.problem, made.copied, made.copies) == ("", [SECOND], [SECOND, FIRST])


def test_nobody_else_s_snapshots_are_taken_for_copies(controller, tmp_path):
    controller.restic("backup", "--host", "director1", "--tag", SECOND, str(controller.password))
    controller.restic("backup", "--host", "director1", "--tag", "microbosh", str(controller.password))
    assert controller.copy(keep={"last": 1}).copies == [FIRST]
    assert controller.restic("snapshots", "--json").count('"hostname"') == 4


def test_a_copy_that_was_exchanged_is_not_restored(controller):
    """By somebody who has the repository and its password, but not the key that signs."""
    trust = Trust(str(controller.password), "director1")
    with pytest.raises(SourceError, match="not signed"):
        find(
            "offsite:latest",
            controller.backups,
            controller.backups / "restore",
            None,
            trust,
            controller.elsewhere("offsite:"),
        )


def test_a_repository_that_is_not_there_is_made_once(new):
    shutil.rmtree(new.repository)
    new.backup(FIRST)
    assert new.copy().copies == [FIRST]
    assert (new.repository / "config").exists()


def test_without_the_setting_there_is_no_elsewhere(controller):
    with pytest.raises(SourceError, match="microbosh_offsite does not say where"):
        find("offsite:latest", controller.backups, controller.backups / "restore")
