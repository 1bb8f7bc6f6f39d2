# SPDX-License-Identifier: GPL-3.0-or-later
"""The lease of a run that died on this controller is taken over; that of a living or distant one is not."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._run._controller_process import identify
from ansible_collections.microbosh.director.plugins.plugin_utils._run._director_action import DirectorAction
from ansible_collections.microbosh.director.plugins.plugin_utils._run._lease_action import LeaseAction
from ansible_collections.microbosh.director.plugins.plugin_utils._run._run_lock import NAME, is_left, keep


class Director:
    """Answers the module's requests as written down, and keeps what it was asked."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def run(self, action, tmp=None, task_vars=None):
        self.asked.append(dict(action._task.args))
        return self.answers.pop(0)


def run(monkeypatch, director, check_mode=False, in_check_run=False, backups="", **arguments):
    monkeypatch.setattr(DirectorAction, "run", lambda action, *given: director.run(action, *given))
    action = object.__new__(LeaseAction)
    action._task = SimpleNamespace(args=arguments, check_mode=check_mode)
    action._templar = SimpleNamespace(template=str)
    return action.run(None, {"inventory_hostname": "m1", "ansible_check_mode": in_check_run, "run_dir": backups})


def refused(controller):
    lease = {"controller": controller, "token": "t1", "holder": "h", "since": "2026-11-22T22:13:26Z"}
    return {"failed": True, "reason": "held", "lease": lease}


def dead_process():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    identity = identify(child.pid)
    child.communicate(b"\n")
    return identity


def test_says_which_process_asks(monkeypatch):
    director = Director({"changed": True, "lease": None})
    run(monkeypatch, director, state="held")
    assert director.asked == [{"state": "held", "controller": identify(os.getppid())}]


def test_takes_over_from_a_dead_run(monkeypatch):
    director = Director(refused(dead_process()), {"changed": True})
    assert run(monkeypatch, director, state="held") == {"changed": True}
    assert director.asked[1]["takeover"] == "t1"


@pytest.mark.parametrize(
    ("check_mode", "in_check_run", "times"), [(False, False, 1), (True, False, 0), (True, True, 1)]
)
def test_a_takeover_is_told_once(monkeypatch, capsys, check_mode, in_check_run, times):
    """A run asks first, and takes it later; a run with --check only asks."""
    director = Director(refused(dead_process()), {"changed": True})
    run(monkeypatch, director, check_mode, in_check_run, state="held")
    assert capsys.readouterr().out.count("its lease is taken over") == times


@pytest.mark.parametrize("controller", ["living", "", "elsewhere/1/1"])
def test_does_not_take_over_from_another(monkeypatch, controller):
    director = Director(refused(identify(os.getpid()) if controller == "living" else controller))
    assert run(monkeypatch, director, state="held")["failed"]
    assert len(director.asked) == 1


def test_other_failures_stay_what_they_are(monkeypatch):
    director = Director({"failed": True, "msg": "no staging directory"})
    assert run(monkeypatch, director, state="held")["msg"] == "no staging directory"


@pytest.fixture
def hidden(tmp_path):
    """The name of a run in another container of this machine, which has locked the volume; and what ends it."""
    machine, rest = identify(os.getpid()).split("/", 1)
    identity = f"{machine.split(':')[0]}:1/{rest}"
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    keep(tmp_path, identity, child.pid)

    def end():
        child.communicate(b"\n")
        deadline = time.monotonic() + 30
        while not is_left(tmp_path, identity):
            assert time.monotonic() < deadline
            time.sleep(0.05)

    yield identity, end
    child.kill()
    child.wait()


def test_takes_over_from_a_dead_run_of_another_container(monkeypatch, tmp_path, hidden):
    identity, end = hidden
    end()
    director = Director(refused(identity), {"changed": True})
    assert run(monkeypatch, director, state="held", backups=str(tmp_path)) == {"changed": True}
    assert director.asked[1]["takeover"] == "t1"
    assert not is_left(tmp_path, identity)  # it is this run's now


def test_does_not_take_over_from_a_living_run_of_another_container(monkeypatch, tmp_path, hidden):
    director = Director(refused(hidden[0]))
    assert run(monkeypatch, director, state="held", backups=str(tmp_path))["failed"]
    assert len(director.asked) == 1


def test_a_run_is_known_by_a_lock_from_when_it_has_the_lease_until_it_gives_it_back(monkeypatch, tmp_path):
    places = []
    for check_mode, arguments, answer in [
        (True, {"state": "held"}, {"changed": True}),
        (False, {"state": "held"}, {"failed": True}),
        (False, {"state": "held"}, {"changed": True}),
        (False, {"state": "held", "token": "t"}, {"changed": False}),
        (False, {"state": "armed", "token": "t"}, {"changed": True}),
        (False, {"state": "released", "token": "t"}, {"changed": True}),
    ]:
        run(monkeypatch, Director(answer), check_mode, backups=str(tmp_path), **arguments)
        places.append((tmp_path / NAME).exists())
    assert places == [False, False, True, True, True, False]
