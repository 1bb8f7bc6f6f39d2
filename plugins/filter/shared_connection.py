# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter for ssh's options in a run."""

from __future__ import annotations

from ansible_collections.microbosh.director.plugins.plugin_utils._run._ssh_settings import (
    arguments_for,
    connection_name,
    set_for,
    shared_options,
)


def shared_connection(variables, directory):
    """Given a host's variables and a directory for sockets, return ssh_args: a run's own, then the operator's."""
    name = connection_name(variables["inventory_hostname"], arguments_for(variables))
    return shared_options(directory, name, set_for(variables, "ssh_args"))


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"shared_connection": shared_connection}
