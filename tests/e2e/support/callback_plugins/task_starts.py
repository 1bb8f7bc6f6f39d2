"""Writes down each task before it begins: under host_pinned, Ansible prints its name with the result only.

Can stop Ansible there as well, for what must not come too late.
"""

from __future__ import annotations

import os
import signal

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: task_starts
type: aggregate
short_description: Names of tasks, before they begin
description:
  - Appends the name of each task to the file that E(TASK_STARTS) names.
  - Stops before the task that E(TASK_STOP) names.
"""


class CallbackModule(CallbackBase):
    """One line for each task that is about to begin."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "task_starts"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_task_start(self, task, is_conditional):
        with open(os.environ["TASK_STARTS"], "a", encoding="utf-8") as starts:
            starts.write(f"{task.name}\n")
        if task.name == os.environ.get("TASK_STOP"):
            os.kill(os.getpid(), signal.SIGSTOP)
