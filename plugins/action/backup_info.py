# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells of all backups of directors, in one task for all of them, out of what lies on the controller."""

from __future__ import annotations

import json
import re
import time

from ansible.plugins.action import ActionBase
from ansible.utils.vars import load_extra_vars
from ansible_collections.microbosh.director.plugins.action.known_settings import ARTIFACTS, SPECIFICATION
from ansible_collections.microbosh.director.plugins.plugin_utils._look import _words as words
from ansible_collections.microbosh.director.plugins.plugin_utils._look._metrics import write_metrics
from ansible_collections.microbosh.director.plugins.plugin_utils._look._picture import picture
from ansible_collections.microbosh.director.plugins.plugin_utils._look._place import given_of
from ansible_collections.microbosh.director.plugins.plugin_utils._look._written import write_beside
from ansible_collections.microbosh.director.plugins.plugin_utils._run._gate import told
from ansible_collections.microbosh.director.plugins.plugin_utils._run._screen import tell, warn

DEFAULTS = SPECIFICATION.parents[1] / "defaults" / "main.yml"
SHOWN = {"table": words.table, "problems": words.problem_lines, "nothing": lambda dummy: []}
ARGUMENTS = {
    "hosts": {"type": "list", "elements": "str"},
    "show": {"type": "str", "choices": list(SHOWN), "default": "nothing"},
    "most": {"type": "int", "default": 0},
    "json": {"type": "path", "default": ""},
    "metrics": {"type": "bool", "default": False},
}
# What the artifact of a run has, and that of a look has not got.
NOTHING = {"path": "", "archive": "", "phases": []}
# It has ends of logs in it, which are their owner's.
PRIVATE = 0o600
NO_DIRECTOR = "There is no host {name} in the inventory. Expected inventory names of directors."


class ActionModule(ActionBase):
    """Find out where the backups of each host are, and look."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        dummy, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        names = arguments["hosts"] or [task_vars["inventory_hostname"]]
        unknown = [name for name in names if name not in task_vars["hostvars"]]
        if unknown:
            result.update(failed=True, msg=told(NO_DIRECTOR.format(name=unknown[0])))
            return result
        began = time.monotonic()
        given = list(self._given(names, task_vars))
        found = picture(given, time.time())
        directors = found["directors"]
        lines = SHOWN[arguments["show"]](directors)
        result.update(changed=False, **found, status=words.status_of(directors), line=words.nagios_line(directors))
        seconds = round(time.monotonic() - began, 2)
        result.update(seconds=seconds, summary=summary(directors, found["at"], seconds), lines=[])
        tell(result, "", lines, "info" if result["status"] == 0 else "error", self._task.no_log)
        if not self._task.check_mode:
            self._write(result, arguments, given, found)
        if arguments["most"]:
            result["directors"] = [{**one, "backups": one["backups"][: arguments["most"]]} for one in directors]
        return result

    def _given(self, names, task_vars):
        """Return the directors as they are looked at, each by its own settings."""
        defaults = self._loader.load_from_file(str(DEFAULTS))
        known = self._loader.load_from_file(str(SPECIFICATION))["argument_specs"]["main"]["options"]
        above = {**self._task.get_play().get_vars(), **load_extra_vars(self._loader)}
        for name in names:
            own = {**task_vars["hostvars"].raw_get(name), **above}
            templar = self._templar.copy_with_new_env(
                available_variables={**defaults, **own, "hostvars": task_vars["hostvars"]}
            )
            yield given_of(name, templar, {**defaults, **own}, [*known, *ARTIFACTS])

    def _write(self, result, arguments, given, found):
        """Write what others read, once it is told: who looks at the task is not to miss it for want of a directory."""
        for place, director in zip(given, found["directors"], strict=True):
            if arguments["metrics"] and place["metrics"]:
                try:
                    write_metrics(place["metrics"], director, found["at"])
                except Exception as error:  # of one director; the others have theirs
                    warn(result, director["name"], told(f"The metrics cannot be written: {error}."))
        if arguments["json"]:
            try:
                write_beside(arguments["json"], json.dumps(found, indent=1) + "\n", PRIVATE)
            except (OSError, ValueError) as error:
                why = getattr(error, "strerror", "") or error
                result.update(failed=True, msg=told(f"{arguments['json']} cannot be written: {why}."))


def summary(directors: list[dict], at: str, seconds: float) -> dict:
    """Return of each director what a job hands on, in the shape that the artifacts of all playbooks have."""
    names = ("state", "newest_proven", "proven_age_seconds", "rehearsed_age_seconds")
    made = {"playbook": "health", "id": re.sub(r"[-:]", "", at), "seconds": seconds, **NOTHING}
    return {
        one["name"]: {
            **made, "host": one["name"], **_outcome(one["health"]), **one["health"],
            **{name: one[name] for name in names},
        }
        for one in directors
    }  # fmt: skip


def _outcome(health):
    if not health["status"]:
        return {"outcome": "succeeded", "reason": "", "error": ""}
    worst = next(problem for problem in health["problems"] if problem["status"] == health["status"])
    return {"outcome": "failed", "reason": "error", "error": f"Health: {worst['said']}"}
