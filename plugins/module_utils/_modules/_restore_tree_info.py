# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module restore_tree_info does."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

from ansible_collections.microbosh.director.plugins.module_utils._core._arguments import WORKSPACE
from ansible_collections.microbosh.director.plugins.module_utils._core._module import run_module
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_steps import look


def main():
    run_module(
        lambda module: look(module.params["workspace"]),
        argument_spec=WORKSPACE,
        trouble="How far a restore is could not be read, at %(place)s: %(reason)s.",
    )
