# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of who is told what, in one form, and what is wrong with them, told without any of them."""

from __future__ import annotations

import importlib.util

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.microbosh.director.plugins.plugin_utils._told import _settings as settings
from places import REPOSITORY

MAIL = "mailtos://u:s3cr3t@example.com?to=a@example.com,b@example.com"
NONE = {"before": [], "after": [], "failed": []}


@pytest.mark.parametrize(
    "values",
    [{}, {"microbosh_notify": [], "microbosh_ping_url": "", "microbosh_hooks": {}}, {"microbosh_notify_on": ["every"]}],
)
def test_nobody_is_told(values):
    assert settings.settings_of(values) == {}


def test_all_of_them():
    values = {
        "microbosh_notify": [MAIL, " json://a "],
        "microbosh_notify_on": ["every"],
        "microbosh_ping_url": "https://hc-ping.com/x",
        "microbosh_hooks": {"before": "mount /backups", "failed": ["a", "b"], "seconds": "60"},
    }
    assert settings.settings_of(values) == {
        "notify": [MAIL, "json://a"], "on": ["every"], "ping": "https://hc-ping.com/x",
        "hooks": {**NONE, "before": ["mount /backups"], "failed": ["a", "b"]}, "seconds": 60.0, "unfit": [],
    }  # fmt: skip


def test_one_address_is_a_list_of_one_whatever_commas_it_has():
    made = settings.settings_of({"microbosh_notify": MAIL})
    assert made == {
        "notify": [MAIL],
        "on": list(settings.ON),
        "ping": "",
        "hooks": NONE,
        "seconds": settings.SECONDS,
        "unfit": [],
    }


@pytest.mark.parametrize("value", [{"a": 1}, [{"a": 1}], None, [None], 7.5])
def test_what_is_of_another_type_is_refused_elsewhere(value):
    assert settings.settings_of({"microbosh_notify": value}) == {}
    assert settings.settings_of({"microbosh_hooks": value, "microbosh_ping_url": "x"})["hooks"] == NONE


@pytest.mark.parametrize("value", ["x", -1, 0, None, [1]])
def test_a_hook_always_has_an_end(value):
    assert settings.seconds_of(value) == settings.SECONDS


def problems(**values):
    return settings.problems_of(settings.settings_of(values), "/usr/bin/python3")


def test_nothing_is_wrong():
    assert problems(microbosh_notify=[MAIL], microbosh_ping_url="https://hc-ping.com/x") == []


def test_without_apprise_the_way_out_is_told(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    (problem,) = problems(microbosh_notify=[MAIL])
    assert "/usr/bin/python3 -m pip install apprise" in problem
    assert "s3cr3t" not in problem
    assert problems(microbosh_ping_url="https://hc-ping.com/x") == []


def test_what_is_no_address_is_named_and_not_shown():
    assert problems(microbosh_notify=[MAIL, "s3cr3t"], microbosh_ping_url="hc-ping.com/s3cr3t") == [
        "microbosh_notify[1] is no address such as mailtos://user:password@example.com.",
        "microbosh_ping_url is no address that begins with https:// or http://.",
    ]


def test_the_name_of_an_address_has_no_secret():
    assert settings.name_of(0, MAIL) == "microbosh_notify[0] (mailtos)"
    assert settings.name_of(3, "s3cr3t") == "microbosh_notify[3]"


SPECIFICATION = REPOSITORY / "roles" / "microbosh" / "meta" / "argument_specs.yml"


@pytest.mark.parametrize("name", [settings.NOTIFY, settings.PING, settings.HOOKS])
@pytest.mark.parametrize(
    "value", ["s3cr3t", ["s3cr3t"], {"before": {"x": "s3cr3t"}}, [["s3cr3t"]], {"after": ["s3cr3t"]}]
)
def test_ansible_refuses_the_wrong_type_without_showing_it(name, value):
    options = yaml.safe_load(SPECIFICATION.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
    found = ArgumentSpecValidator({name: options[name]}).validate({name: value}, validate_role_argument_spec=True)
    refused = settings.settings_of({name: value}).get("unfit", [])  # before Ansible looks at it
    assert refused or "s3cr3t" not in " ".join(found.error_messages)
    assert "s3cr3t" not in " ".join(refused)
