# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stops nobody gives way to outages, in a process of its own as a task has one; what an outage does never does."""

from __future__ import annotations

import functools
import multiprocessing
import os
import subprocess
from types import SimpleNamespace

import jinja2
import pytest
import yaml
from ansible_collections.microbosh.director.plugins.plugin_utils._run import _giving_way as giving
from ansible_collections.microbosh.director.plugins.plugin_utils._run import _outage_slots as slots
from places import REPOSITORY

MINE = os.getpriority(os.PRIO_PROCESS, 0)
# Variables are templates until they are needed.
TEMPLAR = SimpleNamespace(template=lambda value: {"{{ yes }}": "True", "{{ no }}": "False"}.get(value, value))


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(giving, "slots_directory", lambda: str(tmp_path))
    return str(tmp_path)


def in_a_task(function):
    """Call it in a process such as Ansible makes for each task; return the priority of that, and of what it starts."""

    def run(answer):
        function()
        child = subprocess.run(["nice"], check=True, capture_output=True, text=True).stdout
        answer.put((os.getpriority(os.PRIO_PROCESS, 0), int(child)))

    context = multiprocessing.get_context("fork")
    answer = context.SimpleQueue()
    process = context.Process(target=run, args=(answer,))
    process.start()
    found = answer.get()
    process.join()
    return found


def test_what_is_heavy_always_gives_way_and_so_does_what_it_starts(place):
    expected = max(giving.HEAVY, MINE)
    assert in_a_task(lambda: giving.give_way(TEMPLAR, {"run_gives_way": True}, heavy=True)) == (expected, expected)
    assert os.getpriority(os.PRIO_PROCESS, 0) == MINE


def test_while_a_director_is_stopped_everything_gives_way(place):
    light = functools.partial(giving.give_way, TEMPLAR, {"run_gives_way": "{{ yes }}"})
    assert in_a_task(light)[0] == MINE
    slot = slots.take(place, 1, "m2")
    assert in_a_task(light)[0] == giving.WHILE_AWAY
    os.close(slot.file)
    assert in_a_task(light)[0] == MINE


@pytest.mark.parametrize("variables", [None, {}, {"run_gives_way": False}, {"run_gives_way": "{{ no }}"}])
def test_a_director_that_is_stopped_itself_gives_way_to_nobody(place, variables):
    slot = slots.take(place, 1, "m1")
    assert in_a_task(lambda: giving.give_way(TEMPLAR, variables, heavy=True))[0] == MINE
    os.close(slot.file)


def test_without_a_process_of_its_own_nothing_is_lowered(place):
    giving.give_way(TEMPLAR, {"run_gives_way": True}, heavy=True)
    assert os.getpriority(os.PRIO_PROCESS, 0) == MINE


def test_a_session_of_the_tasks_own_is_lowered_with_it(tmp_path):
    """Where sessions are scheduled beside each other; the session of the whole run is left alone."""
    group = tmp_path / "autogroup"
    group.touch()
    in_a_task(lambda: giving.lower(19, group))
    assert group.read_text() == ""
    in_a_task(lambda: (os.setsid(), giving.lower(19, group)))
    assert group.read_text() == "19\n"


class Connection:
    """A connection whose ssh says that a process is the master of all that go to this director."""

    def __init__(self, said, transport="ssh"):
        self.transport, self.resets = transport, 0
        self._play_context = SimpleNamespace(password=None)
        self._options = {"ssh_executable": str(said), "host": "192.0.2.1", "timeout": 10}

    def get_option(self, name):
        return self._options.get(name)

    def has_option(self, name):
        return name in self._options

    def reset(self):
        self.resets += 1


def resets(tmp_path, answer, **more):
    """Return how often a connection is begun anew where ssh answers that."""
    ssh = tmp_path / "ssh"
    ssh.write_text(f"#!/bin/sh\n[ \"$(echo $* | grep -c -- '-O check 192.0.2.1$')\" = 1 ] && {answer}\n")
    ssh.chmod(0o755)
    connection = Connection(ssh, **more)
    giving.renew_connection(connection)
    return connection.resets


@pytest.mark.parametrize(("nice", "expected"), [(0, 0), (3, 1)])
def test_a_connection_that_a_task_began_which_gave_way_is_begun_anew(tmp_path, nice, expected):
    master = subprocess.Popen(["nice", "-n", str(nice), "sleep", "60"], stdout=subprocess.DEVNULL)
    try:
        while os.getpriority(os.PRIO_PROCESS, master.pid) < min(MINE + nice, 19):
            os.sched_yield()
        assert resets(tmp_path, f"echo 'Master running (pid={master.pid})' >&2") == expected
    finally:
        master.kill()
        master.wait()


@pytest.mark.parametrize("answer", ["exit 255", "echo 'Master running (pid=2000000000)' >&2"])
def test_without_a_shared_connection_there_is_nothing_to_renew(tmp_path, answer):
    assert resets(tmp_path, answer) == 0
    assert resets(tmp_path, answer, transport="local") == 0


def test_a_connection_that_cannot_be_asked_for_costs_nothing(tmp_path):
    giving.renew_connection(Connection(tmp_path / "gone"))


def test_a_number_that_the_kernel_refuses_costs_nothing(tmp_path):
    assert in_a_task(lambda: (os.setsid(), giving.lower(19, tmp_path / "gone" / "autogroup")))[0] == 19


def test_where_no_slots_can_be_there_is_no_outage(monkeypatch):
    def none():
        raise slots.SlotError("nowhere")

    monkeypatch.setattr(giving, "slots_directory", none)
    assert giving.level(heavy=True) == giving.HEAVY
    assert giving.level(heavy=False) == 0


def test_a_run_gives_way_as_long_as_it_has_no_slot():
    plays = yaml.safe_load((REPOSITORY / "playbooks/backup.yml").read_text())
    said = next(play["vars"]["run_gives_way"] for play in plays if "run_gives_way" in play.get("vars", {}))
    template = jinja2.Environment(autoescape=True).from_string(said)
    answers = [template.render(run_slot=slot) for slot in ({}, {"token": ""}, {"token": "0-ab"})]
    assert answers == ["True", "True", "False"]
