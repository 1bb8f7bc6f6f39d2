# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows from an online attempt, and what is told of it.

An online backup is one that an outage would have given where nothing moved between the two dumps that the copy was made
between. What is not so is published only if the operator asked for exactly that.
"""

from __future__ import annotations

STILL, MOVED, OUTAGE = "still", "moved", "outage"
# Enough to see what is going on; backup.json and the log have all of it.
SHOWN = 8
WAYS_OUT = {
    "online": "Nothing was stopped or published. Ways out: run it at a quieter time, set microbosh_mode: auto, which "
    "makes an outage of some seconds then, or microbosh_online_moved: publish, which publishes it with the list of "
    "what moved.",
    "auto": "Nothing was stopped or published. Ways out: run it in the window, or at a quieter time, or set "
    "microbosh_outage_window to one that is open then.",
}


def online_next(verdict: dict, asked: dict) -> dict:
    """Given the verdict of an attempt, and what was asked for, return the ``step`` that follows and what is told.

    ``asked`` has the ``mode``, the number of the ``attempt`` and of all ``attempts``, what becomes of an attempt that
    ``moved`` (refuse, publish), and what outage_window() said of the ``window``. The step is one of ``done``,
    ``again``, ``outage``, ``publish`` and ``refuse``, which has a ``refusal``. Only a verdict that says so is ``done``.
    """
    attempt, attempts = int(asked["attempt"]), int(asked["attempts"])
    if verdict["verdict"] == STILL:
        return {"step": "done", "refusal": "", "lines": [f"The director held still{_tries(attempt, attempts)}"]}
    lines = [f"Attempt {attempt} of {attempts}: the director did not hold still: {moved_said(verdict)}"]
    step, refusal = "again", ""
    if attempt >= attempts:
        step, refusal = _last(verdict, asked)
        lines += ["An outage takes the place of the online copy"] if step == "outage" else []
    return {"step": step, "refusal": refusal, "lines": lines}


def _last(verdict, asked):
    """Return the step after the last attempt, and why nothing follows."""
    closed = asked["window"]["refusal"]
    if asked["mode"] == "auto" and not closed:
        return "outage", ""
    if asked["mode"] == "online" and asked["moved"] == "publish":
        return "publish", ""
    attempts = f"{asked['attempts']} attempts" if int(asked["attempts"]) > 1 else "the one attempt"
    what = f"The director did not hold still in {attempts}. In the last one moved: {moved_said(verdict)}."
    return "refuse", " ".join([what, *([f"{closed}."] if asked["mode"] == "auto" else []), WAYS_OUT[asked["mode"]]])


def _tries(attempt, attempts):
    return "" if attempt == 1 else f", in attempt {attempt} of {attempts}"


def moved_said(verdict: dict, names: str = "moved") -> str:
    """Given a verdict, return in one line what moved, or what did without harm: the tables of each database."""
    moved = verdict.get(names) or []
    databases = {}
    for one in moved[:SHOWN]:
        databases.setdefault(str(one.get("database") or ""), []).append(_thing(one))
    said = [f"{name + ': ' if name else ''}{', '.join(dict.fromkeys(things))}" for name, things in databases.items()]
    more = [f"{len(moved) - SHOWN} more"] if len(moved) > SHOWN else []
    return "; ".join(said + more) or "what could not be compared"


def _thing(one):
    table, what = one.get("table") or "", one.get("what") or ""
    return f"{table} ({what})" if table and what else str(table or what)


def online_record(verdict: dict, attempt: int, mode: str) -> dict | None:
    """Given the verdict of the last attempt, its number and what the run came to, return it as backup.json has it."""
    if not verdict:
        return None
    instead = mode == "offline"
    return {
        "verdict": OUTAGE if instead else verdict["verdict"],
        "attempts": int(attempt) - instead,
        "moved": list(verdict.get("moved") or []),
        "harmless": list(verdict.get("harmless") or []),
    }


def online_said(online: dict | None) -> list[str]:
    """Given what backup.json has of it, return the line of the report; none of a backup that was never tried online."""
    if not online:
        return []
    tries = "the one attempt" if online["attempts"] == 1 else f"{online['attempts']} attempts"
    if online["verdict"] == OUTAGE:
        return [f"  online   not still in {tries}, so there was an outage; moved {moved_said(online)}"]
    if online["verdict"] == MOVED:
        return [f"  online   MOVED in {tries}: {moved_said(online)}"]
    harmless = f"; moved without harm: {moved_said(online, 'harmless')}" if online["harmless"] else ""
    number = "" if online["attempts"] == 1 else f" in attempt {online['attempts']}"
    return [
        f"  online   still{number}: databases and blobs are of one moment, as in an outage{harmless}",
        "           other files of the store, such as logs of tasks, are each of their own",
    ]


def moved_but(online: dict | None) -> str:
    """Return what a backup is called besides whole if its databases moved while it was copied, else ""."""
    if not online or online["verdict"] != MOVED:
        return ""
    return "ITS DATABASES MOVED WHILE IT WAS COPIED"
