# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a run, beside its log: that it began, and how it ended.

A run that was killed writes nothing more, so its record says for good that it began. A record is whole or not there;
one that cannot be written fails no run.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from pathlib import Path

from ansible_collections.microbosh.director.plugins.module_utils._backup._controller import LOGS
from ansible_collections.microbosh.director.plugins.module_utils._backup._snapshots import parse_id
from ansible_collections.microbosh.director.plugins.module_utils._core._files import write_durably

SCHEMA = 1
KINDS = ("backup", "verify", "restore", "checkup")
NAME = re.compile(rf"^([0-9]{{8}}T[0-9]{{6}}Z)\.({'|'.join(KINDS)})\.json$")
# Of the records of a director the newest are kept: half a year of a backup each night, and what comes between.
KEPT = 400
# Of how a run ended, what a record has.
OF_ARTIFACT = ("outcome", "reason", "error", "seconds", "phases", "path", "archive")


def record_path(directory: str | Path, run: str, kind: str) -> Path:
    return Path(directory, LOGS, f"{run}.{kind}.json")


def begin(directory: str | Path, run: dict, controller: str) -> str:
    """Note that a run has begun; return what went wrong with that, or "".

    ``run`` has its ``id``, ``host``, ``playbook`` and when it ``began``. ``controller`` names its process.
    """
    return _write(directory, {"schema": SCHEMA, **run, "controller": controller, "ended": None})[1]


def end(directory: str | Path, artifact: dict, seen: dict) -> tuple[Path | None, str]:
    """Note how a run has ended, given the artifact of its job and what it has ``seen`` of the director.

    Return the path of the record, None if there is none, and what went wrong, or "".
    """
    now = time.time()
    record = {
        "schema": SCHEMA,
        **{name: artifact[name] for name in ("id", "host", "playbook")},
        "began": round(now - artifact["seconds"], 2),
        "ended": round(now, 2),
        **{name: artifact[name] for name in OF_ARTIFACT},
        "free_bytes": _free(directory),
        **seen,
    }
    written = _write(directory, record)
    with contextlib.suppress(OSError):  # what cannot be removed does no harm
        for name in names(directory)[KEPT:]:
            os.unlink(Path(directory, LOGS, name))
    return written


def _free(directory):
    """Return how many bytes are free for backups: from run to run they tell when there will be none."""
    try:
        found = os.statvfs(directory)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize


def _write(directory, record):
    path = record_path(directory, record["id"], record["playbook"])
    # As for the log: of a director for which nothing was ever done, nothing is made on the controller.
    if not path.parent.is_dir() or not NAME.match(path.name):
        return None, ""
    try:
        write_durably(str(path), (json.dumps(record, indent=2) + "\n").encode("utf-8", "backslashreplace"))
    except OSError as error:
        return None, f"The record of this run cannot be written to {path}: {error.strerror}."
    return path, ""


def names(directory: str | Path) -> list[str]:
    """Return the names of the records of a director, newest first."""
    with contextlib.suppress(OSError):
        found = [name for name in os.listdir(Path(directory, LOGS)) if NAME.match(name)]
        return sorted((name for name in found if parse_id(name[:16])), reverse=True)
    return []
