# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module pg_restore_bosh does."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

from ansible_collections.microbosh.director.plugins.module_utils._core._arguments import LOADING
from ansible_collections.microbosh.director.plugins.module_utils._core._module import C_LOCALE, run_module
from ansible_collections.microbosh.director.plugins.module_utils._restore._database_load import load, server_of
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_kept import end_load

ENDS = ("put_back", "settled")


def perform(module):
    """Do what the options say and return what was done."""
    given = module.params
    if given["state"] in ENDS:
        return end_load(server_of(given, module.run_command), given["target"], given["state"], module.check_mode)
    return load(given, module.check_mode, module.run_command)


def main():
    run_module(
        perform,
        argument_spec=dict(
            LOADING,
            state={"type": "str", "choices": ["loaded", "put_back", "settled"], "default": "loaded"},
            src={"type": "path"},
        ),
        required_if=[("state", "loaded", ["src"])] + [("state", state, ["target"]) for state in ENDS],
        environment=C_LOCALE,
    )
