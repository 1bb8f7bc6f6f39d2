# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes a lease over from a run that died on this controller, so that nobody has to clean up after it."""

from __future__ import annotations

import os

from ansible.utils.display import Display
from ansible_collections.microbosh.director.plugins.plugin_utils._controller_process import identify, is_gone
from ansible_collections.microbosh.director.plugins.plugin_utils._director_action import DirectorAction


class LeaseAction(DirectorAction):
    """Tell the director which process asks; when refused for a run that is dead, ask again and say so."""

    def run(self, tmp=None, task_vars=None):
        # A task runs in a worker; its parent is ansible-playbook, which lives as long as the run.
        self._task.args = dict(self._task.args, controller=identify(os.getppid()))
        result = super().run(tmp, task_vars)
        lease = result.get("lease") or {}
        if result.get("reason") != "held" or not is_gone(lease.get("controller", "")):
            return result
        Display().display(
            f"{task_vars['inventory_hostname']}: the run of {lease['holder']} that holds the director since "
            f"{lease['since']} is dead, its lease is taken over"
        )
        self._task.args["takeover"] = lease["token"]
        return super().run(tmp, task_vars)
