# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the seconds of an outage went, out of what its tasks returned."""

from __future__ import annotations

# The agent is stopped before the first service, and counts for nothing.
BEFORE = "agent"
BETWEEN = "between"
MOST_SERVICES = 3
WORDS = {
    "agent": "stopping the agent before it",
    "intake": "stopping what takes requests",
    "tasks": "the last look at tasks",
    "stop": "stopping services",
    "dumps": "dumps",
    "stop_postgresql": "stopping PostgreSQL",
    "second_pass": "second pass",
    "postgresql_files": "PostgreSQL's files",
    "owners": "owners",
    "start": "starting services",
    "between": "between them",
}


def outage_parts(made: dict) -> list[dict]:
    """Given what the tasks of an outage returned, by what they were about, return its parts in their order.

    Each has its name (``part``) and ``seconds``; a stop and the start also the seconds of each service, until its
    process had ended or monit called it running. Without the part ``agent``, which comes before, they make the
    ``outage`` of the run; ``between`` is what nothing but Ansible itself took. A part that was skipped has nothing.
    """
    if not _number(made["outage"]):
        return []
    parts = [
        _part("agent", made["agent"].get("seconds")),
        _stop("intake", made["intake"]),
        _part("tasks", made["tasks"].get("waited")),
        _stop("stop", made["stop"]),
        _part("dumps", _sum(made["dumps"])),
        _stop("stop_postgresql", made["stop_postgresql"]),
        _part("second_pass", made["second_pass"].get("seconds")),
        _part("postgresql_files", _sum(made["postgresql_files"].get("results") or [])),
        _part("owners", made["owners"].get("seconds")),
        _start(made["restarted"], made["start"]),
    ]
    found = [part for part in parts if part]
    rest = _number(made["outage"]) - sum(part["seconds"] for part in found if part["part"] != BEFORE)
    return [*found, _part(BETWEEN, max(rest, 0))]


def outage_said(parts: list[dict]) -> list[str]:
    """Given the parts of an outage, return what is told of them."""
    if not parts:
        return []
    lines = ["  of that " + ", ".join(f"{WORDS[part['part']]} {part['seconds']} s" for part in parts)]
    for part in parts:
        slow = sorted(part.get("services", {}).items(), key=lambda item: -item[1])[:MOST_SERVICES]
        if len(slow) > 1:
            lines.append(f"  slowest of {WORDS[part['part']]}: " + ", ".join(f"{name} {s} s" for name, s in slow))
    return lines


def _number(value):
    """ansible-core 2.16 makes texts of numbers that stand alone in a variable."""
    return float(value or 0)


def _part(name, seconds, **more):
    return {"part": name, "seconds": round(_number(seconds), 2), **more} if seconds is not None else None


def _sum(results):
    seconds = [result["seconds"] for result in results if result.get("seconds") is not None]
    return sum(seconds) if seconds else None


def _stop(name, result):
    took = {one["name"]: one["seconds"] for one in result.get("took") or [] if one["name"] in result["acted"]}
    return _part(name, result.get("seconds"), services=took)


def _start(restarted, start):
    """Return the start from the first service that was asked for until all were there, by service."""
    began, up_at = restarted.get("began", start.get("began")), start.get("up_at")
    if began is None or up_at is None:
        return None
    later = start["began"] - began
    took = {one["name"]: round(one["seconds"] + later, 2) for one in start.get("took") or []}
    took.update({one["name"]: one["seconds"] for one in restarted.get("took") or []})
    acted = [*restarted.get("acted", []), *start.get("acted", [])]
    return _part("start", up_at - began, services={name: took[name] for name in took if name in acted})
