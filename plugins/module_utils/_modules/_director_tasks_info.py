# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module director_tasks_info does."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import time

from ansible_collections.microbosh.director.plugins.module_utils._core._arguments import POSTGRES
from ansible_collections.microbosh.director.plugins.module_utils._core._clock import seconds_since, uptime
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._module import run_module
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres import Endpoint
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres_info import (
    listening_ports,
    port_there,
)
from ansible_collections.microbosh.director.plugins.module_utils._postgres._tasks import (
    Busy,
    Patience,
    Tasks,
    TaskTable,
    facts_of,
    require_idle,
    told,
)


def look(given, run_command):
    """Return what the module returns."""
    began = uptime()
    endpoint = Endpoint.of(dict(given, port=port_there(given["port"], listening_ports())))
    table = TaskTable(endpoint, given["database"], given["packages"], run_command)
    tasks = Patience(given["wait"], given["settle"]).watch(table.look, uptime, time.sleep)
    if given["refuse_running"]:
        require_idle(tasks)
    return dict(facts(tasks), known=True, problem=None, told=told(tasks), waited=seconds_since(began))


def facts(tasks):
    return {
        "running": [facts_of(task) for task in tasks.running],
        "dead": [facts_of(task) for task in tasks.dead],
        "queued": [task.id for task in tasks.queued],
    }


def unknown(problem):
    """Return what the module returns when nobody can tell."""
    line = "What the director works on is not known, and an outage may kill it: %s" % problem
    return dict(facts(Tasks([], [], [])), known=False, problem=problem, told=[line], waited=0.0)


def perform(module):
    """Return what the director works on; where nobody can tell and that is no failure, say so."""
    given = module.params
    try:
        return look(given, module.run_command)
    except Busy:
        raise
    except DirectorError as error:
        if given["fail"]:
            raise
        result = unknown(str(error))
    if given["refuse_running"]:
        raise DirectorError("%s. Nobody can say that no task runs." % result["told"][0], reason="busy", **result)
    return result


def main():
    run_module(
        perform,
        argument_spec=dict(
            POSTGRES,
            database={"type": "str", "default": "bosh"},
            wait={"type": "float", "default": 0},
            settle={"type": "float", "default": 0},
            refuse_running={"type": "bool", "default": False},
            fail={"type": "bool", "default": True},
        ),
    )
