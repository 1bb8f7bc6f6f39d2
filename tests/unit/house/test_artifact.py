# SPDX-License-Identifier: GPL-3.0-or-later
"""The artifact that is published holds what an operator needs, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path, PurePosixPath

import pytest
from places import REPOSITORY

NEEDED = {"LICENSE", "README.md", "requirements.yml", "requirements.txt", "bindep.txt", "execution-environment.yml"}
NEEDED |= {"changelogs", "docs", "extensions", "inventory.example", "meta", "playbooks", "plugins", "roles"}
MADE_BY_THE_BUILD = {"FILES.json", "MANIFEST.json"}
MADE_BY_A_RELEASE = {"CHANGELOG.md"}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The files in an artifact that was built from the working copy as it is, caches and environments included."""
    galaxy = shutil.which("ansible-galaxy", path=str(Path(sys.executable).parent))
    target = tmp_path_factory.mktemp("artifact")
    build = [galaxy, "collection", "build", "--output-path", target]
    subprocess.run(build, cwd=REPOSITORY, check=True, capture_output=True)
    (artifact,) = target.glob("microbosh-director-*.tar.gz")
    with tarfile.open(artifact) as archive:
        return [PurePosixPath(member.name) for member in archive if member.isfile()]


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


def test_of_the_extensions_it_holds_the_project_for_awx(files):
    assert {path.parts[1] for path in files if path.parts[0] == "extensions"} == {"awx"}
