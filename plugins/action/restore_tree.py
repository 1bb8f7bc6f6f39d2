# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends the metadata of a backup along with the module, and survives a lost connection."""

from __future__ import annotations

from ansible.errors import AnsibleActionFail
from ansible_collections.microbosh.director.plugins.module_utils._files import open_for_reading
from ansible_collections.microbosh.director.plugins.module_utils._restore_tree import pack, without_group
from ansible_collections.microbosh.director.plugins.plugin_utils._director_action import DirectorAction


class ActionModule(DirectorAction):
    """Replace the path of metadata.mtree by its content."""

    def run(self, tmp=None, task_vars=None):
        path = self._task.args.get("metadata")
        if path:
            groupless = self._task.args.pop("groupless", None) or []
            self._task.args = dict(self._task.args, metadata=pack(without_group(content(path), groupless)))
        if self._task.args.get("attributes") is not None:
            path = self._task.args["attributes"]
            self._task.args = dict(self._task.args, attributes=pack(content(path) if path else b""))
        identity = self._task.args.get("identity")
        if identity:
            packed = {name: pack(content(path)) for name, path in identity.items()}
            self._task.args = dict(self._task.args, identity=packed)
        return super().run(tmp, task_vars)


def content(path):
    """Return what is in a file of a backup, which is no link."""
    try:
        with open_for_reading(path) as source:
            return source.read()
    except OSError as error:
        raise AnsibleActionFail(f"The backup's {path} cannot be read: {error.strerror}.") from error
