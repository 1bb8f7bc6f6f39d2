# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module postgres_server does."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

from ansible_collections.microbosh.director.plugins.module_utils._core._arguments import POSTGRES
from ansible_collections.microbosh.director.plugins.module_utils._core._module import run_module
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres_server import bring, find_server


def perform(module):
    """Do what the options say and return the result."""
    given = module.params
    places = [given[name] for name in ("store", "packages", "scratch")]
    server = find_server(*places, run_command=module.run_command, directory=given["data_directory"])
    return bring(server, given["state"], given["port"], given["timeout"], module.check_mode)


def main():
    run_module(
        perform,
        argument_spec={
            "state": {"type": "str", "choices": ["started", "stopped"], "required": True},
            "port": {"type": "int", "default": 15432},
            "store": {"type": "path", "default": "/var/vcap/store"},
            "data_directory": {"type": "str"},
            "packages": POSTGRES["packages"],
            "scratch": {"type": "path", "default": "/var/vcap/store/microbosh-restore/server"},
            "timeout": {"type": "int", "default": 600},
        },
    )
