# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists that are too long for the result of a task, from one task of a run to another.

They are in Ansible's own directory for temporary files, which a run makes for itself and removes when it ends.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from ansible import constants


def place(host: str, name: str) -> Path:
    """Return the file that a run keeps something of a host in."""
    digest = hashlib.sha256(host.encode("utf-8", "surrogateescape")).hexdigest()[:32]
    return Path(constants.DEFAULT_LOCAL_TMP, f"microbosh-{name}-{digest}")


def write(path: Path, text: str) -> None:
    """Write a file that only this user reads."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(text.encode("utf-8", "surrogateescape"))


def keep(host: str, name: str, text: str) -> str:
    """Keep a text of a host until the run ends; return its path."""
    path = place(host, name)
    write(path, text)
    return str(path)
