# SPDX-License-Identifier: GPL-3.0-or-later
"""Long lists go from one task to another in a file, not in results: a result with many files would fill a database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible import constants
from ansible_collections.microbosh.director.plugins.action.push import wanted
from ansible_collections.microbosh.director.plugins.plugin_utils._source._tree_action import (
    MOST_CHANGES,
    without_long_lists,
)

NAMES = [f"store/director/tasks/{number}/\\040d\udcff" for number in range(5000)]
CHANGES = "".join(f"+ {name}\n" for name in NAMES)
SMALL = 20_000  # bytes; AWX drops a result of 700000


@pytest.fixture(autouse=True)
def temporary(monkeypatch, tmp_path):
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))


def compared():
    return {"changed": False, "push": list(NAMES), "push_bytes": 7, "diff": {"prepared": CHANGES}}


def test_the_result_does_not_grow_with_the_files():
    result = without_long_lists(compared(), "m1", diff=False)
    assert "push" not in result
    assert "diff" not in result
    assert len(json.dumps(result)) < 1000
    assert result["push_files"] == 5000
    assert Path(result["changes_list"]).read_text(encoding="utf-8", errors="surrogateescape") == CHANGES


def test_what_was_asked_for_is_shown_as_far_as_a_person_reads():
    result = without_long_lists(compared(), "m1", diff=True)
    lines = result["diff"]["prepared"].splitlines()
    assert lines[-1] == f"... and {5000 - MOST_CHANGES} more"
    assert len(lines) == MOST_CHANGES + 1
    few = without_long_lists({"push": [], "diff": {"prepared": "+ a\n"}}, "m1", diff=True)
    assert (few["diff"], few["changes"]) == ({"prepared": "+ a\n"}, 1)


def test_what_is_pushed_is_what_was_kept():
    result = without_long_lists(compared(), "m1", diff=False)
    arguments = {"files": ["top"], "files_from": result["push_list"], "leave_out": [NAMES[1]]}
    assert wanted(arguments) == ["top", NAMES[0], *NAMES[2:]]
    assert wanted({"files": ["top"], "files_from": None, "leave_out": []}) == ["top"]


def test_hosts_do_not_share_it():
    paths = {without_long_lists(compared(), host, diff=False)["push_list"] for host in ("m1", "m2")}
    assert len(paths) == 2


def test_a_failure_stays_as_it_is():
    assert without_long_lists({"failed": True, "msg": "no"}, "m1", diff=True) == {"failed": True, "msg": "no"}
