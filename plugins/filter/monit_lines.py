# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists the command lines of monit that a backup runs as root."""

from __future__ import annotations

import re

QUERIES = ("summary", "status", "start all", "stop all")
ACTIONS = ("start", "stop", "monitor", "unmonitor")
SAFE = re.compile(r"[A-Za-z0-9_.-]+")  # in a sudoers file


def monit_lines(services, monit):
    """Given monit's services and the path of monit, return its command lines for the sudoers file.

    A process is always named. A check of something else, which may have any name, is left out if the file cannot hold
    it: without a line of its own, monit's check of it stays as it is.
    """
    names = {service["name"] for service in services if service["type"] == "Process" or SAFE.fullmatch(service["name"])}
    return [f"{monit} {query}" for query in QUERIES] + [
        f"{monit} {action} {name}" for action in ACTIONS for name in sorted(names)
    ]


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"monit_lines": monit_lines}
