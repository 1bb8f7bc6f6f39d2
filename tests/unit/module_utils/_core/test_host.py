# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes are read from /proc and from pid files."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._core._host import (
    Host,
    ProcessesHidden,
    services_of_pidfile,
)


def test_the_clock_goes_on():
    host = Host()
    before = host.now()
    host.sleep(0.05)
    assert before + 0.03 <= host.now() < before + 10


def test_the_birth_of_a_process_until_it_is_gone():
    host = Host()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    birth = host.birth(child.pid)
    assert birth >= host.birth(os.getpid())
    assert host.birth(child.pid) == birth
    child.communicate(b"\n")
    assert host.birth(child.pid) is None


def test_a_zombie_is_gone():
    host = Host()
    child = subprocess.Popen([sys.executable, "-c", "pass"], stdout=subprocess.PIPE)
    child.stdout.read()  # ends when the process has
    patience = host.now() + 5
    while host.birth(child.pid) is not None and host.now() < patience:
        host.sleep(0.01)
    assert host.birth(child.pid) is None
    assert os.path.exists(f"/proc/{child.pid}")
    child.wait()


@pytest.mark.parametrize("name", ["nats", "a b", "a) R 1 (b", "((("])
def test_a_name_may_be_anything(tmp_path, name):
    (tmp_path / "12").mkdir()
    fields = " ".join(["S"] + [str(n) for n in range(4, 53)])
    (tmp_path / "12" / "stat").write_text(f"12 ({name}) {fields}\n", encoding="ascii")
    assert Host(str(tmp_path)).birth(12) == 22


def test_hidden_processes_are_an_error(tmp_path):
    Host().require_sight()
    with pytest.raises(ProcessesHidden, match="hidepid"):
        Host(str(tmp_path)).require_sight()


def test_pidfiles(tmp_path):
    for path, text in {
        "nats/nats.pid": "12\n",
        "bpm/director/worker_1.pid": "13",
        "postgres/postmaster.pid": "14\n/var/vcap/store/postgres\n",
        "broken/empty.pid": "",
        "broken/words.pid": "none\n",
        "nats/nats.log": "15\n",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="ascii")
    found = {os.path.relpath(path, tmp_path): pid for path, pid in Host(run_directory=str(tmp_path)).pidfiles()}
    assert found == {"nats/nats.pid": 12, "bpm/director/worker_1.pid": 13, "postgres/postmaster.pid": 14}
    assert Host(run_directory=str(tmp_path / "none")).pidfiles() == []


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/var/vcap/sys/run/nats/nats.pid", "nats"),
        ("/var/vcap/sys/run/director/worker_1.pid", "worker_1"),
        ("/var/vcap/sys/run/director/scheduler.pid", "director_scheduler"),
        ("/var/vcap/sys/run/bpm/director/nginx.pid", "director_nginx"),
        ("/var/vcap/sys/run/blobstore/nginx.pid", "blobstore_nginx"),
        ("/var/vcap/sys/run/bpm/nats/bosh-nats-sync.pid", "bosh_nats_sync"),
    ],
)
def test_whose_pidfile_it_is(path, service):
    assert service in services_of_pidfile(path)
