# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lock on the volume of the backups as long as a run lives, for jobs that see the volume but not the run's process.

Each job of AWX has a container, so a number of a process means nothing to the next job on the same machine. Both have
the kernel, which frees the lock of a process that is gone, however it went.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import tempfile
from pathlib import Path

NAME = "run.lock"
# GNU's tail looks once a second and starts nothing; another one does not know --pid.
HOLD = (
    'echo held; exec >/dev/null; tail --pid="$1" -f /dev/null 2>/dev/null || '
    'while kill -0 "$1" 2>/dev/null; do sleep 1; done'
)


def keep(directory: str | Path, identity: str, pid: int) -> None:
    """Lock a director's directory of backups in the name of a run until that process ends, or until let_go().

    Where there is no directory, or no lock is to be had on it, others know nothing of the run, and wait for its lease.
    """
    with contextlib.suppress(OSError):
        # A file of its own: that of a run before may take a second to be free.
        descriptor, path = tempfile.mkstemp(prefix=f".{NAME}.", dir=directory)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.write(descriptor, f"{identity} {_holder(descriptor, pid)}\n".encode("ascii"))
            os.rename(path, Path(directory) / NAME)
        except OSError:
            os.unlink(path)
        finally:
            os.close(descriptor)


def _holder(descriptor: int, pid: int) -> int:
    """Start what has the lock, and return its number; it is the leader of a session of its own.

    Before it has said something it may not have the command line yet by which _end() knows it.
    """
    null = subprocess.DEVNULL
    holder = subprocess.Popen(
        ["sh", "-c", HOLD, "sh", str(pid)], cwd="/", stdin=null, stdout=subprocess.PIPE, stderr=null,
        pass_fds=[descriptor], start_new_session=True,
    )  # fmt: skip
    with holder.stdout as said:
        said.readline()
    return holder.pid


def let_go(directory: str | Path, identity: str) -> None:
    """End the lock of a run at once, so that whoever wants to unmount the volume need not wait."""
    path = Path(directory) / NAME
    with contextlib.suppress(OSError, ValueError):
        found, holder = path.read_text(encoding="ascii").split()
        if found == identity:
            path.unlink()
            _end(int(holder))


def _end(holder):
    """End what has the lock, and nothing that has its number by now, whatever the volume says."""
    if HOLD.encode() in Path("/proc", str(holder), "cmdline").read_bytes():
        os.killpg(holder, signal.SIGKILL)


def is_left(directory: str | Path, identity: str) -> bool:
    """Return whether a run is known to have locked a director's directory of backups, and to have it no more."""
    try:
        with open(Path(directory) / NAME, "r+b", opener=_no_link) as lock:
            found = lock.read(4096).decode("ascii").split()
            if found[:1] != [identity]:
                return False
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (OSError, ValueError):
        return False
    return True


def is_locked(directory: str | Path) -> bool:
    """Return whether some run of this machine is known to have a director's directory of backups locked."""
    try:
        with open(Path(directory) / NAME, "rb", opener=_no_link) as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _no_link(path, flags):
    return os.open(path, flags | os.O_NOFOLLOW)
