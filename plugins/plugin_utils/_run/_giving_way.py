# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that stops nobody gives way: the outages of other directors get the processors of this controller first.

Each task runs in a process of its own, with all that it starts, so a priority that it gives up is no other task's. The
kernel orders what such a process reads and writes by the same number, as long as nobody sets another one (ioprio_set).
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from pathlib import Path

from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.microbosh.director.plugins.plugin_utils._run._outage_slots import (
    SlotError,
    any_held,
    slots_directory,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._run._remote_shell import shared_connection

VARIABLE = "run_gives_way"
# What reads and copies everything may still be at it when an outage begins; all else gives way while there is one.
HEAVY, WHILE_AWAY = 10, 19
# Where sessions are scheduled beside each other (sched_autogroup_enabled) a number counts within its session only.
AUTOGROUP = Path("/proc/self/autogroup")


def give_way(templar, task_vars: dict | None, heavy: bool = False) -> None:
    """Lower the priority of this task's process for good, unless the run says that its host does not give way."""
    if multiprocessing.parent_process() is None:
        return  # no process of a task's own: what is lowered could never be raised again
    if boolean(templar.template((task_vars or {}).get(VARIABLE, False)), strict=False):
        lower(level(heavy))


def level(heavy: bool) -> int:
    """Return how far a task goes down now, 0 for not at all."""
    with contextlib.suppress(SlotError, OSError):
        if any_held(slots_directory()):
            return WHILE_AWAY
    return HEAVY if heavy else 0


def lower(nice: int, autogroup: Path = AUTOGROUP) -> None:
    """Lower the priority of this process to that number, if it is not there already, and that of its own session."""
    if os.getpriority(os.PRIO_PROCESS, 0) >= nice:
        return
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, nice)
        # Since ansible-core 2.19 a task has its own session; before that it shares that of the whole run.
        if os.getsid(0) == os.getpid():
            autogroup.write_text(f"{nice}\n", encoding="ascii")


def renew_connection(connection) -> None:
    """End the shared connection to a director whose turn has come, if a task that gave way began it.

    All that goes through it would go at the priority of that task. The next task begins another one.
    """
    master = shared_connection(connection)
    with contextlib.suppress(AnsibleError, OSError):
        if master and os.getpriority(os.PRIO_PROCESS, master) > os.getpriority(os.PRIO_PROCESS, 0):
            connection.reset()
