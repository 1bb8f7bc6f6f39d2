# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The changelog is that of the version in galaxy.yml, and in markup that it can render."""

from __future__ import annotations

import re

import pytest
import yaml
from places import REPOSITORY

CHANGELOGS = REPOSITORY / "changelogs"
FRAGMENTS = sorted((CHANGELOGS / "fragments").glob("*.y*ml"))
RELEASES = yaml.safe_load((CHANGELOGS / "changelog.yaml").read_text())["releases"]
VERSION = yaml.safe_load((REPOSITORY / "galaxy.yml").read_text())["version"]
# Texts are reStructuredText: code is between two backticks. Other markup would stay as it is.
FOREIGN = {
    "Ansible's markup": re.compile(r"\b[A-Z]{1,2}\([^)]+\)"),
    "one backtick": re.compile(r"(?<![`\w:])`(?!`)[^`\n]+`(?![`_])"),
    "a link of Markdown": re.compile(r"\]\("),
    "a fence of Markdown": re.compile(r"```"),
}


def texts(part):
    """All texts in a part of a changelog."""
    if not isinstance(part, (dict, list)):
        return [part] if isinstance(part, str) else []
    values = part.values() if isinstance(part, dict) else part
    return [text for value in values for text in texts(value)]


def foreign(part):
    """What would stand in the changelog as it is written here."""
    prose = [(text, re.sub(r"(?<!`)``[^`]+``(?!`)", "", text)) for text in texts(part)]
    return [(name, text) for text, rest in prose for name, sign in FOREIGN.items() if sign.search(rest)]


def numbers(version):
    return tuple(int(number) for number in version.split("."))


def newest():
    return max(RELEASES, key=numbers, default="0.0.0")


@pytest.mark.parametrize("part", [*FRAGMENTS, *RELEASES], ids=lambda part: getattr(part, "name", part))
def test_the_changelog_can_render_it(part):
    content = RELEASES[part] if part in RELEASES else yaml.safe_load(part.read_text())
    assert texts(content)
    assert foreign(content) == []


def test_what_cannot_be_rendered_would_be_found():
    given = ["a C(file)", "a `name`", "[a](https://example.com)", "```sh```"]
    given += ["an ``a`` of ``C(b)`` (or not) in a VM (of old)"]
    assert [name for name, dummy in foreign(given)] == list(FOREIGN)


def test_the_newest_release_is_that_of_galaxy_yml():
    """Or galaxy.yml has the next number, and what changes meanwhile is in fragments."""
    if numbers(VERSION) > numbers(newest()):
        assert not (REPOSITORY / "CHANGELOG.md").exists() or RELEASES
        assert RELEASES or [path.name for path in FRAGMENTS if "release_summary" in yaml.safe_load(path.read_text())]
        return
    assert newest() == VERSION
    assert [path.name for path in FRAGMENTS] == [], "a change after a release needs the next number in galaxy.yml"
    assert f'<a id="v{VERSION.replace(".", "-")}"></a>' in (REPOSITORY / "CHANGELOG.md").read_text()
