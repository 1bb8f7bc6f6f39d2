# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines for a person, among those that Ansible prints."""

from __future__ import annotations

from ansible import constants
from ansible.utils.display import Display

# Their output is for a program, as one document or one in each line.
FOR_PROGRAMS = ("json", "jsonl")


def show(host: str, line: str, color: str | None = None) -> None:
    """Show the operator a line about a host; on stderr where stdout belongs to a program."""
    callback = str(constants.DEFAULT_STDOUT_CALLBACK).rpartition(".")[2]
    Display().display(f"{host}: {line}", color=color, stderr=callback in FOR_PROGRAMS)
