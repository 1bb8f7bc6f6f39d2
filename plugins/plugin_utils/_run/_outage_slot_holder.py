# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds the slot of an outage: a program of its own, as small as can be, that nothing outlives.

It is started with the open, locked file of the slot and ends, which frees the lock, when the slot is given back, when
the controller's process ends, or after a limit.
"""

from __future__ import annotations

import importlib.util
import os
import select
import signal
import sys
import time
from pathlib import Path

# How often is looked where the kernel does not tell that a process has ended.
LOOK_SECONDS = 0.5


def main(back: int, token: str, limit: float, controller: int, identity: str) -> None:
    """Say that the slot is held, and hold it."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    is_gone = _is_gone()
    ended = _told_of_its_end(controller)
    os.write(1, b"held\n")
    os.close(1)
    deadline, said = time.monotonic() + limit, b""
    while time.monotonic() < deadline and not (is_gone(identity) if identity else _is_missing(controller)):
        look = deadline - time.monotonic() if ended is not None else LOOK_SECONDS
        ready = select.select([file for file in (back, ended) if file is not None], [], [], max(look, 0))[0]
        if ended in ready and ended is not None:
            return
        if back in ready:
            said = (said + os.read(back, 4096))[-4096:]
        if f"{token}\n".encode("ascii") in said:
            return


def _is_gone():
    """Return the function of the file beside this one; this program has no packages, and needs none."""
    path = Path(__file__).with_name("_controller_process.py")
    specification = importlib.util.spec_from_file_location("_controller_process", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.is_gone


def _told_of_its_end(pid):
    """Return a file that can be read when the process has ended, None where the kernel has no such thing."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def _is_missing(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


if __name__ == "__main__":
    main(int(sys.argv[2]), sys.argv[3], float(sys.argv[4]), int(sys.argv[5]), sys.argv[6])
