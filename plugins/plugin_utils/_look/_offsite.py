# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a director's copies elsewhere, as its last contact with their repository left it.

The repository itself is not asked: what lies beside the backups is read, whoever wrote that, and however it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.microbosh.director.plugins.module_utils._backup._snapshots import parse_id
from ansible_collections.microbosh.director.plugins.module_utils._core import _layout as layout
from ansible_collections.microbosh.director.plugins.plugin_utils._look._values import (
    Values,
    age_of,
    read_object,
    seconds_of,
    shown,
)

SCHEMA = 1
MOST_COPIES = 2000
MOST_MISSING = 50
SNAPSHOT = re.compile(r"[0-9a-f]{8,64}")
KINDS = ("backup", "archive")


@dataclass
class Contact:
    """What a repository had when it was last asked, as far as that is known."""

    known: bool = False
    repository: str | None = None
    at: str | None = None
    copies: dict = field(default_factory=dict)
    checked: dict | None = None
    reread: dict | None = None
    failed: dict | None = None


def last_contact(directory: Path, problems: list[str]) -> Contact:
    """Return what the directory of a director's backups has to tell of copies elsewhere; name what is odd."""
    try:
        content = read_object(str(directory / layout.OFFSITE))
    except (FileNotFoundError, NotADirectoryError):
        return Contact()
    except (OSError, ValueError) as error:
        problems.append(f"{layout.OFFSITE} cannot be read: {shown(error)}")
        return Contact()
    said = Values(content, f"{layout.OFFSITE}: ")
    made = Contact(
        True,
        said.text("repository", None),
        said.text("at", None),
        _copies(said),
        _checked(said.inner("checked")),
        _reread(said.inner("reread")),
        _failed(said.inner("failed")),
    )
    schema = said.number("schema")
    if schema != SCHEMA:
        said.odd.append(f"{layout.OFFSITE} is of another version of this collection, of schema {schema}")
    problems.extend(dict.fromkeys(said.odd))
    return made


def _copies(said):
    """Return the copies by the id of the backup that each is of, newest first; of several of one, the first."""
    given = said.several("copies")
    found: dict[str, dict] = {}
    unfit = len(given) - len([one for one in given[:MOST_COPIES] if isinstance(one, dict)])
    for one in said.objects("copies", MOST_COPIES):
        name = one.text("id")
        if parse_id(name) is None:
            unfit += 1
            continue
        snapshot, of = one.text("snapshot"), one.text("of")
        found.setdefault(
            name,
            {
                "snapshot": snapshot if SNAPSHOT.fullmatch(snapshot) else None,
                "of": of if of in KINDS else None,
                "size": one.number("size"),
            },
        )
    if unfit:
        said.odd.append(f"{layout.OFFSITE}: copies has {unfit} that cannot be told")
    return {name: found[name] for name in sorted(found, reverse=True)}


def _checked(said):
    return {"at": said.text("at", None), "good": said.flag("good"), "said": said.text("said")} if said else None


def _reread(said):
    if not said:
        return None
    return {"next": said.number("next"), "of": said.number("of"), "since": said.text("since", None)}


def _failed(said):
    if not said:
        return None
    missing = [name for name in said.texts("missing", MOST_MISSING) if parse_id(name) is not None]
    return {"at": said.text("at", None), "step": said.text("step"), "said": said.text("said"), "missing": missing}


def offsite_told(found: Contact, configured: bool, backups: list[dict], now: float) -> dict | None:
    """Return what is told of a director's copies, None where none are wanted and nothing is known.

    A copy that is dated in the future is there, but is not the newest, as a backup would not be.
    """
    if not configured and not found.known:
        return None
    newest = next((name for name in found.copies if age_of(name, now) is not None), None)
    here = {one["id"] for one in backups}
    return {
        "configured": configured,
        "repository": found.repository,
        "at": found.at,
        "newest": newest,
        "age_seconds": age_of(newest, now),
        "copies": [{"id": name, **copy, "here": name in here} for name, copy in found.copies.items()],
        "missing": _missing(found, newest, backups) if configured else [],
        "checked": found.checked,
        "unchecked_seconds": _unchecked(found, now),
        "reread": found.reread,
        "failed": found.failed,
    }


def _unchecked(found, now):
    """Return for how long the repository was not checked; without any check, since the oldest copy."""
    checked = found.checked or {}
    age = age_of(checked.get("at"), now) if checked.get("good") is not None else None
    ages = [age_of(name, now) for name in found.copies] if age is None else [age]
    return max((one for one in ages if one is not None), default=None)


def _missing(found, newest, backups):
    """Return what is to be elsewhere and is not: what came after the newest copy, and what could not be copied."""
    proven = [one["id"] for one in backups if one["proven"] and one["age_seconds"] is not None]
    # The first copy is of the newest backup, and nothing older is copied after it.
    newer = [name for name in proven if seconds_of(name) > seconds_of(newest)] if newest else proven[:1]
    return sorted({*newer, *(found.failed or {"missing": []})["missing"]}, reverse=True)[:MOST_MISSING]
