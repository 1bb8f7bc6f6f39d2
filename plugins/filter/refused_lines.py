# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the command lines of monit that sudo does not allow."""

from __future__ import annotations

import re

ALL = "NOPASSWD: ALL"


def refused_lines(said, services, monit, unmonitored=()):
    """Given what ``sudo -n -l`` printed, return the command lines of monit that a backup needs and sudo does not allow.

    Every process is stopped and started; those that monit did not watch are watched for that time only.
    """
    allowed = " ".join(str(said).split())
    processes = [service["name"] for service in services if service["type"] == "Process"]
    lines = [f"{monit} {action} {name}" for action in ("stop", "start") for name in processes]
    lines += [
        f"{monit} {action} {name}" for action in ("monitor", "unmonitor") for name in processes if name in unmonitored
    ]
    return [] if ALL in allowed else [line for line in lines if not _names(allowed, line)]


def _names(allowed, line):
    """Return whether a command line is among the allowed ones, and not just the beginning of a longer one."""
    return re.search(re.escape(line) + r"(?![\w.-])", allowed) is not None


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"refused_lines": refused_lines}
