# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter for the directory of the sockets of shared ssh connections."""

from __future__ import annotations

from ansible.errors import AnsibleFilterError
from ansible_collections.microbosh.director.plugins.plugin_utils._run import _control_directory as control
from ansible_collections.microbosh.director.plugins.plugin_utils._run._ssh_settings import set_for


def control_directory(variables):
    """Given a host's variables, return the directory that Ansible is told to use, or a short one; it is there then."""
    try:
        return control.control_directory(set_for(variables, "control_path_dir"))
    except control.NoDirectoryError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"control_directory": control_directory}
