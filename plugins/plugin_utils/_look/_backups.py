# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One backup as its own small files tell of it. No byte of its data is read."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.microbosh.director.plugins.module_utils._backup._snapshots import read_report
from ansible_collections.microbosh.director.plugins.module_utils._backup._verdict import (
    MOST_BYTES,
    REHEARSED,
    RESTORE,
    VERIFIED,
)
from ansible_collections.microbosh.director.plugins.module_utils._core import _layout as layout
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.plugin_utils._look._runs import phases_in
from ansible_collections.microbosh.director.plugins.plugin_utils._look._values import (
    Values,
    age_of,
    read_object,
    seconds_of,
    shown,
    stamp,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._source._archive import is_archive
from ansible_collections.microbosh.director.plugins.plugin_utils._source._decryption import is_encrypted

ID = re.compile(r"[0-9]{8}T[0-9]{6}Z")
MOST_FINDINGS = 10
MOST_PARTS = 20
# Verdicts by which a backup would be restored without a second thought.
PROVEN = ("proven", "still", "lost_blobs")


@dataclass
class Sources:
    """What one backup has to tell, as it was found."""

    report: Values = field(default_factory=lambda: Values({}))
    verified: dict | None = None
    rehearsed: dict | None = None
    problems: list = field(default_factory=list)
    readable: bool = True


@dataclass
class Kept:
    """What there is of a backup besides its directory."""

    archive: Path | None = None
    offsite: dict | None = None


def backup_at(path: Path, now: float, kept: Kept, problems: list[str]) -> dict:
    """Return what is told of one backup, given its directory and what is kept of it besides; name what is odd."""
    name = path.name
    found = _sources(path)
    report = found.report
    verdict = verdict_of(found)
    began = seconds_of(name)
    made = {
        "id": name,
        "path": shown(str(path)),
        "began": stamp(began),
        "age_seconds": age_of(name, now),
        "proven": verdict in PROVEN,
        "verdict": verdict,
        "looked_at": found.verified is not None,
        "problem": found.problems[0] if found.problems else _problem(found),
        **_of_report(report),
        "verified": found.verified,
        "rehearsed": found.rehearsed,
        "pinned": os.path.lexists(path / layout.PINNED),
        "signed": os.path.lexists(path / layout.SIGNATURE),
        "archive": _of_archive(kept.archive, report.odd),
        "offsite": kept.offsite,
    }
    ahead = [("it", name), ("its rehearsal", (found.rehearsed or {}).get("at"))]
    report.odd.extend(
        f"{what} is dated in the future, so it counts for nothing"
        for what, at in ahead
        if seconds_of(at) is not None and age_of(at, now) is None
    )
    problems.extend(f"{name}: {odd}" for odd in dict.fromkeys([*found.problems, *report.odd]))
    return made


def _sources(path):
    found = Sources()
    try:
        found.report = Values(read_report(str(path)))
    except DirectorError as error:
        found.readable = False
        found.problems.append(shown(error))
    said = _said_in(str(path / layout.VERDICT), found.problems, found.report.odd)
    found.verified = _verified(said.inner(VERIFIED))
    found.rehearsed = _rehearsed(said.inner(REHEARSED), said.inner(RESTORE))
    return found


def _said_in(path, problems, odd):
    """Return what a verdict says, nothing if there is none; name one that cannot be read."""
    content = {}
    try:
        content = read_object(path, MOST_BYTES)
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        problems.append(f"{layout.VERDICT} cannot be read: {shown(error)}")
    return Values(content, f"{layout.VERDICT}: ", odd)


def _verified(said):
    if not said:
        return None
    findings = [
        " ".join(one.text(name) for name in ("kind", "path", "detail"))
        for one in said.objects("findings", MOST_FINDINGS)
    ]
    numbers = {"files": said.number("files", 0), "seconds": said.number("seconds", 0)}
    return {"at": said.text("at", None), "whole": said.flag("whole") is True, **numbers, "findings": findings}


def _rehearsed(said, restore):
    if not said:
        return None
    return {
        "at": said.text("at", None),
        "good": said.flag("good") is True,
        "seconds": said.number("seconds"),
        "problems": said.texts("problems", MOST_FINDINGS),
        "rto_seconds": restore.number("seconds"),
        "away_seconds": restore.number("away_seconds"),
    }


def verdict_of(found: Sources) -> str:
    """Return in one word what a backup is worth, by what was found of it; the worst counts."""
    report = found.report
    if found.verified is not None and not found.verified["whole"]:
        return "damaged"
    if not found.readable:
        return "unreadable"
    if report.text("status") != "published" or report.inner("proof").flag("whole") is not True:
        return "not_proven"
    online = report.inner("online").text("verdict")
    if online == "moved":
        return "moved"
    if _gone(report):
        return "lost_blobs"
    return "still" if online == "still" else "proven"


def _problem(found):
    """Return why a backup is not whole, in the words of who looked at it."""
    verified = found.verified
    return verified["findings"][0] if verified and not verified["whole"] and verified["findings"] else ""


def _gone(report):
    blobs = report.inner("proof").inner("blobs")
    return len(blobs.several("lost")) + len(blobs.several("damaged"))


def _of_report(report):
    phases = phases_in(report)
    moved = report.inner("online").objects("moved") if report.inner("online").text("verdict") == "moved" else []
    sizes = {name: {what: report.inner(name).number(what) for what in ("files", "bytes")} for name in ("new", "all")}
    copied = report.inner("moved")
    return {
        "mode": report.text("mode", None),
        "without": report.text("without"),
        **sizes,
        "copied": {what: copied.number(what) for what in ("files", "bytes", "seconds")},
        "outage_seconds": report.number("outage_seconds"),
        "outage": [
            {"part": one.text("part"), "seconds": one.number("seconds", 0)}
            for one in report.objects("outage", MOST_PARTS)
        ],
        "seconds": round(sum(phase["seconds"] for phase in phases), 2) or None,
        "phases": phases,
        "online_moved": [_thing(one) for one in moved],
        "lost_blobs": _gone(report),
        "newly_lost": len(report.inner("proof").inner("blobs").several("newly_lost")),
    }


def _thing(one):
    return ".".join(part for part in (one.text("database"), one.text("table") or one.text("what")) if part)


def _of_archive(path, odd):
    if path is None:
        return None
    size = None
    with contextlib.suppress(OSError):
        size = os.stat(path).st_size
    verified = _verified(_said_in(f"{path}.{layout.VERDICT}", odd, odd).inner(VERIFIED))
    return {"path": shown(str(path)), "bytes": size, "encrypted": is_encrypted(path.name), "verified": verified}


def archives_in(directory: Path) -> dict[str, Path]:
    """Return the archives of a director, by the id of the backup that each is of: its name has that somewhere."""
    place, found = directory / layout.ARCHIVES, {}
    with contextlib.suppress(OSError, ValueError):
        for name in sorted(os.listdir(place)):
            if is_archive(name):
                found.update((run, place / name) for run in ID.findall(name)[-1:])
    return found
