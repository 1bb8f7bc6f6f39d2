# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module director_lease does."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

from ansible_collections.microbosh.director.plugins.module_utils._core._arguments import AGENT, MONIT, STAGING
from ansible_collections.microbosh.director.plugins.module_utils._core._module import run_module
from ansible_collections.microbosh.director.plugins.module_utils._lease._lease import perform

STATES = ["held", "armed", "disarmed", "released"]


def main():
    run_module(
        lambda module: perform(module.params, module.check_mode),
        argument_spec=dict(
            dict(dict(STAGING, **MONIT), **AGENT),
            state={"type": "str", "choices": STATES, "default": "held"},
            holder={"type": "str", "default": "unknown"},
            purpose={"type": "str", "choices": ["backup", "restore", "checkup"], "default": "backup"},
            run={"type": "str", "default": ""},
            token={"type": "str", "no_log": False},
            limit={"type": "int", "default": 1800},
            on_deadline={"type": "str", "choices": ["start", "tell"], "default": "start"},
            unmonitored={"type": "list", "elements": "str", "default": []},
            controller={"type": "str", "default": ""},
            takeover={"type": "str", "default": ""},
        ),
        required_if=[("state", state, ["token"]) for state in ("armed", "disarmed", "released")],
    )
