# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a command, and tell the time, the processor time and the memory of it and of all that it started.

    footprint.py LOG COMMAND...       prints one line of JSON

Whatever goes into the background, as shared connections of ssh do, is counted, too, and ended with the command. Memory
is the sum of the proportional set sizes (PSS): what several processes share counts once.
"""

import contextlib
import ctypes
import json
import os
import pathlib
import signal
import sys
import time

PROC = pathlib.Path("/proc")
SAMPLE_SECONDS = 2.0  # a look at 60 processes takes some hundredths of one
LOOK_SECONDS = 0.05
PR_SET_CHILD_SUBREAPER = 36
TICKS = os.sysconf("SC_CLK_TCK")


def status(pid):
    """Return the fields of a process behind its name: state, parent, ...; none of one that is gone."""
    with contextlib.suppress(OSError):
        return (PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    return []


def descendants(root):
    """Return the processes that come from this one, it not among them."""
    children = {}
    for name in os.listdir(PROC):
        fields = status(name) if name.isdigit() else []
        if fields:
            children.setdefault(int(fields[1]), []).append(int(name))
    found, look = [], [root]
    while look:
        those = children.get(look.pop(), [])
        found += those
        look += those
    return found


def pss(pid):
    """Return the proportional set size of a process in KiB, 0 of one that is gone."""
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("Pss:")).split()[1])
    return 0


def name(pid):
    with contextlib.suppress(OSError):
        words = (PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
        return " ".join(os.path.basename(word) for word in words[:2])
    return ""


def sample(pids):
    """Return the memory of these processes, and how it is shared among programs."""
    by_name = {}
    for pid in pids:
        amount = pss(pid)
        if amount:
            count, before = by_name.get(name(pid), (0, 0))
            by_name[name(pid)] = (count + 1, before + amount)
    top = sorted(by_name.items(), key=lambda item: -item[1][1])[:8]
    return {"kib": sum(amount for _count, amount in by_name.values()), "processes": len(pids), "programs": dict(top)}


class Footprint:
    """What a command took until now."""

    def __init__(self):
        self.seconds_of_cpu = 0.0
        self.seconds_of_first = 0.0
        self.peak = {"kib": 0, "processes": 0, "programs": {}}
        self.ended = {}

    def reap(self):
        """Count what has ended."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, how, usage = os.wait3(os.WNOHANG)
                if not pid:
                    return
                self.ended[pid] = os.waitstatus_to_exitcode(how)
                self.seconds_of_cpu += usage.ru_utime + usage.ru_stime

    def sample(self, first):
        """Look at the memory of all, and at the processor time of the command's own process, which is no other's."""
        fields = status(first)
        if fields:
            self.seconds_of_first = (int(fields[11]) + int(fields[12])) / TICKS
        self.peak = max(self.peak, sample(descendants(os.getpid())), key=lambda one: one["kib"])

    def end_the_rest(self):
        """End what is left in the background, and count it."""
        for pid in descendants(os.getpid()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 5
        while descendants(os.getpid()) and time.monotonic() < deadline:
            self.reap()
            time.sleep(LOOK_SECONDS)


def measure(log, command):
    """Run the command with its output in a file; return its Footprint, and how it ended."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    found, began = Footprint(), time.monotonic()
    into = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    # A session of its own, as cron and AWX give it: the kernel may share the processors among sessions.
    pid = os.posix_spawnp(command[0], command, os.environ, file_actions=into, setsid=True)
    sampled = 0.0
    while pid not in found.ended:
        if time.monotonic() - sampled >= SAMPLE_SECONDS:
            found.sample(pid)
            sampled = time.monotonic()
        time.sleep(LOOK_SECONDS)
        found.reap()
    total = time.monotonic() - began
    found.end_the_rest()
    return {
        "status": found.ended[pid],
        "seconds": round(total, 2),
        "cpu_seconds": round(found.seconds_of_cpu, 2),
        "own_cpu_seconds": round(found.seconds_of_first, 2),
        "peak": found.peak,
    }


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], sys.argv[2:])))
