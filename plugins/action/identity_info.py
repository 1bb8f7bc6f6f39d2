# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Says whether the copy of files that only root reads is what the director has; a fault of it fails nothing."""

from __future__ import annotations

from ansible.plugins.action import ActionBase
from ansible_collections.microbosh.director.plugins.module_utils._backup._identity_copy import IdentityCopy, examine
from ansible_collections.microbosh.director.plugins.module_utils._core._arguments import IDENTITY as ARGUMENTS


class ActionModule(ActionBase):
    """Work on the controller only."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        dummy, given = self.validate_argument_spec(argument_spec=ARGUMENTS)
        copy = IdentityCopy(given["directory"])
        dummy, facts = examine(copy, given["host"], given["named"], given["answer"].strip(), given["reader"])
        result.update(changed=False, **facts)
        return result
