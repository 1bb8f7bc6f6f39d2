# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module restore_compare_info does."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

from ansible_collections.microbosh.director.plugins.module_utils._core._arguments import RESTORED
from ansible_collections.microbosh.director.plugins.module_utils._core._module import ROOTS, run_module
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_steps import TreeRestore


def main():
    run_module(
        lambda module: TreeRestore(module.params, module.run_command).compare(),
        argument_spec=dict(
            RESTORED,
            metadata=dict(RESTORED["metadata"], required=True),
            database={"type": "str", "choices": ["auto", "files", "dump"], "default": "files"},
            port={"type": "int", "default": 15432},
        ),
        environment=ROOTS,
        trouble="The comparison stopped at %(place)s: %(reason)s.",
    )
