# SPDX-License-Identifier: GPL-3.0-or-later
"""A module that is done in its action's process answers as one in a process of its own."""

from __future__ import annotations

import json
import os
import sys
from types import ModuleType

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._core import _module
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.plugin_utils._run._in_process import plain_values, printed

SPECIFICATION = {"name": {"type": "str", "required": True}, "secret": {"type": "str", "no_log": True}}


def module_that(perform, **options):
    module = ModuleType("module")
    module.main = lambda: _module.run_module(perform, argument_spec=SPECIFICATION, **options)
    return module


def answer_of(perform, arguments, directory="/", **options):
    said = printed(module_that(perform, **options), arguments, str(directory))
    return json.loads(said["stdout"]) if said["stdout"] else said


def raising(error):
    def perform(_module):
        raise error

    return perform


def test_it_has_its_arguments_and_returns_what_it_found():
    answer = answer_of(lambda module: {"found": [module.params["name"], module.check_mode]}, {"name": "bosh"})
    assert answer == {"changed": False, "found": ["bosh", False]}


def test_what_it_returns_is_as_a_process_would_print_it():
    answer = answer_of(lambda module: {"found": [b"bosh", {1}]}, {"name": "bosh"})
    assert answer == {"changed": False, "found": ["bosh", [1]]}


def test_it_knows_check_mode():
    given = {"name": "bosh", "_ansible_check_mode": True}
    assert answer_of(lambda module: {"changed": module.check_mode}, given) == {"changed": True}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "missing required arguments: name"),
        ({"name": "bosh", "nmae": 1}, "Unsupported parameters for (a_module) module: nmae"),
    ],
)
def test_wrong_arguments_are_refused_in_the_same_words(given, said):
    answer = answer_of(lambda module: {}, {**given, "_ansible_module_name": "a_module"})
    assert answer["failed"]
    assert answer["msg"].startswith(said)


def test_an_error_of_ours_is_a_failure_with_its_facts():
    answer = answer_of(raising(DirectorError("no space", free=3)), {"name": "bosh"})
    assert answer == {"changed": False, "failed": True, "msg": "no space", "free": 3}


def test_a_disk_that_fails_is_told_in_the_words_of_the_module():
    error = OSError(28, "No space left on device", "/backups")
    answer = answer_of(raising(error), {"name": "bosh"}, trouble="%(name)s: %(reason)s at %(place)s")
    assert answer["msg"] == "bosh: No space left on device at /backups"


@pytest.mark.parametrize("error", [KeyError("seldom"), SystemExit(3)])
def test_what_nobody_expected_says_where_it_came_from(error):
    said = printed(module_that(raising(error)), {"name": "bosh"}, "/")
    assert (said["rc"], said["stdout"]) == (1, "")
    assert "in perform" in said["stderr"]


def test_its_end_passes_whatever_is_caught_on_the_way():
    def perform(module):
        try:
            module.fail_json(msg="the end")
        except Exception:
            return {"msg": "not the end"}

    assert answer_of(perform, {"name": "bosh"})["msg"] == "the end"


def test_a_secret_is_in_no_answer():
    answer = answer_of(lambda module: {"found": f"has {module.params['secret']}"}, {"name": "b", "secret": "c1oudc0w"})
    assert answer["found"] == "has ********"


def test_warnings_are_part_of_the_answer():
    def perform(module):
        module.warn("look out")
        return {}

    assert answer_of(perform, {"name": "bosh"})["warnings"] == ["look out"]
    assert "warnings" not in answer_of(lambda module: {}, {"name": "bosh"})


def test_it_runs_where_a_process_would_and_the_action_stays_where_it_was(tmp_path):
    before = os.getcwd()
    assert answer_of(lambda module: {"where": os.getcwd()}, {"name": "bosh"}, tmp_path)["where"] == str(tmp_path)
    answer_of(raising(KeyError()), {"name": "bosh"}, tmp_path)
    assert os.getcwd() == before


def test_afterwards_modules_are_what_they_were():
    kind = _module.KIND
    answer_of(raising(KeyError()), {"name": "bosh"})
    assert _module.KIND is kind


def test_arguments_are_of_plain_types():
    class Text(str):
        __slots__ = ()

    class Vaulted:
        def __str__(self):
            return "opened"

    values = plain_values({Text("a"): (Text("b"), 1, 2.5, True, None), "c": {"d": Vaulted()}})
    assert values == {"a": ["b", 1, 2.5, True, None], "c": {"d": "opened"}}
    assert {type(value) for value in [*values, *values["a"]]} == {str, int, float, bool, type(None)}
    assert sys.getsizeof(values["a"][0]) == sys.getsizeof("b")
