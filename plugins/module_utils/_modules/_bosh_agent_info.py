# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module bosh_agent_info does."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os

from ansible_collections.microbosh.director.plugins.module_utils._core._arguments import AGENT
from ansible_collections.microbosh.director.plugins.module_utils._core._module import C_LOCALE, run_module
from ansible_collections.microbosh.director.plugins.module_utils._services._agent import find_agent, look_at_agent


def main():
    run_module(
        lambda module: look_at_agent(find_agent(module.params["manager"], module.run_command, os.path.exists)),
        argument_spec=AGENT,
        environment=C_LOCALE,
    )
