# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the private key that Ansible logs in with, by the variables of a host."""

from __future__ import annotations

from ansible_collections.microbosh.director.plugins.filter.or_command_line import or_command_line

NAMES = ("ansible_ssh_private_key_file", "ansible_private_key_file")


def login_key(variables):
    """Given a host's variables, return the path of the private key that Ansible logs in with, "" if none is named."""
    named = next((variables[name] for name in NAMES if name in variables), "")
    return or_command_line(named, "private_key_file")


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"login_key": login_key}
