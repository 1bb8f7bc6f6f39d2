# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the backups of a director are, and by which rules they are judged: out of its variables, whatever these are.

One task looks at all directors, so nobody has checked their settings by then. What is wrong with those of one is told,
and takes nothing from the others.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from ansible.errors import AnsibleError
from ansible_collections.microbosh.director.plugins.plugin_utils._look._rules import ALL, RULES
from ansible_collections.microbosh.director.plugins.plugin_utils._look._values import shown

DIRECTORY = "microbosh_backup_dir"
METRICS = "microbosh_metrics_dir"
OFFSITE = "microbosh_offsite"
HEALTH = "microbosh_health_"
OFF = f"{HEALTH}off"
PREFIX = "microbosh_"
# What a template that cannot be opened, or leads to no text, ends with.
UNFIT = (AnsibleError, ArithmeticError, KeyError, TypeError, ValueError)


def place_of_backups(templar, task_vars: dict) -> str:
    """Return the directory of a run's backups, "" where the settings do not say."""
    try:
        return str(templar.template(task_vars["run_dir"]) or "")
    except UNFIT:
        return ""


def path_of(templar, variables: dict, name: str) -> str:
    """Return the path that a setting has, "" for none. Raise one of UNFIT if it cannot be opened."""
    return os.path.expandvars(os.path.expanduser(str(templar.template(variables.get(name) or "") or "")))


def given_of(name: str, templar, variables: dict, known: list[str] | None = None) -> dict:
    """Return a director as picture() wants it, given its variables, and all settings there are if these are checked.

    It has the directory for its ``metrics``, too, and whether there is a repository for copies ``offsite``.
    """
    wrong = [
        f"there is no setting {shown(one)}"
        for one in sorted(variables if known else ())
        if one.startswith(PREFIX) and one not in known
    ]
    paths = {}
    for key, setting in (("directory", DIRECTORY), ("metrics", METRICS)):
        try:
            paths[key] = path_of(templar, variables, setting)
        except UNFIT as error:
            paths[key] = ""
            wrong.append(f"{setting} cannot be opened: {shown(str(error))}")
    rules, offsite = rules_of(templar, variables, wrong), _has_repository(templar, variables, wrong)
    return {"name": name, **paths, "offsite": offsite, "rules": {**rules, "wrong": wrong}}


def _has_repository(templar, variables, wrong):
    """Return whether copies elsewhere are set up. Of that setting no more is opened: the rest of it has secrets."""
    try:
        found = variables.get(OFFSITE) or {}
        found = found if isinstance(found, Mapping) else templar.template(found) or {}
        return bool(templar.template(found.get("repository") or ""))
    except (*UNFIT, AttributeError) as error:
        wrong.append(f"{OFFSITE} cannot be opened: {shown(str(error))}")
        return False


def rules_of(templar, variables: dict, wrong: list[str]) -> dict:
    """Return the rules of health that a director's variables set; add to what is wrong with them."""
    rules = {}
    for name in RULES:
        try:
            rules[name] = _number(templar.template(variables.get(HEALTH + name, RULES[name])))
        except UNFIT:
            wrong.append(f"{HEALTH}{name} is no number of 0 or more")
    try:
        rules["off"] = _names(templar.template(variables.get(OFF) or []))
    except UNFIT:
        wrong.append(f"{OFF} has something else than names of rules: {', '.join(ALL)}")
    return rules


def _number(value):
    number = float(value)
    if isinstance(value, bool) or not 0 <= number < 1_000_000:
        raise ValueError(value)
    return number


def _names(value):
    names = [name.strip() for name in value.split(",")] if isinstance(value, str) else [str(name) for name in value]
    if not set(names) <= set(ALL):
        raise ValueError(names)
    return names
