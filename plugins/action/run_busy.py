# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fails a task for a reason that goes away by itself: whoever starts the run may try again later."""

from __future__ import annotations

from ansible.plugins.action import ActionBase
from ansible_collections.microbosh.director.plugins.plugin_utils._run._gate import told

ARGUMENTS = {"msg": {"type": "str", "required": True}}


class ActionModule(ActionBase):
    """Fail with a message and the reason that the rescue of a run looks at."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        dummy, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        result.update(changed=False, failed=True, reason="busy", msg=told(arguments["msg"]))
        return result
