# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes over the lease of a run that died on this controller, so that no operator has to clean up."""

from __future__ import annotations

import os
import threading
import time

from ansible_collections.microbosh.director.plugins.module_utils._lease._lease import TAKEOVER_SECONDS
from ansible_collections.microbosh.director.plugins.plugin_utils._run._controller_process import identify, is_gone
from ansible_collections.microbosh.director.plugins.plugin_utils._run._director_action import DirectorAction
from ansible_collections.microbosh.director.plugins.plugin_utils._run._lines import duration
from ansible_collections.microbosh.director.plugins.plugin_utils._run._screen import show_progress, warn, with_warnings

TELL_SECONDS = 20
WAITING = f"; what it left stopped is started first, which may take up to {TAKEOVER_SECONDS // 60} minutes"


class LeaseAction(DirectorAction):
    """Tell the director which process asks; when refused for a run that is dead, ask again and say so."""

    def run(self, tmp=None, task_vars=None):
        # A task runs in a worker; its parent is ansible-playbook, which lives as long as the run.
        self._task.args = dict(self._task.args, controller=identify(os.getppid()))
        result = super().run(tmp, task_vars)
        lease = result.get("lease") or {}
        if result.get("reason") != "held" or not is_gone(lease.get("controller") or ""):
            return result
        host, takeover = task_vars["inventory_hostname"], {}
        said = (
            f"the run of {lease.get('holder')} that holds the director since {lease.get('since')} is dead, its lease "
            f"is taken over{WAITING if lease.get('armed') else ''}"
        )
        # The preflight only asks; the task that takes the lease over says it.
        if not self._task.check_mode or task_vars.get("ansible_check_mode"):
            warn(takeover, host, said)
        self._task.args["takeover"] = lease.get("token") or ""
        with Waiting(host):
            result = super().run(tmp, task_vars)
        return with_warnings(result, takeover)


class Waiting:
    """Tells every few seconds that something is still waited for."""

    def __init__(self, host):
        self._host = host
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._tell, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *dummy):
        self._done.set()
        self._thread.join()

    def _tell(self):
        began = time.monotonic()
        while not self._done.wait(TELL_SECONDS):
            show_progress(
                self._host,
                f"waiting for the services that the dead run left stopped, {duration(time.monotonic() - began)} of "
                f"{duration(TAKEOVER_SECONDS)} at most",
            )
