# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of a task that failed: the phase of the run that it was in, and what it says."""

from __future__ import annotations

import re

# Ansible's own words before those of a filter.
PREAMBLE = re.compile(r"^.*(The filter plugin \S+ failed|original message): ", re.DOTALL)
FIRST_PHASE = "Settings"


def first_failed(result: dict) -> dict:
    """Given what a task returned, return what the first item of its loop that failed did, or all if it has no loop."""
    items = [item for item in result.get("results") or [] if isinstance(item, dict)]
    return next((item for item in items if item.get("failed")), result)


def first_line(phase: str, result: dict, task: str = "") -> str:
    """Given the phase that a run was in, and what the task that failed returned, return how the failure begins."""
    failed = first_failed(result)
    message = failed.get("msg") or failed.get("stderr") or f"the task '{task}' failed and says no more"
    return f"{phase or FIRST_PHASE}: {PREAMBLE.sub('', str(message))}"
