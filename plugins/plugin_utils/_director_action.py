# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module on the director and survives a lost connection.

Ansible runs neither C(rescue) nor C(always) for a host that it calls unreachable. A director
whose services are stopped would be left like that. So the modules that work on a director
reconnect for a while, and report a connection that stays lost as a failed task.
"""

from __future__ import annotations

import contextlib
import time

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

# How long a task connects again is the variable run_reconnect_seconds, or this.
RECONNECT_SECONDS = 60
PAUSE_SECONDS = 2


class DirectorAction(ActionBase):
    """Run the module of the task's name; all of them may be run again after a lost answer."""

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        patience = float(self._templar.template(task_vars.get("run_reconnect_seconds", RECONNECT_SECONDS)))
        lost_at = None
        while True:
            try:
                result.update(self._execute_module(task_vars=task_vars))
                break
            except AnsibleConnectionFailure as error:
                # A connection that is cut is noticed late: the time begins when it is.
                lost_at = lost_at or time.monotonic()
                if time.monotonic() - lost_at >= patience:
                    result.update(self._lost(error, patience))
                    break
                self._reconnect(error)
        self._remove_tmp_path(self._connection._shell.tmpdir)
        return result

    def _reconnect(self, error):
        host = self._task.delegate_to or self._connection.get_option("host")
        Display().warning(f"Lost the connection to {host}, connecting again: {error}")
        time.sleep(PAUSE_SECONDS)
        with contextlib.suppress(AnsibleConnectionFailure):  # the next try tells
            self._connection.reset()

    @staticmethod
    def _lost(error, patience):
        return {
            "failed": True,
            "lost": True,
            "msg": f"The connection to the director was lost and did not come back within {patience:.0f} s: "
            f"{error}. If services were stopped, the lease on the director starts them at its deadline.",
        }
