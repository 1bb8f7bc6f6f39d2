# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the directors of a run ended, out of what they said of themselves, and which of it is news."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

FAILED, RECOVERED, EVERY, TOO_OLD = "failed", "recovered", "every", "too_old"
SUCCEEDED = "succeeded"
HEALTH = "health"
# Of what health finds, what is told as too old, and what the run itself has told when it failed.
OLD_RULES = ("proven_age", "no_backup")
TOLD_BY_RUNS = ("last_run",)
WAS_KILLED = re.compile(r"the last \w+, of [^,]+, was killed")
KILLED = "killed"
# A director whose tasks began, and of which nothing more was said.
NEVER_ENDED = "The run was interrupted before it came to its end."
NEVER_BEGAN = "The run ended before it began with this director."


@dataclass
class Outcome:
    """How one playbook ended for one director."""

    playbook: str
    host: str
    id: str
    began: float
    log: str
    settings: dict
    earlier: list = field(default_factory=list)
    artifact: dict = field(default_factory=dict)
    # Where it is kept what health has told of this director, and whether there is something else by now.
    kept: str = ""
    news: bool = True

    @property
    def good(self) -> bool:
        """Whether what was asked for was done."""
        return self.artifact.get("outcome") == SUCCEEDED

    @property
    def error(self) -> str:
        """What failed; empty if nothing did."""
        return "" if self.good else str(self.artifact.get("error") or NEVER_ENDED)

    @property
    def recovered(self) -> bool:
        """Whether this went well, and the run of this playbook before did not."""
        return self.good and bool(self.earlier) and self.earlier[0].get("outcome") != SUCCEEDED

    @property
    def killed(self) -> list:
        """Ids of runs before this one that never came to their end, and so could tell nobody; newest first."""
        found = []
        for run in self.earlier:
            if run.get("outcome") != KILLED:
                break
            found.append(str(run.get("id", "")))
        return found

    @property
    def events(self) -> set:
        """What of microbosh_notify_on this is."""
        found = {EVERY}
        if self.playbook == HEALTH and not self.good:
            return found | (self._found_by_health() if self.news else set())
        if not self.good or self.killed:
            found.add(FAILED)
        if self.recovered:
            found.add(RECOVERED)
        return found

    def _found_by_health(self):
        rules = rules_told(self.artifact)
        return ({TOO_OLD} if rules & set(OLD_RULES) else set()) | ({FAILED} if rules - set(OLD_RULES) else set())


def rules_told(artifact: dict) -> set:
    """Return the rules of health that are broken and that nobody was told of by a run."""
    problems = [problem for problem in artifact.get("problems") or [] if isinstance(problem, dict)]
    return {
        str(problem.get("rule"))
        for problem in problems
        if problem.get("rule") not in TOLD_BY_RUNS or WAS_KILLED.match(str(problem.get("said")))
    }


def outcomes(records: list[dict]) -> list[Outcome]:
    """Given what was said in a run, in that order, return how it ended for each director and playbook.

    What a director said last of its end counts: after a backup is published something may fail yet. Whoever should have
    been of the run and never said so, or whose settings nobody knows, has none, and is told of with the others.
    """
    found: dict = {}
    silent: set = set()
    for record in records:
        key = (record.get("playbook"), record.get("host"))
        if record["what"] == "entered":
            found[key] = Outcome(**{name: record[name] for name in record if name not in ("what", "hosts")})
            silent |= {(key[0], host) for host in record.get("hosts") or []}
        elif record["what"] == "unknown":
            found[key] = _without_settings(*key, record["error"])
        elif record["what"] == "ended" and key in found:
            found[key].artifact = record["artifact"]
    began = {(record.get("playbook"), record.get("host")) for record in records if record["what"] == "began"}
    found.update({key: _without_settings(*key, NEVER_BEGAN) for key in sorted(silent - set(found) - began)})
    return list(found.values())


def _without_settings(playbook, host, error):
    return Outcome(playbook, host, "", 0.0, "", {}, artifact={"outcome": "failed", "reason": "error", "error": error})


def by_target(found: list[Outcome], target) -> dict:
    """Given outcomes, and a function that returns the targets of one by its settings, return the outcomes by target.

    Those without settings are with all others of their playbook: nobody else would hear of them.
    """
    groups: dict = {}
    for outcome in (one for one in found if one.settings):
        for one in target(outcome.settings):
            groups.setdefault(one, []).append(outcome)
    for group in groups.values():
        playbooks = {outcome.playbook for outcome in group}
        group += [one for one in found if not one.settings and one.playbook in playbooks]
    return groups
