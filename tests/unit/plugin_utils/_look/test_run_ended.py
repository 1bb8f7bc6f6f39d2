# SPDX-License-Identifier: GPL-3.0-or-later
"""How a run ended goes to the job and on record, and nothing that is wrong with the record fails the run."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleUndefinedVariable
from ansible.plugins.action import ActionBase
from ansible_collections.microbosh.director.plugins.action import known_settings, run_ended
from ansible_collections.microbosh.director.plugins.plugin_utils._look import _records as records
from ansible_collections.microbosh.director.plugins.plugin_utils._run._controller_process import identify
from backup_place import BackupPlace

ID = "20261128T015900Z"
KNOWN = {"microbosh_backup_dir": {"type": "path"}}
ARTIFACT = {
    "host": "director1", "playbook": "backup", "id": ID, "outcome": "succeeded", "reason": "", "error": "",
    "seconds": 12.5, "path": "/backups/director1/x", "archive": "", "phases": [],
}  # fmt: skip


@pytest.fixture
def place(tmp_path):
    return BackupPlace(tmp_path / "director1")


@pytest.fixture
def run(place, monkeypatch):
    """Run an action as a task of a run whose backups are in the place."""
    monkeypatch.setattr(ActionBase, "run", lambda *dummies: {})

    def made(kind, check=False, template=lambda value: value, variables=None, **args):
        action = object.__new__(kind)
        action._task = SimpleNamespace(args=args, check_mode=check, action="run_ended", no_log=False)
        action._templar = SimpleNamespace(template=template)
        action._loader = SimpleNamespace(load_from_file=lambda dummy: {"argument_specs": {"main": {"options": KNOWN}}})
        action.validate_argument_spec = lambda argument_spec: (None, {**dict.fromkeys(argument_spec), **args})
        known = {"inventory_hostname": "director1", "run_dir": str(place.path), "run_id": ID, "run_began": "1000.5"}
        return action.run(None, {**known, "microbosh_backup_dir": str(place.path), **(variables or {})})

    return made


def content(place):
    return json.loads(records.record_path(place.path, ID, "backup").read_text(encoding="utf-8"))


def test_both_have_it(place, run):
    data = {"microbosh_backup": {"director1": ARTIFACT}}
    result = run(run_ended.ActionModule, data=data, restore_open=True)
    assert result["ansible_stats"] == {"data": data, "per_host": False, "aggregate": True}
    assert result["records"] == [str(records.record_path(place.path, ID, "backup"))]
    assert (content(place)["outcome"], content(place)["restore_open"]) == ("succeeded", True)
    assert "failed" not in result


def test_check_mode_leaves_no_record(place, run):
    assert run(run_ended.ActionModule, check=True, data={"microbosh_backup": {"director1": ARTIFACT}})["records"] == []
    assert list((place.path / "logs").iterdir()) == []


def test_what_only_looks_leaves_no_record(place, run):
    data = {"microbosh_health": {"director1": {**ARTIFACT, "playbook": "health"}}}
    assert run(run_ended.ActionModule, data=data)["records"] == []
    assert list((place.path / "logs").iterdir()) == []


def test_a_run_that_failed_leaves_metrics_too(place, run, tmp_path):
    data = {"microbosh_backup": {"director1": {**ARTIFACT, "outcome": "failed"}}}
    run(run_ended.ActionModule, data=data, variables={"microbosh_metrics_dir": str(tmp_path)})
    told = (tmp_path / "microbosh_director1.prom").read_text(encoding="utf-8")
    assert 'microbosh_run_success{director="director1",playbook="backup"} 0' in told


@pytest.mark.parametrize("setting", ["/not/there", 7, ["x"], "{{ undefined }}"])
def test_metrics_that_cannot_be_written_fail_nothing_and_are_told(place, run, monkeypatch, setting):
    told = []
    monkeypatch.setattr(run_ended, "warn", lambda result, host, line: told.append(line))
    data = {"microbosh_backup": {"director1": ARTIFACT}}
    result = run(run_ended.ActionModule, data=data, variables={"microbosh_metrics_dir": setting}, template=opened)
    assert (len(result["records"]), "failed" in result) == (1, False)
    assert told


def opened(value):
    return undefined(value) if value == "{{ undefined }}" else value


def undefined(dummy):
    raise AnsibleUndefinedVariable("microbosh_backup_dir names something that is not there")


def test_settings_that_do_not_say_where_backups_are_fail_nothing(place, run):
    result = run(run_ended.ActionModule, template=undefined, data={"microbosh_backup": {"director1": ARTIFACT}})
    assert result["ansible_stats"]["data"]
    assert (result["records"], "failed" in result) == ([], False)


def test_a_record_that_cannot_be_written_is_told(place, run, monkeypatch, capsys):
    told = []
    monkeypatch.setattr(run_ended, "warn", lambda result, host, line: told.append((host, line)))
    (place.path / "logs" / f"{ID}.backup.json.new").mkdir()
    result = run(run_ended.ActionModule, data={"microbosh_backup": {"director1": ARTIFACT}})
    assert "failed" not in result
    [(host, line)] = told
    assert (host, "cannot be written" in line) == ("director1", True)


def test_a_run_begins_with_its_settings(place, run, monkeypatch):
    monkeypatch.setattr(known_settings, "require_none_of_ours", lambda dummy: None)
    monkeypatch.setattr(known_settings, "load_extra_vars", lambda dummy: {})
    assert "failed" not in run(known_settings.ActionModule, begins="backup")
    assert (content(place)["ended"], content(place)["began"]) == (None, 1000.5)
    assert content(place)["controller"] == identify(os.getppid())
