# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module pg_check_info does."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

from ansible_collections.microbosh.director.plugins.module_utils._core._arguments import POSTGRES
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._module import run_module
from ansible_collections.microbosh.director.plugins.module_utils._postgres._database_check import DatabaseCheck, majors
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres import Endpoint
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres_info import (
    listening_ports,
    port_there,
)

NOTHING = {
    "server_version": None,
    "uuid": None,
    "deployments": [],
    "users": [],
    "differences": [],
    "tables": 0,
    "total": 0,
}


def perform(module):
    """Compare, and return what was found; where that is no failure, also what could not be."""
    given = module.params
    endpoint = Endpoint.of(dict(given, port=port_there(given["port"], listening_ports())))
    result = dict(NOTHING, changed=False, majors=[])
    try:
        result["majors"] = majors(given["packages"], module.run_command)
        check = DatabaseCheck(endpoint, given["packages"], module.run_command, given["database"])
        result.update(check.compare(given["rows"]))
    except DirectorError as error:
        if given["fail"]:
            raise
        result.update(error.facts)
    return result


def main():
    run_module(
        perform,
        argument_spec=dict(
            POSTGRES,
            rows={"type": "dict", "default": {}},
            database={"type": "str", "default": ""},
            fail={"type": "bool", "default": True},
        ),
    )
