# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written down of a schedule on this controller, and which of its jobs did not begin in their time."""

from __future__ import annotations

import contextlib
import json
from calendar import timegm
from collections.abc import Iterable, Mapping
from pathlib import Path
from time import gmtime, strftime, strptime

RECORDS = Path("/etc/microbosh")
ENDING = "-schedule.json"
STAMP = "%Y-%m-%dT%H:%M:%SZ"
# A run that is due may be late by that: the machine boots, other runs have the director.
PATIENCE = 2 * 3600
UNFIT = (OSError, ValueError, LookupError, TypeError, AttributeError)


def record(jobs: Iterable[Mapping], before: Mapping, now: float) -> dict:
    """Return what is written down of the jobs: when each is expected, and since when, as long as it stays the same."""
    known = {one.get("name"): one for one in before.get("jobs") or [] if isinstance(one, Mapping)}
    kept = []
    for job in jobs:
        said = {key: job[key] for key in ("name", "unit", "playbook", "group", "hosts", "when", "longest_seconds")}
        old = known.get(job["name"]) or {}
        same = old.get("since") and {**old, "hosts": []} == {**said, "hosts": [], "since": old["since"]}
        kept.append({**said, "since": old["since"] if same else strftime(STAMP, gmtime(now))})
    return {"format": 1, "jobs": kept}


def missed(written: Mapping, director: str, began: Mapping[str, list[float]], now: float) -> list[dict]:
    """Return the jobs of a director that did not begin when they should have.

    ``written`` is what record() returned, ``began`` has the times at which runs of each playbook began. How long a job
    may stay away is its longest time between two; of one whose times are not known nothing is expected.
    """
    late = []
    for job in written.get("jobs") or []:
        if director not in job["hosts"] or not job["longest_seconds"]:
            continue
        last = max([timegm(strptime(job["since"], STAMP)), *began.get(job["playbook"], [])])
        if now - last > job["longest_seconds"] + PATIENCE:
            late.append({
                **{key: job[key] for key in ("name", "unit", "playbook")}, "last": strftime(STAMP, gmtime(last)),
            })  # fmt: skip
    return late


def missed_of(director: str, began: Mapping[str, list[float]], now: float, places: Path = RECORDS) -> list[dict]:
    """Return the jobs of all schedules of this controller that a director has missed; none of what is no such file."""
    late = []
    for path in sorted(places.glob(f"*{ENDING}")):
        with contextlib.suppress(*UNFIT):
            late += missed(json.loads(path.read_text(encoding="utf-8")), director, began, now)
    return late
