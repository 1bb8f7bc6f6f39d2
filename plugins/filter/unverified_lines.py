# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the report of a verification that failed."""

from __future__ import annotations


def unverified_lines(verdicts, host, problem):
    """Given the verdicts of a verification that failed, and its error, return the lines of the report."""
    lines = [f"Verification of {host} FAILED"]
    if not verdicts:
        return [*lines, f"  {problem or 'no message'}", "  Nothing was looked at."]
    bad = [verdict["name"] for verdict in verdicts if not verdict["good"]]
    good = [verdict["name"] for verdict in verdicts if verdict["good"]]
    return [
        *lines,
        f"  not good  {', '.join(bad)}",
        f"  good      {', '.join(good) or 'none'}",
        "  Do not restore from what is not good. Make a new backup, and look at the disk.",
    ]


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"unverified_lines": unverified_lines}
