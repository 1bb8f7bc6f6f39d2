# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last runs of a director, out of their records, and of what runs of earlier versions left instead.

A run that was killed could not say so. Its record began and never ended, and its process is gone; or another run of its
kind has begun since, or so much time has passed that it cannot be alive.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.microbosh.director.plugins.module_utils._backup._controller import LOGS
from ansible_collections.microbosh.director.plugins.module_utils._backup._snapshots import list_ids, parse_id
from ansible_collections.microbosh.director.plugins.module_utils._core import _layout as layout
from ansible_collections.microbosh.director.plugins.plugin_utils._look import _records as records
from ansible_collections.microbosh.director.plugins.plugin_utils._look._values import (
    Values,
    read_object,
    seconds_of,
    shown,
    stamp,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._run import _run_lock as run_lock
from ansible_collections.microbosh.director.plugins.plugin_utils._run._controller_process import is_gone, is_here

MOST = 20
LONGEST_RUN = 2 * 24 * 3600
LOG_LINES = 40
LOG_BYTES = 16 * 1024
LONGEST_ERROR = 2000
MOST_PHASES = 60
OUTCOMES = ("succeeded", "failed", "refused", "checked")
REFUSED, KILLED, RUNNING = "refused", "killed", "running"
# Why a run did nothing that another one kept out: it says nothing of the director.
HELD = "held"
OPEN = "restore_open"
# What is told however many runs there were since.
WANTED = (*records.KINDS, OPEN)
OF_KILLED = "the run ended without a word: it was killed, or its controller went down"
BAD = ("failed", REFUSED, KILLED)
NOTHING = {
    "ended": None, "seconds": None, "outcome": RUNNING, "reason": "", "error": "", "phase": "", "phases": [],
    "path": "", "free_bytes": None, "lease_fired": None, "restore_open": None,
}  # fmt: skip


@dataclass
class Place:
    """A director's directory of backups, at one moment."""

    directory: Path
    now: float

    def log(self, run: str) -> Path:
        return self.directory / LOGS / f"{run}.log"


def runs_of(place: Place, backups: list[dict], problems: list[str]) -> list[dict]:
    """Return the last runs of a director, newest first, given its published backups; name what is odd."""
    found = _recorded(place, problems)
    known = {run["id"] for run in found if run["kind"] == "backup"}
    found += [_of_backup(backup) for backup in backups[:MOST] if backup["id"] not in known]
    known |= {backup["id"] for backup in backups}
    found += [run for run in _of_partials(place) if run["id"] not in known]
    known |= {run["id"] for run in found}
    found += [run for run in _of_logs(place, backups) if run["id"] not in known]
    found = _worth_telling(sorted(found, key=lambda run: (run["id"], run["kind"]), reverse=True))
    return [_in_full(place, run) for run in _with_the_killed(place, found)]


def _recorded(place, problems):
    found, wanted = [], set(WANTED)
    for name in records.names(place.directory):
        run, kind = records.NAME.match(name).groups()
        if len(found) >= MOST and not wanted & {kind, OPEN}:
            continue
        try:
            content = read_object(str(place.directory / LOGS / name))
        except (OSError, ValueError) as error:
            problems.append(f"the record {name} cannot be read: {shown(error)}")
            content = None
        found.append(_of_record(run, kind, content, problems))
        wanted -= _settled(found[-1])
    return found


def _worth_telling(found):
    """Return the newest of the runs, given newest first, and of the older ones those that still say how things are."""
    wanted, made = set(WANTED), []
    for run in found:
        settled = _settled(run)
        if len(made) < MOST or wanted & {run["kind"], *settled}:
            made.append(run)
        wanted -= settled
    return made


def _settled(run):
    """Return what no run before this one has to be asked for: how the last one of its kind ended, what is open."""
    ended = run["outcome"] != RUNNING
    settled = {run["kind"]} if ended and run["reason"] != HELD else set()
    is_said = run["restore_open"] is not None or (run["kind"] == "restore" and not ended)
    return settled | {OPEN} if is_said else settled


def _of_record(run, kind, content, problems):
    """Return a run as its record has it; of one that cannot be read, no more than that there was one."""
    base = {**NOTHING, "id": run, "kind": kind, "known_by": "record", "controller": ""}
    if content is None:
        return {**base, "outcome": "failed", "reason": "error", "error": "its record cannot be read"}
    said = Values(content)
    made = {
        **base,
        "began": said.number("began"),
        "ended": said.number("ended"),
        "seconds": said.number("seconds"),
        "reason": said.text("reason"),
        "error": said.text("error", longest=LONGEST_ERROR),
        "phases": phases_in(said),
        "path": said.text("path"),
        "free_bytes": said.number("free_bytes"),
        "controller": said.text("controller"),
        "lease_fired": fired(said.inner("lease_fired")),
        "restore_open": said.flag("restore_open"),
    }
    if made["ended"] is not None:
        outcome = said.text("outcome")
        made["outcome"] = outcome if outcome in OUTCOMES else "failed"
    problems.extend(f"the record of {kind} {run}: {odd}" for odd in said.odd)
    return made


def phases_in(said: Values) -> list[dict]:
    """Return the phases that a report or a record has."""
    return [
        {"phase": one.text("phase"), "start": one.text("start"), "seconds": one.number("seconds", 0)}
        for one in said.objects("phases", MOST_PHASES)
    ]


def fired(said: Values) -> dict | None:
    """Return what a run was told of a lease that had fired and started the director, None where none had."""
    if not said or said.text("on_deadline") not in ("", "start"):
        return None
    run, at, reason = said.text("run"), said.text("fired_at"), said.text("reason")
    return {"run": run, "at": at, "said": f"run {run} left the director stopped; it was started at {at}: {reason}"}


def _of_backup(backup):
    """Return the run of a published backup that has no record."""
    began = seconds_of(backup["began"])
    ended = began + backup["seconds"] if backup["seconds"] else began
    made = {"began": began, "ended": ended, "seconds": backup["seconds"], "outcome": "succeeded"}
    return {
        **NOTHING, **made, "id": backup["id"], "kind": "backup", "path": backup["path"],
        "phases": backup["phases"], "known_by": "report", "controller": "",
    }  # fmt: skip


def _of_partials(place):
    """Return the runs that left a backup half made, and no record."""
    with contextlib.suppress(OSError, ValueError):
        return [_unrecorded(place, run, "partial") for run in list_ids(str(place.directory), layout.PARTIAL)]
    return []


def _of_logs(place, backups):
    """Return the runs that left a log alone, and are newer than all backups: failed ones of earlier versions."""
    newest = backups[0]["id"] if backups else ""
    with contextlib.suppress(OSError, ValueError):
        ids = [name[:-4] for name in os.listdir(place.directory / LOGS) if name.endswith(".log")]
        later = sorted((run for run in ids if parse_id(run) and run > newest), reverse=True)[:MOST]
        return [_unrecorded(place, run, "log") for run in later if _is_of_backup(place, run)]
    return []


def _is_of_backup(place, run):
    return any(f"Backup {run} of " in line for line in log_end(place.log(run)))


def _unrecorded(place, run, known_by):
    """Return a run of an earlier version that made no backup: whether it failed or was killed, its log says."""
    made = {**NOTHING, "id": run, "kind": "backup", "known_by": known_by, "controller": "", "began": seconds_of(run)}
    end = log_end(place.log(run))
    told = next((number for number, line in enumerate(end) if f"Backup {run} of " in line and "FAILED" in line), None)
    if told is None:
        return made
    with contextlib.suppress(OSError):
        made["ended"] = os.stat(place.log(run)).st_mtime
    error = end[told + 1][20:].strip() if told + 1 < len(end) else ""
    return {**made, "outcome": "failed", "reason": "error", "error": shown(error, LONGEST_ERROR)}


def _with_the_killed(place, found):
    """Return the runs, given newest first, in which those that never ended and do not live are killed."""
    newer, made = set(), []
    for run in found:
        if run["outcome"] == RUNNING and not _lives(place, run, run["kind"] in newer):
            run = {**run, "outcome": KILLED, "reason": KILLED, "error": OF_KILLED}
        if run["outcome"] != REFUSED:  # that may be for the very run that came before it, and works
            newer.add(run["kind"])
        made.append(run)
    return made


def _lives(place, run, has_newer):
    """Return whether a run that has not ended lives; where that cannot be seen, by what came after it."""
    if run["known_by"] != "record":  # of an earlier version there is the lock alone
        return run_lock.is_locked(place.directory)
    if is_here(run["controller"]):
        return not is_gone(run["controller"])
    began = run.get("began")
    if has_newer or began is None or place.now - began > LONGEST_RUN:
        return False
    return not run_lock.is_left(place.directory, run["controller"])


def _in_full(place, run):
    """Return a run as it is told: with its times as text, its log, and of one that went wrong the end of that."""
    log = place.log(run["id"])
    began = run.get("began") or seconds_of(run["id"])
    bad = run["outcome"] in BAD
    there = os.path.isfile(log)
    return {
        **{name: value for name, value in run.items() if name != "controller"},
        "began": stamp(began),
        "ended": stamp(run["ended"]),
        "age_seconds": max(int(place.now - began), 0) if began is not None else None,
        "phase": run["phases"][-1]["phase"] if bad and run["phases"] else "",
        "log": str(log) if there else None,
        "log_end": log_end(log) if bad and there else [],
    }


def log_end(log: Path) -> list[str]:
    """Return the last lines of a run's log, none of one that cannot be read."""
    try:
        with open(os.open(log, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as source:
            source.seek(max(os.fstat(source.fileno()).st_size - LOG_BYTES, 0))
            text = source.read(LOG_BYTES).decode("utf-8", "replace")
    except (OSError, ValueError):
        return []
    return [shown(line) for line in text.splitlines()[-LOG_LINES:]]
