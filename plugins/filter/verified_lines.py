# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the report of a verification of whole backups."""

from __future__ import annotations

from ansible.module_utils.common.text.formatters import bytes_to_human


def verified_lines(verdicts, host, rehearsed=False):
    """Given the verdicts of backups that are all whole, return the lines of the report."""
    loads = ", and their dumps can be loaded" if rehearsed else ""
    lines = [f"{len(verdicts)} of {len(verdicts)} backups of {host} are whole{loads}"]
    for verdict in verdicts:
        without = f", BUT {verdict['without']}" if verdict["without"] else ""
        read = bytes_to_human(verdict["read_bytes"])
        lines.append(f"  {verdict['name']:<20} {verdict['files']} files, {read} read{without}")
        if verdict["unrestorable_by_files"]:
            lines.append(f"  {'':<20} databases come back from dumps only: {verdict['unrestorable_by_files']}")
    return [*lines, f"  verdicts {', '.join(verdict['verdict'] for verdict in verdicts)}"]


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"verified_lines": verified_lines}
