# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module pg_dump_bosh does."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

from ansible_collections.microbosh.director.plugins.module_utils._core._arguments import DUMPS, POSTGRES
from ansible_collections.microbosh.director.plugins.module_utils._core._module import C_LOCALE, run_module
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump_directory import DumpJob


def perform(params, check_mode, run_command):
    """Given the module's parameters, bring about the state they name, and return what was done."""
    job = DumpJob.of(params)
    if params["state"] == "absent":
        return job.remove(pretend=check_mode)
    return job.check(run_command, changed=True) if check_mode else job.dump(run_command)


def main():
    run_module(
        lambda module: perform(module.params, module.check_mode, module.run_command),
        argument_spec=dict(
            dict(POSTGRES, **DUMPS),
            state={"type": "str", "choices": ["dumped", "absent"], "default": "dumped"},
            content={"type": "bool", "default": False},
            since={"type": "str", "default": ""},
        ),
        environment=C_LOCALE,
    )
