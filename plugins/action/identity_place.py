# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the copy of files that only root reads into a backup; a fault of the copy does not fail the backup."""

from __future__ import annotations

import os

from ansible.plugins.action import ActionBase
from ansible_collections.microbosh.director.plugins.module_utils._backup._identity_copy import (
    Backup,
    IdentityCopy,
    examine,
    listed,
)
from ansible_collections.microbosh.director.plugins.module_utils._core._arguments import IDENTITY
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._rules import lets_through

ARGUMENTS = {
    **IDENTITY,
    "filter": {"type": "list", "elements": "str", "required": True},
    "tree": {"type": "path", "required": True},
    "previous": {"type": "path"},
    "listing": {"type": "path", "required": True},
    "filter_file": {"type": "path", "required": True},
}


class ActionModule(ActionBase):
    """Work on the controller only."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        dummy, given = self.validate_argument_spec(argument_spec=ARGUMENTS)
        copy = IdentityCopy(given["directory"])
        record, facts = examine(copy, given["host"], given["named"], given["answer"].strip(), given["reader"])
        told, files = facts.pop("told"), []
        if not self._task.check_mode:
            try:
                files = place(record if given["reader"] >= 3 else None, given)
            except OSError as error:
                facts["state"] = "damaged"
                told = f"What only root reads could not be put into this backup: {error}"
        result.update(changed=bool(files), identity={**facts, "files": files}, told=told)
        return result


def place(record, given):
    """Put the files of the copy into the backup, and tell manifest and restore of it; return their paths."""
    backup = Backup(given["tree"], given["previous"])
    wanted = [entry for entry in (record or {"files": []})["files"] if lets_through(given["filter"], entry["path"])]
    with open(os.open(given["listing"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as listing:
        placed = []
        for entry in wanted:
            if backup.put(entry):
                listing.write(listed(entry))
                placed.append(entry["path"])
    if given["reader"] >= 3:
        leave_out(given["filter_file"], given["filter"], [path for path in given["named"] if not backup.has(path)])
    return placed


def leave_out(path, rules, missing):
    """Write the filter of a backup: a restore neither brings nor removes what the backup could not have."""
    text = "".join(f"{rule}\n" for rule in [*(f"- /{name}" for name in missing), *rules])
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as target:
        target.write(text)
