# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules of others run on a director through the gate, too, in everything that they ask on the way."""

from __future__ import annotations

import json

import pytest
from ansible.errors import AnsibleActionFail, AnsibleFilterError
from ansible_collections.microbosh.director.plugins.action.director_command import answer_of
from ansible_collections.microbosh.director.plugins.action.on_director import chosen
from ansible_collections.microbosh.director.plugins.filter.account_of import account_of
from ansible_collections.microbosh.director.plugins.plugin_utils._run import _gate as gate
from ansible_collections.microbosh.director.plugins.plugin_utils._run._others import ANSWERS, MODULES
from test_gate import LIES, WRONG


def answered(module, answer):
    return gate.admitted(module, {"stdout": json.dumps(answer), "rc": 0}, known=ANSWERS[module])


def test_every_module_that_may_be_asked_for_has_its_answer():
    assert {*MODULES, "stat", "slurp"} == {*ANSWERS}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
@pytest.mark.parametrize("module", ANSWERS)
def test_what_it_is_not_known_to_answer_fails_the_task(module, lie):
    found = answered(module, {"changed": False, **lie})
    assert set(found) == {"failed", "msg"}
    assert f"The answer of {module} was not taken" in found["msg"]


@pytest.mark.parametrize("module", ANSWERS)
def test_what_is_of_another_type_fails_the_task(module):
    for key, known in ANSWERS[module].items():
        for value in WRONG.get(known["type"], []):
            if isinstance(value, str) and known.get("lines"):
                continue
            assert answered(module, {"changed": False, key: value})["failed"], (module, key, value)
        assert answered(module, {"changed": False, key: None}) == {"changed": False, key: None}


def test_output_has_lines_and_is_printable_and_bounded():
    assert answered("command", {"stdout": "a\nb\x1b[2J\x9b"})["stdout"] == "a\nb\\x1b[2J\\x9b"
    assert answered("command", {"stdout": "x" * 70_000})["stdout"] == "x" * 70_000
    assert answered("command", {"stdout": "x" * (gate.LONGEST_TEXT + 1)})["failed"]
    assert answered("stat", {"stat": {"path": "\x1b", "exists": True}})["stat"] == {"path": "\\x1b", "exists": True}
    assert answered("stat", {"stat": {"a": {"__ansible_type": "x"}}})["failed"]


@pytest.mark.parametrize(
    "given", [{}, {"shell": {"cmd": "id"}}, {"command": "id"}, {"command": {}, "file": {}}, {"slurp": {"src": "/"}}]
)
def test_one_of_a_few_is_named(given):
    with pytest.raises(AnsibleActionFail, match="Name one of these modules"):
        chosen(given)


def test_a_status_that_is_no_failure_is_none():
    arguments = {"argv": ["getent"], "statuses": [0, 2]}
    assert answer_of({"rc": 2, "stdout": "", "stderr": ""}, arguments) == {
        "failed": False, "rc": 2, "stdout": "", "stderr": ""
    }  # fmt: skip
    assert answer_of({"rc": 1, "stdout": "", "stderr": "\x1b"}, arguments)["failed"]


LINE = "microbosh:x:998:997:microbosh.director:/home/microbosh:/bin/sh"


def test_the_account_of_a_user():
    account = account_of(LINE, "microbosh")
    assert account["uid"] == 998
    assert account["comment"] == "microbosh.director"
    assert account["home"] == "/home/microbosh"
    assert account_of(f"a login says hello\n{LINE}", "microbosh") == account
    assert account_of("", "microbosh") == account_of(LINE, "micro") == {}
    assert account_of("vcap:x:1:1:BOSH System User:/var/vcap/home:", "vcap")["shell"] == ""


@pytest.mark.parametrize(
    "home",
    ["", "/", "/etc", "/etc/ssh", "/usr/local", "/proc/1", "/lib64", "../..", "home/x", "/home", "/home/../etc",
     "/home//x", "/var/vcap", "/home/x*", "/home/x/", "/home/\\x1b"],
)  # fmt: skip
def test_what_is_no_home_is_refused_by_name(home):
    with pytest.raises(AnsibleFilterError, match="the home of its user microbosh is") as error:
        account_of(LINE.replace("/home/microbosh", home), "microbosh")
    assert home.replace("\\", "\\\\") in str(error.value)


@pytest.mark.parametrize(
    "said",
    ["microbosh", "microbosh:x:998:997:c:/home/x", f"{LINE}:more", LINE.replace("998", "-1"), LINE.replace("997", "x"),
     f"{LINE}\n{LINE}", LINE.replace("998", "9" * 11), LINE.replace("998", "\u0663")],
)  # fmt: skip
def test_what_is_no_account_is_refused(said):
    with pytest.raises(AnsibleFilterError, match="what is no account"):
        account_of(said, "microbosh")
