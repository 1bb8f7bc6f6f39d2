# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets outages of one controller take turns, so that none gets longer by the work of another."""

from __future__ import annotations

import os
import time

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.microbosh.director.plugins.plugin_utils._run import _log
from ansible_collections.microbosh.director.plugins.plugin_utils._run import _outage_slots as slots
from ansible_collections.microbosh.director.plugins.plugin_utils._run._controller_process import identify
from ansible_collections.microbosh.director.plugins.plugin_utils._run._facts import require_none_of_ours
from ansible_collections.microbosh.director.plugins.plugin_utils._run._gate import GateError
from ansible_collections.microbosh.director.plugins.plugin_utils._run._giving_way import renew_connection
from ansible_collections.microbosh.director.plugins.plugin_utils._run._lines import duration
from ansible_collections.microbosh.director.plugins.plugin_utils._run._phases import end_phase
from ansible_collections.microbosh.director.plugins.plugin_utils._run._printable import printable_lines
from ansible_collections.microbosh.director.plugins.plugin_utils._run._screen import show_progress, tell, warn

ARGUMENTS = {
    "state": {"type": "str", "choices": ["held", "released"], "required": True},
    "at_once": {"type": "int", "default": 0},
    "patience": {"type": "int", "default": 7200},
    "limit": {"type": "int", "default": 1800},
    "token": {"type": "str", "default": ""},
    "log": {"type": "path"},
}
LOOK_SECONDS = 0.1
TELL_SECONDS = 60
PHASE = "slot"


class ActionModule(ActionBase):
    """Take a slot, or give it back. What is wrong with slots costs nobody a backup: it is told, and the run goes on."""

    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        dummy, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        try:
            require_none_of_ours(task_vars)
        except GateError as error:
            raise AnsibleActionFail(str(error)) from error
        result.update(changed=False, token="", waited=0.0)
        if self._task.check_mode:
            return result
        host = task_vars["inventory_hostname"]
        try:
            if arguments["state"] == "released":
                self._release(result, arguments, host)
            else:
                self._hold(result, arguments, host, float(task_vars.get("run_began", 0)))
        except (slots.SlotError, OSError) as error:
            warn(result, host, f"Outages of other directors may fall together with this one: {error}")
        return result

    def _hold(self, result, arguments, host, run_began):
        count = arguments["at_once"] if arguments["at_once"] > 0 else slots.processors()
        turn = Turn(slots.slots_directory(), count, host)
        slot = slots.take(turn.directory, turn.count, host)
        if slot is None:
            self._tell(result, arguments, host, turn.said())
            slot = turn.wait(arguments["patience"])
            result["waited"] = turn.waited
        if slot is None:
            result.update(failed=True, reason="busy", msg=turn.given_up())
            return
        slots.hand_on(slot, os.getppid(), identify(os.getppid()), arguments["limit"])
        result["token"] = slot.token
        renew_connection(self._connection)
        if turn.waited:
            end_phase(host, PHASE, run_began)
            self._tell(result, arguments, host, f"The turn of this director has come after {duration(turn.waited)}")

    def _release(self, result, arguments, host):
        token = arguments["token"]
        if token and not slots.give_back(slots.slots_directory(), token):
            raise slots.SlotError(f"slot {token} of {host} was not given back; it is free when this run ends")

    def _tell(self, result, arguments, host, line):
        line = printable_lines(line)
        tell(result, host, [line], hidden=self._task.no_log)
        problem = _log.append(arguments["log"], [line])
        if problem:
            warn(result, host, problem)


class Turn:
    """A host that waits for one of so many slots."""

    def __init__(self, directory, count, host):
        self.directory, self.count, self.host = directory, count, host
        self.waited = 0.0

    def said(self):
        """Return whose outages are waited for."""
        away = ", ".join(slots.hosts_away(self.directory, self.count)) or slots.UNKNOWN
        at_once = f"{self.count} at once, microbosh_outages_at_once"
        return f"Waiting, nothing is stopped yet, for the outage of {away} ({at_once})"

    def given_up(self):
        return (
            f"No turn came for the outage of this director within {duration(self.waited)}. {self.said()}. Nothing was "
            "stopped; run the backup again, or raise microbosh_outages_at_once."
        )

    def wait(self, patience):
        """Wait so many seconds at most; return the slot, None if there was none."""
        began = told = time.monotonic()
        look = LOOK_SECONDS * (1 + os.getpid() % 10 / 10)  # not all that wait look at the same moment
        slot = None
        while slot is None and self.waited < patience:
            time.sleep(look)
            slot = slots.take(self.directory, self.count, self.host)
            self.waited = round(time.monotonic() - began, 2)
            if slot is None and time.monotonic() - told >= TELL_SECONDS:
                told = time.monotonic()
                show_progress(self.host, f"{self.said()}, {duration(self.waited)} already")
        return slot
