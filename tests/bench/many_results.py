# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What many directors at once took, beside one alone and all one after the other; runs nothing itself."""

import statistics

from results import BenchError, aligned

OUTAGE_AIM = 1.5
WALL_AIM = 0.5
MEMORY_AIM = 600e6


def medians(runs):
    """Given the runs of one alone, return what one takes."""
    if not runs:
        raise BenchError("nothing was measured of one alone: there is nothing to compare with")
    outages = [seconds for run in runs for seconds in run["outages"].values()]
    taken = {key: statistics.median(run[key] for run in runs) for key in ("seconds", "cpu_seconds")}
    return {**taken, "outages": [statistics.median(outages)], "bytes": max(memory(run) for run in runs)}


def memory(run):
    return run["peak"]["kib"] * 1024


def one_after_the_other(measured):
    """Return what all take one after the other: measured, or as many times one alone."""
    runs, many = measured["serial"], len(measured["together"]["outages"])
    if not runs:
        one = medians(measured["alone"])
        return {**one, "seconds": one["seconds"] * many, "cpu_seconds": one["cpu_seconds"] * many}
    taken = {key: sum(run[key] for run in runs) for key in ("seconds", "cpu_seconds")}
    outages = [seconds for run in runs for seconds in run["outages"].values()]
    return {**taken, "outages": outages, "bytes": max(memory(run) for run in runs)}


def at_once(measured):
    run = measured["together"]
    return {**run, "outages": list(run["outages"].values()), "bytes": memory(run)}


def judged(measured):
    """Return what is aimed at: a title, the value, the aim, and whether it is met."""
    alone, serial, together = medians(measured["alone"]), one_after_the_other(measured), at_once(measured)
    found = [
        ("longest outage / one alone", max(together["outages"]) / alone["outages"][0], OUTAGE_AIM),
        ("wall time / one after the other", together["seconds"] / serial["seconds"], WALL_AIM),
        ("memory in MB", together["bytes"] / 1e6, MEMORY_AIM / 1e6),
    ]
    return [{"title": title, "value": value, "aim": aim, "met": value <= aim} for title, value, aim in found]


def as_table(measured):
    """Return it as aligned text."""
    many = len(measured["together"]["outages"])
    how = "measured" if measured["serial"] else f"{many} x one alone"
    rows = [["", "outage, median", "longest", "whole run", "CPU", "memory (PSS)"]]
    rows += [
        _row("one alone", medians(measured["alone"])),
        _row(f"one after the other ({how})", one_after_the_other(measured)),
        _row(f"{many} in one run", at_once(measured)),
    ]
    aims = [["", "", "aim", ""]]
    for aim in judged(measured):
        met = "met" if aim["met"] else "NOT MET"
        aims.append([aim["title"], f"{aim['value']:.2f}", f"at most {aim['aim']:g}", met])
    return f"{aligned(rows, left=1)}\n\n{aligned(aims, left=1)}"


def _row(title, taken):
    outages = taken["outages"]
    return [
        title,
        f"{statistics.median(outages):.2f} s",
        f"{max(outages):.2f} s",
        f"{taken['seconds']:.1f} s",
        f"{taken['cpu_seconds']:.1f} s",
        f"{taken['bytes'] / 1e6:.0f} MB",
    ]
