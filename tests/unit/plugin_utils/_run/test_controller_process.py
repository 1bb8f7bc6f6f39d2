# SPDX-License-Identifier: GPL-3.0-or-later
"""A run is called dead only when that is known."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._run import _controller_process
from ansible_collections.microbosh.director.plugins.plugin_utils._run._controller_process import (
    identify,
    is_gone,
    is_in_another_container,
)


@pytest.fixture
def process():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield child
    child.kill()
    child.wait()
    child.stdin.close()


def test_a_living_process_is_not_gone(process):
    assert not is_gone(identify(process.pid))


def test_a_killed_process_is_gone_before_and_after_it_is_reaped(process):
    identity = identify(process.pid)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert is_gone(identity)
    process.wait()
    assert is_gone(identity)


def test_another_process_with_the_same_number_is_not_taken_for_it():
    machine, pid, started = identify(os.getpid()).split("/")
    assert is_gone(f"{machine}/{pid}/{int(started) - 1}")


@pytest.mark.parametrize("identity", ["", "elsewhere", "other-boot:4026531836/1/1", "/", "//", "a/b/c"])
def test_of_other_machines_nothing_is_known(identity):
    assert not is_gone(identity)


@pytest.mark.parametrize("process_part", ["", "/", "x/1", "1/", "-1/5"])
def test_a_name_that_is_not_whole_says_nothing(process_part):
    machine = identify(os.getpid()).split("/")[0]
    assert not is_gone(f"{machine}/{process_part}")


def test_without_proc_nothing_is_known(monkeypatch, tmp_path):
    identity = identify(os.getpid())
    monkeypatch.setattr(_controller_process, "PROC", tmp_path)
    assert identify(os.getpid()) == ""
    assert not is_gone(identity)


def test_a_process_of_this_boot_with_another_namespace_is_in_another_container():
    machine, rest = identify(os.getpid()).split("/", 1)
    boot = machine.split(":")[0]
    assert is_in_another_container(f"{boot}:1/{rest}")
    assert not is_gone(f"{boot}:1/{rest}")


@pytest.mark.parametrize("identity", ["", "elsewhere", "other-boot:4026531836/1/1", "/", ":/1/1"])
def test_one_of_another_machine_is_not(identity):
    assert not is_in_another_container(identity)


def test_one_of_this_namespace_is_not():
    assert not is_in_another_container(identify(os.getpid()))
