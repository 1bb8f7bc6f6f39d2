# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings what a pass spared from an earlier copy into the backup, with what the earlier listing says of it."""

from __future__ import annotations

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.microbosh.director.plugins.plugin_utils._run._gate import told
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._inside import OutsideError
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._spared import (
    append_lines,
    bring,
    read_spared,
)

ARGUMENTS = {
    "spare": {"type": "path", "required": True},
    "src": {"type": "path", "required": True},
    "dest": {"type": "path", "required": True},
    "known": {"type": "list", "elements": "path", "required": True},
    "listings": {"type": "list", "elements": "path", "required": True},
}


class ActionModule(ActionBase):
    """Work on the controller only."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        dummy, given = self.validate_argument_spec(argument_spec=ARGUMENTS)
        spared = read_spared(given["spare"])
        brought = 0
        if not self._task.check_mode:
            try:
                for known, listing in zip(given["known"], given["listings"], strict=True):
                    append_lines(known, listing, spared)
                brought = bring(given["src"], given["dest"], spared)
            except (OSError, OutsideError) as error:
                raise AnsibleActionFail(
                    f"What the first pass copied of the blobs could not be brought into the backup: {told(str(error))}."
                    " Nothing is published; run the backup again, which goes on with what was copied."
                ) from error
        result.update(changed=brought > 0, directories=len(spared), files=brought)
        return result
