# SPDX-License-Identifier: GPL-3.0-or-later
"""A restore's playbook says what each phase takes and gives, and reads the state of a restore in one place."""

from __future__ import annotations

import re

import pytest
import yaml
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_workspace import PHASES
from places import REPOSITORY

PLAYBOOKS = REPOSITORY / "playbooks"
FILES = sorted((PLAYBOOKS / "tasks" / "restore").glob("*.yml"))
STATE = [*FILES, PLAYBOOKS / "vars" / "restore.yml", PLAYBOOKS / "restore.yml"]
# What a playbook may say of a phase: that it begins.
MARKED = re.compile(r"^ +phase: \w+$", re.MULTILINE)
IN_PARTS = {"compare_elsewhere.yml", "elsewhere_again.yml", "back.yml", "failed.yml"}


def test_there_are_phases():
    assert len(FILES) > 20


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_phase_says_what_it_takes_and_gives(path):
    first, takes, gives, *dummy = path.read_text(encoding="utf-8").splitlines()
    assert (first, takes[:9], gives[:9]) == ("---", "# Takes: ", "# Gives: ")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_phase_has_a_name_that_a_failure_begins_with(path):
    first = yaml.safe_load(path.read_text(encoding="utf-8"))[0]
    assert path.name in IN_PARTS or first["ansible.builtin.set_fact"]["run_phase"][0].isupper()


@pytest.mark.parametrize("path", STATE, ids=lambda path: path.stem)
def test_no_phase_is_compared_and_nothing_stands_for_a_state_by_being_defined(path):
    text = re.sub(r"(?m)#.*$", "", path.read_text(encoding="utf-8"))
    assert re.findall(r"\bis (?:not )?defined\b", text) == []
    assert re.findall(r"(?:marker|found)\.phase|failed_phase", text) == []
    quoted = {word for word in re.findall(r"'(\w+)'", MARKED.sub("", text)) if word in PHASES}
    assert quoted == set()


def test_a_registered_name_has_one_origin():
    text = "".join(path.read_text(encoding="utf-8") for path in STATE)
    names = re.findall(r"^ +register: (\w+)$", text, re.MULTILINE)
    assert sorted(names) == sorted(set(names))
