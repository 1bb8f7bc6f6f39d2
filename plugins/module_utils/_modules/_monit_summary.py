# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module monit_summary does."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

from ansible_collections.microbosh.director.plugins.module_utils._core._arguments import LOOKED_AT
from ansible_collections.microbosh.director.plugins.module_utils._core._module import C_LOCALE, run_module
from ansible_collections.microbosh.director.plugins.module_utils._postgres._file_layout import libc_version
from ansible_collections.microbosh.director.plugins.module_utils._services._summary import summary


def main():
    run_module(
        lambda module: summary(module.params, module.run_command, libc_version()),
        argument_spec=LOOKED_AT,
        environment=C_LOCALE,
    )
