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
        directory = place_of_backups(self._templar, task_vars)
        if self._task.check_mode or not directory:
            return result
        seen = {name: arguments[name] for name in ("lease_fired", "restore_open")}
        found = [artifacts[host] for artifacts in data.values() if host in artifacts]
        for artifact in [one for one in found if one["playbook"] in _records.KINDS]:
            path, problem = _records.end(directory, artifact, seen)
            result["records"] += [str(path)] if path else []
            problems = [problem, self._metrics(host, task_vars)]
            for problem in filter(None, problems):
                warn(result, host, told(problem))
        return result

    def _metrics(self, host, task_vars):
        """Write the metrics of this director, if they are wanted; return what went wrong, or ""."""
        if not task_vars.get(METRICS):
            return ""
        try:
            given, now = given_of(host, self._templar, task_vars), time.time()
            if not given["metrics"]:
                return "; ".join(given["rules"]["wrong"])
            write_metrics(given["metrics"], director_at(given, now), stamp(now))
        except Exception as error:  # in a rescue the message of the failure comes after this, and is what counts
            return f"The metrics cannot be written: {error}."
        return ""
