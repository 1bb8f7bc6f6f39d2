# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Says how a run ended to whoever asks later: as an artifact of the job, and on record beside the log."""

from __future__ import annotations

from ansible.plugins.action import ActionBase
from ansible_collections.microbosh.director.plugins.plugin_utils._look import _records
from ansible_collections.microbosh.director.plugins.plugin_utils._look._place import place_of_backups
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
    """Hand the artifact to Ansible, and write the record. What is wrong with the latter fails nothing, and is told."""

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
        leave(task_vars, mine)
        for problem in leave_health(self._templar, task_vars, data.get("microbosh_health") or {}):
            warn(result, host, told(problem))
        directory = place_of_backups(self._templar, task_vars)
        seen = {name: arguments[name] for name in ("lease_fired", "restore_open")}
        for artifact in [one for one in mine if directory and one["playbook"] in _records.KINDS]:
            path, problem = _records.end(directory, artifact, seen)
            result["records"] += [str(path)] if path else []
            if problem:
                warn(result, host, told(problem))
        return result
