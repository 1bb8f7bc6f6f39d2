# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells a person what a run does, on the screen and in the run's log."""

from __future__ import annotations

import os
import time
from datetime import datetime, timezone

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.microbosh.director.plugins.plugin_utils._run._facts import require_none_of_ours
from ansible_collections.microbosh.director.plugins.plugin_utils._run._gate import GateError
from ansible_collections.microbosh.director.plugins.plugin_utils._run._lines import duration
from ansible_collections.microbosh.director.plugins.plugin_utils._run._printable import printable_lines
from ansible_collections.microbosh.director.plugins.plugin_utils._run._screen import show

ARGUMENTS = {
    "message": {"type": "list", "elements": "str", "required": True},
    "log": {"type": "path"},
    "phase": {"type": "str"},
    "detail": {"type": "str", "default": ""},
    "severity": {"type": "str", "choices": ["info", "error"], "default": "info"},
}


class ActionModule(ActionBase):
    """Print the lines, append them to the log, and note when the phase began and how long it took."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        dummy, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        try:
            require_none_of_ours(task_vars)
        except GateError as error:
            raise AnsibleActionFail(str(error)) from error
        # A fact cache may still hold the phases of an earlier run.
        began = float(task_vars.get("run_began", 0))
        phases = [phase for phase in task_vars["ansible_facts"].get("run_phases", []) if phase["ended"] >= began]
        # A message may quote a director. Each line of it is one of its own, that none passes for another host's or
        # another time's.
        lines = [line for message in arguments["message"] for line in printable_lines(message).split("\n")]
        arguments["detail"] = printable_lines(arguments["detail"])
        if arguments["phase"]:
            phases.append(self._phase(arguments["phase"], phases, task_vars))
            lines = [*lines[:-1], f"{lines[-1]} ({duration(phases[-1]['seconds'])})"] if lines else []
        self._show(task_vars["inventory_hostname"], lines, arguments["severity"])
        if arguments["log"] and os.path.isdir(os.path.dirname(arguments["log"])) and not self._task.check_mode:
            self._append(arguments, lines)
        result.update(changed=False, lines=lines, ansible_facts={"run_phases": phases})
        return result

    @staticmethod
    def _phase(name, phases, task_vars):
        """Return the phase, which begins where the one before ended; the first began with the run."""
        now = time.time()
        began = phases[-1]["ended"] if phases else float(task_vars.get("run_began", now))
        stamp = datetime.fromtimestamp(began, timezone.utc).isoformat(timespec="milliseconds")
        return {"phase": name, "start": stamp, "seconds": round(max(now - began, 0), 2), "ended": now}

    @staticmethod
    def _show(host, lines, severity):
        for line in lines:
            show(host, line, "red" if severity == "error" else "bright blue")

    @staticmethod
    def _append(arguments, lines):
        path = arguments["log"]
        stamp = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
        text = "".join(f"{stamp} {line}\n" for line in lines)
        text += "".join(f"    {line}\n" for line in arguments["detail"].splitlines())
        try:
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", encoding="utf-8") as log:
                log.write(text)
        except OSError as error:
            message = f"The run's log {path} cannot be written: {error.strerror}."
            if arguments["severity"] != "error":
                raise AnsibleActionFail(message) from error
            Display().warning(message)  # a failure is told and cleaned up after, even when the disk is full
