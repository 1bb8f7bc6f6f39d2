# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the seconds of an outage went, ours beside the floor: reads what the runs left, and runs nothing itself."""

import json

from results import RUNS, aligned

# The steps of the floor, by the parts of backup.json. There the agent is stopped in the outage.
OF_FLOOR = {
    "stop agent": "agent",
    "stop services": "stop",
    "dump databases": "dumps",
    "stop postgres": "stop_postgresql",
    "second pass": "second_pass",
    "compare PostgreSQL's files by content": "postgresql_files",
    "start": "start",
}


def ours(backups):
    """Given the directory of one director's backups, return the parts of each outage, {part: seconds}, oldest first."""
    reports = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(backups.glob("2*Z/backup.json"))]
    return [{part["part"]: part["seconds"] for part in report.get("outage", [])} for report in reports]


def of_floor(run):
    """Given a run of the floor, return its parts."""
    return {OF_FLOOR[step["step"]]: step["seconds"] for step in run.steps if step["step"] in OF_FLOOR}


def parts_table(backups, runs):
    """Given the directory of ours, and every run, return the parts of both in each run as aligned text."""
    floor = {run.run: of_floor(run) for run in runs if run.contender == "floor"}
    columns = {}
    for which, found in zip(RUNS, ours(backups), strict=False):
        columns[f"ours, {which}"], columns[f"floor, {which}"] = found, floor[which]
    names = list(dict.fromkeys(part for found in columns.values() for part in found))
    rows = [["where an outage went", *columns]]
    rows += [[name, *(_cell(found.get(name)) for found in columns.values())] for name in names]
    return aligned(rows, left=1)


def _cell(seconds):
    return "-" if seconds is None else f"{seconds:.2f} s"
