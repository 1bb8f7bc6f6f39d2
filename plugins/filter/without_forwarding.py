# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps a director away from the operator's ssh agent and display."""

from __future__ import annotations

import ansible.constants as C
from ansible import context
from ansible.plugins.loader import connection_loader

# To ssh, these count more than any -A, any -o ForwardAgent=yes and any file, if they come last.
NO_FORWARDING = "-a -x"


def without_forwarding(value):
    """Given ``ansible_ssh_extra_args`` of a host, perhaps empty, return what is to stand last for ssh."""
    return f"{value or context.CLIARGS.get('ssh_extra_args') or _configured()} {NO_FORWARDING}".strip()


def _configured():
    """Return what environment and configuration say. Ansible's lookup of it would say what the play's variable says."""
    connection_loader.get("ssh", class_only=True)  # its settings are known from then on
    return C.config.get_config_value("ssh_extra_args", plugin_type="connection", plugin_name="ssh") or ""


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"without_forwarding": without_forwarding}
