# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every task needs is loaded before its process is made, in Ansible itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from places import REPOSITORY

ANSIBLES = [path for path in (Path(sys.prefix), REPOSITORY / ".venv-2.16") if (path / "bin/ansible-playbook").exists()]
PLAY = """
- hosts: all
  strategy: ansible.builtin.host_pinned
  gather_facts: false
  tasks:
    - microbosh.director.known_settings:
    - microbosh.director.run_log:
        message: ["{{ {} | microbosh.director.login_user }}"]
"""
# Python reads it when it starts. Each process that Ansible makes for a task says what came with it, and what it loaded.
WATCH = """
import atexit, gc, json, os, sys
def born():
    there = set(sys.modules)
    leave = os._exit
    def left(status):
        with open(os.path.join(os.environ["LOADED"], str(os.getpid())), "w") as file:
            json.dump([sorted(there), sorted(set(sys.modules) - there), gc.get_freeze_count()], file)
        leave(status)
    os._exit = left
os.register_at_fork(after_in_child=born)
"""


@pytest.mark.parametrize("ansible", ANSIBLES, ids=lambda path: path.name)
def test_no_task_loads_filters_or_connections_of_its_own(tmp_path, ansible):
    (tmp_path / "sitecustomize.py").write_text(WATCH)
    (tmp_path / "play.yml").write_text(PLAY)
    loaded = tmp_path / "loaded"
    loaded.mkdir()
    environment = {
        **os.environ, "PYTHONPATH": str(tmp_path), "LOADED": str(loaded), "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / ".collections"),
    }  # fmt: skip
    command = [ansible / "bin/ansible-playbook", "-i", "localhost,", "-c", "local", tmp_path / "play.yml"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, cwd="/", check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    tasks = [json.loads(path.read_text()) for path in loaded.iterdir()]
    tasks = [(new, frozen) for there, new, frozen in tasks if any(".action.run_log" in name for name in there)]
    assert tasks
    for new, frozen in tasks:
        assert frozen > 10_000  # what the collector of this process leaves alone
        assert [name for name in new if ".filter." in name or ".plugins.test." in name] == []
