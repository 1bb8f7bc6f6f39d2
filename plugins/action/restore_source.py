# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the backup that a restore is made from."""

from __future__ import annotations

from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.plugin_utils._offsite._bringing import elsewhere_of
from ansible_collections.microbosh.director.plugins.plugin_utils._offsite._settings import OffsiteError
from ansible_collections.microbosh.director.plugins.plugin_utils._run._gate import GateError, plain, told
from ansible_collections.microbosh.director.plugins.plugin_utils._source._signing import Trust
from ansible_collections.microbosh.director.plugins.plugin_utils._source._source import SourceError, find
from ansible_collections.microbosh.director.plugins.plugin_utils._source._verifying import UNFIT

ARGUMENTS = {
    "backup": {"type": "str", "required": True},
    "directory": {"type": "path", "required": True},
    "scratch": {"type": "path", "required": True},
    "unproven": {"type": "bool", "default": False},
    "identity": {"type": "path", "default": ""},
    "sign_key": {"type": "path", "default": ""},
    "unsigned": {"type": "bool", "default": False},
    "host": {"type": "str", "default": ""},
    "offsite": {"type": "dict", "default": {}},
}


class ActionModule(ActionBase):
    """Look on the controller only."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        dummy, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        try:
            identity = Path(arguments["identity"]) if arguments["identity"] else None
            host = arguments["host"] or task_vars["inventory_hostname"]
            trust = Trust(arguments["sign_key"], host, arguments["unsigned"])
            own = host == task_vars["inventory_hostname"]
            elsewhere = elsewhere_of(arguments["backup"], arguments["offsite"], host, own, self._task.check_mode)
            source = find(
                arguments["backup"], Path(arguments["directory"]), Path(arguments["scratch"]), identity, trust,
                elsewhere,
            )  # fmt: skip
            if not source.proven and not arguments["unproven"]:
                raise AnsibleActionFail(
                    f"{arguments['backup']} has no manifest, so nothing vouches for its content: it was packed by "
                    "another tool, or by hand. To restore it all the same, add -e microbosh_restore_unproven=true."
                )
            result.update(changed=False, **_described(source))
        except (SourceError, OffsiteError, GateError, DirectorError) as error:
            raise AnsibleActionFail(told(str(error))) from error
        except UNFIT as error:
            said = str(error) or type(error).__name__
            raise AnsibleActionFail(
                told(f"{arguments['backup']} cannot be looked at: {said}. Nothing was touched. Restore another backup.")
            ) from error
        return result


def _described(source):
    """Return what there is to know of a backup, printable; where it is, the controller knows itself."""
    found = source.describe()
    ours = ("path", "directory", "metadata", "filter", "attributes", "records")
    return {**plain(found), **{name: found[name] for name in ours}}
