# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a restore takes, and how long the director is away for it, out of parts that were measured before."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from ansible_collections.microbosh.director.plugins.plugin_utils._run._lines import duration

MIB = 1024 * 1024
# Where nothing was measured: what a transfer by ssh costs for a byte, and for a file, and reading every file here.
BYTE_SECONDS = 1 / (60 * MIB)
FILE_SECONDS = 1 / 4000
READ_BYTE_SECONDS = 1 / (400 * MIB)
READ_FILE_SECONDS = 1 / 5000
# Reports of earlier backups that are read for what the newest did not measure.
MOST_REPORTS = 30
# Below that, what a pass of a backup took was spent on other things than moving files.
ENOUGH_BYTES = 32 * MIB
ENOUGH_FILES = 2000
# What was pushed is read once more on the director, at the rate of its digests, and written.
DIGEST_RATE = 400 * MIB
WRITE_BYTE_SECONDS = 1 / (300 * MIB)
READY_FILE_SECONDS = 1 / 3000
# What Ansible takes for a task, and how many there are until it is known what to push, from then on to the stop, while
# the director is away, and after that. A module on the director takes as long as three tasks here, so they are weighed
# by what they took in restores that were timed task by task.
TASK_SECONDS = 0.25
TASKS_BEFORE = 45
TASKS_READY = 30
TASKS_AWAY = 36
TASKS_AFTER = 32
# Between the parts of a backup's outage.
TASKS_OF_AN_OUTAGE = 28
# Stop and start of services, where no backup has measured them.
STOP_AND_START = 15.0
# The server of a restore's own, that counts the rows; and what that takes longer than a dump of them.
SERVER_SECONDS = 2.0
LOAD_BYTE_SECONDS = 1 / (8 * MIB)
LARGEST = 2**63
STOPPING = ("intake", "stop", "stop_postgresql")
BACKUP, VERIFICATION, REHEARSAL, RUN, ASSUMED = "backup", "verification", "rehearsal", "this run", "assumed"


def measured_of(report: dict, verdict: dict, earlier: Iterable[dict] = ()) -> dict:
    """Given backup.json and verdict.json, return what they have measured that a restore of it would do, too.

    ``earlier`` are reports of other backups of the director, newest first: they tell what this one did not measure.
    """
    rehearsed = verdict.get("rehearsed")
    databases = rehearsed.get("databases") if isinstance(rehearsed, dict) else None
    return {
        **_with_what_lacks(_of_report(report), itertools.islice(earlier, MOST_REPORTS)),
        "all": _numbers(report.get("all"), ("files", "bytes")),
        "loads": {str(one.get("database")): _number(one.get("seconds")) for one in _mappings(databases)},
    }


def _of_report(report):
    return {
        "moved": _numbers(report.get("moved"), ("files", "bytes", "seconds")),
        "outage_seconds": _number(report.get("outage_seconds")),
        "outage": {str(one.get("part")): _number(one.get("seconds")) for one in _mappings(report.get("outage"))},
    }


def _with_what_lacks(found, earlier):
    while not (_tells_rate(found["moved"]) and found["outage"].get("start")):
        other = next(earlier, None)
        if other is None:
            break
        found = _with_earlier(found, _of_report(other))
    return found


def _with_earlier(found, other):
    """Return what was measured, and of an earlier backup what was not: a rate, and an outage part by part."""
    better = dict(found)
    if _tells_rate(other["moved"]) and not _tells_rate(found["moved"]):
        better["moved"] = other["moved"]
    parts, length = (other["outage"].get("start"), other["outage_seconds"])
    if (parts and not found["outage"].get("start")) or (length and not found["outage_seconds"]):
        better.update(outage=other["outage"], outage_seconds=length)
    return better


def _tells_rate(moved):
    return bool(moved["seconds"]) and (moved["bytes"] >= ENOUGH_BYTES or moved["files"] >= ENOUGH_FILES)


def _mappings(value):
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _number(value):
    """Return a number of a record that may be anybody's; one that nothing measures is none."""
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < LARGEST
    return float(value) if good else 0.0


def _numbers(value, names):
    return {name: _number(value.get(name)) if isinstance(value, dict) else 0.0 for name in names}


def rehearsed_time(measured: dict, verified: dict, dumps: list[dict]) -> dict:
    """Return how long a restore of a backup takes onto a director that has nothing of it.

    ``measured`` is what measured_of() returned, ``verified`` the result of its verification.
    """
    task, by = _of_a_task(measured["outage"])
    before = [part("tasks_before", TASKS_BEFORE * task, by)]
    found = {"push": measured["all"], "read": verified["seconds"], "read_by": VERIFICATION, "task": (task, by)}
    return restore_time(measured, before, {**found, "dumps": dumps, "digest_rate": 0})


def run_time(run: dict) -> dict:
    """Return how long a restore takes, by a run of it that has come to where it would push, or is a check.

    ``run`` has ``measured``, the files and bytes to ``push``, the ``dumps`` that are loaded, the ``digest_rate`` of the
    director, the ``seconds`` until now, how many of these it ``worked`` and did not only go from task to task, and of
    that how many it ``read`` the backup, which a restore does while it pushes.
    """
    # ansible-core 2.16 makes texts of numbers
    seconds, worked, read = (float(run[name]) for name in ("seconds", "worked", "read"))
    found = {
        "push": {name: float(run["push"][name]) for name in ("files", "bytes")},
        "read": read,
        "read_by": RUN,
        "task": (max(seconds - worked, 0.0) / TASKS_BEFORE, RUN),
        "dumps": run["dumps"],
        "digest_rate": float(run["digest_rate"]),
    }
    return restore_time(run["measured"], [part("until_then", max(seconds - read, 0.0), RUN)], found)


def said_of(time: dict) -> str:
    """Return in a few words what a restore takes."""
    away = duration(time["away_seconds"])
    return f"about {duration(time['seconds'])}, of which the director is away for about {away}"


def _of_a_task(outage):
    between = outage.get("between", 0.0)
    return (between / TASKS_OF_AN_OUTAGE, BACKUP) if between else (TASK_SECONDS, ASSUMED)


def restore_time(measured: dict, before: list, found: dict) -> dict:
    """Return how long a restore takes: in all, with the director away, and each part with what it was measured by.

    ``measured`` is what measured_of() returned, ``before`` the parts that come before the push. ``found`` has the files
    and bytes to ``push``, for how long all was ``read``, 0 if that is not known, and by whom, what a ``task`` takes and
    by whom, the ``dumps`` that are loaded, none for a restore by files, and the ``digest_rate`` of the director.
    """
    task, by = found["task"]
    ready = [*before, _pushing(measured, found), _making_ready(found), *_of_outage(measured, "agent", "stopping_agent")]
    ready.append(part("tasks", TASKS_READY * task, by))
    away = [*_stop_and_start(measured), *_loading(measured["loads"], found["dumps"]), _proving(measured)]
    away.append(part("tasks_away", TASKS_AWAY * task, by))
    after = [part("tasks_after", TASKS_AFTER * task, by)]
    return {
        "seconds": _sum(ready + away + after),
        "away_seconds": _sum(away),
        "parts": [one for one in ready + away + after if one["seconds"]],
    }


def part(name: str, seconds: float, by: str) -> dict:
    """Return a part of a restore, and what it was measured by."""
    return {"part": name, "seconds": round(seconds, 1), "by": by}


def _sum(parts):
    return round(sum(one["seconds"] for one in parts), 1)


def _pushing(measured, found):
    """Return how long a push takes, at the rate of a backup that moved enough to tell; all is read beside it."""
    push, moved = found["push"], measured["moved"]
    seconds, by = _cost(push), ASSUMED
    if _tells_rate(moved):
        seconds, by = seconds * moved["seconds"] / _cost(moved), BACKUP
    everything = measured["all"]
    reading = everything["bytes"] * READ_BYTE_SECONDS + everything["files"] * READ_FILE_SECONDS, ASSUMED
    if found["read"]:
        reading = found["read"], found["read_by"]
    return part("pushing", *max((seconds, by), reading))


def _cost(count):
    return count["bytes"] * BYTE_SECONDS + count["files"] * FILE_SECONDS


def _making_ready(found):
    push, rate = found["push"], found["digest_rate"]
    seconds = push["bytes"] * (1 / (rate or DIGEST_RATE) + WRITE_BYTE_SECONDS) + push["files"] * READY_FILE_SECONDS
    return part("making_ready", seconds, RUN if rate else ASSUMED)


def _of_outage(measured, what, name):
    return [part(name, measured["outage"].get(what, 0.0), BACKUP)]


def _proving(measured):
    """Return how long every row is counted: whoever dumps them reads them, too."""
    dumping = measured["outage"].get("dumps", 0.0)
    return part("proving", SERVER_SECONDS + dumping, BACKUP if dumping else ASSUMED)


def _stop_and_start(measured):
    outage = measured["outage"]
    if outage.get("start"):
        stopping = sum(outage.get(name, 0.0) for name in STOPPING)
        return [part("stopping", stopping, BACKUP), part("starting", outage["start"], BACKUP)]
    if measured["outage_seconds"]:
        # Of an earlier version, which did not tell its parts: its dumps and its second pass are in it.
        return [part("stopping_and_starting", measured["outage_seconds"], BACKUP)]
    return [part("stopping_and_starting", STOP_AND_START, ASSUMED)]


def _loading(loads, dumps):
    if not dumps:
        return []
    if all(dump["database"] in loads for dump in dumps):
        return [part("loading", sum(loads[dump["database"]] for dump in dumps), REHEARSAL)]
    return [part("loading", sum(_number(dump.get("size")) for dump in dumps) * LOAD_BYTE_SECONDS, ASSUMED)]
