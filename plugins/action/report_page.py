# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a page of all that is known of the backups of directors.

It looks for itself: what thirty directors with two hundred backups each tell is no result for a job to keep.
"""

from __future__ import annotations

import os
import time

from ansible.plugins.action import ActionBase
from ansible_collections.microbosh.director.plugins.action.backup_info import NO_DIRECTOR, PRIVATE
from ansible_collections.microbosh.director.plugins.action.backup_info import ActionModule as BackupInfo
from ansible_collections.microbosh.director.plugins.plugin_utils._look._picture import picture
from ansible_collections.microbosh.director.plugins.plugin_utils._look._words import status_of
from ansible_collections.microbosh.director.plugins.plugin_utils._look._written import write_beside
from ansible_collections.microbosh.director.plugins.plugin_utils._page._page import page
from ansible_collections.microbosh.director.plugins.plugin_utils._run._gate import told
from ansible_collections.microbosh.director.plugins.plugin_utils._run._lines import size
from ansible_collections.microbosh.director.plugins.plugin_utils._run._screen import tell

ARGUMENTS = {
    "hosts": {"type": "list", "elements": "str"},
    "path": {"type": "path", "required": True},
    "inventory": {"type": "list", "elements": "str"},
}


class ActionModule(BackupInfo):
    """Look as backup_info does, and write what was seen as a page."""

    def run(self, tmp=None, task_vars=None):
        result = ActionBase.run(self, tmp, task_vars)
        dummy, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        names = arguments["hosts"] or [task_vars["inventory_hostname"]]
        unknown = [name for name in names if name not in task_vars["hostvars"]]
        if unknown:
            result.update(failed=True, msg=told(NO_DIRECTOR.format(name=unknown[0])))
            return result
        path = os.path.abspath(arguments["path"])
        found = picture(self._given(names, task_vars), time.time())
        text = page(found, arguments["inventory"] or list(task_vars.get("ansible_inventory_sources") or []))
        try:
            if not self._task.check_mode:
                write_beside(path, text, PRIVATE)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", "") or error
            result.update(failed=True, msg=told(f"The page {path} cannot be written: {why}."))
            return result
        return self._tell(result, path, text, found["directors"])

    def _tell(self, result, path, text, directors):
        result.update(changed=not self._task.check_mode, path=path, bytes=len(text.encode()), lines=[])
        result.update(directors=len(directors), status=status_of(directors))
        wrong = sum(bool(one["health"]["status"]) for one in directors)
        verb = "would be" if self._task.check_mode else "is"
        many = f"{len(directors)} director{'s' * (len(directors) != 1)}"
        line = f"A page of {many}, {wrong} with a problem, {verb} in {path} ({size(result['bytes'])})"
        tell(result, "", [line], hidden=self._task.no_log)
        return result
