# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The artifact of a job: how a run ended on a host, in the same shape for every playbook and every end."""

from __future__ import annotations

import re
import time

from ansible_collections.microbosh.director.plugins.module_utils._backup._snapshots import parse_id
from ansible_collections.microbosh.director.plugins.plugin_utils._run._phases import phase_until_now

# Nothing was done: for want of a director, or as the settings do not say what, or nobody confirmed it.
REFUSED = ("held", "busy", "unreachable", "settings")
SETTINGS = "Settings"
# An artifact is kept in a database, and handed on to the next job.
LONGEST_LIST = 50


def run_artifact(run: dict, playbook: str, failed: dict | None = None, more: dict | None = None) -> dict:
    """Given what a run knows of itself, the playbook, what failed and what that adds, return the artifact.

    ``run`` has the host, its id, when it began, its phase, the phases that ended and whether it was a ``check``.
    ``failed`` is empty for a run that did what was asked for; else it has a message and a reason.
    """
    failed, began, more = failed or {}, float(run["began"]), more or {}
    phases, reason = list(run["phases"]), reason_of(failed, run["phase"])
    if failed:
        phases.append(phase_until_now(slug(run["phase"]), phases, began))
    return {
        **places_of(more.get("verdicts") or []),
        **bounded(more),
        "host": str(run["host"]),
        "playbook": playbook,
        "id": str(run["id"]),
        "outcome": outcome_of(reason, run["check"]),
        "reason": reason,
        "error": failed.get("message") or "",
        "seconds": round(time.time() - began, 2),
        "phases": [{name: phase[name] for name in ("phase", "start", "seconds")} for phase in phases],
    }


def outcome_of(reason: str, check: bool) -> str:
    """Return the outcome in one word."""
    if reason:
        return "refused" if reason in REFUSED else "failed"
    return "checked" if check else "succeeded"


def reason_of(failed: dict, phase: str) -> str:
    """Given what failed and the phase that it was in, return the reason in one word, empty if nothing failed."""
    if not failed:
        return ""
    reason = failed.get("reason") or "error"
    return "settings" if reason == "error" and phase == SETTINGS else reason


def places_of(verdicts: list) -> dict:
    """Given the verdicts of a verification, return the newest backup and the newest archive that it read."""
    backups = [verdict["path"] for verdict in verdicts if parse_id(verdict["name"])]
    archives = [verdict["path"] for verdict in verdicts if not parse_id(verdict["name"])]
    return {"path": max(backups, default=""), "archive": max(archives, default="")}


def slug(phase: str) -> str:
    """Return the title of a phase as the name that it has among the phases."""
    return re.sub(r"[^a-z0-9]+", "_", str(phase).lower()).strip("_") or "settings"


def bounded(value):
    """Return a value in which no list is longer than a person reads; the backup's own report has all of them."""
    if isinstance(value, dict):
        return {name: bounded(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [bounded(item) for item in value[:LONGEST_LIST]]
    return value
