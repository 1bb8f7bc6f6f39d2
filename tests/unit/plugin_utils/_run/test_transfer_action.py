# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A transfer to a director that is not to be reached is a task that failed: what starts the director again runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible_collections.microbosh.director.plugins.action import pull, push
from ansible_collections.microbosh.director.plugins.plugin_utils._run import _transfer_action
from places import REPOSITORY

ANSIBLES = [path for path in (Path(sys.prefix), REPOSITORY / ".venv-2.16") if (path / "bin/ansible-playbook").exists()]
TRANSFERS = {
    "pull": {"src": "/var/vcap/", "dest": "/nowhere/"},
    "push": {"src": "/", "dest": "/nowhere", "metadata": "/dev/null"},
}


@pytest.mark.parametrize("ansible", ANSIBLES, ids=lambda path: path.name)
@pytest.mark.parametrize("transfer", TRANSFERS)
def test_what_follows_whatever_happens_follows(tmp_path, ansible, transfer):
    play = {
        "hosts": "all",
        "gather_facts": False,
        "tasks": [{
            "block": [{f"microbosh.director.{transfer}": TRANSFERS[transfer]}],
            "rescue": [{"ansible.builtin.debug": {"msg": "rescued: {{ ansible_failed_result.msg }}"}}],
            "always": [{"ansible.builtin.debug": {"msg": "started again"}}],
        }],
    }  # fmt: skip
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    environment = {**os.environ, "HOME": str(tmp_path), "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
                   "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join(sys.path)}  # fmt: skip
    # Nobody listens at port 1.
    command = [ansible / "bin/ansible-playbook", "-i", "127.0.0.1,", "-e", "ansible_port=1 ansible_connection=ssh"]
    ran = subprocess.run([*command, tmp_path / "play.yml"], env=environment, capture_output=True, text=True, check=True)
    said = json.loads(ran.stdout)
    results = [task["hosts"]["127.0.0.1"] for task in said["plays"][0]["tasks"]]
    assert [result.get("unreachable", False) for result in results] == [False] * 3
    assert "not reached for a transfer" in results[1]["msg"]
    assert results[2]["msg"] == "started again"
    assert said["stats"]["127.0.0.1"]["rescued"] == 1


@pytest.mark.parametrize("action", [pull, push])
@pytest.mark.parametrize(("master", "first"), [(4711, False), (0, True)])
def test_ansible_goes_to_the_director_first_only_where_it_has_no_connection_to_share(
    monkeypatch, action, master, first
):
    monkeypatch.setattr(_transfer_action, "shared_connection", lambda connection: {"ours": master}[connection])
    transfer = object.__new__(action.ActionModule)
    transfer._connection = "ours"
    assert transfer._early_needs_tmp_path() is first
