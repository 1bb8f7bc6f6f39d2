# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps a director away from the operator's ssh agent and display."""

from __future__ import annotations

from ansible import context
from ansible_collections.microbosh.director.plugins.plugin_utils._run._ssh_settings import configured

# To ssh, these count more than any -A, any -o ForwardAgent=yes and any file, if they come last.
NO_FORWARDING = "-a -x"


def without_forwarding(value):
    """Given ``ansible_ssh_extra_args`` of a host, perhaps empty, return what is to stand last for ssh."""
    return f"{value or context.CLIARGS.get('ssh_extra_args') or configured('ssh_extra_args')} {NO_FORWARDING}".strip()


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"without_forwarding": without_forwarding}
