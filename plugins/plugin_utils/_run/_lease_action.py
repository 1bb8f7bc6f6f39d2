# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes over the lease of a run that died on this controller, so that no operator has to clean up."""

from __future__ import annotations

import os
import threading
import time

from ansible_collections.microbosh.director.plugins.module_utils._lease._lease import TAKEOVER_SECONDS
from ansible_collections.microbosh.director.plugins.plugin_utils._run._controller_process import (
    identify,
    is_gone,
    is_in_another_container,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._run._director_action import DirectorAction
from ansible_collections.microbosh.director.plugins.plugin_utils._run._lines import duration
from ansible_collections.microbosh.director.plugins.plugin_utils._run._run_lock import is_left, keep, let_go
from ansible_collections.microbosh.director.plugins.plugin_utils._run._screen import show_progress, warn, with_warnings

TELL_SECONDS = 20
WAITING = f"; what it left stopped is started first, which may take up to {TAKEOVER_SECONDS // 60} minutes"


class LeaseAction(DirectorAction):
    """Tell the director which process asks; when refused for a run that is dead, ask again and say so."""

    def run(self, tmp=None, task_vars=None):
        # A task runs in a worker; its parent is ansible-playbook, which lives as long as the run.
        identity = identify(os.getppid())
        self._task.args = dict(self._task.args, controller=identity)
        backups = self._templar.template(task_vars["run_dir"]) if task_vars.get("run_dir") else ""
        result = self._take_over_from_the_dead(super().run(tmp, task_vars), tmp, task_vars, backups)
        if identity and backups and not self._task.check_mode and not result.get("failed"):
            self._be_known(backups, identity)
        return result

    def _be_known(self, backups, identity):
        """Let jobs in other containers of this machine know whether the run lives, from when it has the lease."""
        state = self._task.args.get("state", "held")
        if state == "held" and not self._task.args.get("token"):
            keep(backups, identity, os.getppid())
        elif state == "released":
            let_go(backups, identity)

    def _take_over_from_the_dead(self, result, tmp, task_vars, backups):
        """Given an answer, ask again if it was refused for a run that is dead, and return the answer to that."""
        lease = result.get("lease") or {}
        if result.get("reason") != "held" or not is_dead(lease.get("controller") or "", backups):
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


def is_dead(controller: str, backups: str) -> bool:
    """Given the name of a run's process, and where the director's backups are here, return whether it is known dead."""
    return is_gone(controller) or (is_in_another_container(controller) and is_left(backups, controller))


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
