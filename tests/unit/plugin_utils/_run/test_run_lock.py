# SPDX-License-Identifier: GPL-3.0-or-later
"""A lock on the volume says of a run whose process cannot be seen whether it lives."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import time

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._run._run_lock import NAME, is_left, keep, let_go

MINE = "boot:4026531836/12/3456"
SECONDS = 30


@pytest.fixture
def run():
    """A process that stands for a run."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield child
    child.kill()
    child.wait()
    child.stdin.close()


def comes_true(condition):
    deadline = time.monotonic() + SECONDS
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def test_a_living_run_has_it(tmp_path, run):
    keep(tmp_path, MINE, run.pid)
    assert os.listdir(tmp_path) == [NAME]
    assert not is_left(tmp_path, MINE)


def test_a_dead_run_has_it_no_more(tmp_path, run):
    keep(tmp_path, MINE, run.pid)
    run.kill()
    run.wait()
    assert comes_true(lambda: is_left(tmp_path, MINE))
    assert is_left(tmp_path, MINE)  # to have asked changed nothing


def test_it_is_free_when_what_holds_it_is_killed_with_the_run(tmp_path, run):
    """As the kernel does with all that is in a container."""
    keep(tmp_path, MINE, run.pid)
    os.killpg(int((tmp_path / NAME).read_text().split()[1]), 9)
    assert comes_true(lambda: is_left(tmp_path, MINE))


def test_of_another_run_nothing_is_known(tmp_path, run):
    keep(tmp_path, MINE, run.pid)
    run.kill()
    run.wait()
    assert comes_true(lambda: is_left(tmp_path, MINE))
    assert not is_left(tmp_path, MINE + "7")


def test_the_next_run_does_not_wait_for_it(tmp_path, run):
    keep(tmp_path, MINE, run.pid)
    keep(tmp_path, "next", os.getpid())
    assert not is_left(tmp_path, "next")
    assert not is_left(tmp_path, MINE)
    assert os.listdir(tmp_path) == [NAME]
    let_go(tmp_path, "next")


def test_a_run_that_ends_lets_go_of_it_at_once(tmp_path, run):
    """However early: a process that has just begun has no command line yet by which it can be known."""
    for _time in range(50):
        keep(tmp_path, MINE, run.pid)
        with open(tmp_path / NAME) as lock:
            holder = int(lock.read().split()[1])
        let_go(tmp_path, MINE)
        assert os.listdir(tmp_path) == []
        assert comes_true(functools.partial(os.waitid, os.P_PID, holder, os.WEXITED | os.WNOHANG | os.WNOWAIT))


def test_a_run_lets_go_of_its_own_only(tmp_path, run):
    keep(tmp_path, MINE, run.pid)
    let_go(tmp_path, "other")
    assert not is_left(tmp_path, MINE)
    assert os.listdir(tmp_path) == [NAME]


def test_what_has_the_number_of_the_holder_by_now_is_left_alone(tmp_path, run):
    (tmp_path / NAME).write_text(f"{MINE} {run.pid}\n")
    let_go(tmp_path, MINE)
    assert run.poll() is None
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("content", ["", "x", MINE + "7 1\n", "\xff" * 9, "a b c d"])
def test_what_is_no_lock_says_nothing(tmp_path, content):
    (tmp_path / NAME).write_text(content)
    assert not is_left(tmp_path, MINE)
    let_go(tmp_path, MINE)
    assert (tmp_path / NAME).exists()


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "elsewhere").write_text(f"{MINE} 1\n")
    (tmp_path / NAME).symlink_to("elsewhere")
    assert not is_left(tmp_path, MINE)


def test_without_a_directory_nothing_is_known(tmp_path):
    keep(tmp_path / "gone", MINE, os.getpid())
    let_go(tmp_path / "gone", MINE)
    assert not is_left(tmp_path / "gone", MINE)
    assert os.listdir(tmp_path) == []
