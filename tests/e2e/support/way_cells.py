# SPDX-License-Identifier: GPL-3.0-or-later
"""What each playbook came to in each way of running it, as a table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Cell:
    """What one playbook came to, run in one way."""

    way: str
    playbook: str
    verdict: str
    seconds: float


def table(cells):
    """Return the cells as a table in Markdown, a line for each way."""
    columns = list(dict.fromkeys(cell.playbook for cell in cells))
    lines = [f"| way of running | {' | '.join(columns)} |", f"|---{'|---' * len(columns)}|"]
    for way in dict.fromkeys(cell.way for cell in cells):
        found = {cell.playbook: f"{cell.verdict}, {cell.seconds:.0f} s" for cell in cells if cell.way == way}
        lines.append(f"| {way} | {' | '.join(found.get(column, 'not run') for column in columns)} |")
    return "\n".join(lines) + "\n"
