# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module restore_tree does."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

from ansible_collections.microbosh.director.plugins.module_utils._core._arguments import RESTORED
from ansible_collections.microbosh.director.plugins.module_utils._core._module import ROOTS, run_module
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_steps import TreeRestore

STATES = ["staged", "marked", "swapped", "initialized", "rolled_back", "absent", "cleared"]
MARKED = ["stopping", "loading", "proving", "starting", "proven", "rolling_back"]


def main():
    run_module(
        lambda module: TreeRestore(module.params, module.run_command).perform(module.check_mode),
        argument_spec=dict(
            RESTORED,
            state={"type": "str", "choices": STATES, "required": True},
            incoming_dumps={"type": "path", "default": "/var/vcap/store/microbosh-backup/restore-dbs"},
            dump={
                "type": "dict",
                "options": {
                    "name": {"type": "str", "required": True},
                    "sha256": {"type": "str", "required": True},
                },
            },
            identity={"type": "dict", "no_log": True},
            database={"type": "str", "choices": ["files", "dump"], "default": "files"},
            phase={"type": "str", "choices": MARKED},
            timeout={"type": "int", "default": 600},
            about={"type": "dict"},
        ),
        required_if=[("state", "staged", ["metadata"]), ("state", "marked", ["phase"])],
        environment=ROOTS,
        trouble="The restore stopped at %(place)s: %(reason)s.",
    )
