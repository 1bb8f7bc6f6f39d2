# SPDX-License-Identifier: GPL-3.0-or-later
"""Each rule of health, broken and kept; a rule that is broken names what by, and the setting."""

from __future__ import annotations

import re

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._look import _rules as rules
from backup_place import DAY, HOUR, name_of
from places import REPOSITORY

MIB = 1024 * 1024


def backup(age=HOUR, **more):
    made = {
        "id": name_of(age), "age_seconds": age, "proven": True, "verdict": "proven", "problem": "",
        "outage_seconds": 60,
        "all": {"files": 10, "bytes": 1000 * MIB}, "new": {"files": 1, "bytes": 10 * MIB}, "rehearsed": None,
        "archive": None,
    }  # fmt: skip
    return {**made, **more}


def run(kind="backup", outcome="succeeded", **more):
    return {"kind": kind, "outcome": outcome, "began": "2026-11-28T01:00:00Z", "error": "", "reason": "", **more}


def director(*backups, **more):
    """Return one of which nothing is wrong, but for what is given."""
    backups = list(backups)
    proven = next((one for one in backups if one["proven"]), {})
    made = {
        "name": "director1", "directory": "/backups/director1", "state": "ok", "backups": backups,
        "newest": backups[0]["id"] if backups else None, "proven_age_seconds": proven.get("age_seconds"),
        "rehearsed_age_seconds": DAY, "runs": [run()], "restore_open": None, "lease_fired": None,
        "volume": {"path": "/backups", "free_bytes": 10_000 * MIB}, "free_shrinks_bytes_a_day": None, "problems": [],
    }  # fmt: skip
    return {**made, **more}


def elsewhere(age=HOUR, configured=True, **more):
    """Return what is known of copies elsewhere: all is well, but for what is given."""
    well = {"checked": CHECKED, "unchecked_seconds": HOUR, "failed": None, "missing": []}
    return {"offsite": {"configured": configured, "age_seconds": age, **well, **more}}


def broken(given, **settings):
    """Return the rules that are broken, with their status."""
    found = rules.health_of(given, settings)
    return {one["rule"]: one["status"] for one in found["problems"]}


LATE = {"name": "x", "unit": "microbosh-x.timer", "playbook": "backup", "last": "2026-11-27T01:00:00Z"}
CHECKED = {"at": "2026-11-28T01:00:00Z", "good": True, "said": ""}
TORN_ELSEWHERE = {**CHECKED, "good": False, "said": "pack 6f is not there"}
NOT_REACHED = {"at": "2026-11-28T01:00:00Z", "step": "reach", "said": "no route to nas", "missing": [name_of(HOUR)]}
NOT_CHECKED = {**NOT_REACHED, "step": "check", "said": "it is damaged", "missing": []}
SEVERAL = [backup(number * HOUR) for number in range(2, 8)]
FOUND = {"at": "2026-11-28T01:00:00Z", "whole": False, "findings": []}
TORN = {"path": "/b/archives/x.tar", "verified": FOUND}
NOT_LOADED = {"good": False, "problems": ["a table"]}


def test_nothing_is_wrong():
    assert rules.health_of(director(backup(), *SEVERAL), {}) == {"status": 0, "problems": []}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (director(), {"no_backup": 2}),
        (director(state="unreadable"), {"unreadable": 3}),
        (director(backup(), problems=["20261128T000000Z: backup.json cannot be read", "x"]), {"unreadable": 1}),
        (director(backup(37 * HOUR)), {"proven_age": 2}),
        (director(backup(36 * HOUR)), {}),
        (director(backup(proven=False, verdict="moved")), {"proven_age": 2}),
        (director(backup(proven=False, verdict="moved"), backup(2 * HOUR)), {}),
        (director(backup(), rehearsed_age_seconds=None), {"rehearsed_age": 1}),
        (director(backup(), rehearsed_age_seconds=36 * DAY), {"rehearsed_age": 1}),
        (director(backup(), rehearsed_age_seconds=34 * DAY), {}),
        (director(backup(verdict="damaged", proven=False), *SEVERAL), {"damaged": 2}),
        (director(backup(), backup(2 * HOUR, verdict="damaged", proven=False)), {"damaged": 1}),
        (director(backup(), backup(2 * HOUR, rehearsed=NOT_LOADED)), {"damaged": 1}),
        (director(backup(archive=TORN)), {"damaged": 1}),
        (director(backup(archive={**TORN, "verified": None})), {}),
        (director(backup(), runs=[run(outcome="failed", error="Proof: torn\nmore")]), {"last_run": 1}),
        (director(backup(), runs=[run(outcome="killed")]), {"last_run": 1}),
        (director(backup(), runs=[run(outcome="refused", reason="unreachable")]), {"last_run": 1}),
        (director(backup(), runs=[run(outcome="refused", reason="held"), run()]), {}),
        (director(backup(), runs=[run("verify", "failed"), run()]), {"last_run": 1}),
        (director(backup(), runs=[run(), run(outcome="failed")]), {}),
        (director(backup(), runs=[run("restore", "failed"), run()]), {"last_run": 1}),
        (director(backup(), runs=[run(), run("restore", "failed")]), {}),
        (director(backup(), runs=[run(outcome="running"), run(outcome="failed")]), {"last_run": 1}),
        (director(backup(outage_seconds=181), *SEVERAL), {"outage_range": 1}),
        (director(backup(outage_seconds=179), *SEVERAL), {}),
        (director(backup(outage_seconds=1), *SEVERAL), {}),
        (director(backup(outage_seconds=0), backup(2 * HOUR, outage_seconds=900), *SEVERAL), {}),
        (director(backup(outage_seconds=181), *SEVERAL[:2]), {}),
        (director(backup(outage_seconds=9), *[backup(3, outage_seconds=1)] * 5), {}),
        (director(backup(all={"files": 1, "bytes": 2001 * MIB}), *SEVERAL), {"size_range": 1}),
        (director(backup(all={"files": 1, "bytes": 499 * MIB}), *SEVERAL), {"size_range": 1}),
        (director(backup(all={"files": 1, "bytes": 501 * MIB}), *SEVERAL), {}),
        (director(backup(all={"files": 1, "bytes": None}), *SEVERAL), {}),
        (director(backup(all={"files": 1, "bytes": 60 * MIB}), *[backup(all={"bytes": 20 * MIB})] * 5), {}),
        (director(backup(), *SEVERAL, volume={"path": "/b", "free_bytes": 9 * MIB}), {"space": 2}),
        (director(backup(), *SEVERAL, free_shrinks_bytes_a_day=1500 * MIB), {"space": 1}),
        (director(backup(), *SEVERAL, free_shrinks_bytes_a_day=1400 * MIB), {}),
        (director(backup(), *SEVERAL, free_shrinks_bytes_a_day=-5000 * MIB), {}),
        (director(backup(), missed=[LATE]), {"missed": 2}),
        (director(backup(), missed=[{**LATE, "playbook": "verify"}]), {"missed": 1}),
        (director(backup(), volume=None), {}),
        (director(backup(), restore_open={"since": "x", "said": "y"}), {"restore_open": 2}),
        (director(backup(), lease_fired={"said": "run x left the director stopped"}), {"lease_fired": 2}),
        (director(backup(), **elsewhere(36 * HOUR)), {}),
        (director(backup(), **elsewhere(37 * HOUR)), {"offsite_age": 1}),
        (director(backup(), **elsewhere(None)), {"offsite_age": 1}),
        (director(**elsewhere(None)), {"no_backup": 2}),
        (director(backup(), **elsewhere(checked=TORN_ELSEWHERE)), {"offsite": 2}),
        (director(backup(), **elsewhere(failed=NOT_REACHED)), {"offsite": 1}),
        (director(backup(), **elsewhere(unchecked_seconds=7 * DAY + 1)), {"offsite": 1}),
        (director(backup(), **elsewhere(unchecked_seconds=7 * DAY)), {}),
        (director(backup(), **elsewhere(None, False, checked=TORN_ELSEWHERE, failed=NOT_REACHED)), {}),
        (director(backup(), offsite=None), {}),
    ],
)
def test_rules(given, expected):
    assert broken(given) == expected


@pytest.mark.parametrize(
    ("given", "settings"),
    [
        (director(backup(37 * HOUR)), {"proven_hours": 0}),
        (director(backup(37 * HOUR)), {"proven_hours": 48}),
        (director(backup(), rehearsed_age_seconds=None), {"rehearsed_days": 0}),
        (director(backup(outage_seconds=181), *SEVERAL), {"outage_factor": 0}),
        (director(backup(outage_seconds=181), *SEVERAL), {"outage_factor": 4}),
        (director(backup(all={"files": 1, "bytes": 1}), *SEVERAL), {"size_factor": 0}),
        (director(backup(), *SEVERAL, free_shrinks_bytes_a_day=1500 * MIB), {"space_days": 3}),
        (director(backup(), *SEVERAL, volume={"path": "/b", "free_bytes": 0}), {"space_days": 0}),
        (director(backup(), **elsewhere(37 * HOUR)), {"offsite_hours": 0}),
        (director(backup(), **elsewhere(37 * HOUR)), {"offsite_hours": 48}),
        (director(backup(), **elsewhere(37 * HOUR)), {"off": ["offsite_age"]}),
        (director(backup(), **elsewhere(checked=TORN_ELSEWHERE)), {"off": ["offsite"]}),
        (director(), {"off": ["no_backup"]}),
    ],
)
def test_settings_move_a_limit_or_turn_a_rule_off(given, settings):
    assert broken(given)
    assert broken(given, **settings) == {}


def test_settings_that_make_no_sense_are_not_known_to_be_well():
    assert broken(director(backup()), wrong=["microbosh_health_space_days is 'x'"]) == {"settings": 3}


def test_the_worst_counts_and_what_is_known_to_be_bad_is_worse_than_what_is_not_known():
    assert [rules.worst(each) for each in ([], [0, 1], [1, 3], [3, 0], [1, 2, 3])] == [0, 1, 1, 3, 2]


def test_what_is_said_names_the_setting_that_it_was_measured_by():
    given = director(
        backup(40 * DAY, outage_seconds=900, all={"bytes": 1}), *SEVERAL, rehearsed_age_seconds=40 * DAY,
        free_shrinks_bytes_a_day=5000 * MIB, **elsewhere(40 * DAY),
    )  # fmt: skip
    said = " ".join(one["said"] for one in rules.health_of(given, {})["problems"])
    named = set(re.findall(r"microbosh_health_(\w+)", said))
    assert named == set(rules.RULES)
    settings = (REPOSITORY / "roles/microbosh/defaults/main.yml").read_text(encoding="utf-8")
    defaults = dict(re.findall(r"^microbosh_health_(\w+): (\S+)$", settings, re.MULTILINE))
    assert {name: float(defaults[name]) for name in rules.RULES} == rules.RULES


def said_of(given):
    return [one["said"] for one in rules.health_of(given, {})["problems"]]


def test_what_is_wrong_elsewhere_is_said_with_what_is_not_there():
    both = elsewhere(checked=TORN_ELSEWHERE, failed=NOT_REACHED, missing=[name_of(HOUR)])
    damaged, failed = said_of(director(backup(), **both))
    at = "2026-11-28T01:00:00Z"
    assert damaged == f"the repository of its copies was found damaged, on {at}: pack 6f is not there"
    said = f"the last contact with the repository of its copies, of {at}, failed (reach): no route to nas"
    assert failed == f"{said}; not copied: {name_of(HOUR)}"
    failing = elsewhere(failed=NOT_REACHED, missing=[name_of(number * HOUR) for number in range(5)])
    assert said_of(director(backup(), **failing))[0].endswith(f"{name_of(2 * HOUR)} and 2 more")


def test_a_check_that_failed_is_said_once():
    assert len(said_of(director(backup(), **elsewhere(checked=TORN_ELSEWHERE, failed=NOT_CHECKED)))) == 1
    assert len(said_of(director(backup(), **elsewhere(failed=NOT_CHECKED)))) == 1


def test_ages_as_a_person_reads_them():
    assert [rules.age_said(each) for each in (30, 2 * HOUR, DAY, DAY + 3 * HOUR, 2 * DAY)] == [
        "30.0 s", "2 h 00 min", "1 day", "1 day 3 h", "2 days"
    ]  # fmt: skip
