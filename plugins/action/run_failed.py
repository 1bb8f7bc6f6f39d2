# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends a run that failed, with an exit status that tells whether there was a director for it at all."""

from __future__ import annotations

from ansible.plugins.action import ActionBase
from ansible_collections.microbosh.director.plugins.plugin_utils._run._gate import told

LONGEST = 65_536
ARGUMENTS = {
    "msg": {"type": "str", "required": True},
    "unavailable": {"type": "bool", "default": False},
}


class ActionModule(ActionBase):
    """Fail the host, or mark it as unreachable, as Ansible does with one that does not answer."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        dummy, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        result.update(changed=False, msg=told(arguments["msg"], LONGEST))
        result["unreachable" if arguments["unavailable"] else "failed"] = True
        return result
