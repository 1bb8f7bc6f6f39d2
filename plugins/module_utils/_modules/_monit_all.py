# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module monit_all does."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

from ansible_collections.microbosh.director.plugins.module_utils._core._arguments import LEASE, MONIT
from ansible_collections.microbosh.director.plugins.module_utils._core._host import Host
from ansible_collections.microbosh.director.plugins.module_utils._core._module import C_LOCALE, run_module
from ansible_collections.microbosh.director.plugins.module_utils._lease._stop_permit import StopPermit
from ansible_collections.microbosh.director.plugins.module_utils._services._services import CHANGES, Monit


def perform(module):
    """Do what the options say and return the result."""
    given = module.params
    change = CHANGES[given["state"]](
        Monit(module.run_command, given["monit"]),
        Host(),
        given["exclude"],
        given["timeout"],
        StopPermit(given["staging"], given["lease"]),
        given["unmonitored"],
        given["down_before"],
    )
    return change.run(given["wait"], module.check_mode)


def main():
    run_module(
        perform,
        argument_spec=dict(
            dict(MONIT, **LEASE),
            state={"type": "str", "choices": sorted(CHANGES), "required": True},
            exclude={"type": "list", "elements": "str", "default": []},
            unmonitored={"type": "list", "elements": "str", "default": []},
            down_before={"type": "list", "elements": "str", "default": []},
            wait={"type": "bool", "default": True},
            timeout={"type": "int", "default": 600},
        ),
        environment=C_LOCALE,
    )
