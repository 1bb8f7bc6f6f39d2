# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module bosh_agent does."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os

from ansible_collections.microbosh.director.plugins.module_utils._core._arguments import AGENT, LEASE
from ansible_collections.microbosh.director.plugins.module_utils._core._host import Host
from ansible_collections.microbosh.director.plugins.module_utils._core._module import C_LOCALE, run_module
from ansible_collections.microbosh.director.plugins.module_utils._lease._stop_permit import StopPermit
from ansible_collections.microbosh.director.plugins.module_utils._services._agent import bring_agent, find_agent


def perform(module):
    """Do what the options say and return the result."""
    given = module.params
    agent = find_agent(given["manager"], module.run_command, os.path.exists)
    permit = StopPermit(given["staging"], given["lease"])
    return bring_agent(agent, Host(), given["state"], given["timeout"], module.check_mode, permit)


def main():
    run_module(
        perform,
        argument_spec=dict(
            dict(AGENT, **LEASE),
            state={"type": "str", "choices": ["started", "stopped"], "required": True},
            timeout={"type": "int", "default": 60},
        ),
        environment=C_LOCALE,
    )
