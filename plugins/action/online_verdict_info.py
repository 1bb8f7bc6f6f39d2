# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares what was dumped before an online copy with what was dumped after it; asks nobody."""

from __future__ import annotations

from ansible.plugins.action import ActionBase
from ansible_collections.microbosh.director.plugins.plugin_utils._run._online_verdict import online_verdict

ARGUMENTS = {
    "before": {"type": "list", "elements": "dict", "required": True},
    "after": {"type": "list", "elements": "dict", "required": True},
    "director_database": {"type": "str", "default": ""},
    "tasks_before": {"type": "dict", "default": {}},
    "tasks_after": {"type": "dict", "default": {}},
}


class ActionModule(ActionBase):
    """Decide from earlier answers, which have passed the gate; nothing is connected to."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        dummy, given = self.validate_argument_spec(argument_spec=ARGUMENTS)
        tasks = {"before": given["tasks_before"], "after": given["tasks_after"]}
        found = online_verdict(given["before"], given["after"], given["director_database"], tasks)
        return {**result, "changed": False, **found}
