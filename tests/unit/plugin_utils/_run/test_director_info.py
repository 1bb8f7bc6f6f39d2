# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one look at a director answers passes the gate as the answers of the modules that its parts are of."""

from __future__ import annotations

import json

import pytest
from ansible_collections.microbosh.director.plugins.action.director_info import KNOWN, MODULE, PARTS
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres_info import NOTHING
from ansible_collections.microbosh.director.plugins.plugin_utils._run._gate import admitted

ANSWER = {
    "changed": False,
    "summary": {"version": "5.2.5", "running": ["director"], "all_running": True},
    "agent": {"manager": "runit", "state": "started"},
    "postgres": {**NOTHING, "ports": [5432], "port": 5432},
    "sudo": "(root) NOPASSWD: /var/vcap/bosh/bin/monit summary",
}


def answered(**parts):
    return admitted(MODULE, {"stdout": json.dumps({**ANSWER, **parts}), "rc": 0}, known=KNOWN)


def test_an_answer_of_all_parts_passes():
    assert answered() == ANSWER


def test_each_part_is_described_by_the_module_that_it_is_of():
    assert set(PARTS) == set(KNOWN) - {"sudo"}
    assert all(KNOWN[part]["contains"] for part in PARTS)


@pytest.mark.parametrize(
    "parts",
    [
        {"ansible_facts": {"run_lease": 1}},
        {"summary": {"running": "director"}},
        {"agent": {"state": "started", "microbosh_user": "root"}},
        {"postgres": {"port": {"a": 1}}},
        {"postgres": []},
        {"sudo": ["ALL"]},
    ],
)
def test_what_no_module_would_answer_does_not(parts):
    found = answered(**parts)
    assert found["failed"]
    assert "was not taken" in found["msg"]
