# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of backups, in lines for a person, and in the one line that Nagios and Icinga read."""

from __future__ import annotations

import re
from collections import Counter

from ansible_collections.microbosh.director.plugins.plugin_utils._look._metrics import name_digest
from ansible_collections.microbosh.director.plugins.plugin_utils._look._rules import (
    HOUR,
    ORDER,
    age_said,
    listed,
    worst,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._offsite._bringing import PREFIX
from ansible_collections.microbosh.director.plugins.plugin_utils._run._lines import duration, size

STATUSES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
STATES = {
    "running": "a backup is under way",
    "failed": "LAST RUN FAILED",
    "none": "NO BACKUP",
    "unreadable": "UNREADABLE",
}
HEAD = ("backup", "age", "mode", "outage", "new", "in all", "verdict", "looked at", "rehearsed", "")
VERDICTS = {
    "proven": "proven", "still": "still", "lost_blobs": "lost blobs", "moved": "MOVED", "damaged": "DAMAGED",
    "not_proven": "NOT PROVEN", "unreadable": "UNREADABLE",
}  # fmt: skip
# What Nagios takes for something else in a line.
SEPARATORS = re.compile(r"[|\r\n]")
IN_LABELS = re.compile(r"['=|\s]")
# In a line that fits a screen.
MOST_IDS = 3
LONGEST_SAID = 300
MOST_SAID = 5


def table(directors: list[dict]) -> list[str]:
    """Return all backups of directors as lines, newest first, below a line about each director."""
    rows = [_row(backup) for director in directors for backup in director["backups"]]
    widths = [max(map(len, column)) for column in zip(HEAD, *rows, strict=True)]
    lines, left = [], iter(rows)
    for director in directors:
        lines.append(_about(director))
        if director["backups"]:
            lines.append(_joined(HEAD, widths))
            lines += [_joined(next(left), widths) for dummy in director["backups"]]
        lines += _elsewhere(director["offsite"])
        lines += [f"  {STATUSES[one['status']]}: {one['said']}" for one in director["health"]["problems"]]
    return lines


def _joined(cells, widths):
    return "  " + "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _about(director):
    proven, rehearsed = director["proven_age_seconds"], director["rehearsed_age_seconds"]
    said = [STATUSES[director["health"]["status"]]]
    said += [STATES[director["state"]]] if director["state"] in STATES else []
    said.append(f"newest proven {age_said(proven)} old" if proven is not None else "none proven")
    said.append(f"rehearsed {age_said(rehearsed)} ago" if rehearsed is not None else "never rehearsed")
    if director["volume"]:
        said.append(f"{size(director['volume']['free_bytes'])} free")
    return f"{director['name']}: {', '.join(said)}"


def _row(backup):
    count = backup["outage_seconds"]
    more = [name for name in ("pinned", "signed") if backup[name]]
    more += ["archive"] if backup["archive"] else []
    more += ["copied"] if backup["offsite"] else []
    more += [f"{backup['newly_lost']} newly lost"] if backup["newly_lost"] else []
    more += [backup["without"].lower()] if backup["without"] else []
    return (
        backup["id"],
        age_said(backup["age_seconds"] or 0),
        backup["mode"] or "?",
        "none" if count == 0 else "?" if count is None else duration(count),
        _size(backup["new"]["bytes"]),
        _size(backup["all"]["bytes"]),
        VERDICTS[backup["verdict"]],
        _day((backup["verified"] or {}).get("at")) if backup["looked_at"] else "not since",
        _rehearsed(backup["rehearsed"]),
        ", ".join(more),
    )


def _elsewhere(found):
    """Return what is known of the copies elsewhere, and how what is only there comes back."""
    if not found:
        return []
    many = len(found["copies"])
    said = [f"{many} {'copy' if many == 1 else 'copies'}"]
    said += [f"the newest of {found['newest']}"] if found["newest"] else []
    checked = found["checked"] or {}
    word = {True: "checked", False: "found DAMAGED"}.get(checked.get("good"))
    said.append(f"{word} on {_day(checked['at'])}" if word else "never checked")
    said += [f"NOT copied: {listed(found['missing'], MOST_IDS)}"] if found["missing"] else []
    said += ["no more are made"] if not found["configured"] else []
    lines = [f"  elsewhere: {', '.join(said)}"]
    only = [one["id"] for one in found["copies"] if not one["here"]]
    back = f"restore with -e microbosh_restore_from={PREFIX}<id>"
    return lines + ([f"  only elsewhere: {listed(only, MOST_IDS)}; {back}"] if only else [])


def _size(count):
    return "?" if count is None else size(count)


def _day(at):
    return at[:10] if at else "?"


def _rehearsed(rehearsed):
    if not rehearsed:
        return "no"
    if not rehearsed["good"]:
        return f"FAILED {_day(rehearsed['at'])}"
    rto = rehearsed["rto_seconds"]
    return f"{_day(rehearsed['at'])}{f', back in {duration(rto)}' if rto is not None else ''}"


def problem_lines(directors: list[dict]) -> list[str]:
    """Return every problem of directors as a line, the worst directors first, and how many there are of each status."""
    ill = sorted((one for one in directors if one["health"]["problems"]), key=_urgency)
    lines = [
        f"{director['name']}: {STATUSES[problem['status']]}: {problem['said']}"
        for director in ill
        for problem in director["health"]["problems"]
    ]
    return [*lines, counted(directors)]


def _urgency(director):
    """Return what sorts the worst directors first."""
    return -ORDER.index(director["health"]["status"]), director["name"]


def counted(directors: list[dict]) -> str:
    """Return how many directors are well, and how many are not."""
    counts = Counter(one["health"]["status"] for one in directors)
    said = [f"{counts[status]} {STATUSES[status]}" for status in range(len(STATUSES)) if counts[status]]
    return f"{len(directors)} {'director' if len(directors) == 1 else 'directors'}: {', '.join(said) or 'none'}"


def status_of(directors: list[dict]) -> int:
    """Return the worst status of directors; of none it is not known."""
    return worst(one["health"]["status"] for one in directors) if directors else 3


def nagios_line(directors: list[dict]) -> str:
    """Return the line of a plugin of Nagios: the status, the worst problems, and behind a bar the performance data."""
    problems = sorted(
        ((one["name"], problem) for one in directors for problem in one["health"]["problems"]),
        key=lambda pair: (-ORDER.index(pair[1]["status"]), pair[0]),
    )
    said = [SEPARATORS.sub(" ", f"{name}: {problem['said']}")[:LONGEST_SAID] for name, problem in problems[:MOST_SAID]]
    said += [f"and {len(problems) - MOST_SAID} more"] if len(problems) > MOST_SAID else []
    told = "; ".join([counted(directors), *said])
    return f"MICROBOSH {STATUSES[status_of(directors)]} - {told} | {' '.join(_performance(directors))}"


def _performance(directors):
    counts = Counter(one["health"]["status"] for one in directors)
    data = [f"{STATUSES[status].lower()}={counts[status]}" for status in range(len(STATUSES))]
    for director in directors:
        data += _of_director(_label(director["name"]), director)
    return data


def _label(name):
    """Return a name as it can stand in a label, which no other name has."""
    safe = IN_LABELS.sub("_", name)
    return safe if safe == name else f"{safe}_{name_digest(name)}"


def _of_director(name, director):
    """Return the numbers of one director; without a backup there are none."""
    newest = director["backups"][0] if director["backups"] else None
    limit = director["rules"]["proven_hours"]
    limits = f";;{limit * HOUR:.0f}" if limit else ""
    data = []
    if director["proven_age_seconds"] is not None:
        data.append(f"'{name} age'={director['proven_age_seconds']}s{limits}")
    if newest and newest["outage_seconds"] is not None:
        data.append(f"'{name} outage'={newest['outage_seconds']:g}s")
    if newest and newest["all"]["bytes"] is not None:
        data.append(f"'{name} size'={newest['all']['bytes']:.0f}B")
    return data
