# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter for the path of the socket by which Ansible shares a connection."""

from __future__ import annotations

from ansible_collections.microbosh.director.plugins.plugin_utils._run._ssh_settings import (
    arguments_for,
    connection_name,
)


def control_path(variables):
    """Given a host's variables, return Ansible's control_path: the name of a socket that is this host's alone."""
    return f"%(directory)s/{connection_name(variables['inventory_hostname'], arguments_for(variables))}%%C"


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"control_path": control_path}
