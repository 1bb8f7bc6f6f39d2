# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends a run that failed, with an exit status that tells whether there was a director for it at all."""

from __future__ import annotations

from ansible.plugins.action import ActionBase
from ansible_collections.microbosh.director.plugins.plugin_utils._run import _log
from ansible_collections.microbosh.director.plugins.plugin_utils._run._gate import told
from ansible_collections.microbosh.director.plugins.plugin_utils._run._printable import printable_lines
from ansible_collections.microbosh.director.plugins.plugin_utils._run._screen import (
    prints_results,
    tell,
    tells_failures,
    warn,
)

LONGEST = 65_536
ARGUMENTS = {
    "msg": {"type": "str", "required": True},
    "lines": {"type": "list", "elements": "str", "default": []},
    "log": {"type": "path"},
    "unavailable": {"type": "bool", "default": False},
}


class ActionModule(ActionBase):
    """Fail the host, or mark it as unreachable, as Ansible does with one that does not answer."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        dummy, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        host = task_vars["inventory_hostname"]
        lines = [line for message in arguments["lines"] for line in printable_lines(message).split("\n")]
        problem = "" if self._task.check_mode else _log.append(arguments["log"], lines)
        if problem:
            warn(result, host, problem)
        where = f"\nThe log is {arguments['log']}" if _log.is_there(arguments["log"]) else ""
        message = arguments["msg"]
        if lines and prints_results():
            message = "\n".join(lines)  # all of it, in the one place that is read
        else:
            tell(result, host, lines, "error", self._task.no_log)
            if not tells_failures():
                result.pop("lines")  # Ansible prints all of a result that failed
        result.update(changed=False, msg=told(f"{message}{where}", LONGEST))
        result["unreachable" if arguments["unavailable"] else "failed"] = True
        return result
