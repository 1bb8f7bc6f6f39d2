# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every plugin tells all that a reader looks for, and whom it names beside itself is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from places import REPOSITORY

PLUGINS = REPOSITORY / "plugins"
KINDS = {"modules": "module", "filter": "filter", "lookup": "lookup", "callback": "callback"}
SHOWN = "https://github.com/microbosh/director/blob/main/"
BLOCK = re.compile(r'^(DOCUMENTATION|EXAMPLES|RETURN) = r"""\n(.*?)^"""', re.MULTILINE | re.DOTALL)
ATTRIBUTES = ["check_mode", "diff_mode", "idempotent", "platform"]


def documented():
    """The files that document plugins: a module, a lookup or a callback itself, and what lies beside a filter."""
    for kind in KINDS:
        suffix = "yml" if kind == "filter" else "py"
        yield from sorted((PLUGINS / kind).glob(f"[a-z]*.{suffix}"))


def blocks(path):
    """The parts of a plugin's documentation, by name."""
    if path.suffix == ".yml":
        return yaml.safe_load(path.read_text())
    return {name: yaml.safe_load(text) for name, text in BLOCK.findall(path.read_text())}


def guides():
    """The fragments that name a guide, with the files that they lead to."""
    source = (PLUGINS / "doc_fragments" / "guides.py").read_text()
    found = re.findall(r'^    ([A-Z_]+) = r"""\n(.*?)^"""', source, re.MULTILINE | re.DOTALL)
    return {f"microbosh.director.guides.{name.lower()}": yaml.safe_load(text)["seealso"] for name, text in found}


GUIDES = guides()


def leads_somewhere(entry):
    """Whether what an entry of seealso names is there; what others publish is taken as it is."""
    if "link" in entry:  # a guide
        return entry["link"].startswith(SHOWN) and (REPOSITORY / entry["link"].removeprefix(SHOWN)).is_file()
    collection, dummy, name = entry.get("module", entry.get("plugin")).rpartition(".")
    if collection != "microbosh.director":
        return collection in {"ansible.builtin", "ansible.posix"}
    kind = "modules" if "module" in entry else entry["plugin_type"]
    return any((PLUGINS / kind / f"{name}.{suffix}").is_file() for suffix in ("py", "yml"))


PARAMETERS = [pytest.param(path, id=f"{path.parent.name}/{path.stem}") for path in documented()]


@pytest.mark.parametrize("path", PARAMETERS)
def test_all_of_a_plugin_is_documented(path: Path):
    parts = blocks(path)
    returned = set() if path.parent.name == "callback" else {"RETURN"}
    assert {"DOCUMENTATION", "EXAMPLES"} | returned <= {name for name, part in parts.items() if part}
    doc = parts["DOCUMENTATION"]
    assert doc["version_added"]
    assert doc["author"]
    assert doc["short_description"]
    assert sorted(doc.get("attributes", [])) == (ATTRIBUTES if path.parent.name == "modules" else [])


@pytest.mark.parametrize("path", PARAMETERS)
def test_what_a_plugin_names_beside_itself_is_there(path: Path):
    doc = blocks(path)["DOCUMENTATION"]
    named = doc.get("seealso", [])
    assert set(doc.get("extends_documentation_fragment", [])) & set(GUIDES), "it names no guide"
    assert [entry for entry in named if "link" not in entry], "it names no sibling"
    assert [entry for entry in named if not leads_somewhere(entry)] == []
    own = f"microbosh.director.{path.stem}"
    assert [entry for entry in named if entry.get(KINDS[path.parent.name], entry.get("plugin")) == own] == []


MODULES = sorted((PLUGINS / "modules").glob("[a-z]*.py"))
PAIRS = [path.stem for path in MODULES if path.with_stem(f"{path.stem}_info").exists()]


@pytest.mark.parametrize("name", PAIRS)
def test_a_module_and_the_one_that_only_tells_name_each_other(name):
    for one, other in ((name, f"{name}_info"), (f"{name}_info", name)):
        named = blocks(PLUGINS / "modules" / f"{one}.py")["DOCUMENTATION"]["seealso"]
        assert {"module": f"microbosh.director.{other}"} in named


@pytest.mark.parametrize("name", GUIDES)
def test_the_guides_are_there(name):
    assert GUIDES[name]
    assert [entry for entry in GUIDES[name] if not leads_somewhere(entry)] == []


def numbers(version):
    return tuple(int(number) for number in version.split("."))


def test_nothing_came_with_a_version_that_is_not_there():
    """A plugin that is newer than the collection is not in the changelog of any release."""
    newest = numbers(yaml.safe_load((REPOSITORY / "galaxy.yml").read_text())["version"])
    of_roles = (REPOSITORY / "roles").glob("*/meta/argument_specs.yml")
    sources = [*documented(), *(PLUGINS / "doc_fragments").glob("*.py"), *of_roles]
    told = [
        (path.name, version)
        for path in sources
        for version in re.findall(r"^ *version_added: [\"']?([\d.]+)", path.read_text(), re.MULTILINE)
    ]
    assert len(told) > 70
    assert [name for name, version in told if numbers(version) > newest] == []


def test_every_kind_of_plugin_is_looked_at():
    assert {path.parent.name for path in documented()} == set(KINDS)
    others = {path.name for path in PLUGINS.iterdir() if path.is_dir()} - set(KINDS)
    assert others <= {"__pycache__", "action", "doc_fragments", "module_utils", "plugin_utils"}


def test_what_is_gone_would_be_found():
    gone = [{"module": "microbosh.director.gone"}, {"plugin": "microbosh.director.gone", "plugin_type": "filter"}]
    gone += [{"link": f"{SHOWN}docs/gone.md"}, {"link": "https://example.com"}, {"module": "community.gone.a"}]
    assert [entry for entry in gone if leads_somewhere(entry)] == []
