# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each claim of the threat model names a test that exists."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest
from places import REPOSITORY

GUIDE = REPOSITORY / "docs" / "security.md"
ESCAPES = REPOSITORY / "tests" / "e2e" / "support" / "escapes.py"
WHO = [
    "The holder of the backup key",
    "Any user on the director",
    "Root of a director",
    "A writer on the backup volume",
    "Another tenant of the controller",
    "My key was stolen",
]
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
TRY = re.compile(r"\[([^]]+)\](?!\()")


def claims(text):
    """Given the guide, return its tables' rows, each as its cells."""
    rows = [line for line in text.splitlines() if line.startswith("|") and not line.startswith("|---")]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return [row for row in cells if row[0] != "what he tries"]


@cache
def names_in(path):
    """Return the names of a file's functions."""
    tree = ast.parse(path.read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def wrong_with(row):
    """Return what is wrong with a claim."""
    if len(row) != 3:
        return [f"not three cells: {row[0]}"]
    tests = TEST.findall(row[2])
    found = [] if tests else [f"no test is named: {row[0]}"]
    for path, name in tests:
        is_test = name.startswith("test_") and (REPOSITORY / path).is_file()
        if not is_test or name not in names_in(REPOSITORY / path):
            found.append(f"no such test: {path}::{name}")
    return found + [f"no such try: {name}" for name in TRY.findall(row[2]) if name not in tries()]


@cache
def tries():
    """Return the names of all tries, as they are written in the file that has them, or made there."""
    tree = ast.parse(ESCAPES.read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    named = [call for call in calls if call.args and isinstance(call.args[0], ast.Constant)]
    return {"monit: " * (call.func.id == "monit") + str(call.args[0].value) for call in named}


CLAIMS = claims(GUIDE.read_text())


def test_there_are_claims_of_everybody():
    assert [name for name in WHO if f"\n## {name}\n" not in GUIDE.read_text()] == []
    assert len(CLAIMS) >= 20


@pytest.mark.parametrize("row", CLAIMS, ids=lambda row: row[0][:60])
def test_each_claim_names_a_test_that_exists(row):
    assert wrong_with(row) == []


@pytest.mark.parametrize(
    "row",
    [
        ["a", "b", ""],
        ["a", "b", "it is so"],
        ["a", "b"],
        ["a", "b", "`tests/unit/house/test_security_doc.py::test_gone`"],
        ["a", "b", "`tests/unit/house/test_gone.py::test_gone`"],
        ["a", "b", "`tests/unit/house/test_security_doc.py::claims`"],
        ["a", "b", "`tests/unit/house/test_security_doc.py::test_there_are_claims_of_everybody` [no try of that name]"],
    ],
)
def test_a_claim_without_one_would_be_found(row):
    assert wrong_with(row) != []
