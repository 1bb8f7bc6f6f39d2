# SPDX-License-Identifier: GPL-3.0-or-later
"""What is decided in YAML is short: a decision of any size is a function in Python, which a test reaches."""

from __future__ import annotations

import re
import subprocess

import yaml
from places import REPOSITORY

LONGEST = 200
LONG = 120
MOST_LONG = 10
# Bare conditions, which Ansible takes for expressions without any braces.
BARE = ("when", "that", "until", "failed_when", "changed_when")
EXPRESSION = re.compile(r"\{\{(.*?)\}\}|\{%(.*?)%\}", re.DOTALL)
FILES = sorted(path for room in ("playbooks", "roles") for path in (REPOSITORY / room).rglob("*.yml"))


def in_text(text):
    """Return the expressions between the braces of a text, or of a text that is one condition as a whole."""
    return [" ".join((a or b).strip("-+").split()) for a, b in EXPRESSION.findall(text)]


def in_value(value, bare=False):
    """Return all expressions in what a YAML file says, keys of mappings among them."""
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in [*in_text(str(key)), *in_value(item, key in BARE)]]
    if isinstance(value, list):
        return [found for item in value for found in in_value(item, bare)]
    if isinstance(value, str):
        return in_text(value) or ([" ".join(value.split())] if bare else [])
    return []


def longer_than(limit, files):
    return [
        (len(found), path.name, found[:60])
        for path in files
        for found in in_value(yaml.safe_load(path.read_text(encoding="utf-8")))
        if len(found) > limit
    ]


def test_every_file_is_looked_at():
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "playbooks/*.yml", "roles/*.yml"]
    found = subprocess.run(listed, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout.split()
    assert {REPOSITORY / name for name in found if (REPOSITORY / name).exists()} == set(FILES)
    assert len(FILES) > 50


def test_what_is_long_is_found(tmp_path):
    long = tmp_path / "long.yml"
    words = " and\n        ".join(["some_word"] * 20)
    long.write_text(
        f"- name: '{{{{ {words} }}}}'\n  when:\n    - short\n    - >-\n        {words}\n"
        f"  vars:\n    of_two: '{{{{ {'a' * 150} }}}}{{{{ {'b' * 150} }}}}'\n"
        f"    block: |-\n      {{% if {'c' * 201} %}}x{{% endif %}}\n",
        encoding="utf-8",
    )
    assert [size for size, *dummy in longer_than(LONGEST, [long])] == [275, 275, 204]
    assert [size for size, *dummy in longer_than(LONG, [long])] == [275, 275, 150, 150, 204]


def test_no_expression_is_too_long():
    assert longer_than(LONGEST, FILES) == []


def test_few_expressions_are_long():
    assert len(found := longer_than(LONG, FILES)) <= MOST_LONG, found
