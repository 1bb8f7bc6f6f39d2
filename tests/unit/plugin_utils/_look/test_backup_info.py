# SPDX-License-Identifier: GPL-3.0-or-later
"""What is found is told, whatever becomes of the files that others read."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
import yaml
from ansible.plugins.action import ActionBase
from ansible_collections.microbosh.director.plugins.action import backup_info
from ansible_collections.microbosh.director.plugins.modules.backup_info import RETURN
from ansible_collections.microbosh.director.plugins.plugin_utils._look._picture import director_at
from backup_place import DAY, HOUR, NOW, BackupPlace

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


DOCUMENTED = yaml.safe_load(RETURN)["directors"]["contains"]


def parts(director):
    """Yield what is told of a director, and of what it has, with its documentation."""
    yield director, DOCUMENTED
    yield director["offsite"] or {}, DOCUMENTED["offsite"]["contains"]
    for name in ("backups", "runs"):
        for one in director[name]:
            yield one, DOCUMENTED[name]["contains"]


@pytest.fixture
def odd(place, tmp_path):
    """A director that is well, one of which next to nothing is known, and one with a backup of the future."""
    ahead, dull = BackupPlace(tmp_path / "ahead"), BackupPlace(tmp_path / "dull")
    place.backup(HOUR)
    place.record(HOUR)
    place.offsite(HOUR)
    ahead.backup(-9 * DAY)
    ahead.offsite(-9 * DAY, checked=None, reread=None)
    dull.backup(HOUR, {"mode": None, "outage_seconds": None, "phases": None, "new": None, "all": None})
    dull.record(2 * HOUR, seconds=None, ended=None, began=None, free_bytes=None, restore_open=None)
    paths = [place.path, ahead.path, dull.path, tmp_path / "nul\0"]
    return [director_at({"name": "d", "directory": str(path), "rules": {}, "offsite": True}, NOW) for path in paths]


def test_what_is_told_is_documented(odd):
    for told, documented in (pair for director in odd for pair in parts(director) if pair[0]):
        assert sorted(told) == sorted(documented)


def test_what_may_be_null_says_so(odd):
    """A program that reads the first answer has to know which keys the next one may have nothing in."""
    nulls = {
        (name, str(documented[name]["description"]))
        for director in odd
        for told, documented in parts(director)
        for name, value in told.items()
        if value is None
    }
    assert ("age_seconds", str(DOCUMENTED["backups"]["contains"]["age_seconds"]["description"])) in nulls
    assert sorted(name for name, said in nulls if "null" not in said.lower()) == []
