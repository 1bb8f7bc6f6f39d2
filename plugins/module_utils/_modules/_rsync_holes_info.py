# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module rsync_holes_info does."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

from ansible_collections.microbosh.director.plugins.module_utils._backup._rsync_holes import look
from ansible_collections.microbosh.director.plugins.module_utils._core._module import C_LOCALE, run_module


def main():
    run_module(lambda module: look(_quietly(module)), argument_spec={}, environment=C_LOCALE)


def _quietly(module):
    """Return the module's run_command as one for which a program that is not there only fails."""
    return lambda argv: module.run_command(argv) if module.get_bin_path(argv[0]) else (127, "", "")
