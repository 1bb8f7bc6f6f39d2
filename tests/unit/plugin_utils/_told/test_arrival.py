# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task of a run has to say of it, by the variables that it has and the records of the runs before."""

from __future__ import annotations

import json

import pytest
from ansible.errors import AnsibleError
from ansible_collections.microbosh.director.plugins.plugin_utils._told import _begin
from ansible_collections.microbosh.director.plugins.plugin_utils._told._desk import Desk
from ansible_collections.microbosh.director.plugins.plugin_utils._told._outcomes import outcomes

ID = "20261128T020000Z"


class Templar:
    def template(self, value):
        if value == "{{ broken }}":
            raise AnsibleError("s3cr3t")
        return value


@pytest.fixture
def desk(monkeypatch):
    made = Desk()
    monkeypatch.setattr(_begin, "desk", lambda: made)
    return made


@pytest.fixture
def variables(tmp_path):
    (tmp_path / "logs").mkdir()
    return {
        "inventory_hostname": "m1", "ansible_play_hosts_all": ["m1", "m2"], "run_dir": str(tmp_path), "run_id": ID,
        "run_began": "1000.5", "microbosh_notify": ["json://127.0.0.1"], "microbosh_notify_on": ["every"],
    }  # fmt: skip


def record(variables, run, **how):
    path = f"{variables['run_dir']}/logs/{run}.backup.json"
    content = {"schema": 1, "id": run, "host": "m1", "playbook": "backup", "began": 1.0, "ended": None, **how}
    with open(path, "w", encoding="ascii") as file:
        json.dump(content, file)


def arrive(variables, playbook="backup", refused=False):
    return _begin.arrive(Templar(), variables, playbook, refused)


def test_a_run_says_who_it_is_and_what_was_before(desk, variables):
    record(variables, "20261127T020000Z")
    record(variables, "20261126T020000Z", ended=2.0, outcome="failed", error="x")
    record(variables, "20261129T020000Z", ended=2.0, outcome="succeeded")
    assert arrive(variables) == _begin.Begun()
    (said,) = desk.records()
    assert (said["host"], said["playbook"], said["id"], said["began"]) == ("m1", "backup", ID, 1000.5)
    assert said["log"] == f"{variables['run_dir']}/logs/{ID}.log"
    assert said["earlier"] == [
        {"id": "20261127T020000Z", "outcome": "killed"},
        {"id": "20261126T020000Z", "outcome": "failed"},
    ]
    assert said["settings"]["notify"] == ["json://127.0.0.1"]


def test_its_end_goes_with_it(desk, variables):
    arrive(variables)
    _begin.leave(variables, [{"playbook": "backup", "outcome": "succeeded", "seconds": 1.0}])
    assert outcomes(desk.records())[0].good


def test_where_nobody_is_to_be_told_nothing_is_said(desk, variables):
    variables["microbosh_notify"] = []
    assert arrive(variables) == _begin.Begun()
    _begin.leave(variables, [{"playbook": "backup", "outcome": "succeeded"}])
    assert desk.records() == [{"what": "began", "playbook": "backup", "host": "m1"}]
    assert outcomes(desk.records()) == []


def test_in_a_playbook_that_has_no_desk_nothing_is_said(monkeypatch, variables):
    monkeypatch.setattr(_begin, "desk", lambda: None)
    assert arrive(variables) == _begin.Begun(warnings=[_begin.NO_DESK])
    assert arrive({**variables, "microbosh_notify": []}) == _begin.Begun()
    _begin.leave(variables, [{"playbook": "backup"}])


def test_a_run_that_is_refused_anyway_runs_nothing_and_will_be_told(desk, variables, tmp_path):
    variables["microbosh_hooks"] = {"before": [f"touch {tmp_path}/ran"]}
    assert arrive(variables, refused=True) == _begin.Begun()
    assert not (tmp_path / "ran").exists()
    assert [said["what"] for said in desk.records()] == ["entered"]


@pytest.mark.parametrize(("playbook", "is_refused"), [("backup", True), ("restore", False)])
def test_settings_that_cannot_be_worked_out(desk, variables, playbook, is_refused):
    variables["microbosh_ping_url"] = "{{ broken }}"
    found = arrive(variables, playbook)
    assert (found.refusals or found.warnings) == ["microbosh_ping_url cannot be worked out: AnsibleError"]
    assert bool(found.refusals) == is_refused
    (outcome,) = outcomes(desk.records())
    assert (outcome.host, outcome.error) == ("m1", "microbosh_ping_url cannot be worked out: AnsibleError")


def test_where_there_are_no_backups_yet_there_is_no_run_before(desk, variables, tmp_path):
    variables["run_dir"] = str(tmp_path / "none")
    arrive(variables)
    assert desk.records()[0]["earlier"] == []


class Broken:
    def say(self, *dummies, **dummy):
        raise ValueError("s3cr3t")


def test_a_fault_of_ours_costs_nobody_a_backup(monkeypatch, variables):
    monkeypatch.setattr(_begin, "desk", Broken)
    assert arrive(variables) == _begin.Begun(warnings=["Nobody may be told how this run ends: ValueError."])
    assert _begin.leave(variables, [{"playbook": "backup"}]) == ["Nobody may be told how this run ended: ValueError."]
