# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory that ansible-runner runs a playbook from, laid out as AWX does it: project, inventory, credential."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import yaml
from conftest import ANSIBLE, REPOSITORY

PROJECT = REPOSITORY / "extensions" / "awx"


def lay_out(directory):
    """Make the directory with the project that AWX users copy, and in that our collection and those that it needs."""
    project = directory / "project"
    shutil.copytree(PROJECT, project)
    for name in ("env", "inventory"):
        (directory / name).mkdir()
    place = project / "collections" / "ansible_collections"
    shutil.copytree(REPOSITORY / ".collections" / "ansible_collections" / "microbosh", place / "microbosh")
    for name in yaml.safe_load((REPOSITORY / "galaxy.yml").read_text())["dependencies"]:
        path = name.replace(".", "/")
        shutil.copytree(others() / path, place / path, ignore=shutil.ignore_patterns("tests", "changelogs", "docs"))
    return directory


def others():
    """Where the collections of the tests' own Ansible are."""
    (place,) = ANSIBLE.glob("lib/python3*/site-packages/ansible_collections")
    return place


def fill_in(directory, inventory, key=None, extra=None, environment=None):
    """Write what is of one job: its inventory, the credential's key, its extra variables."""
    shutil.copy(inventory, directory / "inventory" / "hosts.yml")
    for name, content in {"extravars": json.dumps(extra or {}), "envvars": json.dumps(environment or {})}.items():
        (directory / "env" / name).write_text(content)
    credential = directory / "env" / "ssh_key"
    credential.unlink(missing_ok=True)
    if key:
        shutil.copy(key, credential)


def give(directory, uid):
    """Give all of it to a user of group 0, as the volumes of a pod belong to."""
    for path in (Path(directory), *Path(directory).rglob("*")):
        os.chown(path, uid, 0, follow_symlinks=False)
