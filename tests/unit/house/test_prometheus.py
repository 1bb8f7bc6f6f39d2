# SPDX-License-Identifier: GPL-3.0-or-later
"""Alerts, dashboard and page name metrics that there are; promtool looks at the rest, in the lint stage."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from ansible_collections.microbosh.director.plugins.plugin_utils._look._metrics import HELP
from ansible_collections.microbosh.director.plugins.plugin_utils._look._rules import ALL, DAY, HOUR, RULES
from places import REPOSITORY

PROMETHEUS = REPOSITORY / "extensions" / "prometheus"
METRIC = re.compile(r"\bmicrobosh_\w+")
PAGE = REPOSITORY / "docs" / "look.md"


def alerts():
    groups = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels():
    return json.loads((PROMETHEUS / "dashboard.json").read_text(encoding="utf-8"))["panels"]


def expressions():
    return [rule["expr"] for rule in alerts()] + [target["expr"] for one in panels() for target in one["targets"]]


def test_every_metric_that_is_asked_for_is_written():
    asked = {name for expression in expressions() for name in METRIC.findall(expression)}
    assert len(asked) > 12
    assert sorted(asked - set(HELP)) == []


def test_every_alert_has_its_cases_one_that_fires_and_one_that_does_not():
    tests = yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text(encoding="utf-8"))["tests"]
    cases = [(case["alertname"], bool(case["exp_alerts"])) for test in tests for case in test["alert_rule_test"]]
    expected = {(rule["alert"], fires) for rule in alerts() for fires in (True, False)}
    assert expected - set(cases) == set()


def test_every_rule_that_an_alert_names_is_one():
    named = re.findall(r'rule=~?"([^"]+)"', " ".join(expressions()))
    assert named
    assert {rule for names in named for rule in names.split("|")} <= set(ALL)


def test_the_panels_of_the_dashboard_have_numbers_of_their_own_and_do_not_overlap():
    assert len({one["id"] for one in panels()}) == len(panels()) > 8
    taken = [
        (x, y)
        for place in (one["gridPos"] for one in panels())
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, dummy in taken) < 24


@pytest.mark.parametrize(
    ("alert", "setting", "unit"),
    [
        ("MicroboshBackupTooOld", "proven_hours", HOUR),
        ("MicroboshNotRehearsed", "rehearsed_days", DAY),
        ("MicroboshOffsiteTooOld", "offsite_hours", HOUR),
    ],
)
def test_limits_are_those_of_the_settings_and_the_page_says_where_they_stand(alert, setting, unit):
    (expression,) = [rule["expr"] for rule in alerts() if rule["alert"] == alert]
    (metric,) = re.findall(rf"time\(\) - (\w+) > {RULES[setting]:g} \* {unit}\b", expression)
    thresholds = [
        one["fieldConfig"]["defaults"]["thresholds"]["steps"][-1]["value"]
        for one in panels()
        if f"time() - {metric}{{" in one["targets"][0]["expr"]
    ]
    assert thresholds == [RULES[setting] * unit]
    for page in (PAGE, PROMETHEUS / "alerts.yml"):
        assert f"microbosh_health_{setting}" in page.read_text(encoding="utf-8").partition("rule_files")[2]
    assert f"`{alert}`" in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", HELP)
def test_the_page_says_of_each_metric_what_its_help_says(name):
    assert re.search(rf"\| `{name}` \|[^|]*\| {re.escape(HELP[name])} \|", PAGE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", [*HELP, *ALL])
def test_the_page_has_each_metric_and_each_rule(name):
    assert f"`{name}`" in PAGE.read_text(encoding="utf-8")
