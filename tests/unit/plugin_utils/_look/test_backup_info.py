# SPDX-License-Identifier: GPL-3.0-or-later
"""What is found is told, whatever becomes of the files that others read."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from ansible.plugins.action import ActionBase
from ansible_collections.microbosh.director.plugins.action import backup_info
from backup_place import BackupPlace

NAMES = ("director1", "director2")


@pytest.fixture
def place(tmp_path):
    return BackupPlace(tmp_path / "director1")


@pytest.fixture
def told(monkeypatch):
    """Return what a person is told: lines, and warnings with their host."""
    found = []
    monkeypatch.setattr(backup_info, "tell", lambda result, dummy, lines, *more: found.extend(lines))
    monkeypatch.setattr(backup_info, "warn", lambda result, host, line: found.append((host, line)))
    return found


@pytest.fixture
def run(place, told, monkeypatch):
    """Look at two directors, of which the first has its metrics somewhere else."""
    monkeypatch.setattr(ActionBase, "run", lambda *dummies: {})

    def made(metrics=(), json="", check=False):
        action = object.__new__(backup_info.ActionModule)
        action._task = SimpleNamespace(check_mode=check, no_log=False)
        given = {"directory": str(place.path), "rules": {}}
        where = metrics or ("", "")
        given = [{**given, "name": name, "metrics": one} for name, one in zip(NAMES, where, strict=True)]
        action._given = lambda names, variables: given
        arguments = {"hosts": list(NAMES), "show": "problems", "most": 1, "json": json, "metrics": bool(metrics)}
        action.validate_argument_spec = lambda argument_spec: (None, arguments)
        return action.run(None, {"hostvars": dict.fromkeys(NAMES)})

    return made


@pytest.mark.parametrize("where", ["/not/there", "nul\0", "x" * 300])
def test_metrics_that_cannot_be_written_are_a_warning_of_that_director(run, told, tmp_path, where):
    result = run(metrics=(where, str(tmp_path)))
    assert "failed" not in result
    host, line = told[-1]
    assert (host, "cannot be written" in line) == ("director1", True)
    assert "2 directors: 2 CRITICAL" in told
    assert (tmp_path / "microbosh_director2.prom").exists()


@pytest.mark.parametrize("where", ["/not/there/x.json", "/dev/null", "nul\0"])
def test_json_that_cannot_be_written_is_an_error_after_all_is_told(run, told, tmp_path, where):
    result = run(metrics=(str(tmp_path), str(tmp_path)), json=where)
    assert (result["failed"], "cannot be written" in result["msg"]) == (True, True)
    assert told[-1] == "2 directors: 2 CRITICAL"
    assert (result["status"], sorted(result["summary"])) == (2, list(NAMES))
    assert (tmp_path / "microbosh_director1.prom").exists()


def test_what_is_written_is_all_of_it(run, place, tmp_path):
    for age in (3600, 7200):
        place.backup(age)
    result = run(metrics=("", ""), json=str(tmp_path / "x.json"))
    content = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
    assert [len(one["backups"]) for one in content["directors"]] == [2, 2]
    assert [len(one["backups"]) for one in result["directors"]] == [1, 1]


def test_check_mode_writes_nothing(run, tmp_path):
    run(metrics=(str(tmp_path), str(tmp_path)), json=str(tmp_path / "x.json"), check=True)
    assert [one.name for one in tmp_path.iterdir()] == ["director1"]
