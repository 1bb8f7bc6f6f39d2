# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Outages take turns, in real processes: a slot is free when its holder or its controller is gone, however it went."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.microbosh.director.plugins.action import outage_slot
from ansible_collections.microbosh.director.plugins.plugin_utils._run import _controller_process, _outage_slots

TAKER = """
import signal, sys
from ansible_collections.microbosh.director.plugins.plugin_utils._run import _outage_slots as slots
slot = slots.take(sys.argv[1], int(sys.argv[2]), sys.argv[3])
print(slot and slot.number, flush=True)
signal.pause()  # until it is killed
"""
LIMIT = 600


@pytest.fixture
def place(tmp_path):
    directory = tmp_path / "slots"
    directory.mkdir(mode=0o700)
    return str(directory)


@pytest.fixture
def controller():
    """A process that stands for ansible-playbook."""
    process = subprocess.Popen(["sleep", "600"])
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def taker(place):
    """A function that starts another process that locks one of so many slots; returns it, and which it has."""
    started = []

    def start(count, host):
        process = subprocess.Popen(
            [sys.executable, "-c", TAKER, place, str(count), host], stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        return process, process.stdout.readline().strip()

    yield start
    for process in started:
        process.kill()
        process.wait()


def held(place, controller, count=1, host="m1", limit=LIMIT, identity=None):
    slot = _outage_slots.take(place, count, host)
    assert slot is not None
    identity = _controller_process.identify(controller.pid) if identity is None else identity
    _outage_slots.hand_on(slot, controller.pid, identity, limit)
    return slot


def wait_until(condition, seconds=10.0):
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds
        time.sleep(0.01)


def test_two_processes_take_turns(place, taker):
    first, number = taker(1, "m1")
    assert number == "0"
    assert taker(1, "m2")[1] == "None"
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert taker(1, "m3")[1] == "0"
    assert _outage_slots.hosts_away(place, 1) == ["m3"]


def test_as_many_at_once_as_there_are_slots(place, taker):
    assert {taker(2, host)[1] for host in ("m1", "m2", "m3")} == {"0", "1", "None"}
    assert _outage_slots.hosts_away(place, 2) == ["m1", "m2"]


def test_a_run_with_more_slots_leaves_the_first_to_one_with_fewer(place, taker):
    assert taker(3, "m1")[1] == "2"
    assert taker(1, "m2")[1] == "0"
    assert taker(1, "m3")[1] == "None"
    assert taker(3, "m4")[1] == "1"
    assert taker(3, "m5")[1] == "None"


def test_a_slot_outlives_the_task_that_took_it_until_it_is_given_back(place, controller):
    slot = held(place, controller)
    assert _outage_slots.is_held(place, 0)
    assert _outage_slots.take(place, 1, "m2") is None
    assert _outage_slots.give_back(place, slot.token)
    assert not _outage_slots.is_held(place, 0)


def test_who_gave_back_cannot_take_it_from_the_next(place, controller):
    first = held(place, controller)
    assert _outage_slots.give_back(place, first.token)
    second = held(place, controller, host="m2")
    assert _outage_slots.give_back(place, first.token)
    assert _outage_slots.hosts_away(place, 1) == ["m2"]
    assert _outage_slots.give_back(place, second.token)


@pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM"])
def test_a_slot_is_free_at_once_when_its_controller_is_gone(place, controller, how):
    held(place, controller)
    controller.send_signal(signal.Signals[how])
    wait_until(lambda: not _outage_slots.is_held(place, 0), 5)
    assert _outage_slots.take(place, 1, "m2") is not None


def test_without_a_file_for_a_process_it_is_looked_for(place, controller, monkeypatch, tmp_path):
    """As on a kernel before 5.3; and where there is no /proc a process has no other name than its id."""
    program = tmp_path / "_outage_slot_holder.py"
    program.write_text(_outage_slots.HOLDER.read_text().replace("os.pidfd_open(pid)", "os.no_such_thing(pid)"))
    beside = _outage_slots.HOLDER.with_name("_controller_process.py")
    (tmp_path / beside.name).write_text(beside.read_text())
    monkeypatch.setattr(_outage_slots, "HOLDER", program)
    for identity in (None, ""):
        slot = held(place, controller, identity=identity)
        time.sleep(0.6)  # it has looked once
        assert _outage_slots.is_held(place, 0)
        assert _outage_slots.give_back(place, slot.token)
    held(place, controller, identity="")
    controller.kill()
    controller.wait()
    wait_until(lambda: not _outage_slots.is_held(place, 0))


def test_the_id_of_a_dead_controller_may_be_another_processes_now(place, controller):
    named = _controller_process.identify(controller.pid)
    older = named.rpartition("/")[0] + "/1"
    held(place, controller, identity=older)
    wait_until(lambda: not _outage_slots.is_held(place, 0))


def test_a_slot_that_is_not_given_back_is_free_after_its_limit(place, controller):
    held(place, controller, limit=0.3)
    wait_until(lambda: not _outage_slots.is_held(place, 0))


def test_what_a_dead_run_left_holds_nothing(place, controller):
    slot = held(place, controller, host="dead")
    assert _outage_slots.give_back(place, slot.token)
    assert "dead" in Path(place, "outage-0").read_text()
    assert _outage_slots.hosts_away(place, 1) == []
    again = held(place, controller, host="m2")
    assert _outage_slots.hosts_away(place, 1) == ["m2"]
    assert _outage_slots.give_back(place, again.token)


def test_a_file_that_was_removed_meanwhile_is_no_slot(place, controller, taker):
    """As a cleaner of /tmp does: who has locked the removed one has a slot until it ends, and blocks nobody."""
    slot = _outage_slots.take(place, 1, "m1")
    os.unlink(os.path.join(place, "outage-0"))
    assert taker(1, "m2")[1] == "0"
    os.close(slot.file)


@pytest.mark.parametrize("kind", ["link", "of all", "of another"])
def test_a_directory_that_others_can_spoil_is_not_taken(tmp_path, monkeypatch, kind):
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    name = f"microbosh-{os.geteuid()}"
    if kind == "link":
        (tmp_path / "lure").mkdir(mode=0o700)
        (one / name).symlink_to(tmp_path / "lure")
    elif kind == "of all":
        (one / name).mkdir()
        (one / name).chmod(0o770)
    elif os.geteuid() == 0:
        (one / name).mkdir(mode=0o700)
        os.chown(one / name, 12345, 12345)
    else:
        one.chmod(0o777)  # where another could have made it
    assert _outage_slots.slots_directory((str(one), str(other))) == str(other / name)
    assert (other / name).stat().st_mode & 0o777 == 0o700


def test_without_any_directory_it_says_so(tmp_path):
    with pytest.raises(_outage_slots.SlotError, match="private directory"):
        _outage_slots.slots_directory((str(tmp_path / "gone"),))


def test_a_planted_link_is_not_followed(place, tmp_path):
    (tmp_path / "file").write_text("precious")
    os.symlink(tmp_path / "file", os.path.join(place, "outage-0"))
    with pytest.raises(OSError, match="outage-0"):
        _outage_slots.take(place, 1, "m1")
    assert not _outage_slots.is_held(place, 0)
    assert (tmp_path / "file").read_text() == "precious"


@pytest.mark.parametrize(
    ("text", "expected"), [("max 100000\n", 4), ("150000 100000\n", 2), ("50000 100000\n", 1), ("900000 100000", 4)]
)
def test_processors_are_those_that_a_container_may_use(tmp_path, monkeypatch, text, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda dummy: {0, 1, 2, 3})
    (tmp_path / "cpu.max").write_text(text)
    assert _outage_slots.processors(tmp_path / "cpu.max") == expected
    assert _outage_slots.processors(tmp_path / "none") == 4


@pytest.fixture
def act(place, monkeypatch, tmp_path):
    """A function that runs the action for a host, as a task of this process' parent."""
    monkeypatch.setattr(_outage_slots, "slots_directory", lambda: place)
    monkeypatch.setattr(outage_slot, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(outage_slot, "end_phase", lambda *ended: phases.append(ended))
    monkeypatch.setattr(outage_slot.ActionBase, "run", lambda *dummy: {})
    monkeypatch.setattr(outage_slot, "renew_connection", lambda connection: renewed.append(connection.transport))
    phases, renewed = [], []

    def run(state, host="m1", check=False, **arguments):
        given = {name: option.get("default") for name, option in outage_slot.ARGUMENTS.items()}
        action = object.__new__(outage_slot.ActionModule)
        action._task = SimpleNamespace(check_mode=check, no_log=False)
        action._connection = SimpleNamespace(transport="ssh")
        action.validate_argument_spec = lambda **dummy: (None, {**given, "state": state, **arguments})
        return action.run(None, {"inventory_hostname": host, "ansible_facts": {}, "run_began": 1.0})

    run.phases, run.renewed = phases, renewed
    return run


def test_an_action_holds_a_slot_and_gives_it_back(act, place):
    found = act("held", at_once=1)
    assert found["token"].startswith("0-")
    assert found["waited"] == 0.0
    assert not act.phases
    assert _outage_slots.hosts_away(place, 1) == ["m1"]
    assert "warnings" not in act("released", token=found["token"])
    assert act.renewed == ["ssh"]
    assert not _outage_slots.is_held(place, 0)


@pytest.mark.parametrize("number", [0, -1])
def test_without_a_number_it_is_that_of_the_processors(act, place, monkeypatch, number):
    monkeypatch.setattr(_outage_slots, "processors", lambda: 3)
    found = act("held", at_once=number)
    assert found["token"].startswith("2-")
    assert _outage_slots.give_back(place, found["token"])


def test_a_host_that_waits_says_for_whom_and_for_how_long(act, place, controller, tmp_path):
    slot = held(place, controller, host="director2")
    log = tmp_path / "run.log"
    end = threading.Timer(0.4, _outage_slots.give_back, [place, slot.token])
    end.start()
    found = act("held", at_once=1, log=str(log))
    end.join()
    assert found["waited"] >= 0.2
    assert "for the outage of director2 (1 at once, microbosh_outages_at_once)" in found["lines"][0]
    assert "nothing is stopped yet" in found["lines"][0]
    assert "has come after" in found["lines"][1]
    assert log.read_text().count("\n") == 2
    assert [ended[:2] for ended in act.phases] == [("m1", "slot")]
    assert _outage_slots.give_back(place, found["token"])


def test_a_host_whose_turn_does_not_come_is_busy(act, place, controller):
    slot = held(place, controller, host="director2")
    found = act("held", at_once=1, patience=0)
    assert found["failed"] is True
    assert found["reason"] == "busy"
    assert "director2" in found["msg"]
    assert "Nothing was stopped" in found["msg"]
    assert found["token"] == ""
    assert _outage_slots.give_back(place, slot.token)


def test_nothing_is_held_in_check_mode_and_nothing_given_back_without_a_token(act, place):
    assert act("held", check=True, at_once=1)["token"] == ""
    assert not _outage_slots.is_held(place, 0)
    assert act("released") == {"changed": False, "token": "", "waited": 0.0}


def test_no_backup_is_lost_for_want_of_a_slot(act, monkeypatch):
    def none():
        raise _outage_slots.SlotError("nowhere")

    monkeypatch.setattr(_outage_slots, "slots_directory", none)
    warned = []
    monkeypatch.setattr(outage_slot, "warn", lambda result, host, line: warned.append((host, line)))
    found = act("held", at_once=1)
    assert not found.get("failed")
    assert warned == [("m1", "Outages of other directors may fall together with this one: nowhere")]


def test_a_holder_that_does_not_start_leaves_the_slot_free(place, controller, monkeypatch):
    monkeypatch.setattr(_outage_slots, "HOLDER", _outage_slots.HOLDER.with_name("no_such_program.py"))
    with pytest.raises(_outage_slots.SlotError, match="did not start"):
        held(place, controller)
    assert not _outage_slots.is_held(place, 0)
