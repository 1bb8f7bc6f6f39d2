# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A collection awx.awx with the options of the real one; it writes down what it was given instead of making it."""

from __future__ import annotations

import json
from pathlib import Path

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from places import REPOSITORY

OPTIONS = json.loads((REPOSITORY / "tests/fixtures/awx/modules.json").read_text())

ACTION = """
import json
from ansible.plugins.action import ActionBase
import awx_stub


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        module = self._task.action.rpartition(".")[2]
        complaints = awx_stub.complaints(module, self._task.args)
        with open({log!r}, "a") as log:
            log.write(json.dumps([module, self._task.args]) + "\\n")
        return {{**result, "failed": bool(complaints), "msg": "; ".join(complaints)}}
"""


def complaints(module: str, arguments: dict) -> list[str]:
    """Return what the module of that name would complain of."""
    return ArgumentSpecValidator(OPTIONS["modules"][module]).validate(arguments).error_messages


def install(collections: Path, log: Path) -> None:
    """Install the collection below a directory of collections; each call of a module becomes a line of the log."""
    for module in OPTIONS["modules"]:
        for kind, text in (("action", ACTION.format(log=str(log))), ("modules", "")):
            path = collections / "ansible_collections/awx/awx/plugins" / kind / f"{module}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
