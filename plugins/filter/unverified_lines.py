# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the report of a verification that failed."""

from __future__ import annotations


def unverified_lines(verdicts, host, problem, share=False):
    """Given the verdicts of a verification that failed, and its error, return the lines of the report.

    Of a ``share`` of all backups there are verdicts of damaged ones only.
    """
    lines = [f"Verification of {host} FAILED"]
    if not verdicts:
        return [*lines, f"  {problem or 'no message'}", "  Nothing was looked at."]
    good = [verdict["name"] for verdict in verdicts if verdict["good"]]
    unknown = [verdict["name"] for verdict in verdicts if not verdict["good"] and is_unknown(verdict)]
    bad = [verdict["name"] for verdict in verdicts if not verdict["good"] and verdict["name"] not in unknown]
    if bad:
        lines.append(f"  not good  {', '.join(bad)}")
    if unknown:
        lines.append(f"  unknown   {', '.join(unknown)}")
    if not share:
        lines.append(f"  good      {', '.join(good) or 'none'}")
    if bad:
        lines.append("  Do not restore from what is not good. Make a new backup, and look at the disk.")
    if unknown:
        lines.append("  What is unknown was not found damaged: this controller cannot look, for the reason above.")
    return lines


def is_unknown(verdict):
    """Tell whether the controller lacks something, a key or what a rehearsal needs: no fault of the backup."""
    if verdict.get("whole"):
        return not (verdict.get("rehearsed") or {}).get("possible", True)
    return {finding["kind"] for finding in verdict.get("findings", [])} == {"key"}


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"unverified_lines": unverified_lines}
