# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies go over real SFTP and to a real server of S3, whatever happens to those."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._offsite import _restic as restic
from offsite import S3, AppendOnly, Sftp, family_of, serving
from offsite_controller import PASSWORD, Controller
from quick_restic import quicken

FIRST, SECOND, THIRD = "20261122T221326Z", "20261123T221326Z", "20261124T221326Z"
NEW = random.Random(1).randbytes(300_000)
MANY = 48 << 20
WAIT_SECONDS = 30


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """An empty repository whose key is quick to open."""
    place = tmp_path_factory.mktemp("empty")
    controller = Controller(place, {"repository": str(place / "repository")})
    controller.restic("init")
    quicken(place / "repository", PASSWORD)
    return place / "repository"


@pytest.fixture(scope="module", params=[Sftp, S3])
def night(request, empty, tmp_path_factory):
    """A server, and a controller that has copied its first backup there."""
    with serving(request.param) as server:
        server.take("director1", empty)
        controller = Controller(tmp_path_factory.mktemp("controller"), server.setting())
        controller.backup(FIRST)
        made = controller.copy(keep={})
        assert (made.problem, made.copied) == ("", [FIRST])
        yield server, controller


@pytest.fixture
def other(night, request, tmp_path):
    """Another director's controller, with the same server and repository."""
    return night[0], Controller(tmp_path, night[0].setting(), request.function.__name__)


# What one kind of server shows as well as the other; this one is quicker.
quick = pytest.mark.parametrize("night", [S3], indirect=True)


def wait_until(condition):
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def running(word):
    """Return the processes of restic that we have begun for that."""
    found = []
    for pid in family_of(os.getpid()):
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            found += [pid] if words[0] == b"restic" and word.encode() in words else []
    return found


def test_a_night_without_the_server_is_made_good_and_a_new_controller_has_it_all_back(night, tmp_path):
    server, controller = night
    controller.next_night(SECOND, FIRST)
    with server.out_of_reach():
        made = controller.copy()
    assert (made.step, made.missing, made.copied) == ("reach", [SECOND], [])
    # What ssh says of it may come too late for restic.
    assert "refused" in made.problem or "unable to start the sftp session" in made.problem
    assert controller.record()["failed"]["missing"] == [SECOND]
    assert controller.record()["copies"][0]["id"] == FIRST

    controller.next_night(THIRD, SECOND, new=NEW)
    before = sum(path.stat().st_size for path in server.packs())
    made = controller.copy(keep={"last": 2})
    assert (made.problem, made.copied, made.copies) == ("", [THIRD, SECOND], [THIRD, SECOND])
    assert len(NEW) < made.new_bytes < len(NEW) + 100_000
    assert sum(path.stat().st_size for path in server.packs()) - before < len(NEW) + 100_000
    assert controller.record()["failed"] is None

    # Nothing is left but the repository, its password and the inventory.
    fresh = Controller(tmp_path, controller.setting)
    source = fresh.bring(f"offsite:{SECOND}")
    assert source.proven
    assert fresh.verify(f"offsite:{SECOND}")["whole"]
    assert [one["id"] for one in fresh.record()["copies"]] == [THIRD, SECOND]


@quick
def test_what_others_keep_there_is_left_alone(night, other, tmp_path):
    controller = other[1]
    somebody = tmp_path / "photos"
    somebody.write_bytes(NEW)
    controller.restic("backup", "--host", controller.host, str(somebody))
    controller.backup(FIRST)
    made = controller.copy(keep={"last": 1})
    assert (made.problem, made.copies) == ("", [FIRST])
    kept = controller.restic("snapshots")
    assert str(somebody) in kept
    assert "director1" in kept


@quick
def test_another_password_is_refused_and_makes_no_repository(night, other):
    server, controller = other
    Path(controller.setting["password_file"]).write_text("battery staple\n")
    controller.backup(FIRST)
    made = controller.copy()
    assert (made.step, made.missing) == ("reach", [FIRST])
    assert "wrong password" in made.problem
    assert len(list(server.stored.glob("**/config"))) == 1


@quick
def test_credentials_that_are_refused_are_not_told(night, tmp_path):
    server = night[0]
    names = {"AWS_ACCESS_KEY_ID": server.identity, "AWS_SECRET_ACCESS_KEY": "s3cr3t-of-somebody"}
    stranger = Controller(tmp_path, {**server.setting(), "environment": names})
    stranger.backup(FIRST)
    made = stranger.copy()
    assert (made.step, made.missing) == ("reach", [FIRST])
    assert "signature" in made.problem
    assert "s3cr3t" not in made.problem + (stranger.backups / "offsite.json").read_text()


@quick
def test_whoever_has_the_repository_for_himself_is_waited_for(night, other, monkeypatch):
    controller = other[1]
    controller.backup(FIRST)
    refused = threading.Event()
    monkeypatch.setattr(restic.time, "sleep", lambda dummy: refused.set())
    command, environment = controller.command("backup", "--stdin", "--host", "somebody")
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as holding:
        wait_until(lambda: night[0].locks())
        with ThreadPoolExecutor() as pool:
            copying = pool.submit(controller.copy, keep={})
            assert refused.wait(WAIT_SECONDS)
            holding.stdin.write(NEW)
            holding.stdin.close()
            made = copying.result()
    assert (made.problem, made.copied) == ("", [FIRST])


@quick
def test_a_copy_that_is_interrupted_is_none_and_the_next_run_makes_it(night, other, monkeypatch):
    monkeypatch.setattr(restic, "PAUSE", 0.1)
    monkeypatch.setattr(restic, "DEAD_AFTER", -1)
    server, controller = other
    controller.backup(FIRST)
    much = random.Random(2).randbytes(MANY)
    controller.next_night(SECOND, FIRST, much=much)
    known = len(server.packs())
    with ThreadPoolExecutor() as pool:
        copying = pool.submit(controller.copy)
        wait_until(lambda: len(server.packs()) > known)
        with server.silent():
            for pid in running("backup"):
                os.kill(pid, signal.SIGKILL)
        made = copying.result()
    assert (made.step, made.missing, made.copies) == ("copy", [SECOND], [])
    made = controller.copy()
    assert (made.problem, made.copied) == ("", [SECOND])
    assert not server.locks()
    assert (controller.bring("offsite:latest").path / "much").read_bytes() == much


def test_a_server_that_lets_nobody_remove_anything_takes_copies_if_none_is_forgotten(empty, tmp_path):
    with serving(AppendOnly) as server:
        server.take("director1", empty)
        controller = Controller(tmp_path, server.setting(keep={}))
        controller.backup(FIRST)
        assert controller.copy().problem == ""
        controller.next_night(SECOND, FIRST)
        assert controller.copy().copies == [SECOND, FIRST]
        assert controller.restic("list", "locks") == ""
        assert controller.bring("offsite:latest").proven
        assert server.secret not in (controller.backups / "offsite.json").read_text()
