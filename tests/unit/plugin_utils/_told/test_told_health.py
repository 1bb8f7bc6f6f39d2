# SPDX-License-Identifier: GPL-3.0-or-later
"""Health is asked every quarter of an hour, and tells what is news."""

from __future__ import annotations

import json
import time

import pytest
from ansible.errors import AnsibleError
from ansible_collections.microbosh.director.plugins.plugin_utils._look import _rules
from ansible_collections.microbosh.director.plugins.plugin_utils._told import _end, _health
from ansible_collections.microbosh.director.plugins.plugin_utils._told._desk import Desk
from ansible_collections.microbosh.director.plugins.plugin_utils._told._outcomes import outcomes
from listeners import free_port, web

OLD = {"rule": "proven_age", "status": 2, "said": "the newest proven backup is 2 days 4 h old"}
SPACE = {"rule": "space", "status": 1, "said": "there will be no space in 3 days"}


def last_run(outcome):
    """Return the problem that health has with the last run."""
    run = {
        "kind": "backup",
        "began": "2026-11-28T02:00:00Z",
        "outcome": outcome,
        "reason": "error",
        "error": "x was killed",
    }
    ((status, said),) = _rules.last_run({"runs": [run]}, {})
    return {"rule": "last_run", "status": status, "said": said}


KILLED, FAILED = last_run("killed"), last_run("failed")


class HostVars(dict):
    def raw_get(self, name):
        return self[name]


class Templar:
    def __init__(self, name=""):
        self.name = name

    def template(self, value):
        if value == "{{ broken }}":
            raise AnsibleError("s3cr3t")
        return value.replace("{{ inventory_hostname }}", self.name) if isinstance(value, str) else value

    def copy_with_new_env(self, available_variables):
        return Templar(available_variables["inventory_hostname"])


@pytest.fixture
def place(tmp_path):
    (tmp_path / "m1" / "logs").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def look(place, monkeypatch):
    """Have health find problems of a director, and tell; return the events, and what went wrong."""

    def looked(*problems, url="json://127.0.0.1:1", on=("failed", "recovered", "too_old"), **variables):
        desk = Desk()
        monkeypatch.setattr(_health, "desk", lambda: desk)
        known = {
            "inventory_hostname": "m1", "microbosh_backup_dir": f"{place}/{{{{ inventory_hostname }}}}",
            "microbosh_notify": [url], "microbosh_notify_on": list(on), **variables,
        }  # fmt: skip
        artifact = {
            "host": "m1", "playbook": "health", "id": "20261128T060000Z", "seconds": 0.1, "problems": list(problems),
            "outcome": "failed" if problems else "succeeded", "newest_proven": "20261128T020000Z",
            "error": f"Health: {problems[0]['said']}" if problems else "",
        }  # fmt: skip
        wrong = _health.leave_health(Templar(), {"hostvars": HostVars(m1=known)}, {"m1": artifact})
        events = [outcome.events for outcome in outcomes(desk.records())]
        return events, wrong + [line for line, dummy in _end.tell(desk.records(), desk.run)]

    return looked


@pytest.mark.parametrize(
    ("problems", "events"),
    [
        ([], {"every"}),
        ([OLD], {"every", "too_old"}),
        ([SPACE], {"every", "failed"}),
        ([OLD, SPACE], {"every", "failed", "too_old"}),
        ([KILLED], {"every", "failed"}),
        ([FAILED], {"every"}),
    ],
)
def test_what_it_found_is_what_somebody_waits_for(look, problems, events):
    assert look(*problems, on=[])[0] == [events]


def test_it_is_told_once_and_when_there_is_more_and_when_it_is_well_again(look):
    with web() as site:

        def told(*problems):
            site.requests.clear()
            assert look(*problems, url=site.url("/", "json"))[1] == []
            return [json.loads(request.body) for request in site.requests]

        (first,) = told(OLD)
        assert first["title"] == "Health check of m1 found problems"
        assert first["message"].startswith("FAILED m1: Health: the newest proven backup is 2 days 4 h old\n")
        assert told(OLD) == []
        (more,) = told(OLD, SPACE)
        assert "  also: there will be no space in 3 days\n" in more["message"]
        assert told(OLD, SPACE) == []
        (well,) = told()
        assert well["title"] == "Health check of m1 went well again"
        assert told() == []
        assert len(told(OLD)) == 1


def test_it_is_told_again_after_a_day(look, place):
    with web() as site:
        kept = place / "m1" / "logs" / "told.json"
        kept.write_text(json.dumps({"rules": ["proven_age"], "at": time.time() - 23 * 3600}))
        look(OLD, url=site.url("/", "json"))
        assert site.requests == []
        kept.write_text(json.dumps({"rules": ["proven_age"], "at": time.time() - 25 * 3600}))
        look(OLD, url=site.url("/", "json"))
        assert len(site.requests) == 1


def test_what_nobody_took_is_not_told_yet(look, place):
    assert "no connection" in look(OLD, url=f"json://127.0.0.1:{free_port()}")[1][0]
    assert not (place / "m1" / "logs" / "told.json").exists()


@pytest.mark.parametrize("content", ["", "[]", '{"rules": 7, "at": 1}', '{"rules": [], "at": "x"}', "\x00"])
def test_a_file_that_says_nothing_is_as_none(look, place, content):
    (place / "m1" / "logs" / "told.json").write_text(content)
    assert look(OLD, on=[])[0] == [{"every", "too_old"}]


def test_without_a_directory_it_is_told_each_time(look, place):
    with web() as site:
        for dummy in range(2):
            look(OLD, url=site.url("/", "json"), microbosh_backup_dir=f"{place}/none")
        assert len(site.requests) == 2


def test_settings_of_one_director_that_cannot_be_worked_out_are_told(look):
    events, wrong = look(OLD, microbosh_notify="{{ broken }}")
    assert (events, wrong) == ([], ["m1: microbosh_notify cannot be worked out: AnsibleError"])


def test_where_nobody_is_to_be_told_nothing_is_kept(look, place):
    assert look(OLD, microbosh_notify=[]) == ([], [])
    assert list((place / "m1" / "logs").iterdir()) == []
