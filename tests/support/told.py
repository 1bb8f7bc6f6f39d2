# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes what backup_info tells, for as many directors and backups as are asked for: always the same for the same."""

from __future__ import annotations

import hashlib
import random
from datetime import datetime, timedelta, timezone

AT = datetime(2026, 11, 28, 6, 0, tzinfo=timezone.utc)
MIB = 1024 * 1024
PHASES = {
    "Preflight": 4.1,
    "Rehearsal": 1.2,
    "Blobs": 0.6,
    "First pass": 9.4,
    "Outage": 7.3,
    "Dumps": 1.1,
    "Proof": 2.2,
    "Publication": 0.4,
}
PARTS = {"stop": 2.9, "agent": 0.4, "dump": 0.9, "copy": 0.8, "start": 2.0, "between": 0.3}
REGIONS = ("lab", "eu", "us", "ap", "staging")
LOG = (
    "02:00:03 Backup {id} of {name} begins (offline)",
    "02:00:05 Preflight: monit 5.2.5, PostgreSQL 13.9, rsync 3.1.3",
    "02:00:08 Services: 15 of 16 run; worker_1 is 'Not monitored' and its process is gone",
    "02:00:09 Backup {id} of {name} FAILED",
    "02:00:09   Preflight: Not every service runs on {name}: worker_1 is 'Not monitored'. Nothing was stopped.",
    "02:00:09   Run microbosh.director.checkup to bring it up, or name it in microbosh_required_checks.",
)


def iso(time):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def id_of(time):
    return time.strftime("%Y%m%dT%H%M%SZ")


def told(directors=1, backups=3, **more):
    """Return what backup_info tells of that many directors with that many backups each; all is well but for two."""
    chance = random.Random(14)
    made = [_director(chance, number, backups) for number in range(directors)]
    return {"schema": 1, "at": iso(AT), "collection": "1.1.0", "directors": made, **more}


def fleet(backups=200):
    """Return thirty directors: one failed, one warns, one is at work, one has lost blobs; all else is well."""
    found = told(30, backups)
    fail(found["directors"][7])
    warn(found["directors"][18])
    lose(found["directors"][11])
    found["directors"][22]["state"] = "running"
    return found


def _of_offsite(made, night):
    """Tell of copies elsewhere: of all backups that are here, and of two that are not any more."""
    for one in made:
        one["offsite"] = _copy(one["id"])
    older = [id_of(night - timedelta(days=len(made) + days)) for days in (30, 60)]
    copies = [{"id": one["id"], **one["offsite"], "here": True} for one in made]
    copies += [{"id": name, **_copy(name), "here": False} for name in older]
    checked = {"at": iso(night + timedelta(minutes=9)), "good": True, "said": ""}
    return {
        "configured": True,
        "repository": "sftp:backup@nas:/srv/restic",
        "at": iso(night + timedelta(minutes=10)),
        "newest": copies[0]["id"],
        "age_seconds": int((AT - night).total_seconds()) if made else 30 * 86400,
        "copies": copies,
        "missing": [],
        "checked": checked,
        "unchecked_seconds": 3 * 3600,
        "reread": {"next": 5, "of": 30, "since": None},
        "failed": None,
    }


def _copy(name):
    return {"snapshot": hashlib.sha256(name.encode()).hexdigest(), "of": "archive", "size": 142_000_000}


def _director(chance, number, count):
    name = f"bosh-{REGIONS[number % len(REGIONS)]}-{number // len(REGIONS) + 1}"
    grown = chance.uniform(200, 9000) * MIB
    outage = chance.uniform(5, 11)
    night = AT.replace(hour=2, minute=number % 60)
    mode = "online" if number % 6 == 4 else "offline"
    made = [
        _backup(chance, name, night - timedelta(days=day), mode, grown * (1 - day / 900), outage)
        for day in range(count)
    ]
    for backup in made[3:4]:
        backup["rehearsed"] = {
            "at": iso(night - timedelta(days=3)),
            "good": True,
            "seconds": 5.0,
            "problems": [],
            "rto_seconds": 58.3,
            "away_seconds": 14.9,
        }
        backup["verified"] = {
            "at": iso(night - timedelta(days=2)),
            "whole": True,
            "files": 1648,
            "seconds": 0.5,
            "findings": [],
        }
        backup["looked_at"] = True
    runs = [_run(name, backup) for backup in made[:20]]
    newest = made[0] if made else {}
    return {
        "name": name,
        "directory": f"/backups/{name}",
        "state": "ok" if made else "none",
        "health": {
            "status": 0 if made else 2,
            "problems": [] if made else [_problem("no_backup", 2, f"{name} has no backup")],
        },
        "newest": newest.get("id"),
        "newest_proven": newest.get("id"),
        "proven_age_seconds": newest.get("age_seconds"),
        "newest_rehearsed": made[3]["id"] if len(made) > 3 else None,
        "rehearsed_age_seconds": 3 * 86400 if len(made) > 3 else None,
        "backups": made,
        "runs": runs,
        "last_runs": {"backup": newest.get("id"), "verify": None, "restore": None, "checkup": None},
        "restore_open": None,
        "lease_fired": None,
        "volume": {
            "path": f"/backups/{name}",
            "free_bytes": 56800000000,
            "size_bytes": 100000000000,
            "free_inodes": 6000000,
        },
        "growth_bytes_a_day": 48040000.0,
        "free_shrinks_bytes_a_day": 212000000.0,
        "problems": [],
        "offsite": None if number % 10 == 9 else _of_offsite(made, night),
    }


def _problem(rule, status, said):
    return {"rule": rule, "status": status, "said": said}


def _parts(named, times, key):
    return [{key: name, "seconds": round(seconds * times, 2)} for name, seconds in named.items()]


def _backup(chance, name, began, mode, whole, outage):
    times = chance.uniform(0.85, 1.2)
    away = round(outage * times, 2) if mode == "offline" else 0
    new = int(chance.lognormvariate(3.6, 0.5) * MIB)
    path = f"/backups/{name}/{id_of(began)}"
    return {
        "id": id_of(began),
        "path": path,
        "began": iso(began),
        "age_seconds": int((AT - began).total_seconds()),
        "mode": mode,
        "proven": True,
        "verdict": "proven" if mode == "offline" else "still",
        "looked_at": False,
        "problem": "",
        "without": "",
        "new": {"files": 50, "bytes": new},
        "all": {"files": 1648, "bytes": int(whole)},
        "copied": {"files": 52, "bytes": new + 11 * MIB, "seconds": 3.1},
        "outage_seconds": away,
        "outage": _parts(PARTS, times, "part") if away else [],
        "seconds": round(26.3 * times, 2),
        "phases": _parts(PHASES, times, "phase"),
        "online_moved": [],
        "lost_blobs": 0,
        "newly_lost": 0,
        "verified": None,
        "rehearsed": None,
        "pinned": False,
        "signed": False,
        "archive": {
            "path": f"/backups/{name}/archives/{name}_{id_of(began)}.tar.zst",
            "bytes": int(whole / 2),
            "encrypted": False,
        },
        "offsite": None,
    }


def _run(name, backup):
    return {
        "id": backup["id"],
        "kind": "backup",
        "began": backup["began"],
        "ended": iso(datetime.fromisoformat(backup["began"]) + timedelta(seconds=backup["seconds"])),
        "age_seconds": backup["age_seconds"],
        "seconds": backup["seconds"],
        "outcome": "succeeded",
        "reason": "",
        "error": "",
        "phase": "",
        "phases": backup["phases"],
        "log": f"/backups/{name}/logs/{backup['id']}.log",
        "log_end": [],
        "known_by": "record",
    }


def fail(director, words="Not every service runs on {name}: worker_1 is 'Not monitored'."):
    """The last two nights failed: their backups are not there, the runs say why."""
    words = words.replace("{name}", director["name"])
    gone, director["backups"] = director["backups"][:2], director["backups"][2:]
    for run in director["runs"][:2]:
        lines = [line.format(id=run["id"], name=director["name"]) for line in LOG]
        run.update(
            outcome="failed", reason="error", error=f"Preflight: {words}", phase="Preflight", seconds=6.1, log_end=lines
        )
        run["phases"] = [{"phase": "Settings", "seconds": 1.4}, {"phase": "Preflight", "seconds": 4.7}]
    newest = director["backups"][0]
    director.update(
        state="failed", newest=newest["id"], newest_proven=newest["id"], proven_age_seconds=newest["age_seconds"]
    )
    director["health"] = {
        "status": 2,
        "problems": [
            _problem("last_run", 2, f"the backup of {gone[0]['began']} failed: Preflight: {words}"),
            _problem(
                "proven_age",
                2,
                "the newest proven backup is 2 days 4 h old, 36 h are allowed (microbosh_health_proven_hours)",
            ),
            _problem(
                "offsite_age",
                1,
                "the newest copy elsewhere is 2 days 4 h old, 36 h are allowed (microbosh_health_offsite_hours)",
            ),
        ],
    }
    if director["offsite"]:
        copies = director["offsite"]["copies"][2:]
        director["offsite"].update(copies=copies, newest=newest["id"], age_seconds=newest["age_seconds"])
    return director


def warn(director):
    """It was not rehearsed for a long time, and what was copied last is not of one moment."""
    said = "no backup was rehearsed for 35 days, 30 are allowed (microbosh_health_rehearsed_days)"
    director["health"] = {"status": 1, "problems": [_problem("rehearsed_age", 1, said)]}
    newest = director["backups"][0]
    newest.update(
        proven=False,
        verdict="moved",
        mode="online",
        outage_seconds=0,
        outage=[],
        online_moved=["bosh.events", "bosh.tasks"],
    )
    director.update(
        newest_proven=director["backups"][1]["id"], proven_age_seconds=director["backups"][1]["age_seconds"]
    )
    return director


def lose(director):
    """The director has lost blobs, and an older backup was damaged on the disk."""
    director["health"] = {
        "status": 1,
        "problems": [_problem("damaged", 1, f"the backup {director['backups'][2]['id']} is damaged")],
    }
    director["backups"][0].update(verdict="lost_blobs", lost_blobs=3, newly_lost=1)
    found = ["altered  vcap/store/blobstore/store/1e/7e6a4110-3060-48e1-a1b0-82db1b2cf6f2"]
    verified = {"at": iso(AT - timedelta(hours=9)), "whole": False, "files": 1648, "seconds": 0.5, "findings": found}
    director["backups"][2].update(
        proven=False, verdict="damaged", looked_at=True, problem="1 file is altered", verified=verified
    )
    return director
