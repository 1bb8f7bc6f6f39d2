# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module director_info does."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os

from ansible_collections.microbosh.director.plugins.module_utils._core._arguments import AGENT, LOOKED_AT
from ansible_collections.microbosh.director.plugins.module_utils._core._module import C_LOCALE, run_module
from ansible_collections.microbosh.director.plugins.module_utils._postgres._file_layout import libc_version
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres_info import server_info
from ansible_collections.microbosh.director.plugins.module_utils._services._agent import find_agent, look_at_agent
from ansible_collections.microbosh.director.plugins.module_utils._services._summary import summary

# Where the host's sudo wants a terminal after it has read our file, it gets one to answer this.
MAY = 'sudo -n -l || script -qec "sudo -n -l" /dev/null'


def perform(module):
    """Return what each part of the director says."""
    given, run = module.params, module.run_command
    return {
        "summary": summary(given, run, libc_version()),
        "agent": look_at_agent(find_agent(given["manager"], run, os.path.exists)),
        "sudo": " ".join(run(["sh", "-c", MAY])[1].split()),  # a terminal has lines of its own width
        "postgres": server_info(dict(given["postgres"], host="127.0.0.1", fail=False), run),
    }


def main():
    server = {
        "port": {"type": "int", "default": 0},
        "user": {"type": "str", "default": "vcap"},
        "packages": {"type": "path", "default": "/var/vcap/packages"},
        "database": {"type": "str"},
    }
    run_module(
        perform,
        argument_spec=dict(
            dict(LOOKED_AT, **AGENT),
            postgres={"type": "dict", "default": {}, "apply_defaults": True, "options": server},
        ),
        environment=C_LOCALE,
    )
