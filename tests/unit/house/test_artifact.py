# SPDX-License-Identifier: GPL-3.0-or-later
"""The artifact that is published holds what an operator needs, and nothing else, and all that its pages name."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path, PurePosixPath

import pytest
from places import REPOSITORY

NEEDED = {"CODE_OF_CONDUCT.md", "LICENSE", "README.md", "SECURITY.md"}
NEEDED |= {"requirements.yml", "requirements.txt", "bindep.txt", "execution-environment.yml"}
NEEDED |= {"changelogs", "docs", "extensions", "inventory.example", "meta", "playbooks", "plugins", "roles"}
MADE_BY_THE_BUILD = {"FILES.json", "MANIFEST.json"}
MADE_BY_A_RELEASE = {"CHANGELOG.md"}


def galaxy(*arguments, **environment):
    program = shutil.which("ansible-galaxy", path=str(Path(sys.executable).parent))
    command = [program, "collection", *arguments]
    as_operator = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | environment
    return subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True, env=as_operator).stdout


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    """One that was built from the working copy as it is, caches and environments included."""
    target = tmp_path_factory.mktemp("artifact")
    galaxy("build", "--output-path", target)
    (built,) = target.glob("microbosh-director-*.tar.gz")
    return built


@pytest.fixture(scope="module")
def files(artifact):
    with tarfile.open(artifact) as archive:
        return [PurePosixPath(member.name) for member in archive if member.isfile()]


@pytest.fixture(scope="module")
def home(artifact, tmp_path_factory):
    """The home directory of an operator who has installed it."""
    directory = tmp_path_factory.mktemp("home")
    galaxy("install", "--no-deps", artifact, HOME=str(directory))
    return directory


def test_it_holds_all_that_is_needed(files):
    assert sorted(NEEDED - {path.parts[0] for path in files}) == []


def test_it_holds_nothing_else(files):
    assert sorted({path.parts[0] for path in files} - NEEDED - MADE_BY_THE_BUILD - MADE_BY_A_RELEASE) == []


def test_it_holds_no_leftovers(files):
    suffixes = {".pyc", ".gz", ".retry", ".orig", ".swp"}
    assert [str(path) for path in files if path.name.startswith(".") or path.suffix in suffixes] == []


KINDS = ("action", "doc_fragments", "filter", "lookup", "modules", "module_utils", "plugin_utils")


@pytest.mark.parametrize("kind", KINDS)
def test_it_holds_every_plugin(files, kind):
    """Those that git lists: a search of our own could overlook what the build does."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", f"plugins/{kind}"]
    here = subprocess.run(listed, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout.split()
    assert here
    assert {str(path) for path in files if path.parts[:2] == ("plugins", kind)} == set(here)


@pytest.mark.parametrize("playbook", ["setup", "backup", "checkup"])
def test_it_holds_the_playbooks(files, playbook):
    assert PurePosixPath("playbooks", f"{playbook}.yml") in files


def test_of_the_extensions_it_holds_what_an_operator_uses(files):
    assert {path.parts[1] for path in files if path.parts[0] == "extensions"} == {"awx", "nagios", "prometheus"}


def pages(files):
    return [path for path in files if path.suffix == ".md" and path.parts[0] in {"README.md", "docs", "roles"}]


def test_every_link_of_its_pages_leads_into_it(files):
    """Where there is no repository: a file that is not in it is linked to where the repository is shown."""
    there = {str(parent) for path in files for parent in (path, *path.parents)}
    broken = [
        (str(page), target)
        for page in pages(files)
        for target in re.findall(r"\]\(([^)\s#]+)", (REPOSITORY / page).read_text())
        if "://" not in target and os.path.normpath(page.parent / target) not in there
    ]
    assert pages(files)
    assert broken == []


def only_in_the_repository(text, top):
    """The folders that a page names, that are not in the artifact, and of which it does not say where they are."""
    named = {name for name in re.findall(r"`([\w.]+)/[^`\n]*`", text) if name in top}
    parts = re.split(r"\n\s*\n", text)
    told = [part for part in parts if "in the repository" in " ".join(part.split())]
    return sorted(name for name in named if not any(f"`{name}/" in part for part in told))


def test_its_pages_tell_what_is_only_in_the_repository(files):
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    here = subprocess.run(listed, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout.split()
    top = {name.split("/")[0] for name in here if "/" in name} - {path.parts[0] for path in files}
    assert {"script", "tests"} <= top
    untold = {str(page): only_in_the_repository((REPOSITORY / page).read_text(), top) for page in pages(files)}
    assert {page: names for page, names in untold.items() if names} == {}


def test_what_is_not_told_would_be_found():
    text = "`tests/a.py`, and `plugins/b.py`.\n\nIn the\nrepository: `script/c`, in the\nrepository."
    assert only_in_the_repository(text, {"tests", "script"}) == ["tests"]


def test_the_example_inventory_is_found_after_an_install(home):
    """As the README says: by the path that is listed, and with its command."""
    (top,) = json.loads(galaxy("list", "microbosh.director", "--format", "json", HOME=str(home)))
    assert Path(top, "microbosh", "director", "inventory.example", "hosts.yml").is_file()
    readme = (REPOSITORY / "README.md").read_text()
    (command,) = re.findall(r"cp -r \S+/inventory\.example \w+", readme)
    subprocess.run(["sh", "-c", command], cwd=home, env={"HOME": str(home), "PATH": os.environ["PATH"]}, check=True)
    assert (home / "inventory" / "group_vars" / "microbosh.yml").is_file()
