# SPDX-License-Identifier: GPL-3.0-or-later
"""The tasks that end-to-end tests wait for have these names: a renamed one is noticed here, not an hour later."""

from __future__ import annotations

import ast

import pytest
import yaml
from places import REPOSITORY

POINTS = REPOSITORY / "tests" / "e2e" / "support" / "points.py"
NAMES = {
    node.targets[0].id: node.value.value
    for node in ast.parse(POINTS.read_text()).body
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
}


def names_in(tasks):
    """Return the names of tasks, of blocks and of what is in them; of one with a variable, what stands before it."""
    for task in tasks:
        yield task.get("name", "").partition("{{")[0]
        for part in ("block", "rescue", "always"):
            yield from names_in(task.get(part, []))


def all_names():
    files = [*REPOSITORY.glob("playbooks/tasks/*/*.yml"), *REPOSITORY.glob("roles/*/tasks/*.yml")]
    lists = [yaml.safe_load(path.read_text()) or [] for path in files]
    plays = [play for path in REPOSITORY.glob("playbooks/*.yml") for play in yaml.safe_load(path.read_text())]
    return {name for tasks in [*lists, *(play.get("tasks", []) for play in plays)] for name in names_in(tasks)}


def test_there_are_points():
    assert len(NAMES) > 30


@pytest.mark.parametrize("point", NAMES)
def test_a_point_is_a_task(point):
    names = all_names()
    assert any(name == NAMES[point] or (NAMES[point].startswith(name) and name.endswith(" ")) for name in names if name)
