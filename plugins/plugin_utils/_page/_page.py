# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What backup_info tells, as one page that needs neither a server nor a network.

The page draws itself from the JSON that is in it. Its policy lets nothing run but the scripts that were put in here,
lets nothing be fetched, and lets no text become markup.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from pathlib import Path

from ansible_collections.microbosh.director.plugins.plugin_utils._page._commands import (
    ID,
    copy_option,
    restore_command,
    restore_options,
)
from jinja2 import Environment, StrictUndefined

HERE = Path(__file__).parent
OURS = ("words", "elements", "state", "charts", "overview", "backups", "director", "page")
# What the page shows of a backup: thirty directors have six thousand.
OF_BACKUP = (
    *(
        "id",
        "path",
        "began",
        "mode",
        "proven",
        "verdict",
        "problem",
        "without",
        "new",
        "all",
        "copied",
        "outage_seconds",
    ),
    *("outage", "seconds", "phases", "online_moved", "lost_blobs", "newly_lost", "verified", "rehearsed", "pinned"),
    *("signed", "archive", "offsite"),
)
SCHEMA = 1
# As restic shows the id of a snapshot to a person, and takes it.
SHORT = 8
# What says the same as a name that is not there; 0 does not.
EMPTY = (None, "", [])


class PageError(Exception):
    """There can be no page, and why."""


def page(told: dict, inventories: list[str]) -> str:
    """Given what backup_info tells, and what the inventory was read from, return the page."""
    if told.get("schema") != SCHEMA:
        raise PageError(f"What is told has the schema {told.get('schema')!r}, and the page shows {SCHEMA}.")
    styles = [_text("uplot/uPlot.min.css"), _text("page.css")]
    scripts = [_library(), _ours()]
    template = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True)
    return template.from_string(_text("page.html.j2")).render(
        policy=policy(styles, scripts), styles=styles, scripts=scripts, told=as_json(shown(told, inventories))
    )


def shown(told: dict, inventories: list[str]) -> dict:
    """Return what the page shows of what is told: without what is empty, with the commands that restore.

    Phases are those of runs, and of the newest backup: thirteen for each of two hundred would be most of the page.
    """
    directors = []
    for director in told["directors"]:
        backups = [_of_backup(backup) for backup in director.get("backups") or []]
        for older in backups[1:]:
            older["phases"] = None
        command, offsite = restore_command(director["name"], inventories), _of_offsite(director.get("offsite"))
        directors.append({**director, "backups": backups, "restore": command, "offsite": offsite})
    return _filled({**told, "directors": directors})


def _of_backup(backup):
    made = {**{name: backup.get(name) for name in OF_BACKUP}, **restore_options(backup)}
    copy = backup.get("offsite")
    return {**made, "offsite": _of_copy({**copy, "id": backup.get("id")}) if copy else None}


def _of_copy(copy):
    """Return what is shown of a copy elsewhere, nothing for one whose id is none: that gets into a command."""
    if not ID.fullmatch(str(copy.get("id"))):
        return None
    return {"snapshot": str(copy.get("snapshot") or "")[:SHORT], "of": copy.get("of"), "size": copy.get("size")}


def _of_offsite(offsite):
    """Return what is known of copies elsewhere: how many there are, those of which nothing is here, how one comes back.

    Where no repository is set up any more, a restore would not reach it.
    """
    if not offsite:
        return None
    copies = offsite.get("copies") or []
    only = [{"id": one.get("id"), **_of_copy(one)} for one in copies if not one.get("here") and _of_copy(one)]
    restore = copy_option() if offsite.get("configured") else None
    newest = offsite.get("newest") if ID.fullmatch(str(offsite.get("newest"))) else None
    return {**offsite, "newest": newest, "copies": len(copies), "only": only, "restore": restore}


def _filled(value):
    """Return a value without what a reader takes for nothing anyway; no number of JSON is infinite."""
    if isinstance(value, dict):
        kept = {str(name): _filled(one) for name, one in value.items()}
        return {name: one for name, one in kept.items() if one not in EMPTY}
    if isinstance(value, (list, tuple)):
        return [_filled(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def as_json(value: dict) -> str:
    """Return JSON that can stand in a script element: in it nothing can end the element, or begin another."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def policy(styles: list[str], scripts: list[str]) -> str:
    """Return a content security policy that lets these styles and scripts be, and nothing else."""
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {_hashes(scripts)}",
            f"style-src {_hashes(styles)}",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ]
    )


def _hashes(texts):
    digests = [hashlib.sha256(text.encode("utf-8")).digest() for text in texts]
    return " ".join(f"'sha256-{base64.b64encode(digest).decode('ascii')}'" for digest in digests)


def _library():
    """Return uPlot with its licence, as every copy of it has to have."""
    return f"/*! uPlot\n{_text('uplot/LICENSE').strip()}\n*/\n{_text('uplot/uPlot.iife.min.js')}"


def _ours():
    return '(() => {\n"use strict";\n' + "\n".join(_text(f"{name}.js") for name in OURS) + "})();"


def _text(name):
    return (HERE / name).read_text(encoding="utf-8")
