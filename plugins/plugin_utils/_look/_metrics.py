# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a director as metrics, for the textfile collector of Prometheus' node_exporter.

Times are those of what happened, never ages: the file stays as it is until the next run, and time goes on.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter

from ansible_collections.microbosh.director.plugins.plugin_utils._look._rules import ALL
from ansible_collections.microbosh.director.plugins.plugin_utils._look._runs import HELD, RUNNING
from ansible_collections.microbosh.director.plugins.plugin_utils._look._values import seconds_of
from ansible_collections.microbosh.director.plugins.plugin_utils._look._written import write_beside

VERDICTS = ("proven", "still", "lost_blobs", "moved", "damaged", "not_proven", "unreadable")
# Name: what it is. All of them are gauges: they say how things are, and nothing counts on.
HELP = {
    "microbosh_look_timestamp_seconds": "When these metrics were written.",
    "microbosh_backup_timestamp_seconds": "Time of the newest published backup.",
    "microbosh_backup_proven_timestamp_seconds": "Time of the newest backup that is proven.",
    "microbosh_backup_verified_timestamp_seconds": "When a backup was last read again and found whole.",
    "microbosh_backup_rehearsed_timestamp_seconds": "When the dumps of a backup were last loaded.",
    "microbosh_backups": "How many backups there are, by verdict.",
    "microbosh_backup_outage_seconds": "How long the director was away for the newest backup.",
    "microbosh_backup_duration_seconds": "How long the newest backup took.",
    "microbosh_backup_size_bytes": "Size of all files in the newest backup.",
    "microbosh_backup_new_bytes": "Size of the files that are new in the newest backup.",
    "microbosh_backup_files": "How many files the newest backup has.",
    "microbosh_backup_lost_blobs": "How many blobs the director had lost when the newest backup was made.",
    "microbosh_restore_estimate_seconds": "How long a restore of the newest rehearsed backup takes.",
    "microbosh_run_timestamp_seconds": "When the last run of a playbook began.",
    "microbosh_run_success": "Whether the last run that ended, and was not kept out, did what was asked for.",
    "microbosh_run_duration_seconds": "How long the last run that ended, and was not kept out, took.",
    "microbosh_restore_open": "Whether a restore has to go on or back.",
    "microbosh_lease_fired": "Whether the last run was told that the director had to start itself.",
    "microbosh_volume_free_bytes": "Space that is free for backups.",
    "microbosh_volume_size_bytes": "Size of the file system of the backups.",
    "microbosh_offsite_copy_timestamp_seconds": "Time of the newest backup of which there is a copy elsewhere.",
    "microbosh_offsite_copies": "How many backups have a copy elsewhere, those that are not here any more too.",
    "microbosh_offsite_checked_timestamp_seconds": "When the repository of the copies was last checked.",
    "microbosh_offsite_healthy": "Whether the last contact with that repository did all, and it was found whole.",
    "microbosh_health_status": "The worst rule of health: 0 ok, 1 warning, 2 critical, 3 not known.",
    "microbosh_health_rule_status": "Each rule of health: 0 ok, 1 warning, 2 critical, 3 not known.",
}
READABLE = 0o644  # numbers alone, for node_exporter's user
UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


def write_metrics(place: str, director: dict, at: str) -> str:
    """Write the metrics of a director into a directory of textfiles; return the path of the file."""
    name = director["name"]
    safe = UNSAFE.sub("_", name)
    if safe != name:  # another one may be the same then
        safe += f"_{name_digest(name)}"
    path = os.path.join(place, f"microbosh_{safe}.prom")
    write_beside(path, text_of(director, at), READABLE)
    return path


def name_digest(name: str) -> str:
    """Return what tells a name from another one that has become the same where some characters cannot stand."""
    return hashlib.sha256(name.encode("utf-8", "backslashreplace")).hexdigest()[:8]


def text_of(director: dict, at: str) -> str:
    """Return the metrics of a director, which was looked at then, as Prometheus reads them."""
    samples: dict[str, list[str]] = {}
    for name, labels, value in samples_of(director, at):
        if value is not None:
            every = {"director": director["name"], **labels}
            told = ",".join(f'{label}="{_escaped(text)}"' for label, text in every.items())
            samples.setdefault(name, []).append(f"{name}{{{told}}} {_number(value)}\n")
    return "".join(
        f"# HELP {name} {HELP[name]}\n# TYPE {name} gauge\n{''.join(samples[name])}" for name in HELP if name in samples
    )


def _escaped(text):
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value):
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def samples_of(director: dict, at: str):
    """Yield name, labels and value of each metric of a director; what is not known has None."""
    yield "microbosh_look_timestamp_seconds", {}, seconds_of(at)
    yield from _of_backups(director)
    for kind in ("backup", "verify", "restore", "checkup"):
        yield from _of_runs(kind, [run for run in director["runs"] if run["kind"] == kind])
    yield "microbosh_restore_open", {}, bool(director["restore_open"])
    yield "microbosh_lease_fired", {}, bool(director["lease_fired"])
    volume = director["volume"] or {}
    yield "microbosh_volume_free_bytes", {}, volume.get("free_bytes")
    yield "microbosh_volume_size_bytes", {}, volume.get("size_bytes")
    yield from _of_copies(director["offsite"])
    yield "microbosh_health_status", {}, director["health"]["status"]
    broken = {problem["rule"]: problem["status"] for problem in reversed(director["health"]["problems"])}
    for rule in ALL:
        yield "microbosh_health_rule_status", {"rule": rule}, broken.get(rule, 0)


def _of_backups(director):
    backups = director["backups"]
    counts = Counter(one["verdict"] for one in backups)
    for verdict in VERDICTS:
        yield "microbosh_backups", {"verdict": verdict}, counts[verdict]
    yield "microbosh_backup_timestamp_seconds", {}, seconds_of(director["newest"])
    yield "microbosh_backup_proven_timestamp_seconds", {}, seconds_of(director["newest_proven"])
    whole = [seconds_of(one["verified"]["at"]) for one in backups if one["verified"] and one["verified"]["whole"]]
    yield "microbosh_backup_verified_timestamp_seconds", {}, max((at for at in whole if at is not None), default=None)
    loaded = next((one["rehearsed"] for one in backups if one["id"] == director["newest_rehearsed"]), None)
    if loaded:
        yield "microbosh_backup_rehearsed_timestamp_seconds", {}, seconds_of(loaded["at"])
        yield "microbosh_restore_estimate_seconds", {}, loaded["rto_seconds"]
    if backups:
        yield from _of_newest(backups[0])


def _of_newest(newest):
    yield "microbosh_backup_outage_seconds", {}, newest["outage_seconds"]
    yield "microbosh_backup_duration_seconds", {}, newest["seconds"]
    yield "microbosh_backup_size_bytes", {}, newest["all"]["bytes"]
    yield "microbosh_backup_new_bytes", {}, newest["new"]["bytes"]
    yield "microbosh_backup_files", {}, newest["all"]["files"]
    yield "microbosh_backup_lost_blobs", {}, newest["lost_blobs"]


def _of_copies(found):
    """Yield what is known of copies elsewhere, where there are to be any."""
    if not found or not found["configured"]:
        return
    checked = found["checked"] or {}
    yield "microbosh_offsite_copy_timestamp_seconds", {}, seconds_of(found["newest"])
    yield "microbosh_offsite_copies", {}, len(found["copies"])
    yield "microbosh_offsite_checked_timestamp_seconds", {}, seconds_of(checked.get("at"))
    known = found["at"] or found["failed"] or checked
    yield "microbosh_offsite_healthy", {}, not found["failed"] and checked.get("good") is not False if known else None


def _of_runs(kind, runs):
    # As in health: one that another run kept out says nothing of the director.
    ended = next((run for run in runs if run["outcome"] != RUNNING and run["reason"] != HELD), None)
    labels = {"playbook": kind}
    yield "microbosh_run_timestamp_seconds", labels, seconds_of(runs[0]["began"]) if runs else None
    if ended:
        yield "microbosh_run_success", labels, ended["outcome"] in ("succeeded", "checked")
        yield "microbosh_run_duration_seconds", labels, ended["seconds"]
