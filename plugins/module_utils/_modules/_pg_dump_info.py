# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module pg_dump_info does."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

from ansible_collections.microbosh.director.plugins.module_utils._core._arguments import DUMPS, POSTGRES
from ansible_collections.microbosh.director.plugins.module_utils._core._module import C_LOCALE, run_module
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump_directory import DumpJob

OF_DUMPS = ("dumps", "globals", "globals_problem", "transactions")


def perform(module):
    """Return what would be dumped, without what is known of dumps that were made."""
    found = DumpJob.of(module.params).check(module.run_command)
    return dict((name, value) for name, value in found.items() if name not in OF_DUMPS)


def main():
    run_module(perform, argument_spec=dict(POSTGRES, **DUMPS), environment=C_LOCALE)
