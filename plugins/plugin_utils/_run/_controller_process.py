# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells whether the run that holds a director's lease still lives, if it is one of this controller."""

from __future__ import annotations

import os
from pathlib import Path

PROC = Path("/proc")


def identify(pid: int) -> str:
    """Given a process of this machine, return a name that no other process ever has, "" where there is no /proc."""
    try:
        return "/".join((_machine(), str(pid), _started(pid) or ""))
    except OSError:
        return ""


def is_gone(identity: str) -> bool:
    """Given a name made by identify(), return whether that process is known to have ended.

    A process of another machine, container or boot is never known to have ended; see _run_lock for those of containers.
    """
    machine, dummy, process = identity.partition("/")
    pid, dummy, started = process.partition("/")
    try:
        if machine != _machine() or not (pid.isdigit() and started):
            return False
        return not _exists(int(pid)) or _started(int(pid)) not in (started, None)
    except OSError:
        return False


def is_here(identity: str) -> bool:
    """Return whether a process is one that can be seen from here, so that is_gone() says for sure whether it lives."""
    try:
        return identity.partition("/")[0] == _machine()
    except OSError:
        return False


def is_in_another_container(identity: str) -> bool:
    """Return whether a process is of this boot of this machine, and where its number means nothing here."""
    machine = identity.partition("/")[0]
    try:
        return machine != _machine() and machine.partition(":")[0] == _machine().partition(":")[0]
    except OSError:
        return False


def _exists(pid: int) -> bool:
    """Return whether a process is there, even one of another user that /proc hides."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _machine() -> str:
    """Return the boot id and the process namespace, within which a process id means one process."""
    boot = (PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot}:{os.stat(PROC / 'self/ns/pid').st_ino}"


def _started(pid: int) -> str | None:
    """Return when a process started, in ticks since the boot; None for one that cannot be seen."""
    try:
        status = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    state, *fields = status.rpartition(")")[2].split()
    return "dead" if state in "ZX" else fields[18]
