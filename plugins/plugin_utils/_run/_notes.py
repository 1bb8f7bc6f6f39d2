# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task notes of itself while it runs, for the one screen that shows all directors.

Tasks run in processes of their own. A note is a small file for each host, in a directory that is there only as long as
somebody looks at it; so a task that nobody watches writes nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from pathlib import Path

from ansible import constants
from ansible_collections.microbosh.director.plugins.plugin_utils._run._kept_list import place, write

WATCHED = "microbosh-watched"
LONGEST = 16_384


def directory() -> Path:
    """Return the directory of the notes, which Ansible removes when the run ends."""
    return Path(constants.DEFAULT_LOCAL_TMP, WATCHED)


def begin() -> None:
    """Ask for notes: from now on what tasks note is read, and they print no progress."""
    directory().mkdir(mode=0o700, exist_ok=True)


def end() -> None:
    """Ask for no more notes."""
    shutil.rmtree(directory(), ignore_errors=True)


def note(host: str, **what) -> bool:
    """Leave a note instead of the one before; return whether anybody reads it."""
    file = directory() / place(host, "note").name
    beside = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        write(beside, json.dumps({**what, "at": time.monotonic()}))
        os.replace(beside, file)
    except OSError:
        return False
    return True


def note_of(host: str) -> dict:
    """Return the newest note of a host, with when it was left; empty if there is none."""
    with contextlib.suppress(OSError, ValueError):
        with open(directory() / place(host, "note").name, "rb") as file:
            found = json.loads(file.read(LONGEST))
        if isinstance(found, dict) and isinstance(found.get("at"), (int, float)):
            return found
    return {}
