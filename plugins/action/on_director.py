# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module of others on the director; its answer passes the gate, as that of a module of ours does."""

from __future__ import annotations

from ansible.errors import AnsibleActionFail
from ansible_collections.microbosh.director.plugins.plugin_utils._run._director_action import DirectorAction
from ansible_collections.microbosh.director.plugins.plugin_utils._run._others import MODULES, GatedCopy, OthersAction


class ActionModule(OthersAction, DirectorAction):
    """Run the one module that is named, with its arguments."""

    def run(self, tmp=None, task_vars=None):
        self._module, self._arguments = chosen(self._task.args)
        return super().run(tmp, task_vars)

    def _ask(self, task_vars):
        if self._module == "copy":
            return self._copied(task_vars)
        return self._execute_module(MODULES[self._module], module_args=dict(self._arguments), task_vars=task_vars)

    def _copied(self, task_vars):
        """Bring a file of the controller there, of which the module alone knows nothing."""
        task = self._task.copy()
        task.args = dict(self._arguments)
        parts = (self._connection, self._play_context, self._loader, self._templar, self._shared_loader_obj)
        return GatedCopy(task, *parts).run(task_vars=task_vars)


def chosen(given: dict) -> tuple[str, dict]:
    """Given the arguments of the task, return the module and its arguments."""
    [[name, arguments]] = given.items() if len(given) == 1 else [("", None)]
    if name not in MODULES or not isinstance(arguments, dict):
        raise AnsibleActionFail(f"Name one of these modules, and its arguments below it: {', '.join(MODULES)}.")
    return name, arguments
