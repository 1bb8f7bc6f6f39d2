# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuses facts with the name of a setting: Ansible prefers facts, which come from the director, to the inventory."""

from __future__ import annotations

from ansible_collections.microbosh.director.plugins.plugin_utils._run._gate import GateError
from ansible_collections.microbosh.director.plugins.plugin_utils._run._printable import printable

# Prefixes of the names of settings, and of all that a run sets or registers.
PREFIXES = (
    "microbosh_", "run_", "setup_", "reach", "blobs_", "preflight_", "rights_", "again_", "archive_", "checkup_",
    "databases_plan", "extra_secrets", "first_pass_", "holes_", "restore_extra", "running_tasks_", "schedule_",
)  # fmt: skip
# This one run_log of an earlier version made, on the controller; a cache of facts may have it still.
OURS = ("run_phases",)


def require_none_of_ours(task_vars: dict):
    """Raise GateError if a fact of the host would stand in the place of a setting, or of what a run knows."""
    facts = task_vars.get("ansible_facts") or {}
    planted = sorted(str(name) for name in facts if str(name).startswith(PREFIXES) and name not in OURS)
    if planted:
        shown = ", ".join(printable(name)[:100] for name in planted[:5])
        raise GateError(
            f"{task_vars.get('inventory_hostname')} has the fact {shown}, which would stand in the place of a "
            "setting. Facts come from "
            "the director or from a cache of them, and no setting does: find out who set it, and clear the cache "
            "of facts."
        )
