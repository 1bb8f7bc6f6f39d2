# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells a person what a run does, on the screen and in the run's log."""

from __future__ import annotations

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.microbosh.director.plugins.plugin_utils._run import _log
from ansible_collections.microbosh.director.plugins.plugin_utils._run._facts import require_none_of_ours
from ansible_collections.microbosh.director.plugins.plugin_utils._run._gate import GateError
from ansible_collections.microbosh.director.plugins.plugin_utils._run._lines import duration
from ansible_collections.microbosh.director.plugins.plugin_utils._run._phases import end_phase
from ansible_collections.microbosh.director.plugins.plugin_utils._run._printable import printable_lines
from ansible_collections.microbosh.director.plugins.plugin_utils._run._screen import tell, warn

ARGUMENTS = {
    "message": {"type": "list", "elements": "str", "required": True},
    "errors": {"type": "list", "elements": "str", "default": []},
    "log": {"type": "path"},
    "copy": {"type": "path"},
    "phase": {"type": "str"},
    "next": {"type": "str", "default": ""},
    "detail": {"type": "str", "default": ""},
    "severity": {"type": "str", "choices": ["info", "error"], "default": "info"},
}


class ActionModule(ActionBase):
    """Tell the lines, append them to the log, and note when the phase began and how long it took."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        dummy, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        try:
            require_none_of_ours(task_vars)
        except GateError as error:
            raise AnsibleActionFail(str(error)) from error
        host = task_vars["inventory_hostname"]
        errors, lines = _lines(arguments["errors"]), _lines(arguments["message"])
        if arguments["phase"]:
            phase = end_phase(host, arguments["phase"], float(task_vars.get("run_began", 0)))
            lines = timed(lines, duration(phase["seconds"]))
        result.update(changed=False, phase=arguments["next"])
        tell(result, host, errors, "error", self._task.no_log)
        tell(result, host, lines, arguments["severity"], self._task.no_log)
        self._append(result, arguments, errors + lines, host)
        return result

    def _append(self, result, arguments, lines, host):
        if self._task.check_mode:
            return
        problem = _log.append(arguments["log"], lines, printable_lines(arguments["detail"]))
        if arguments["copy"] and not problem:
            problem = _log.copy(arguments["log"], arguments["copy"])
        if problem and arguments["severity"] != "error":
            raise AnsibleActionFail(problem)
        if problem:  # a failure is told and cleaned up after, even when the disk is full
            warn(result, host, problem)


def _lines(messages):
    """Return a line of its own for each in the messages: they may quote a director, whose lines are no other host's."""
    return [line for message in messages for line in printable_lines(message).split("\n")]


def timed(lines: list[str], took: str) -> list[str]:
    """Return the lines with how long the phase took behind the last one but for those, indented, that are of it."""
    ends = [number for number, line in enumerate(lines) if not line.startswith(" ")] or [len(lines) - 1]
    return [f"{line} ({took})" if number == ends[-1] else line for number, line in enumerate(lines)]
