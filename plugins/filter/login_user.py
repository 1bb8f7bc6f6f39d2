# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the user that Ansible logs in as, by the variables of a host."""

from __future__ import annotations

from ansible_collections.microbosh.director.plugins.filter.or_command_line import or_command_line

NAMES = ("ansible_ssh_user", "ansible_user")


def login_user(variables):
    """Given a host's variables, return the user that Ansible logs in as, "" where ssh's configuration decides."""
    named = next((variables[name] for name in NAMES if name in variables), "")
    return or_command_line(named, "remote_user")


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"login_user": login_user}
