# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The site has every guide, links lead where its reader expects, and documentation and guides lead to each other."""

from __future__ import annotations

import importlib.util
import re
from pathlib import PurePosixPath

import pytest
from places import REPOSITORY
from test_docs import anchors

SITE = REPOSITORY / "docs" / "docsite"
SPECIFICATION = importlib.util.spec_from_file_location("links", SITE / "sphinx" / "links.py")
links = importlib.util.module_from_spec(SPECIFICATION)
SPECIFICATION.loader.exec_module(links)

GUIDES = sorted((REPOSITORY / "docs").glob("*.md"))
DOCUMENTED = [
    *sorted((REPOSITORY / "plugins").glob("modules/[a-z]*.py")),
    *sorted((REPOSITORY / "roles").glob("*/meta/argument_specs.yml")),
]
# What names guides by their address on the web.
NAMING = [
    *DOCUMENTED,
    *sorted((REPOSITORY / "plugins").glob("doc_fragments/*.py")),
    *sorted((REPOSITORY / "plugins").glob("filter/*.yml")),
    SITE / "links.yml",
]
ON_THE_WEB = re.compile(re.escape(links.WEB) + r"/blob/main/([\w./-]+)(?:#([\w-]+))?")
FRAGMENT = re.compile(r"^ *- microbosh\.director\.guides\.(\w+)$", re.MULTILINE)


def test_the_contents_have_every_guide():
    """By its name, or with the rest at the end of the guides."""
    listed = re.findall(r"^docs/(\S+)$", (SITE / "sphinx" / "contents.md").read_text(), re.MULTILINE)
    assert listed[-1] == "*"
    assert set(listed[:-1]) < {path.stem for path in GUIDES}


@pytest.mark.parametrize(
    ("target", "origin", "led"),
    [
        ("backup.md#the-procedure", "docs/setup.md", "/docs/backup.md#the-procedure"),
        ("../README.md#host-keys", "docs/setup.md", "/index.md#host-keys"),
        ("docs/setup.md", "README.md", "/docs/setup.md"),
        ("#host-keys", "README.md", "#host-keys"),
        ("../plugins/modules/monit_all.py", "docs/setup.md", f"#{links.COLLECTION}.monit_all_module"),
        ("../plugins/filter/failure.yml", "docs/setup.md", f"#{links.COLLECTION}.failure_filter"),
        ("../roles/setup/", "docs/setup.md", f"#{links.COLLECTION}.setup_role"),
        ("../roles/setup/vars/main.yml", "docs/setup.md", links.WEB + "/blob/main/roles/setup/vars/main.yml"),
        ("inventory.example/", "README.md", links.WEB + "/tree/main/inventory.example"),
        ("https://forum.ansible.com", "README.md", "https://forum.ansible.com"),
    ],
)
def test_where_a_link_leads(target, origin, led):
    assert links.led(target, PurePosixPath(origin)) == led


def test_code_is_left_alone():
    text = "`[a](b.md)`, [`setup`](docs/setup.md)\n\n```\n[a](docs/setup.md)\n```\n"
    assert links.rewritten(text, PurePosixPath("README.md")) == text.replace("`](docs", "`](/docs")


def test_the_sidebar_has_short_names_and_no_filters():
    index = ".. contents::\n   :local:\n\n.. toctree::\n\n    pull_module\n    failure_filter\n    setup_role\n"
    assert links.shortened(index) == "\n.. toctree::\n\n    pull <pull_module>\n    setup (role) <setup_role>\n"


def test_names_lead_to_their_documentation():
    names = links.names()
    assert names["monit_all"] == names["microbosh.director.monit_all"]
    assert names["microbosh_mode"].endswith(".microbosh_role__parameter-main__microbosh_mode")


@pytest.mark.parametrize("path", NAMING, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_every_guide_that_is_named_is_there(path):
    for name, anchor in ON_THE_WEB.findall(path.read_text()):
        there = REPOSITORY / name
        assert there.is_file(), name
        assert not anchor or anchor in anchors(there), f"{name}#{anchor}"


@pytest.mark.parametrize("path", DOCUMENTED, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_documentation_leads_to_a_guide(path):
    """By a fragment of plugins/doc_fragments/guides.py, or by an address where there are no fragments."""
    text = path.read_text()
    assert FRAGMENT.search(text) or ON_THE_WEB.search(text)
