# SPDX-License-Identifier: GPL-3.0-or-later
"""A real ansible-playbook in a real terminal, with tasks that touch no director; what a person sees of it."""

from __future__ import annotations

import os
import re
import signal
import subprocess

import pytest
from terminal import Terminal
from watched import Watched

MB = 1000 * 1000
TWENTY = [f"director{number}" for number in range(1, 21)]
TASKS = """
- name: The run has an id, and knows nothing yet
  ansible.builtin.set_fact: {run_progress: {phase: Preflight}, run_phase: Log}
- name: Tell what was checked
  microbosh.director.run_log: {message: ["13 services run"], phase: preflight, next: First pass}
- name: Everything is copied while the director works
  microbosh.director.pull: {gate: copied, total: 1000000000}
- name: Blobs are right
  ansible.builtin.assert: {that: inventory_hostname != 'director7', fail_msg: "a blob is damaged \\e[2J"}
- name: The phase is the outage
  ansible.builtin.set_fact: {run_progress: {phase: Outage}}
- name: Every service is stopped
  microbosh.director.monit_all: {state: stopped, gate: stopped}
- name: Every service runs again
  microbosh.director.monit_all: {state: started}
- name: Attributes are kept
  microbosh.director.run_log: {message: ["a file has a label"], severity: error}
  when: inventory_hostname == 'director3'
- name: How the run ended is an artifact of the job
  ansible.builtin.set_stats:
    data: {microbosh_backup: "{{ {inventory_hostname: {'outcome': 'succeeded', 'outage_seconds': 7.09}} }}"}
- name: Tell what was made
  microbosh.director.run_log: {message: ["The backup is whole"], next: Lost blobs}
"""
SITE = """
- name: Packages are there
  hosts: microbosh
  gather_facts: false
  vars_prompt: [{name: word, prompt: "The word", private: false}]
  tasks:
    - name: Say it
      ansible.builtin.debug: {msg: "the word is {{ word }}"}
- name: Ours
  ansible.builtin.import_playbook: microbosh.director.watched
- name: Afterwards
  hosts: microbosh
  gather_facts: false
  tasks:
    - name: Nothing is left
      ansible.builtin.fail: {msg: a disk is full}
      ignore_errors: true
"""
ASKING = """
- name: Ask which director to restore
  hosts: microbosh
  gather_facts: false
  tasks:
    - name: It is known who is asked
      microbosh.director.pull: {gate: known}
    - name: Confirm
      ansible.builtin.pause: {prompt: Type its name}
"""
SHORT = """
- name: Everything is copied
  microbosh.director.pull: {gate: copied, total: 1000000000}
- name: Tell what was made
  microbosh.director.run_log: {message: ["The backup is whole"], next: Lost blobs}
"""
FAILING = """
- name: Tell what was checked
  microbosh.director.run_log: {message: ["13 services run"], phase: preflight, next: First pass}
- name: It copies
  microbosh.director.pull: {}
- name: Blobs are right
  ansible.builtin.fail: {msg: a blob is damaged}
"""


def has(text):
    return lambda lines: any(text in line for line in lines)


def count(text, number):
    return lambda lines: sum(text in line for line in lines) >= number


def test_twenty_directors_from_the_first_task_to_the_recap(tmp_path):
    run = Watched(tmp_path, TASKS, TWENTY)
    with Terminal(run.command(), 80, 24, env=run.environment()) as terminal:
        lines = terminal.until(count(" First pass ", 20))
        assert re.fullmatch(r"Back up directors +20 working +0:\d\d", lines[2])
        assert [line[2:].split()[0] for line in lines[3:23]] == TWENTY
        for host in TWENTY:
            run.move("copied", host, 250 * MB)
        lines = terminal.until(count("25 %", 20))
        moving = r"director1  First pass [━╸╺]+   25 %  238/953 MiB  [\d.]+ .iB/s  [\d:]+ +[\d:]+"
        assert re.search(moving, lines[3])
        terminal.resize(200, 50)
        lines = terminal.until(has("238.4 MiB of 953.7 MiB"))
        run.open("copied", *TWENTY)
        terminal.until(count(" away ", 19))
        counting = re.compile(r"away [2-9] s  Every service is stopped")
        terminal.until(lambda dummy: counting.search(terminal.row("director1 ")[0]))
        assert "magenta" in terminal.row("director1 ")[1]
        line, colours = terminal.row("director7 ")
        assert re.match(r"✗ director7  \S+.* a blob is damaged \\x1b\[2J", line)
        assert "red" in colours
        run.open("stopped", *TWENTY)
        assert terminal.end() == 2
        assert "brown" in terminal.row("director3 ")[1]
        seen = terminal.all_lines()
        assert terminal.is_whole()
    for host in TWENTY:
        assert f"{host}: 13 services run (0.0 s)" in seen
        assert (f"{host}: The backup is whole" in seen) == (host != "director7")
    assert "director7:   Preflight: a blob is damaged \\x1b[2J" in seen
    assert sum(re.match(r"[✓!] director\d+ +done, was away 7.1 s", line) is not None for line in seen) == 19
    assert sum(line.startswith("PLAY RECAP") for line in seen) == 1
    assert sum(re.match(r"director\d+ +: ok=", line) is not None for line in seen) == 20
    assert not any(line.startswith(("TASK", "fatal", "ok:")) for line in seen)


def test_plays_of_others_are_readable_and_whoever_asks_is_heard(tmp_path):
    run = Watched(tmp_path, SHORT, ["d1"], ASKING, SITE)
    with Terminal(run.command(), 80, 24, env=run.environment()) as terminal:
        terminal.until(has("The word"))
        terminal.type("xyzzy\n")
        terminal.until(has("● d1"))
        run.open("known", "d1")
        lines = terminal.until(has("Type its name"))
        assert not has("● d1")(lines)
        terminal.answer("yes")
        terminal.until(lambda dummy: "%" in terminal.row("d1 ")[0])
        run.open("copied", "d1")
        assert terminal.end() == 0
        seen = "\n".join(terminal.all_lines())
        assert terminal.is_whole()
    order = [
        "PLAY [Packages are there] *",
        "TASK [Say it] *",
        '"msg": "the word is xyzzy"',
        "d1: The backup is whole",
        "✓ d1",
        "PLAY [Afterwards] *",
        "TASK [Nothing is left] *",
        "a disk is full",
        "...ignoring",
        "PLAY RECAP *",
    ]
    places = [seen.find(text) for text in order]
    assert places == sorted(places), seen
    assert min(places) >= 0, seen
    assert "Ask which" not in seen
    assert "[Back up directors]" not in seen
    assert "[Tell what was made]" not in seen


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_ended_leaves_the_terminal_whole(tmp_path, number):
    run = Watched(tmp_path, TASKS, ["d1"])
    with Terminal(run.command(), 80, 24, env=run.environment()) as terminal:
        terminal.until(lambda dummy: "%" in terminal.row("d1 ")[0])
        if number == signal.SIGINT:
            terminal.type("\x03")
        else:
            os.kill(terminal.process.pid, number)
        assert terminal.end() != 0
        run.open("copied", "d1")
        assert terminal.is_whole()
        assert terminal.screen.cursor.attrs.fg == "default"


PLAIN = [
    "d1: 13 services run",
    "d1: Backup of d1 FAILED",
    "d1:   Preflight: a blob is damaged",
    "d1: The log is ",
    "PLAY RECAP",
    "d1 ",
]
WITHOUT_RICH = {"PYTHONPATH": "without"}


@pytest.mark.parametrize(
    ("where", "more"),
    [
        ("file", {}),
        ("terminal", {"TERM": "dumb"}),
        ("terminal", WITHOUT_RICH),
        ("terminal", {"MICROBOSH_PHASES_PLAIN": "1"}),
    ],
    ids=["file", "dumb", "without rich", "plain"],
)
def test_where_nothing_can_be_drawn_it_tells_line_by_line(tmp_path, where, more):
    run = Watched(tmp_path, FAILING, ["d1"])
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "rich.py").write_text("raise ImportError\n")
    (tmp_path / "log").touch()
    more = {name: str(tmp_path / value) if name == "PYTHONPATH" else value for name, value in more.items()}
    command = run.command("-e", f"log={tmp_path}/log")
    environment = run.environment(**more)
    if where == "file":
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
        status, printed = ended.returncode, ended.stdout
        assert ended.stderr == ""
    else:
        with Terminal(command, 200, 24, env=environment) as terminal:
            status, printed = terminal.end(), terminal.printed()
    assert status == 2
    assert not re.search(r"\x1b\[[^m]*[A-LN-Za-ln-z]", printed)  # nothing but colours
    lines = [line for line in re.sub(r"\x1b\[[0-9;]*m", "", printed).splitlines() if line]
    assert [line.startswith(known) for line, known in zip(lines, PLAIN, strict=True)] == [True] * len(PLAIN), lines


def test_with_v_it_is_ansibles_own(tmp_path):
    run = Watched(tmp_path, FAILING, ["d1"])
    outputs = []
    for callback in ("microbosh.director.phases", "ansible.builtin.default"):
        environment = run.environment(ANSIBLE_STDOUT_CALLBACK=callback)
        with Terminal(run.command("-v"), 120, 24, env=environment) as terminal:
            assert terminal.end() == 2
            outputs.append(re.sub(r"\d\.\d+( s)?", "N", terminal.printed()))
    assert outputs[0] == outputs[1]
    assert "TASK [Blobs are right]" in outputs[0]
