# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a director whose restore failed, and what is told of it.

Everything here is asked in the rescue of a run: what a run did not come to know is not there, and that must not be an
error, as nothing would put the director back.
"""

from __future__ import annotations

import errno
import os

from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.microbosh.director.plugins.plugin_utils._run._failure import first_failed, first_line

NO_SPACE = [os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT)]
AGAIN = "run this playbook with -e microbosh_restore_unfinished"
# By the kind of outcome where nothing has to come back.
OUTCOMES = {
    "untouched": "Nothing was touched.",
    "interrupted": "The interrupted restore is as it was.",
    "settled": "What the interrupted restore kept or brought is still there; run this again, or checkup if a service "
    "does not run.",
    "rolled_back": "What was there before is in its place, and every service runs{but}; what the restore brought is "
    "still there.",
    "restored": "The director is restored and up{but}; what was kept aside is still there, and the next restore "
    "removes it.",
    "unmarked": "The director is restored and up{but}, but the host does not say so; mend the cause, then "
    f"{AGAIN}=resume.",
}
NOT_UP = (
    "NOT EVERY SERVICE IS KNOWN TO RUN: {why} Mend the cause, then "
    f"{AGAIN}=rollback: it starts them, and removes what is left of the restore."
)
# By what is known of a rollback that failed.
NOT_BACK = {
    "back": f"What was there before is in its place again, but {NOT_UP}",
    "running": "Nothing was exchanged and every service runs, but the host still says that a restore is under way: "
    f"{{why}} Mend the cause, then {AGAIN}=rollback.",
    "as_it_was": f"Nothing was exchanged, but {NOT_UP}",
    "stopped": "THE ROLLBACK FAILED TOO: {why} The services stay stopped. Mend the cause, then "
    f"{AGAIN}=rollback (or resume).",
}


def flag(state: dict, name: str) -> bool:
    """Whether something holds; not if nobody knows."""
    return boolean(state.get(name) or False, strict=False)


def came_of(result: dict | None) -> str:
    """Given what a task returned, return how it ended; a task that was not come to returned nothing."""
    if not result:
        return "not reached"
    if result.get("skipped"):
        return "skipped"
    return "failed" if result.get("failed") else "done"


def failed_restore(result: dict, state: dict) -> dict:
    """Given what the task that failed returned, and how far the restore had come, return what has to be done now.

    ``roll_back``: what was there has to come back. ``may_run``: services may run meanwhile, as the data is what they
    left. ``stranger``: another server lives on the database's files. ``unavailable``: nothing was done, and it may be
    tried again later. ``remove_ready``: what was made ready is nobody's any more. ``remove_pushed``: neither is what
    was pushed for it, which else saves the next run the way.
    """
    stopping, fresh = flag(state, "stopping"), flag(state, "fresh")
    remove_ready = not stopping and fresh and flag(state, "holds_director")
    kind = kind_of(state)
    refused = result.get("reason") == "held" or (flag(state, "unreachable") and not state.get("reach_hint"))
    return {
        "kind": kind,
        "reason": "unreachable" if refused and result.get("reason") != "held" else result.get("reason", "error"),
        "failure": first_line(state.get("phase"), result, state.get("task") or ""),
        "outcome": OUTCOMES[kind].format(but=state.get("but") or ""),
        "roll_back": stopping and came_of(state.get("proven_mark")) == "not reached",
        "may_run": fresh and not flag(state, "exchanging"),
        "stranger": bool(first_failed(result).get("servers")),
        "unavailable": not stopping and fresh and refused,
        "remove_ready": remove_ready,
        "remove_pushed": remove_ready and (flag(result, "unfit") or filled_disk(result)),
    }


def filled_disk(result: dict) -> bool:
    """Given what the task that failed returned, return whether it had no space: services of the director have none."""
    said = str(first_failed(result).get("msg") or "")
    return any(words in said for words in NO_SPACE)


def kind_of(state: dict) -> str:
    """Return how things stand after a failure that nothing was done about yet."""
    if flag(state, "settled"):
        return "settled"
    if not flag(state, "stopping"):
        return "untouched" if flag(state, "fresh") else "interrupted"
    return {"skipped": "rolled_back", "failed": "unmarked"}.get(came_of(state.get("proven_mark")), "restored")


def rolled_back(state: dict) -> dict:
    """Given what started, return what is told of a failed restore whose director is as it was before.

    ``not_started`` are services that were left down, as another server lives on their files.
    """
    but = state.get("but") or ""
    outcome = f"It was rolled back, every service runs on what was there before{but}."
    if flag(state, "stranger"):
        services = ", ".join(state.get("not_started") or [])
        outcome = (
            f"It was rolled back, and every service runs on what was there before BUT {services}, as another server "
            f"lives on its files: end that one, then run the checkup playbook.{' ALSO' + but if but else ''}"
        )
    return {"outcome": outcome, "lease_released": True, "lost": False}


def not_rolled_back(result: dict, state: dict) -> dict:
    """Given what the task that failed returned, and what the rollback came to, return what is told of one that failed.

    ``lost``: the director could not be reached for as long as it was waited for, so it is not waited for again.
    """
    why = first_line(state.get("phase"), result, state.get("task") or "")
    told = NOT_BACK[back_kind(state)].format(why=why)
    return {"outcome": told, "lease_released": False, "lost": bool(result.get("lost"))}


def back_kind(state: dict) -> str:
    """Return how things stand after a rollback that failed."""
    if came_of(state.get("rolled_back")) == "done":
        return "back"
    if not flag(state, "may_run"):
        return "stopped"
    started = [came_of(state.get(name)) for name in ("start_others", "start")]
    return "running" if started == ["done", "done"] else "as_it_was"
