# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws the directors of a run as lines for a terminal, with the library rich.

Without it nothing can be drawn, which RICH says.
"""

from __future__ import annotations

import io
import re

from ansible_collections.microbosh.director.plugins.plugin_utils._run._lines import size
from ansible_collections.microbosh.director.plugins.plugin_utils._watch._board import (
    AWAY,
    DONE,
    FAILED,
    REFUSED,
    WAITING,
    WORKING,
    Board,
    Row,
    counts_of,
)

try:
    from rich.cells import cell_len
    from rich.console import Console
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text
except ImportError:
    RICH = False
else:
    RICH = True

MARKS = {WAITING: "·", WORKING: "●", DONE: "✓", REFUSED: "○", FAILED: "✗"}
ASCII_MARKS = {WAITING: ".", WORKING: "*", DONE: "+", REFUSED: "o", FAILED: "x"}
STYLES = {WAITING: "dim", WORKING: "blue", DONE: "green", REFUSED: "yellow", FAILED: "bold red", AWAY: "bold magenta"}
ATTENTION = "yellow"
LONG_TASK = 10
SHORTEST_BAR, LONGEST_BAR = 6, 40
LONGEST_NAME, LONGEST_PHASE = 24, 19
# Below that a line has no more than the name, the phase and one number.
NARROW = 60


class Painter:
    """Makes lines out of a board."""

    def __init__(self, encoding: str | None, no_color: bool):
        # What it is drawn on is never written to: its encoding decides about the letters of marks and bars.
        self._paper = io.TextIOWrapper(io.BytesIO(), encoding=encoding or "utf-8")
        self._no_color = no_color or None  # rich looks for NO_COLOR, too
        self._ascii = not self._paper.encoding.lower().startswith("utf")

    def lines(self, board: Board, columns: int, rows: int, now: float) -> list[str]:
        """Return the lines of a board for a terminal of that size: all but the last column and the last line of it."""
        console = Console(
            file=self._paper, force_terminal=True, no_color=self._no_color, width=max(columns - 1, 1), height=rows,
            highlight=False, markup=False, emoji=False, legacy_windows=False,
        )
        room = max(rows - 2, 1)
        shown, hidden = board.most_urgent(room if len(board.rows) <= room else room - 1)
        with console.capture() as captured:
            console.print(self._head(board, console.width, now))
            if shown:
                console.print(self._table(shown, console.width, now))
            if hidden:
                counted = ", ".join(f"{count} {state}" for state, count in counts_of(hidden).items())
                console.print(Text(f"  and {len(hidden)} more: {counted}", "dim"), overflow="ellipsis", no_wrap=True)
        return captured.get().splitlines()[: rows - 1]

    def _head(self, board, width, now):
        """Return the title, how many directors are in which state, and the time; the title is what may be cut."""
        counts = Text()
        for state, count in board.counts().items():
            counts.append(f"  {count} {state}", STYLES[state])
        head = Table.grid(expand=True)
        head.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        head.add_column(no_wrap=True, overflow="ellipsis", max_width=max(width - 16, 0))
        head.add_column(no_wrap=True, justify="right", width=9)
        head.add_row(Text(board.title, "bold"), counts, Text(clock(now - board.began), "bold"))
        return head

    def _table(self, rows, width, now):
        narrow = width < NARROW
        name = min(max(cell_len(row.host) for row in rows), LONGEST_NAME if width >= 100 else 16, max(width // 3, 4))
        phase = min(max(cell_len(row.phase) for row in rows), LONGEST_PHASE if width >= 100 else 13)
        table = Table.grid(padding=(0, 1, 0, 0))
        for each in (1, name, phase) if phase else (1, name):
            table.add_column(width=each, no_wrap=True, overflow="ellipsis")
        middle = width - (2 + name + 1 + (phase + 1 if phase else 0)) - (0 if narrow else 8)
        table.add_column(width=max(middle, 1), no_wrap=True, overflow="ellipsis")
        if not narrow:
            table.add_column(width=7, no_wrap=True, justify="right")
        for row in rows:
            where = [Text("" if row.state == DONE else row.phase)] if phase else []
            took = [] if narrow else [Text("" if row.began is None else clock(row.seconds(now)), "dim")]
            table.add_row(self._mark(row), self._name(row), *where, self._middle(row, middle, now), *took)
        return table

    def _mark(self, row):
        if row.attention and row.state in (WORKING, DONE):
            return Text("!", ATTENTION)
        return Text((ASCII_MARKS if self._ascii else MARKS)[row.state], STYLES[row.kind()])

    @staticmethod
    def _name(row):
        return Text(row.host, {WAITING: "dim", FAILED: "red"}.get(row.state, ""))

    def _middle(self, row, width, now):
        """Return what a director is at, or came to."""
        if row.state in (FAILED, REFUSED):
            return Text(row.message.removeprefix(f"{row.phase}: ") or row.state, STYLES[row.state])
        if row.state == WAITING:
            return Text("waiting", "dim")
        if row.state == DONE:
            return _done(row)
        away = row.away(now)
        text = Text() if away is None else Text.assemble((f"away {away:.0f} s", STYLES[AWAY]), "  ")
        if row.total:
            return self._transfer(row, text, width)
        since = now - row.task_began
        took = f", {clock(since)}" if since >= LONG_TASK else ""
        if row.moved:
            took = f"  {size(row.moved)}{took}"
        text.append(row.said or row.task)
        text.truncate(max(width - len(took), 1), overflow="ellipsis")
        return text.append(took, "dim")

    def _transfer(self, row, text, width):
        """Return a bar with bytes, rate and time left, as much of these as there is room for."""
        room = width - cell_len(text.plain)
        share = f"{min(row.moved / row.total, 1.0) * 100:3.0f} %"
        said = [f"  {' '.join((share, '', said)).rstrip()}" for said in in_numbers(row)]
        numbers = next((each for each in said if cell_len(each) + SHORTEST_BAR <= room), None)
        if numbers is None:
            return text.append(share.strip())
        length = min(room - cell_len(numbers), LONGEST_BAR)
        done = {"complete_style": "cyan", "finished_style": STYLES[DONE]}
        drawn = ProgressBar(total=row.total, completed=min(row.moved, row.total), width=length, **done)
        return beside(*([text] if text else []), drawn, Text(numbers, no_wrap=True))


def beside(*parts) -> Table:
    """Return what is drawn side by side."""
    table = Table.grid()
    table.add_row(*parts)
    return table


def in_numbers(row: Row) -> list[str]:
    """Return bytes, rate and time left, the longest text first; the last one is empty."""
    rate = f"{size(row.rate)}/s" if row.rate >= 1 else ""
    seconds = row.left()
    left = "" if seconds is None else clock(seconds)
    moved, total = size(row.moved), size(row.total)
    long = joined(f"{moved} of {total}", rate, left and f"{left} left")
    moved, total, rate = rounded(moved), rounded(total), rounded(rate)
    if moved.split()[1] == total.split()[1]:
        moved = moved.split()[0]
    return [long, joined(f"{moved}/{total}", rate, left), joined(rate, left), ""]


def rounded(number: str) -> str:
    """Return a number of three digits and more, with its unit, without what is behind its point."""
    return re.sub(r"^(\d{3,})\.\d+", r"\1", number)


def joined(*numbers: str) -> str:
    """Return those of the numbers that are known, side by side."""
    return "  ".join(number for number in numbers if number)


def _done(row):
    text = Text("done" if row.outage is None else f"done, was away {row.outage:.1f} s", STYLES[DONE])
    return text.append(f"  {row.attention[0]}", ATTENTION) if row.attention else text


def clock(seconds: float) -> str:
    """Return seconds as a clock shows them, such as ``0:07`` or ``1:02:03``."""
    minutes, rest = divmod(int(max(seconds, 0)), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"
