# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings are written down three times: defaults, argument spec and example inventory. They have to agree."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import UserString

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.microbosh.director.plugins.action.known_settings import sealed
from places import REPOSITORY

ROLES = sorted(path.name for path in (REPOSITORY / "roles").iterdir())
EXAMPLE = REPOSITORY / "inventory.example" / "group_vars" / "microbosh.yml"
SETTING = re.compile(r"^(?:# ?)?(microbosh_\w+):", re.MULTILINE)


def load(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def options(role):
    return load(REPOSITORY / "roles" / role / "meta" / "argument_specs.yml")["argument_specs"]["main"]["options"]


def defaults(role):
    path = REPOSITORY / "roles" / role / "defaults" / "main.yml"
    # A role without settings of its own has no defaults; the role of the settings always has them.
    return load(path) if role == "microbosh" or path.exists() else {}


def without_templates(values):
    return {name: value for name, value in values.items() if "{{" not in str(value)}


@pytest.mark.parametrize("role", ROLES)
def test_defaults_are_those_of_the_argument_spec(role):
    specified = {name: option["default"] for name, option in options(role).items() if "default" in option}
    assert defaults(role) == specified


@pytest.mark.parametrize("role", ROLES)
def test_no_required_option_has_a_default(role):
    required = [option for option in options(role).values() if option.get("required")]
    assert [option for option in required if "default" in option] == []


@pytest.mark.parametrize("role", ROLES)
def test_defaults_satisfy_the_argument_spec(role):
    spec = {name: option for name, option in options(role).items() if name in without_templates(defaults(role))}
    assert ArgumentSpecValidator(spec).validate(without_templates(defaults(role))).error_messages == []


@pytest.mark.parametrize("role", ROLES)
def test_every_option_is_described(role):
    assert [name for name, option in options(role).items() if not option.get("description")] == []


class AnsibleVaultEncryptedUnicode(UserString):
    """What a vaulted variable is until ansible-core 2.19: no text, but it can be made one."""


def test_a_vaulted_text_is_a_setting_as_any():
    """no_log would look at its type, and protects nothing here: the values are no arguments of a task."""
    texts = {name: option for name, option in options("microbosh").items() if option["type"] in ("str", "path")}
    assert {"microbosh_director_database_password", "microbosh_private_key_text", "microbosh_backup_dir"} <= set(texts)
    for name, option in texts.items():
        value = AnsibleVaultEncryptedUnicode(option.get("choices", ["/a/secret"])[0])
        assert ArgumentSpecValidator({name: option}).validate({name: value}).error_messages == []
    vaulted = dict.fromkeys(texts, AnsibleVaultEncryptedUnicode("x"))
    assert sealed(vaulted, options("microbosh")) == []


def test_what_is_vaulted_and_no_text_is_told_with_the_way_out():
    vaulted = dict.fromkeys(options("microbosh"), AnsibleVaultEncryptedUnicode("7"))
    problems = sealed(vaulted, options("microbosh"))
    assert len(problems) > 10
    assert 'set microbosh_timeout to that one in braces: "{{ ... }}"' in " ".join(problems)
    assert sealed({"microbosh_timeout": 7}, options("microbosh")) == []


def test_there_are_settings_and_all_have_the_one_prefix():
    assert options("microbosh")
    assert [name for name in options("microbosh") if not name.startswith("microbosh_")] == []


def test_the_example_inventory_shows_every_setting_once_and_no_other():
    assert sorted(SETTING.findall(EXAMPLE.read_text(encoding="utf-8"))) == sorted(options("microbosh"))


def test_the_example_inventory_is_yaml_with_every_setting_uncommented():
    text = EXAMPLE.read_text(encoding="utf-8")
    uncommented = re.sub(r"^# ?(?=microbosh_\w+:|  +[-\w]|- )", "", text, flags=re.MULTILINE)
    assert sorted(yaml.safe_load(uncommented)) == sorted(options("microbosh"))


def test_the_first_action_of_a_playbook_brings_all_filters():
    """Each task is forked from the process that loads it, and would read them from their sources otherwise."""
    place = "ansible_collections.microbosh.director.plugins"
    script = f"import sys, {place}.action.known_settings; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    there = {f"{place}.filter.{path.stem}" for path in (REPOSITORY / "plugins/filter").glob("*.py")}
    assert len(there) > 5
    assert there <= set(done.stdout.split())


def test_no_setting_reaches_a_filter_that_wants_text_as_it_is():
    """Paths are texts of Python's own in there; what a vault holds is none until ansible-core 2.19."""
    wants = r"microbosh_\w+ \| (?:map\(')?(?:ansible\.builtin\.)?(?:expanduser|basename|dirname|realpath|hash)\b"
    files = [path for room in ("playbooks", "roles") for path in (REPOSITORY / room).rglob("*.yml")]
    assert len(files) > 50
    assert [path.name for path in files if re.search(wants, path.read_text(encoding="utf-8"))] == []
