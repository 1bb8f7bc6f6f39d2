# SPDX-License-Identifier: GPL-3.0-or-later
"""What works on a director is sent as one module, which is the one that the task names."""

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
- hosts: localhost
  gather_facts: false
  tasks:
    - {microbosh.director.rsync_holes_info: , register: holes}
    - {microbosh.director.bosh_agent_info: {manager: nobody}, register: agent, failed_when: false}
    - backup_staging: {path: "{{ there }}", user: root}
      collections: [microbosh.director]
      register: made
      check_mode: true
    - {microbosh.director.director_module: , register: itself, failed_when: false}
    - ansible.builtin.find:
        paths: "{{ there | dirname }}"
        recurse: true
        patterns: "*microbosh.director*-ZIP_DEFLATED*"
      register: packed
    - ansible.builtin.copy:
        dest: "{{ there }}.json"
        mode: "0600"
        content: "{{ [holes, agent, made, itself, packed] | to_json }}"
"""


@pytest.mark.parametrize("ansible", ANSIBLES, ids=lambda path: path.name)
def test_it_is_packed_once_and_is_each_module(ansible, tmp_path):
    there = tmp_path / "staging"
    (tmp_path / "play.yml").write_text(PLAY, encoding="utf-8")
    command = [ansible / "bin/ansible-playbook", "-i", "localhost,", "-c", "local", tmp_path / "play.yml"]
    command += ["-e", json.dumps({"there": str(there), "ansible_python_interpreter": sys.executable})]
    environment = {**os.environ, "ANSIBLE_LOCAL_TEMP": str(tmp_path), "ANSIBLE_REMOTE_TEMP": str(tmp_path)}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    holes, agent, made, itself, packed = json.loads(Path(f"{there}.json").read_text(encoding="utf-8"))
    assert holes["version"] is None or holes["version"][0].isdigit()
    assert "value of manager must be one of" in agent["msg"]
    assert made["changed"] is True
    assert made["directory"] == str(there)
    assert not there.exists()  # check mode arrived
    assert "director_module is none by itself" in itself["msg"]
    names = {Path(file["path"]).name.partition("-ZIP")[0].rpartition(".")[2] for file in packed["files"]}
    assert names == {"director_module"}
