# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible knows an option of a connection by several variables, and takes the last that is set: it is the play's."""

from __future__ import annotations

import pytest
import yaml
from ansible import constants
from ansible.plugins.loader import become_loader, connection_loader
from jinja2 import Environment, meta
from places import REPOSITORY

FILES = [
    *(REPOSITORY / "playbooks" / "vars").glob("*.yml"),
    *(REPOSITORY / "roles" / "setup" / "tasks").glob("*.yml"),
]


def variables_of(kind, loader, plugin):
    """Return the names of the variables of each option of a plugin, in Ansible's order."""
    loader.get(plugin, class_only=True)
    options = constants.config.get_configuration_definitions(plugin_type=kind, name=plugin)
    return [[entry["name"] for entry in option["vars"]] for option in options.values() if option.get("vars")]


def settings(value):
    """Return every mapping of variables in a file: its own, or those of its tasks."""
    if isinstance(value, list):
        return [found for item in value for found in settings(item)]
    if not isinstance(value, dict):
        return []
    below = [found for key in ("block", "rescue", "always") for found in settings(value.get(key))]
    return [value.get("vars") or {}, *below]


def mappings(path):
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [content] if isinstance(content, dict) else settings(content)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_inventory_has_no_other_name_for_what_a_play_sets(path):
    options = variables_of("connection", connection_loader, "ssh") + variables_of("become", become_loader, "sudo")
    for mapping in mappings(path):
        for names in options:
            mine = [name for name in names if name in mapping and mapping[name] is not None]
            if mine:
                assert names[-1] in mapping, f"{path.name} sets {mine}, and {names[-1]} would beat that"


def test_a_key_that_the_inventory_has_as_text_is_the_logins():
    """Ansible takes it before any file, also for the user of backups."""
    for path in FILES:
        for mapping in mappings(path):
            if "ansible_user" in mapping:
                assert "ansible_ssh_private_key" in mapping, path.name


def test_what_is_settled_is_worked_out_once():
    """Jinja works out every name of a template, whichever branch is taken: only a lookup leaves one alone."""
    values = [str(value) for path in FILES for mapping in mappings(path) for value in mapping.values()]
    settled = [value for value in values if "if run_connection" in value]
    assert len(settled) > 8
    assert {name for value in settled for name in meta.find_undeclared_variables(Environment().parse(value))} == {
        "run_connection",
        "lookup",
    }
