# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes an option of the command line where the inventory says nothing."""

from __future__ import annotations

from ansible import context


def or_command_line(value, option):
    """Given a value, perhaps empty, and the name of an option, return the value or what the command line says."""
    return value or context.CLIARGS.get(option) or ""


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"or_command_line": or_command_line}
