# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Says how a run ended to whoever asks later: as an artifact of the job, on record beside the log, and as metrics."""

from __future__ import annotations

import time

from ansible.plugins.action import ActionBase
from ansible_collections.microbosh.director.plugins.plugin_utils._look import _records
from ansible_collections.microbosh.director.plugins.plugin_utils._look._metrics import write_metrics
from ansible_collections.microbosh.director.plugins.plugin_utils._look._picture import director_at
from ansible_collections.microbosh.director.plugins.plugin_utils._look._place import METRICS, given_of, place_of_backups
from ansible_collections.microbosh.director.plugins.plugin_utils._look._values import stamp
from ansible_collections.microbosh.director.plugins.plugin_utils._run._gate import told
from ansible_collections.microbosh.director.plugins.plugin_utils._run._screen import warn
from ansible_collections.microbosh.director.plugins.plugin_utils._told._begin import leave
from ansible_collections.microbosh.director.plugins.plugin_utils._told._health import leave_health

ARGUMENTS = {
    "data": {"type": "dict", "required": True},
    "lease_fired": {"type": "dict"},
    "restore_open": {"type": "bool"},
}


class ActionModule(ActionBase):
    """Hand the artifact to Ansible, and write the record and the metrics; what is wrong with these fails nothing."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        dummy, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        data, host = arguments["data"], task_vars["inventory_hostname"]
        result.update(changed=False, records=[], ansible_stats={"data": data, "per_host": False, "aggregate": True})
        mine = [artifacts[host] for artifacts in data.values() if host in artifacts]
        if self._task.check_mode:
            return result
        ended = [one for one in mine if one["playbook"] in _records.KINDS]
        seen = {name: arguments[name] for name in ("lease_fired", "restore_open")}
        # In a rescue the message of the failure comes after this, and is what counts.
        for note in (
            lambda: leave_health(self._templar, task_vars, data.get("microbosh_health") or {}),
            lambda: leave(task_vars, mine),
            lambda: self._records(result, task_vars, ended, seen),
        ):
            for problem in filter(None, _problems_of(note)):
                warn(result, host, told(problem))
        return result

    def _records(self, result, task_vars, ended, seen):
        """Write the record and the metrics of each run that has ended, if it is known where; yield what went wrong."""
        directory = place_of_backups(self._templar, task_vars)
        for artifact in ended if directory else []:
            path, problem = _records.end(directory, artifact, seen)
            result["records"] += [str(path)] if path else []
            yield problem
            yield self._metrics(task_vars["inventory_hostname"], task_vars)

    def _metrics(self, host, task_vars):
        """Write the metrics of this director, if they are wanted; return what went wrong, or ""."""
        if not task_vars.get(METRICS):
            return ""
        try:
            given, now = given_of(host, self._templar, task_vars), time.time()
            if not given["metrics"]:
                return "; ".join(given["rules"]["wrong"])
            write_metrics(given["metrics"], director_at(given, now), stamp(now))
        except Exception as error:
            return f"The metrics cannot be written: {error}."
        return ""


def _problems_of(note):
    """Note how a run ended, somewhere; return what is wrong with that, whatever it is."""
    try:
        return list(note())
    except Exception as error:
        return [f"It is not noted everywhere how this run ended: {type(error).__name__}."]
