# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The message about a run: one for all of its directors, as short as those want it who carry it."""

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.microbosh.director.plugins.plugin_utils._run._lines import duration, size
from ansible_collections.microbosh.director.plugins.plugin_utils._run._printable import printable_lines
from ansible_collections.microbosh.director.plugins.plugin_utils._told._outcomes import HEALTH, Outcome

# Discord takes 2,000 characters, others more.
LONGEST = 1_900
LONGEST_LINE = 400
GOOD_ONES = 10
MOST_PROBLEMS = 8
LOG_LINES = 12
LOG_BYTES = 10_000
# What a chat takes for a call to everybody who is in it, out of words that may be a director's.
CALLS = re.compile(r"@(?=(?:everyone|here|channel|all|room|team)\b)|<(?=[!@#])", re.IGNORECASE)
PLAYBOOKS = {
    "backup": "Backup",
    "verify": "Verification",
    "restore": "Restore",
    "checkup": "Checkup",
    "health": "Health check",
}
FAILURE, WARNING, SUCCESS = "failure", "warning", "success"


def message(found: list[Outcome], problems: list[str], controller: str) -> dict:
    """Given the outcomes of those who are told of together, and what else went wrong, return title, body and type."""
    bad = [outcome for outcome in found if not outcome.good]
    kind = FAILURE if bad else WARNING if problems or any(outcome.killed for outcome in found) else SUCCESS
    lines = [*_bad(bad), *_killed(found), *(f"FAILED {problem}" for problem in problems), *_good(found)]
    lines += [f"Controller: {controller}"]
    body = _within(lines, LONGEST)
    for outcome in bad[:1]:
        body = _with_log(body, outcome)
    return {"title": title(found, problems), "body": body, "type": kind}


def title(found: list[Outcome], problems: list[str]) -> str:
    """Return the subject: what ran, for whom, and how it ended."""
    names = list(dict.fromkeys(outcome.host for outcome in found))
    bad = list(dict.fromkeys(outcome.host for outcome in found if not outcome.good))
    done = " and ".join(dict.fromkeys(PLAYBOOKS.get(outcome.playbook, outcome.playbook) for outcome in found))
    of = names[0] if len(names) == 1 else f"{len(names)} directors"
    return printable_lines(f"{done} of {of}{_ended(found, names, bad, problems)}")[:200]


def _ended(found, names, bad, problems):
    if bad and all(outcome.playbook == HEALTH for outcome in found if not outcome.good):
        return " found problems" if len(bad) == len(names) else f": problems of {len(bad)}"
    if bad:
        return " failed" if len(bad) == len(names) else f": {len(bad)} failed"
    if problems:
        return " went well, something beside it failed"
    if any(outcome.killed for outcome in found):
        return " went well, an earlier run was killed"
    if any(outcome.recovered for outcome in found):
        return " went well again"
    return " went well"


def _bad(bad):
    for outcome in bad:
        yield f"FAILED {outcome.host}: {_line(outcome.error)}"
        others = [str(problem.get("said")) for problem in outcome.artifact.get("problems") or []]
        yield from (f"  also: {_line(other)}" for other in others[:MOST_PROBLEMS] if other not in outcome.error)
        if outcome.log and Path(outcome.log).is_file():
            yield f"  its log: {outcome.log}"


def _killed(found):
    for outcome in found:
        for run in outcome.killed:
            yield f"KILLED {outcome.host}: the {outcome.playbook} {run} before this one never came to its end"


def _good(found):
    good = sorted((outcome for outcome in found if outcome.good), key=lambda outcome: not outcome.recovered)
    for outcome in good[:GOOD_ONES]:
        yield f"{'recovered' if outcome.recovered else 'ok'} {outcome.host}: {_line(said(outcome))}"
    if len(good) > GOOD_ONES:
        yield f"ok {len(good) - GOOD_ONES} more"


def said(outcome: Outcome) -> str:
    """Return in some words what was done."""
    made = outcome.artifact
    words = [outcome.id, f"in {duration(float(made.get('seconds') or 0))}"]
    if outcome.playbook == "backup":
        words.append(f"outage {duration(float(made.get('outage_seconds') or 0))}")
        copied = (made.get("moved") or {}).get("bytes")
        words += [f"{size(copied)} copied"] if copied else []
        words += [f"WITHOUT {made['without']}"] if made.get("without") else []
    elif outcome.playbook == HEALTH:
        words = [f"nothing is wrong, the newest proven backup is {made.get('newest_proven')}"]
    elif outcome.playbook == "verify":
        words = [f"{len(made.get('verdicts') or [])} read again, whole", *words[1:]]
    return ", ".join(words)


def log_end(path: str, lines: int = 0, longest: int = LOG_BYTES) -> str:
    """Return the end of a log, of so many lines at most, "" if there is none."""
    try:
        with open(path, "rb") as log:
            log.seek(0, 2)
            begin = max(log.tell() - longest, 0)
            log.seek(begin)
            text = log.read(longest).decode("utf-8", "replace")
    except OSError:
        return ""
    whole = text.partition("\n")[2] if begin else text
    return _told("\n".join(whole.splitlines()[-lines:]))


def _told(text):
    """Return words as they may be told: printable, and calling nobody."""
    return CALLS.sub(lambda found: f"{found.group()} ", printable_lines(text))


def _with_log(body, outcome):
    """Add as much of the end of a log as there is space for."""
    head = f"\n\nThe end of the log of {outcome.host}:\n"
    lines = log_end(outcome.log, LOG_LINES).splitlines() if outcome.log else []
    space = LONGEST - len(body) - len(head)
    while lines and len("\n".join(lines)) > space:
        del lines[0]
    return f"{body}{head}" + "\n".join(lines) if lines else body


def _line(text):
    line = " ".join(_told(str(text)).split())
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 3]}..."


def _within(lines, longest):
    kept: list[str] = []
    for number, line in enumerate(lines):
        rest = f"... and {len(lines) - number} lines more"
        if len("\n".join([*kept, line, rest])) > longest:
            return "\n".join([*kept, rest])
        kept.append(line)
    return "\n".join(kept)
