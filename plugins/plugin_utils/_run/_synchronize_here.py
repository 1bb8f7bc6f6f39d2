# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does the work of the module ansible.posix.synchronize in the process of the task.

The module puts a command line together and runs it on the controller. A process of its own for that takes half a second
of a processor, and a run has ten of them and more. The module stays the one that is installed, of whatever version.
Where that is none that can be loaded and comes to an answer, or something is asked for that needs a process, there is
one as ever.
"""

from __future__ import annotations

import contextlib
from importlib import import_module
from types import ModuleType

from ansible.plugins.loader import action_loader
from ansible_collections.microbosh.director.plugins.plugin_utils._run._in_process import answer_of_another

NAME = "ansible.posix.synchronize"


def _loaded() -> ModuleType | None:
    """Return the module, None if it cannot be had; its action is loaded, too, and not by each task."""
    with contextlib.suppress(Exception):  # what is missing is told where it is needed
        action_loader.get(NAME, class_only=True)
        return import_module("ansible_collections.ansible.posix.plugins.modules.synchronize")
    return None


MODULE = _loaded()


def in_this_process(delegate, environment: dict) -> None:
    """Given synchronize's action, have it run rsync from this process; ``environment`` is added to that of rsync."""
    by_process = delegate._execute_module

    def execute(module_name=None, module_args=None, task_vars=None, **more):
        answer = None
        if module_name == NAME and _needs_no_process(delegate, more):
            arguments = dict(module_args)
            delegate._update_module_args(NAME, arguments, task_vars)
            answer = answer_of_another(MODULE, arguments, delegate._loader.get_basedir(), environment)
        if answer is None:
            return by_process(module_name=module_name, module_args=module_args, task_vars=task_vars, **more)
        return answer

    delegate._execute_module = execute


def _needs_no_process(delegate, more):
    """Return whether it is rsync on the controller, by a module that can be had here."""
    known = hasattr(MODULE, "main") and hasattr(MODULE, "AnsibleModule")
    return known and not more and delegate._connection.transport == "local"
