# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Computes the results of runs and compares the contenders; runs nothing itself."""

from dataclasses import asdict, dataclass, field

CONTENDERS = ("ours", "classic", "floor")
RUNS = ("first", "warm")
MIB = 1024 * 1024
RESTORE_AIM = 1.5
AHEAD_AIM = 1 / 3


class BenchError(Exception):
    """A step of a contender failed; names it and where to look."""


@dataclass
class Run:
    """One run of one contender: seconds, and the bytes that left the director over the network, if any did.

    The load is the machine's average of the minute before: what else it has to do makes every number worse.
    """

    contender: str
    run: str
    outage: float
    total: float
    load: float = 0.0
    archive: float | None = None
    moved: int | None = None
    watched: dict = field(default_factory=dict)
    steps: list = field(default_factory=list)


@dataclass
class Restore:
    """A restore into an emptied store and a plain copy of the same tree, in seconds; the load as that of a Run.

    What was said ahead of time is by the check of the same restore.
    """

    total: float
    push: float
    stop: float
    start: float
    outage: float
    copy: float
    load: float = 0.0
    said: float = 0.0
    said_outage: float = 0.0

    @property
    def ratio(self):
        """Return the time as a multiple of the plain copy's, without stopping and starting."""
        return (self.total - self.stop - self.start) / self.copy

    @property
    def wrong(self):
        """Return by which part of the truth the worse of both forecasts was wrong."""
        return max(abs(self.said - self.total) / self.total, abs(self.said_outage - self.outage) / self.outage)


def outage(services, events):
    """Given the services and what happened to them, return the seconds from the first one gone until all were back.

    A run without an outage, or one after which a service is still away, is an error: there is nothing to compare.
    """
    if not events:
        raise BenchError("no outage was observed: no service was ever away")
    away = set()
    for event in events:
        (away.add if event["event"] == "gone" else away.discard)(event["service"])
    never = set(services) - {event["service"] for event in events}
    if never:
        raise BenchError(f"these services were never away, so this was no offline backup: {', '.join(sorted(never))}")
    if away:
        raise BenchError(f"these services did not come back: {', '.join(sorted(away))}")
    return round(events[-1]["at"] - events[0]["at"], 2)


def begun_steps(marks, total):
    """Given (seconds, name) of each step's beginning and the end of the last, return the steps with their length."""
    ends = [began for began, _name in marks[1:]] + [total]
    return [_step(name, began, end) for (began, name), end in zip(marks, ends, strict=True)]


def ended_steps(marks, _total):
    """Given (seconds, name) of each step's end, return the steps with their length; the first began with the run."""
    begins = [0.0] + [end for end, _name in marks[:-1]]
    return [_step(name, began, end) for began, (end, name) in zip(begins, marks, strict=True)]


def _step(name, began, end):
    return {"step": name, "began": round(began, 2), "seconds": round(end - began, 2)}


@dataclass
class Comparison:
    """A number that compares two contenders in each run, and the aim for it, if there is one."""

    title: str
    values: dict
    unit: str = ""
    aim: float | None = None
    judged: tuple = RUNS

    @property
    def met(self):
        """Tell whether the aim is met by every run that is judged; nothing where there is none."""
        return None if self.aim is None else all(self.values[run] <= self.aim for run in self.judged)

    def cells(self):
        values = [f"{self.values[run]:+.2f} s" if self.unit else f"{self.values[run]:.2f}" for run in RUNS]
        if self.aim is None:
            return [self.title, *values, "", ""]
        which = "" if self.judged == RUNS else f" ({', '.join(self.judged)})"
        return [self.title, *values, f"at most {self.aim:g}{self.unit}{which}", "met" if self.met else "NOT MET"]


def comparisons(runs):
    """Given every run, return the comparisons in the order in which they are shown."""
    by_name = {(run.contender, run.run): run for run in runs}

    def over_classic(value, contender="ours"):
        return {run: getattr(by_name[contender, run], value) / getattr(by_name["classic", run], value) for run in RUNS}

    above_floor = {run: by_name["ours", run].outage - by_name["floor", run].outage for run in RUNS}
    return [
        Comparison("outage, ours - floor", above_floor, " s", aim=3),
        Comparison("outage, ours / classic", over_classic("outage"), aim=0.4),
        Comparison("outage, floor / classic", over_classic("outage", "floor")),
        Comparison("total, ours / classic", over_classic("total"), aim=0.5, judged=("warm",)),
        Comparison("archive, ours / classic", over_classic("archive")),
        Comparison("moved, ours / classic", over_classic("moved")),
    ]


def table(runs):
    """Return the runs and their comparisons as aligned text."""
    rows = [["", "run", "outage", "total", "archive", "moved", "load before"]]
    for run in runs:
        archive = "-" if run.archive is None else f"{run.archive:.1f} s"
        moved = "-" if run.moved is None else f"{run.moved / MIB:.1f} MiB"
        rows.append(
            [run.contender, run.run, f"{run.outage:.2f} s", f"{run.total:.1f} s", archive, moved, f"{run.load:.1f}"]
        )
    compared = [["", *RUNS, "aim", ""], *[comparison.cells() for comparison in comparisons(runs)]]
    return f"{aligned(rows, left=2)}\n\n{aligned(compared, left=1)}"


def restore_table(restore):
    """Return the restore as aligned text, with the aim for it."""
    names = ("total", "push", "stop", "start", "outage", "copy")
    rows = [
        ["restore", *names[:-1], "rsync -a", "load before"],
        ["ours", *[f"{getattr(restore, name):.1f} s" for name in names], f"{restore.load:.1f}"],
    ]
    met = "met" if restore.ratio <= RESTORE_AIM else "NOT MET"
    right = "met" if restore.wrong <= AHEAD_AIM else "NOT MET"
    compared = [
        ["push / rsync", f"{restore.push / restore.copy:.2f}", "", ""],
        ["(total - stop - start) / rsync", f"{restore.ratio:.2f}", f"at most {RESTORE_AIM:g}", met],
        ["said ahead: total, outage", f"{restore.said:.1f} s, {restore.said_outage:.1f} s", "within a third", right],
    ]
    return f"{aligned(rows, left=1)}\n\n{aligned(compared, left=1)}"


def aligned(rows, left):
    """Given rows of cells, return lines: the first columns flush left, the others flush right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if number < left else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def as_json(settings, runs, restore, warm):
    """Return everything that was measured, as it is kept in bench.json."""
    compared = [{**asdict(comparison), "met": comparison.met} for comparison in comparisons(runs)]
    restored = {**asdict(restore), "ratio": restore.ratio, "aim": RESTORE_AIM}
    told = [asdict(run) for run in runs]
    return {"settings": settings, "runs": told, "comparisons": compared, "restore": restored, "warm": warm}
