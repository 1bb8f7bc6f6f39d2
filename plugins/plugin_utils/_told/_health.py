# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What health found, for all directors at once: told when it is news, and not each time that it is found again."""

from __future__ import annotations

import contextlib
import json
import os
import time

from ansible.errors import AnsibleError
from ansible_collections.microbosh.director.plugins.module_utils._backup._controller import LOGS
from ansible_collections.microbosh.director.plugins.plugin_utils._look._place import DIRECTORY, UNFIT, path_of
from ansible_collections.microbosh.director.plugins.plugin_utils._run._in_process import plain_values
from ansible_collections.microbosh.director.plugins.plugin_utils._told._begin import is_wanted, settings_in
from ansible_collections.microbosh.director.plugins.plugin_utils._told._desk import desk
from ansible_collections.microbosh.director.plugins.plugin_utils._told._outcomes import HEALTH, Outcome, rules_told

KEPT = "told.json"
AGAIN_SECONDS = 24 * 3600
NOWHERE = {DIRECTORY: "/backups/{{ inventory_hostname }}"}


def leave_health(templar, task_vars: dict, artifacts: dict) -> list[str]:
    """Note what health found, given it by director, for those who are to be told; return what is wrong with that."""
    at, wrong = desk(), []
    for name, artifact in artifacts.items() if at is not None else []:
        variables = task_vars["hostvars"].raw_get(name)
        own = templar.copy_with_new_env(available_variables={**variables, "hostvars": task_vars["hostvars"]})
        try:
            settings = settings_in(own, variables) if is_wanted(variables) else {}
            if settings:
                _say(at, name, plain_values(artifact), settings, _kept(own, variables))
        except AnsibleError as error:
            wrong.append(f"{name}: {error}")
    return wrong


def _say(at, name, artifact, settings, kept):
    before, since = _told(kept)
    rules = rules_told(artifact)
    if before and not rules:
        _forget(kept)
    at.say(
        "entered", playbook=HEALTH, host=name, id=artifact["id"], began=time.time(), log="", settings=settings,
        earlier=[{"id": "", "outcome": "failed"}] if before else [], kept=kept,
        news=bool(rules - before) or time.time() - since > AGAIN_SECONDS,
    )  # fmt: skip
    at.say("ended", playbook=HEALTH, host=name, artifact=artifact)


def _kept(templar, variables):
    """Return where it is kept what was told of a director, "" where that is not known."""
    try:
        directory = path_of(templar, {**NOWHERE, **variables}, DIRECTORY)
    except UNFIT:
        return ""
    return os.path.join(directory, LOGS, KEPT) if directory else ""


def _told(path):
    """Return the rules that were told of, and when."""
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        return {str(rule) for rule in found["rules"]}, float(found["at"])
    except (OSError, ValueError, KeyError, TypeError):
        return set(), 0.0


def _forget(path):
    with contextlib.suppress(OSError):
        os.unlink(path)


def keep(outcome: Outcome) -> None:
    """Keep what was told of a director, so that it is not told again before a day is over."""
    if not outcome.kept or not outcome.news or not os.path.isdir(os.path.dirname(outcome.kept)):
        return
    text = json.dumps({"rules": sorted(rules_told(outcome.artifact)), "at": time.time()})
    with contextlib.suppress(OSError):  # it is told once more, then
        with open(os.open(f"{outcome.kept}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        os.replace(f"{outcome.kept}.new", outcome.kept)
