# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Slots in which the outages of one controller take turns, whichever ansible-playbook they belong to.

A slot is a file that is locked (flock), in a directory that all runs of this user on this machine find, and in which
nobody else can put anything. A task ends long before the outage that it takes the slot for. So it hands the lock on to
a small process, which lives until the slot is given back, or ansible-playbook is gone (_outage_slot_holder.py).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import math
import os
import secrets
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.microbosh.director.plugins.plugin_utils._run._control_directory import made_private

# The same for each run, so nothing of its environment decides. The last one is emptied when a user's last session ends.
PLACES = tuple(f"/{place}" for place in ("tmp", "var/tmp", "dev/shm"))
HOLDER = Path(__file__).with_name("_outage_slot_holder.py")
QUOTA = Path("/sys/fs/cgroup/cpu.max")
PREFIX = "outage-"
MODE = 0o600
GIVEN_BACK_SECONDS = 5
PAUSE_SECONDS = 0.02
UNKNOWN = "another run"


class SlotError(Exception):
    """Outages cannot take turns here."""


@dataclass
class Slot:
    """A slot that this process has locked."""

    directory: str
    number: int
    file: int
    token: str


def processors(quota: Path = QUOTA) -> int:
    """Return how many processors this controller has: those that it may run on, or what a container may use of them."""
    mine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        used, period = quota.read_text(encoding="ascii").split()
        return max(1, min(mine, math.ceil(int(used) / int(period))))
    except (OSError, ValueError):  # no such limit
        return mine


def slots_directory(places: tuple = PLACES) -> str:
    """Return the directory of this user's slots, made if it was not there."""
    for place in places:
        path = os.path.join(place, f"microbosh-{os.geteuid()}")
        if made_private(path):
            return path
    raise SlotError(f"none of {', '.join(places)} takes a private directory microbosh-{os.geteuid()} of this user")


def take(directory: str, count: int, host: str) -> Slot | None:
    """Lock one of the first so many slots for a host, the last that is free; return None if none is.

    A run with a smaller number than others has the first ones, which these take last.
    """
    for number in reversed(range(count)):
        file = _locked(_path(directory, number))
        if file is not None:
            slot = Slot(directory, number, file, f"{number}-{secrets.token_hex(8)}")
            _write(file, {"host": host, "token": slot.token})
            return slot
    return None


def hosts_away(directory: str, count: int) -> list[str]:
    """Return the hosts that have the first so many slots, as far as their runs have said it yet."""
    records = [_record(directory, number) for number in range(count) if is_held(directory, number)]
    return sorted({record.get("host", UNKNOWN) for record in records})


def any_held(directory: str) -> bool:
    """Return whether any director is stopped in its turn, whatever its number is."""
    numbers = [name.removeprefix(PREFIX) for name in os.listdir(directory) if name.startswith(PREFIX)]
    return any(is_held(directory, int(number)) for number in numbers if number.isdigit())


def is_held(directory: str, number: int) -> bool:
    """Return whether a slot is locked by anybody."""
    try:
        file = os.open(_path(directory, number), os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def hand_on(slot: Slot, controller: int, identity: str, limit: float) -> None:
    """Have a process hold the slot that lives as long as the controller does, and so many seconds at most.

    This process holds it no more, whatever comes of that.
    """
    back = None
    try:
        back = _open_way_back(_way_back(slot.directory, slot.number))
        argv = [sys.executable, "-I", "-S", str(HOLDER), *map(str, (slot.file, back, slot.token, limit, controller))]
        process = subprocess.Popen(
            [*argv, identity], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/",
            env={}, pass_fds=(slot.file, back), start_new_session=True,
        )  # fmt: skip
        with process.stdout as said:
            answer = said.read()
        if answer != b"held\n":
            raise SlotError("the process that should hold the slot of this outage did not start")
    except OSError as error:
        raise SlotError(f"the process that should hold the slot of this outage did not start: {error}") from error
    finally:
        os.close(slot.file)
        if back is not None:
            os.close(back)


def give_back(directory: str, token: str) -> bool:
    """Have the process that holds the slot of this token end; return whether it is free of it."""
    number = int(token.partition("-")[0])
    deadline = time.monotonic() + GIVEN_BACK_SECONDS
    told = False
    while is_held(directory, number) and _record(directory, number).get("token") == token:
        told = told or _tell(_way_back(directory, number), token)
        if time.monotonic() > deadline:
            return False
        time.sleep(PAUSE_SECONDS)
    return True


def _path(directory, number):
    return os.path.join(directory, f"{PREFIX}{number}")


def _way_back(directory, number):
    return os.path.join(directory, f"{PREFIX}{number}.back")


def _locked(path):
    """Return the open file if nobody else has it locked, None if somebody has; it may be removed and made meanwhile."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, MODE)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(file), os.lstat(path)):
            return file
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(file)
        raise
    os.close(file)
    return None


def _open_way_back(path):
    with contextlib.suppress(FileExistsError):
        os.mkfifo(path, MODE)
    # For writing, too: then it has no end when whoever wrote into it closes it.
    return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW)


def _tell(path, token):
    """Tell the holder of a slot that it is given back; return whether there was one to be told."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno in (errno.ENXIO, errno.ENOENT):
            return False
        raise
    try:
        os.write(file, f"{token}\n".encode("ascii"))
    finally:
        os.close(file)
    return True


def _write(file, record):
    os.ftruncate(file, 0)
    os.pwrite(file, json.dumps(record).encode("ascii"), 0)


def _record(directory, number):
    """Return what the holder of a slot has said of itself: nothing in the moment between."""
    try:
        found = json.loads(Path(_path(directory, number)).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
