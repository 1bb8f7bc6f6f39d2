# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What README, CONTRIBUTING and docs name is there: files, links, headings, and all that the map has to show."""

from __future__ import annotations

import re
import subprocess

import pytest
from places import REPOSITORY

README = REPOSITORY / "README.md"
# What is not in the artifact is linked to where the repository is shown.
SHOWN = "https://github.com/microbosh/director/blob/main/"
MAP = REPOSITORY / "docs" / "architecture.md"
# What a release makes tells of names that were.
DOCS = [path for path in sorted(REPOSITORY.glob("*.md")) if path.name != "CHANGELOG.md"]
DOCS += sorted((REPOSITORY / "docs").glob("*.md"))
MOST_LINES = 120
FENCE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
# In a block of commands: a program of the repository, or a test.
COMMAND = re.compile(r"(?:^|\s)((?:script|tests)/[\w./-]+)", re.MULTILINE)
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


def listed():
    """The files of the repository, as git has them; one that is not committed yet as well, one that is gone not."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout.splitlines()
    return [name for name in names if (REPOSITORY / name).exists()]


FILES = listed()
TOP = {name.split("/")[0] for name in FILES}
PROGRAMS = {name.rpartition("/")[2] for name in FILES if name.endswith(".py")}


def prose(text):
    return FENCE.sub("", text)


def slug(heading):
    """The anchor of a heading, as it is made where the repository is shown."""
    return re.sub(r"[^\w -]", "", heading.replace("`", "").lower()).replace(" ", "-")


def anchors(path):
    return {slug(heading) for heading in HEADING.findall(FENCE.sub("", path.read_text()))}


def missing_paths(text):
    """What a text names in backticks, or calls, as a path of the repository, or as a Python file, and is not there."""
    called = [name for fence in FENCE.findall(text) for name in COMMAND.findall(fence)]
    found = [name for name in called if not (REPOSITORY / name).exists()]
    for name in (code.split()[0].partition("::")[0] for code in CODE.findall(prose(text))):
        if "<" in name:
            continue
        if "/" in name and name.split("/")[0] in TOP:
            found += [] if list(REPOSITORY.glob(name.rstrip("/"))) else [name]
        elif re.fullmatch(r"_?\w+\.py", name):
            found += [] if name in PROGRAMS else [name]
    return found


def linked(path, text):
    """The files that a text links to, each with the heading and the link as it is written."""
    for target in LINK.findall(prose(text)):
        name, dummy, anchor = target.removeprefix(SHOWN).partition("#")
        if target.startswith(SHOWN):
            yield REPOSITORY / name, anchor, target
        elif not target.startswith(("https://", "http://")):
            yield (path.parent / name).resolve() if name else path, anchor, target


def broken_links(path, text):
    """The links of a text that lead to no file, or to no heading in it."""
    return [
        target
        for there, anchor, target in linked(path, text)
        if not there.exists() or (anchor and anchor not in anchors(there))
    ]


def reached(path, seen):
    """Every file that links lead to, from one on."""
    seen.add(path)
    for there, dummy, dummy in linked(path, path.read_text()):
        if there.suffix == ".md" and there.is_file() and there not in seen:
            reached(there, seen)
    return seen


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_every_path_that_is_named_is_there(path):
    assert missing_paths(path.read_text()) == []


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path):
    assert broken_links(path, path.read_text()) == []


def test_what_is_gone_would_be_found():
    text = "`plugins/gone.py`, `_gone.py`, `tests/unit/gone/*`, `script/gone ARGUMENT`, [a](gone.md), [b](#gone)"
    text += f", [c]({SHOWN}gone.md), [d](https://example.com/gone.md)"
    assert missing_paths(text) == ["plugins/gone.py", "_gone.py", "tests/unit/gone/*", "script/gone"]
    assert broken_links(README, text) == ["gone.md", "#gone", f"{SHOWN}gone.md"]
    assert broken_links(README, f"[a]({SHOWN}README.md#gone), [b](docs/setup.md#gone)") == [
        f"{SHOWN}README.md#gone",
        "docs/setup.md#gone",
    ]
    assert broken_links(README, f"[a]({SHOWN}README.md#install), [b](#install), [c](docs/setup.md#the-inventory)") == []
    assert missing_paths("```\nscript/test unit tests/gone.py\n```\n") == ["tests/gone.py"]
    assert missing_paths("`plugins/modules/*.py`, `script/test unit`, `/var/vcap/store`, `creds.yml`") == []


def test_every_variable_on_the_map_is_one():
    """Of a run, or a setting: a name that ends in an underscore stands for several."""
    named = set(re.findall(r"`((?:run|microbosh)_\w+[a-z])`", prose(MAP.read_text()))) - {"microbosh_backup"}
    sources = [REPOSITORY / name for name in FILES if name.endswith(".yml") and name.startswith(("playbooks", "roles"))]
    known = set(re.findall(r"\b(?:run|microbosh)_\w+", "".join(path.read_text() for path in sources)))
    assert named
    assert sorted(named - known) == []


def test_the_readme_is_short():
    assert len(README.read_text().splitlines()) <= MOST_LINES


def test_everything_can_be_found_from_the_readme():
    assert sorted(path.name for path in set(DOCS) - reached(README, set())) == []


@pytest.mark.parametrize(
    "files",
    [
        sorted((REPOSITORY / "plugins/modules").glob("[a-z]*.py")),
        sorted((REPOSITORY / "plugins").glob("*/_[a-z]*/")),
        sorted((REPOSITORY / "playbooks").glob("*.yml")),
        sorted((REPOSITORY / "playbooks/tasks").glob("*/")),
    ],
    ids=["modules", "packages", "playbooks", "phases"],
)
def test_the_map_shows_every_one(files):
    text = MAP.read_text()
    names = [path.stem for path in files if path.name != "__pycache__"]
    assert names
    assert [name for name in names if not re.search(rf"\b{name}\b", text)] == []


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith("/README.md")])
def test_links_of_the_other_readmes_lead_somewhere(name):
    assert broken_links(REPOSITORY / name, (REPOSITORY / name).read_text()) == []
