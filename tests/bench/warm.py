# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Warm runs without an archive, by mode: the time by the clock, and what the controller had to do for it."""

import json
import re
import subprocess
import sys

from bench_host import HERE
from contenders import tail
from results import BenchError, aligned

MODES = ("offline", "online")
TIMES = 3
SECONDS_AIM = {"offline": 20.0, "online": 12.0}
CPU_AIM = 12.0
TASKS_AIM = 40
OUTCOME = re.compile(r"(ok|changed|included|skipping): \[")


def measure_warm(host, ours, work, new_blobs):
    """Given the contender that has a backup already, return what some runs of each mode took."""
    found = []
    for number in range(TIMES):
        for mode in MODES:
            host.add(new_blobs, seed=200 + len(found))  # what a seed makes can be added once
            host.settle()
            log = work / "logs" / f"warm-{mode}-{number}.log"
            found.append({"mode": mode, **footprint(log, ours.command_as(mode))})
    return found


def footprint(log, command):
    """Run a command; return what footprint.py says of it, and how many of its tasks ran and were skipped."""
    taken = subprocess.run(
        [sys.executable, str(HERE / "footprint.py"), str(log), *command], stdout=subprocess.PIPE, text=True, check=True
    )
    found = json.loads(taken.stdout)
    if found["status"]:
        raise BenchError(f"a warm run ended with {found['status']}. The end of {log}:\n{tail(log)}")
    outcomes = [match.group(1) for match in map(OUTCOME.match, log.read_text(errors="replace").splitlines()) if match]
    skipped = outcomes.count("skipping")
    return {**found, "ran": len(outcomes) - skipped, "skipped": skipped}


def warm_table(runs):
    """Return the best run of each mode as aligned text, with the aims: what else a machine does makes no run better."""
    rows = [["warm, without an archive", "seconds", "aim", "CPU", "aim", "tasks", "skipped", "aim", "PSS"]]
    for mode in MODES:
        those = [run for run in runs if run["mode"] == mode]
        best = {key: min(run[key] for run in those) for key in ("seconds", "cpu_seconds", "ran", "skipped")}
        memory = max(run["peak"]["kib"] for run in those) / 1024
        clock, processor = f"{best['seconds']:.1f} s", f"{best['cpu_seconds']:.1f} s"
        tasks = [str(best["ran"]), str(best["skipped"]), f"{TASKS_AIM}"]
        rows.append([mode, clock, f"{SECONDS_AIM[mode]:g} s", processor, f"{CPU_AIM:g} s", *tasks, f"{memory:.0f} MiB"])
    return aligned(rows, left=1)
