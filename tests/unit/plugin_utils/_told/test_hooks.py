# SPDX-License-Identifier: GPL-3.0-or-later
"""Hooks get the report, have an end, and what is wrong with one is told in a line."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._told import _hooks as hooks
from ansible_collections.microbosh.director.plugins.plugin_utils._told._outcomes import Outcome

TOLD = hooks.report("after", "backup", "1-2", "ops1", [{"host": "m1", "outcome": "succeeded"}])


def test_the_report_is_on_its_standard_input(tmp_path):
    assert hooks.run_hook(f"cat >{tmp_path}/got", TOLD, 10) == ""
    assert json.loads((tmp_path / "got").read_text()) == TOLD
    assert set(TOLD) == {"schema", "event", "playbook", "run", "controller", "at", "directors"}


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("exit 3", "ended with status 3"),
        ("echo no; echo way >&2; exit 1", "ended with status 1: no way"),
        ("no-such-program-here", "ended with status 127"),
        ("printf 'a\\033[2Jb'; exit 1", "ended with status 1: a\\x1b[2Jb"),
        ("kill -9 $$", "was killed by signal 9"),
    ],
)
def test_what_fails_says_why(command, problem):
    assert hooks.run_hook(command, TOLD, 10).startswith(problem)


def test_it_needs_no_disk(monkeypatch, tmp_path):
    """A disk that is full is why a backup failed, and what the hook is to tell of."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "no-such-directory"))
    assert hooks.run_hook("cat >/dev/null; echo heard; exit 1", TOLD, 10) == "ended with status 1: heard"


def test_one_that_could_not_be_run_is_a_problem(monkeypatch):
    def full():
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(hooks, "nameless", full)
    assert hooks.run_hook("true", TOLD, 10) == "could not be run: No space left on device"


def test_what_it_says_is_bounded():
    assert len(hooks.run_hook("yes | head -c 1000000; exit 1", TOLD, 10)) < 2 * hooks.SHOWN_BYTES


def test_one_that_does_not_end_is_killed_with_all_that_it_started(tmp_path):
    began = time.monotonic()
    problem = hooks.run_hook(f"sleep 600 & echo $! >{tmp_path}/pid; echo waiting; wait", TOLD, 0.5)
    assert problem == "did not end within 0.5 s, and was killed: waiting"
    assert time.monotonic() - began < 5
    pid = (tmp_path / "pid").read_text().strip()
    assert _until(lambda: not _lives(pid))


def test_one_ends_also_if_nobody_waits_for_it_any_more(tmp_path):
    script = (
        f"from {hooks.__name__} import run_hook; run_hook('echo $$ >{tmp_path}/new; mv {tmp_path}/new {tmp_path}/pid; "
        "sleep 600 & wait', {}, 0.5)"
    )
    run = subprocess.Popen([sys.executable, "-c", script])
    assert _until((tmp_path / "pid").exists)
    run.kill()
    run.wait()
    pid = (tmp_path / "pid").read_text().strip()
    assert _until(lambda: not _lives(pid))


def _until(condition):
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def _lives(pid):
    try:
        return Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_one_that_leaves_something_running_is_not_waited_for():
    began = time.monotonic()
    assert hooks.run_hook("sleep 5 &", TOLD, 10) == ""
    assert time.monotonic() - began < 4


def test_a_report_is_the_artifact_with_the_log():
    artifact = {"host": "m1", "playbook": "backup", "id": "1", "outcome": "succeeded", "path": "/b/1", "seconds": 3}
    ended = Outcome("backup", "m1", "1", 0.0, "/b/logs/1.log", {}, [], artifact)
    assert hooks.director(ended) == {**artifact, "archive": "", "log": "/b/logs/1.log"}
    never = hooks.director(Outcome("backup", "m1", "1", 0.0, "", {}))
    assert (never["outcome"], never["reason"]) == ("failed", "killed")
    assert "interrupted" in never["error"]
