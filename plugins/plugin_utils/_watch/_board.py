# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of each director while a run goes on, from Ansible's events and the notes of its tasks.

Nothing is drawn here. Times are those of the monotonic clock, which all processes of a machine share.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ansible_collections.microbosh.director.plugins.plugin_utils._run._printable import printable

WAITING, WORKING, DONE, REFUSED, FAILED = "waiting", "working", "done", "refused", "failed"
AWAY = "away"  # it is worked on, and stopped
# What a person looks for first, where there is no room for all.
URGENCY = (FAILED, REFUSED, AWAY, WORKING, WAITING, DONE)
LONGEST = 400
# How much of a new rate counts: so it follows within some ten seconds, and does not jump.
SHARE = 0.25


@dataclass
class Row:
    """One director."""

    host: str
    state: str = WAITING
    phase: str = ""
    task: str = ""
    said: str = ""
    began: float | None = None
    task_began: float = 0.0
    ended: float | None = None
    away_since: float | None = None
    outage: float | None = None
    moved: int | None = None
    total: int = 0
    rate: float = 0.0
    noted: float = 0.0
    attention: list[str] = field(default_factory=list)
    message: str = ""

    def kind(self) -> str:
        """Return its state in one word, which tells whether it is away."""
        return AWAY if self.state == WORKING and self.away_since is not None else self.state

    def seconds(self, now: float) -> float:
        """Return how long the run has been at work on it."""
        return 0.0 if self.began is None else max((now if self.ended is None else self.ended) - self.began, 0.0)

    def away(self, now: float) -> float | None:
        """Return how long it has been stopped, None if it is not."""
        return None if self.away_since is None else max(now - self.away_since, 0.0)

    def left(self) -> float | None:
        """Return the seconds that the transfer will take, None if that cannot be told."""
        if not (self.total and self.moved and self.rate > 0) or self.moved >= self.total:
            return None
        return (self.total - self.moved) / self.rate


class Board:
    """All directors of a play, in the order of the inventory."""

    def __init__(self, title: str, hosts: list[str], now: float):
        self.title, self.began = plain(title), now
        self.rows = {host: Row(host) for host in hosts}

    def row(self, host: str) -> Row:
        """Return the row of a host, which is a new one if the play did not name it."""
        return self.rows.setdefault(host, Row(host))

    def begin_task(self, host: str, name: str, now: float) -> None:
        """A task begins: it is what the director is shown with, until the next one."""
        row = self.row(host)
        row.began = now if row.began is None else row.began
        if row.state == WAITING:
            row.state = WORKING
        row.task, row.task_began, row.said = plain(name), now, ""
        row.moved, row.total, row.rate, row.noted = None, 0, 0.0, 0.0

    def enter(self, host: str, phase: str) -> None:
        """A phase begins."""
        self.row(host).phase = plain(phase)

    def stop(self, host: str, now: float) -> None:
        """The director is being stopped."""
        row = self.row(host)
        row.away_since = now if row.away_since is None else row.away_since

    def runs(self, host: str, now: float) -> None:
        """The director runs again."""
        row = self.row(host)
        if row.away_since is not None:
            row.outage, row.away_since = now - row.away_since, None

    def was_not_stopped(self, host: str) -> None:
        """The task that would have stopped the director was skipped."""
        row = self.row(host)
        if row.away_since is not None and row.away_since >= row.task_began:
            row.away_since = None

    def take_note(self, host: str, note: dict) -> None:
        """Take what the task of a host noted, unless it is known, or an earlier task's."""
        row, at = self.row(host), note.get("at", 0.0)
        if row.state != WORKING or at <= max(row.noted, row.task_began):
            return
        if isinstance(note.get("moved"), int):
            self._move(row, note["moved"], note.get("total"), at)
        else:
            row.said = plain(note.get("said") or "")
        row.noted = at

    @staticmethod
    def _move(row, moved, total, at):
        if row.moved is not None and at > row.noted:
            rate = max(moved - row.moved, 0) / (at - row.noted)
            row.rate = rate if row.rate == 0 else row.rate + SHARE * (rate - row.rate)
        elif row.moved is None and at > row.task_began:
            row.rate = moved / (at - row.task_began)
        row.moved, row.total = moved, total if isinstance(total, int) else 0

    def hear(self, line: str) -> None:
        """A warning was printed, with the name of a director in front of it."""
        host, dummy, said = line.partition(": ")
        if host in self.rows:
            self.attend(host, said)

    def attend(self, host: str, line: str) -> None:
        """Something of a director needs attention, and is no failure yet."""
        row = self.row(host)
        if row.state not in (FAILED, REFUSED):
            row.attention.append(plain(line))

    def end(self, host: str, artifact: dict, now: float) -> None:
        """The run told how it ended for a director, in the artifact of a job."""
        row, outcome = self.row(host), artifact.get("outcome")
        if isinstance(artifact.get("outage_seconds"), (int, float)) and artifact["outage_seconds"] > 0:
            row.outage = float(artifact["outage_seconds"])
        if outcome in ("failed", "refused"):
            row.message = plain(artifact.get("error") or "")
        row.state = {"failed": FAILED, "refused": REFUSED}.get(outcome, DONE)
        row.ended = now

    def fail(self, host: str, message: str, refused: bool, now: float) -> None:
        """Nothing more is done for a director."""
        row = self.row(host)
        row.state, row.ended = REFUSED if refused else FAILED, now
        row.message = row.message or plain(message)

    def finish(self, now: float) -> None:
        """The play is over: what has not failed by now is done."""
        for row in self.rows.values():
            if row.state == WORKING:
                row.state, row.ended = DONE, now

    def has_phases(self) -> bool:
        """Return whether there was more to see than tasks, as in a play that only asks."""
        return any(row.phase for row in list(self.rows.values()))

    def counts(self) -> dict:
        """Return how many directors are in each state, without those in which none is."""
        return counts_of(list(self.rows.values()))

    def most_urgent(self, most: int) -> tuple[list[Row], list[Row]]:
        """Return as many rows as there is room for, in their order, and those for which there is none."""
        rows = list(self.rows.values())
        if len(rows) <= most:
            return rows, []
        chosen = {row.host for row in sorted(rows, key=urgency)[: max(most, 0)]}
        return [row for row in rows if row.host in chosen], [row for row in rows if row.host not in chosen]


def counts_of(rows: list[Row]) -> dict:
    """Return how many rows are in each state, the most urgent first."""
    states = [row.kind() for row in rows]
    return {state: states.count(state) for state in URGENCY if state in states}


def urgency(row: Row) -> tuple[int, bool]:
    """Return what to sort by, the most urgent first."""
    return (URGENCY.index(row.kind()), not row.attention)


def plain(text) -> str:
    """Return a text as one line of bounded length that does nothing to a terminal."""
    return printable(" ".join(str(text)[:LONGEST].split()))
