# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An action that copies files by rsync, over the connection that all tasks share."""

from __future__ import annotations

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible_collections.microbosh.director.plugins.plugin_utils._run._gate import told
from ansible_collections.microbosh.director.plugins.plugin_utils._run._remote_shell import shared_connection


class TransferAction(ActionBase):
    """Have Ansible begin the connection if there is none.

    Ansible runs neither rescue nor always for a host that it calls unreachable. A director whose services are stopped
    would be left like that, so a connection that cannot be had is a task that failed.
    """

    _supports_check_mode = True

    def _early_needs_tmp_path(self):
        """Ansible goes to the director for a directory, which no transfer needs; but it begins the connection."""
        return not shared_connection(self._connection)

    def run(self, tmp=None, task_vars=None):
        try:
            return super().run(tmp, task_vars)
        except AnsibleConnectionFailure as error:
            raise AnsibleActionFail(f"The director was not reached for a transfer: {told(str(error))}") from error
