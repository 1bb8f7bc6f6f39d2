# SPDX-License-Identifier: GPL-3.0-or-later
"""Each module has its action, which passes its answer through the gate, and each action takes what is documented.

Why there is an action file for each: plugin_routing with action_plugin does lead several modules to one action, in
ansible-core 2.16 as in the newest. But ansible-test wants a module of the name of every action, and there is none that
would be the right one.
"""

from __future__ import annotations

import importlib

import pytest
import yaml
from ansible_collections.microbosh.director.plugins.modules import director_module
from ansible_collections.microbosh.director.plugins.plugin_utils._run._director_action import (
    ControllerAction,
    DirectorAction,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._run._others import MODULES as OF_OTHERS
from places import REPOSITORY

ACTIONS = {path.stem: path for path in (REPOSITORY / "plugins/action").glob("*.py")}
MODULES = {path.stem: path for path in (REPOSITORY / "plugins/modules").glob("*.py")}
PACKAGE = "ansible_collections.microbosh.director.plugins"
# What of an option both have to say; a default of None is none.
SAID = ("type", "elements", "required", "default", "choices")
AS_NOTHING = {"type": "str", "required": False}


def documented(module):
    """Return the options that a module's documentation has, with those of our fragments."""
    found = yaml.safe_load(importlib.import_module(f"{PACKAGE}.modules.{module}").DOCUMENTATION)
    options = dict(found.get("options") or {})
    for fragment in found.get("extends_documentation_fragment") or []:
        name, dummy, section = fragment.removeprefix("microbosh.director.").partition(".")
        texts = importlib.import_module(f"{PACKAGE}.doc_fragments.{name}").ModuleDocFragment
        options.update(yaml.safe_load(getattr(texts, section.upper() or "DOCUMENTATION")).get("options") or {})
    return options


def arguments_of(action):
    return getattr(importlib.import_module(f"{PACKAGE}.action.{action}"), "ARGUMENTS", None)


def said(options):
    """Return what options say, each in full."""
    return {
        name: {**AS_NOTHING, **{key: value for key, value in option.items() if key in SAID and value is not None}}
        for name, option in options.items()
    }


# A module that calls no main() is the documentation of its action, and the action checks the arguments itself.
OF_ACTIONS = sorted(name for name, path in MODULES.items() if "    main()\n" not in path.read_text(encoding="utf-8"))
# Those that take no arguments by such a table, and what they take.
OTHERWISE = {"on_director": set(OF_OTHERS)}


def test_every_module_has_its_action_and_every_action_its_module():
    assert sorted(ACTIONS) == sorted(MODULES)
    assert len(ACTIONS) > 30


def test_no_module_is_led_past_its_action():
    """A routing could name another action, or another module; then nobody has looked at what is answered."""
    assert "plugin_routing" not in yaml.safe_load((REPOSITORY / "meta/runtime.yml").read_text(encoding="utf-8"))


def test_which_modules_are_of_actions_is_known():
    assert {name for name in ACTIONS if arguments_of(name) is not None} == set(OF_ACTIONS) - set(OTHERWISE)
    assert {name: set(documented(name)) for name in OTHERWISE} == OTHERWISE


@pytest.mark.parametrize("action", sorted(set(OF_ACTIONS) - set(OTHERWISE)))
def test_an_action_takes_what_is_documented(action):
    assert said(arguments_of(action)) == said(documented(action))


@pytest.mark.parametrize(
    ("argument", "documentation"),
    [
        ({"type": "path"}, {"type": "str"}),
        ({"type": "list", "elements": "str"}, {"type": "list"}),
        ({"type": "int", "default": 1}, {"type": "int", "default": 2}),
        ({"type": "bool", "default": False}, {"type": "bool"}),
        ({"type": "str", "required": True}, {"type": "str"}),
        ({"type": "str", "choices": ["a"]}, {"type": "str", "choices": ["a", "b"]}),
    ],
)
def test_a_difference_would_be_found(argument, documentation):
    assert said({"x": argument}) != said({"x": documentation})


def test_what_need_not_be_said_is_no_difference():
    assert said({"x": {"type": "str", "default": None}}) == said({"x": {"required": False}})
    assert said({"x": {}}) != said({"y": {}})


def test_all_that_works_on_a_director_is_sent_as_one():
    """The action of any other sends its module by itself, which Ansible then packs once more."""
    work = {path.stem for path in (REPOSITORY / "plugins/module_utils/_modules").glob("_[a-z]*.py")}
    assert set(director_module.sent()) == work
    actions = {name: importlib.import_module(f"{PACKAGE}.action.{name}").ActionModule for name in ACTIONS}
    there = {name for name, kind in actions.items() if issubclass(kind, DirectorAction)}
    here = {name for name in there if issubclass(actions[name], ControllerAction)}
    assert {f"_{name}" for name in there - here - {"director_module", *OTHERWISE}} == work
