# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that is known of the backups of directors, out of what lies in their directories: no director is asked."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.microbosh.director.plugins.module_utils._backup._snapshots import list_ids
from ansible_collections.microbosh.director.plugins.plugin_utils._look._backups import Kept, archives_in, backup_at
from ansible_collections.microbosh.director.plugins.plugin_utils._look._offsite import last_contact, offsite_told
from ansible_collections.microbosh.director.plugins.plugin_utils._look._rules import RULES, health_of
from ansible_collections.microbosh.director.plugins.plugin_utils._look._runs import (
    BAD,
    KILLED,
    MOST,
    RUNNING,
    Place,
    runs_of,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._look._values import age_of, seconds_of, shown, stamp
from ansible_collections.microbosh.director.plugins.plugin_utils._run._schedule_record import missed_of
from ansible_collections.microbosh.director.plugins.plugin_utils._run._version import collection_version

SCHEMA = 1
DAY = 24 * 3600
GROWTH_DAYS = 14
SHORTEST_DAYS = 3
MOST_PROBLEMS = 50
KINDS = ("backup", "verify", "restore", "checkup")
UNREADABLE = "unreadable"


def picture(directors: list[dict], now: float) -> dict:
    """Return what is known at a moment of directors, each with its ``name``, ``directory`` and ``rules``.

    ``offsite`` says whether its backups are to be copied elsewhere.
    """
    return {
        "schema": SCHEMA,
        "at": stamp(now),
        "collection": collection_version(),
        "directors": [director_at(one, now) for one in directors],
    }


@dataclass
class Seen:
    """What was seen of one director; nothing where it could not be looked at."""

    state: str = UNREADABLE
    backups: list = field(default_factory=list)
    runs: list = field(default_factory=list)
    volume: dict | None = None
    problems: list = field(default_factory=list)
    offsite: dict | None = None


def director_at(given: dict, now: float) -> dict:
    """Return what is known of one director; without a ``directory``, nobody knows where to look."""
    try:
        seen = _seen(Path(given["directory"] or os.devnull), now, bool(given.get("offsite")))
    except Exception as error:  # what is odd about one director takes nothing from all the others
        seen = Seen(problems=[f"{shown(given['directory'])} cannot be looked at: {type(error).__name__}"])
    return _told(given, now, seen)


def _seen(directory, now, offsite):
    problems = []
    archives, ids = archives_in(directory), _ids(directory, problems)
    contact = last_contact(directory, problems)
    kept = {name: Kept(archives.get(name), contact.copies.get(name)) for name in ids}
    backups = [backup_at(directory / name, now, kept[name], problems) for name in ids]
    runs = runs_of(Place(directory, now), backups, problems)
    copies = offsite_told(contact, offsite, backups, now)
    return Seen(_state(directory, backups, runs), backups, runs, _volume(directory), problems, copies)


def _told(given, now, seen):
    backups, runs = seen.backups, seen.runs
    made = {
        "name": given["name"],
        "directory": shown(given["directory"]),
        "state": seen.state,
        "health": {"status": 0, "problems": []},
        **_newest(backups, now),
        "backups": backups,
        "runs": runs,
        "last_runs": {kind: next((run["id"] for run in runs if run["kind"] == kind), None) for kind in KINDS},
        "restore_open": _restore_open(runs),
        "lease_fired": _lease_fired(runs),
        "volume": seen.volume if given["directory"] else None,
        "growth_bytes_a_day": _growth(backups),
        "free_shrinks_bytes_a_day": _shrinks(runs[:MOST]),
        "problems": seen.problems[:MOST_PROBLEMS],
        "missed": missed_of(given["name"], began_of(runs, backups), now),
        "offsite": seen.offsite,
    }
    made["rules"] = {name: given["rules"].get(name, default) for name, default in RULES.items()}
    made["health"] = health_of(made, given["rules"])
    return made


def began_of(runs: list[dict], backups: list[dict]) -> dict[str, list[float]]:
    """Return when runs of each playbook began, as far as there is a record of them."""
    began = {}
    for kind, when in [*((run["kind"], run["began"]) for run in runs), *(("backup", one["began"]) for one in backups)]:
        at = seconds_of(when)
        if at is not None:
            began.setdefault(kind, []).append(at)
    return began


def _ids(directory, problems):
    """Return the ids of published backups, newest first."""
    why = _closed(directory)
    if why:
        problems.append(f"{shown(str(directory))} cannot be read: {why}")
        return []
    return list(reversed(list_ids(str(directory))))


def _closed(directory):
    """Return why a directory cannot be read, "" if it can be, or if there is none."""
    try:
        os.listdir(directory)
        os.stat(os.path.join(directory, os.curdir))  # a Path would leave the dot out
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        return error.strerror
    except ValueError as error:
        return str(error)
    return ""


def _state(directory, backups, runs):
    last = next((run for run in runs if run["kind"] == "backup"), None)
    if str(directory) == os.devnull or _closed(directory):
        return UNREADABLE
    if last and last["outcome"] == RUNNING:
        return RUNNING
    if last and last["outcome"] in BAD:
        return "failed"
    return "ok" if backups else "none"


def _newest(backups, now):
    proven = next((one for one in backups if one["proven"] and one["age_seconds"] is not None), None)
    loaded = [
        (age_of(one["rehearsed"]["at"], now), one) for one in backups if one["rehearsed"] and one["rehearsed"]["good"]
    ]
    age, rehearsed = min(
        (pair for pair in loaded if pair[0] is not None), key=lambda pair: pair[0], default=(None, None)
    )
    return {
        "newest": backups[0]["id"] if backups else None,
        "newest_proven": proven["id"] if proven else None,
        "proven_age_seconds": proven["age_seconds"] if proven else None,
        "newest_rehearsed": rehearsed["id"] if rehearsed else None,
        "rehearsed_age_seconds": age,
    }


def _restore_open(runs):
    """Return the restore that the last run which looked at the director found or left open, None for none."""
    for run in runs:
        if run["kind"] == "restore" and run["outcome"] == KILLED:
            return {"since": run["began"], "said": f"the restore {run['id']} was killed"}
        if run["restore_open"]:
            return {"since": run["began"], "said": f"the {run['kind']} {run['id']} left or found it open"}
        if run["restore_open"] is False:
            return None
    return None


def _lease_fired(runs):
    """Return what the last backup was told of a lease that had fired, None if it was told nothing."""
    last = next((run for run in runs if run["kind"] != "verify" and run["outcome"] != RUNNING), None)
    return last["lease_fired"] if last else None


def _volume(directory):
    """Return what is free where backups are, or where their directory would be made; None if nobody can say."""
    for place in (directory, *directory.parents):
        try:
            found = os.statvfs(place)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (OSError, ValueError):
            return None
        return {
            "path": str(place),
            "free_bytes": found.f_bavail * found.f_frsize,
            "size_bytes": found.f_blocks * found.f_frsize,
            "free_inodes": found.f_favail if found.f_files else None,
        }
    return None


def _shrinks(runs):
    """Return by how many bytes a day the free space has become less over the last runs, None where these do not say.

    What prune gives back is in it, and whatever else is on the volume.
    """
    seen = [(seconds_of(run["ended"]), run["free_bytes"]) for run in runs]
    seen = [(at, free) for at, free in seen if at is not None and free is not None]
    if len(seen) < 2 or seen[0][0] - seen[-1][0] < SHORTEST_DAYS * DAY:
        return None
    (last, free), (first, before) = seen[0], seen[-1]
    return round((before - free) / (last - first) * DAY, 1)


def _growth(backups):
    """Return the bytes that backups took anew, by day, in the last two weeks; the first one is all new."""
    dated = [(seconds_of(one["id"]), one["new"]["bytes"]) for one in backups]
    dated = [(at, count) for at, count in dated if at is not None and count is not None]
    if len(dated) < 2:
        return None
    newest = dated[0][0]
    recent = [one for one in dated if newest - one[0] <= GROWTH_DAYS * DAY]
    if len(recent) < 2:
        recent = dated[:2]
    days = max((newest - recent[-1][0]) / DAY, 1 / 24)
    return round(sum(count for at, count in recent[:-1]) / days, 1)
