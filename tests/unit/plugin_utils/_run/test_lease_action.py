# SPDX-License-Identifier: GPL-3.0-or-later
"""The lease of a run that died on this controller is taken over; that of a living or distant one is not."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._run._controller_process import identify
from ansible_collections.microbosh.director.plugins.plugin_utils._run._director_action import DirectorAction
from ansible_collections.microbosh.director.plugins.plugin_utils._run._lease_action import LeaseAction


class Director:
    """Answers the module's requests as written down, and keeps what it was asked."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def run(self, action, tmp=None, task_vars=None):
        self.asked.append(dict(action._task.args))
        return self.answers.pop(0)


def run(monkeypatch, director, check_mode=False, in_check_run=False, **arguments):
    monkeypatch.setattr(DirectorAction, "run", lambda action, *given: director.run(action, *given))
    action = object.__new__(LeaseAction)
    action._task = SimpleNamespace(args=arguments, check_mode=check_mode)
    return action.run(None, {"inventory_hostname": "m1", "ansible_check_mode": in_check_run})


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
