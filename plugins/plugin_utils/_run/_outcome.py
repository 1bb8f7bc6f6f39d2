# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a run that failed: what is told, whether the director runs, and what the report says."""

from __future__ import annotations

from ansible_collections.microbosh.director.plugins.plugin_utils._run._backup_words import verdict
from ansible_collections.microbosh.director.plugins.plugin_utils._run._failure import first_failed, first_line
from ansible_collections.microbosh.director.plugins.plugin_utils._run._online import moved_but

# What Ansible says of a command that failed, which tells nothing without its name.
NAMELESS = ("non-zero return code", "The command exited with a non-zero return code.")
# Nothing was done for want of a director: whoever starts the run may try again later.
UNAVAILABLE = ("held", "busy", "unreachable")


def failure(result: dict, phase: str = "", task: str = "", unreachable: bool = False, hint: str = "") -> dict:
    """Given what the task that failed returned, the phase it was in and its name, return what is told of it and why.

    Of a loop the first item that failed tells. ``unreachable`` is whether the director did not answer at all, and
    ``hint`` what a person has to mend there: a wrong key is no reason to try again later.
    """
    first = first_failed(result)
    if first.get("msg") in NAMELESS:
        first = {"msg": f"the task '{task}' failed: {first['msg']}"}
    return {
        "message": first_line(phase, first, task),
        "reason": "unreachable" if unreachable and not hint else result.get("reason", "error"),
    }


def director_said(stopped: bool, runs: bool, limit: int) -> str:
    """Return how the director is, in words. ``limit`` are the seconds after which its lease starts it."""
    if not stopped:
        return "Nothing was stopped on the director."
    if runs:
        return "The director is up, every service runs."
    return (
        f"THE DIRECTOR IS NOT KNOWN TO BE UP: its lease starts it within {limit} s of its stop and goes on trying; "
        "the checkup playbook starts it now."
    )


def backup_outcome(run: dict, agent_stop: dict, start: dict) -> dict:
    """Given what a backup that failed knows, return its outcome.

    ``run`` has its id, its host, its failure(), the token of its lease and the path of the published backup, both empty
    if it had none, what is missing of the director's database, the ``online`` verdict, and the limit of an outage.
    ``agent_stop``, which is the first thing that is stopped, and ``start`` are what those tasks returned, empty if the
    run never came to them. Where something was stopped and is not known to run again, the lease stays, as the
    director's last chance.
    """
    failed, name = run["failure"], f"Backup {run['id']} of {run['host']}"
    stopped, published = bool(agent_stop), bool(run["published"])
    runs = "services" in start and not start.get("failed")
    is_whole = f"is {verdict(run['without'], moved_but(run['online']))} and published, what came after it FAILED"
    return {
        "give_back": bool(run["lease"]) and not published,
        "left_down": stopped and not runs,
        "published": published,
        "unavailable": failed["reason"] in UNAVAILABLE,
        "lines": [
            f"{name} {is_whole if published else 'FAILED'}",
            f"  {failed['message']}",
            f"  {director_said(stopped, runs, run['limit'])}",
            "  The earlier backups are as they were.",
        ],
        "record": {
            "id": str(run["id"]),
            "host": str(run["host"]),
            "status": "published" if published else "failed",
            "reason": failed["reason"],
            "error": failed["message"],
        },
    }
