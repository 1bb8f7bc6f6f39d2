# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""backup.json: what a backup tells of itself, out of what the tasks of the run returned."""

from __future__ import annotations

import os

from ansible_collections.microbosh.director.plugins.plugin_utils._run._online import online_record

BLOBS = (
    "named",
    "checked",
    "reused",
    "unreferenced",
    "external",
    "made_again",
    "without_digest",
    "lost",
    "damaged",
    "newly_lost",
    "unknown_columns",
)


def backup_report(made: dict) -> dict:
    """Given what the tasks of a run returned, by what they were about, return the report of its backup.

    A task that was skipped, or comes after the question, has an empty mapping. Numbers may be texts, as ansible-core
    2.16 makes them of what stands alone in a variable; None may be an empty one.
    """
    report = _of_run(made)
    report.update(_of_files(made))
    report.update(_of_databases(made))
    report.update(_of_director(made))
    report["proof"] = _proof(made["manifest"], made["blobs"])
    return {name: report[name] for name in ORDER}


# As the report is read from the first version on.
ORDER = (
    *("id", "host", "status", "mode", "versions", "phases", "outage_seconds", "outage", "online", "resumed_from"),
    *("previous", "moved", "new", "all", "dumps", "director_database", "without", "elsewhere", "postgresql", "filter"),
    *("tasks", "machine", "attributes", "superuser_for", "unrestorable_by_files", "services", "left_out"),
    *("identity", "proof"),
)


def _of_run(made):
    state = made["state"]
    return {
        "id": str(made["id"]),
        "host": str(made["host"]),
        "status": "published",
        "mode": str(made["mode"]),
        "versions": _versions(made),
        "phases": [{name: phase[name] for name in phase if name != "ended"} for phase in made["phases"]],
        "outage_seconds": float(made["outage"] or 0),
        "outage": list(made["parts"]),
        "online": online_record(made["online"]["verdict"], made["online"]["attempt"], made["mode"]),
        "resumed_from": state.get("resumed_from") or None,
        "previous": os.path.basename(state.get("previous") or "") or None,
        "filter": list(made["filter"]),
    }


def _versions(made):
    return {
        "collection": str(made["collection"]),
        "ansible_core": str(made["ansible_core"]),
        "monit": made["summary"]["version"],
        "postgresql": next((dump["server_version"] for dump in made["dumps"] if dump.get("server_version")), None),
    }


def _of_files(made):
    manifest, passes = made["manifest"], made["passes"]
    return {
        "moved": {what: round(sum(one.get(what, 0) for one in passes), 2) for what in ("files", "bytes", "seconds")},
        "new": {"files": manifest["read"], "bytes": manifest["read_bytes"]},
        "all": {"files": manifest["files"], "bytes": manifest["bytes"]},
        "left_out": list(made["left_out"]),
        "attributes": made["attributes"] or {"known": False},
        "identity": made["placed"]["identity"],
    }


def _of_databases(made):
    plan = made["plan"]
    return {
        "dumps": [_kept(one) for dump in made["dumps"] for one in dump.get("dumps") or []],
        "director_database": plan["director_database"],
        "without": plan["without"],
        "elsewhere": plan["server_elsewhere"],
        "postgresql": plan["postgresql"],
        "superuser_for": made["reading"].get("superuser_for", {}),
        "unrestorable_by_files": made["layout"].get("unrestorable"),
    }


def _kept(dump):
    """Return what is kept of a dump: its content was of use for the verdict alone."""
    return {name: dump[name] for name in dump if name != "content"}


def _of_director(made):
    summary, tasks = made["summary"], made["tasks"]
    alarms = []
    for alarm in [*summary["alarms"], *made["start"].get("alarms", [])]:
        if alarm not in alarms:
            alarms.append(alarm)
    return {
        "tasks": {"killed": tasks.get("running", []), "dead": tasks.get("dead", [])},
        "machine": {name: summary.get(name) for name in ("architecture", "libc")},
        "services": {"alarms": alarms, "unmonitored": summary["unmonitored"]},
    }


def _proof(manifest, blobs):
    skipped = blobs.get("skipped", False)
    return {
        "whole": manifest["whole"] and blobs.get("whole", True),
        "manifest": {name: manifest[name] for name in ("files", "read", "reused")},
        "blobs": None if skipped else {name: blobs[name] for name in BLOBS},
    }
