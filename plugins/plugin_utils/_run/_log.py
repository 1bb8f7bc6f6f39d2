# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of a run, on the controller: lines with the time, as UTF-8 whatever the locale is."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path


def append(path: str | None, lines: list[str], detail: str = "") -> str:
    """Append lines and a detail to the log of a run, if its directory is there; return why that failed, or ""."""
    if not path or not os.path.isdir(os.path.dirname(path)):
        return ""
    stamp = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
    text = "".join(f"{stamp} {line}\n" for line in lines)
    text += "".join(f"    {line}\n" for line in detail.splitlines())
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as log:
            log.write(text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        return f"The run's log {path} cannot be written: {error.strerror}."
    return ""


def copy(path: str, target: str) -> str:
    """Copy the log of a run, whole or not at all; return why that failed, or ""."""
    try:
        with open(os.open(f"{target}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as log:
            log.write(Path(path).read_bytes())
        os.replace(f"{target}.new", target)
    except OSError as error:
        return f"The run's log {path} cannot be copied to {target}: {error.strerror}."
    return ""


def is_there(path: str | None) -> bool:
    """Return whether there is a log that a person could be sent to."""
    return bool(path) and os.path.isfile(path)
