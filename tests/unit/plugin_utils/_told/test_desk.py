# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks tell the process that they were forked from what no other process reads; some things only one of them does."""

from __future__ import annotations

import os
import time

from ansible_collections.microbosh.director.plugins.plugin_utils._told import _desk


def forked(work, *arguments):
    """Do some work in a process as Ansible makes one for a task."""
    process = os.fork()
    if not process:
        try:
            work(*arguments)
        finally:
            os._exit(0)
    return process


def ended(processes):
    return [os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in processes]


def test_what_tasks_say_is_there_whole():
    desk = _desk.Desk()

    def work(number):
        for part in range(20):
            desk.say("x", task=number, part=part, text="\u20ac" * 5000)

    assert ended([forked(work, number) for number in range(4)]) == [0] * 4
    said = [(record["task"], record["part"]) for record in desk.records()]
    assert sorted(said) == [(task, part) for task in range(4) for part in range(20)]
    assert {record["text"] for record in desk.records()} == {"\u20ac" * 5000}


def test_it_is_in_no_directory_and_no_program_gets_it():
    desk = _desk.Desk()
    desk.say("x", secret="s3cr3t")
    name = os.readlink(f"/proc/self/fd/{desk._file}")
    assert name.endswith("(deleted)")
    assert not os.get_inheritable(desk._file)


def test_without_such_memory_it_is_a_file_without_a_name(monkeypatch):
    monkeypatch.delattr(os, "memfd_create")
    desk = _desk.Desk()
    desk.say("x", secret="s3cr3t")
    assert os.fstat(desk._file).st_nlink == 0
    assert not os.get_inheritable(desk._file)
    assert [record["secret"] for record in desk.records()] == ["s3cr3t"]


def test_one_task_does_it_and_the_others_wait_for_what_comes_of_it():
    desk = _desk.Desk()

    def work():
        with desk.claim("hook") as settled:
            if not settled:
                time.sleep(0.2)  # the work
                desk.settle("hook", problem="no")
            desk.say("saw", problem=(settled or {}).get("problem"))

    ended([forked(work) for dummy in range(4)])
    saw = [record["problem"] for record in desk.records() if record["what"] == "saw"]
    assert sorted(saw, key=str) == [None, "no", "no", "no"]


def test_a_task_that_dies_lets_go_and_is_known_to_have_begun():
    desk = _desk.Desk()

    def dies():
        with desk.claim("hook"):
            os._exit(1)

    ended([forked(dies)])
    with desk.claim("hook") as known:
        assert known == {"what": "begun", "key": "hook"}


def test_what_is_just_being_added_comes_later():
    desk = _desk.Desk()
    desk.say("whole")
    os.write(desk._file, b'{"what": "ha')
    assert [record["what"] for record in desk.records()] == ["whole"]
    os.write(desk._file, b'lf"}\n')
    assert [record["what"] for record in desk.records()] == ["whole", "half"]


def test_other_work_does_not_wait():
    desk = _desk.Desk()

    def work():
        with desk.claim("other"):
            desk.say("done")

    with desk.claim("hook"):
        ended([forked(work)])
    assert [record["what"] for record in desk.records()] == ["begun", "begun", "done"]


def test_a_process_has_one(monkeypatch):
    monkeypatch.setattr(_desk, "_DESK", [])
    assert _desk.desk() is None
    assert _desk.open_desk() is _desk.open_desk() is _desk.desk()
