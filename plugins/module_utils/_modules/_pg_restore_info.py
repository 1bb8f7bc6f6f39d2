# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module pg_restore_info does."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

from ansible_collections.microbosh.director.plugins.module_utils._core._arguments import LOADING
from ansible_collections.microbosh.director.plugins.module_utils._core._module import C_LOCALE, run_module
from ansible_collections.microbosh.director.plugins.module_utils._restore._database_load import look


def main():
    run_module(
        lambda module: look(module.params, module.check_mode, module.run_command),
        argument_spec=dict(LOADING, src={"type": "path", "required": True}),
        environment=C_LOCALE,
    )
