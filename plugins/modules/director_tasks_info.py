#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: director_tasks_info
short_description: Tell what a director works on
version_added: 1.0.0
description:
  - Asks the director's database for tasks that are C(processing) or C(cancelling), and tells those whose worker lives
    from those that a dead worker left, which may stay in that state for years.
  - A worker writes C(checkpoint_time) (UTC) every 30 seconds. One that has not for 180 seconds counts as dead, as it
    does for the director. The age is reckoned by the database.
  - A task without a checkpoint counts by when it was started. Schemas that know no checkpoints at all do not tell the
    dead from the living; there a task counts as running for a day.
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.attributes.director
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
  platform:
    platforms: posix
options:
  database:
    description: The director's own database.
    type: str
    default: bosh
  wait:
    description: For how many seconds to wait until no task runs.
    type: float
    default: 0
  settle:
    description:
      - Seconds for which a task that was queued less than that ago is watched, for an idle worker may be about to take
        it.
      - Only of use when no new task can come in.
    type: float
    default: 0
  refuse_running:
    description:
      - Whether to fail, with RV(reason=busy), if a task runs when the time is over.
      - With O(fail=false) also if nobody can tell.
    type: bool
    default: false
  fail:
    description: Whether to fail if nobody can tell what the director works on.
    type: bool
    default: true
  host:
    description: Address of the server.
    type: str
    default: 127.0.0.1
  port:
    description: Port of the server. V(0) means 5432, or the port of the one server whose socket is known on this host.
    type: int
    default: 5432
  user:
    description: Role to connect as; it has to be let in without a password.
    type: str
    default: vcap
  packages:
    description:
      - Directory in which the clients are looked for, as C(postgres*/bin/psql).
      - If it is empty, they are looked for where distributions keep them, as on a controller.
    type: path
    default: /var/vcap/packages
  address:
    description: Address that is connected to if it is another than O(host), whose certificate the server has.
    type: str
  ca:
    description: File with the certificates that the server's is verified against.
    type: path
  passfile:
    description: File with the password, in the form of C(.pgpass).
    type: path
  elsewhere:
    description:
      - Whether to ask the server that the settings C(microbosh_director_database_*) name, from the controller and
        through the director. O(host), O(port), O(user), O(address), O(ca), O(passfile) and O(packages) come from them.
    type: bool
    default: false
seealso:
  - module: microbosh.director.monit_all
  - module: microbosh.director.pg_check_bosh
"""

EXAMPLES = r"""
- name: Nothing runs that an outage would kill
  microbosh.director.director_tasks_info:
    wait: 600
    refuse_running: true
"""

RETURN = r"""
known:
  description: Whether the tasks could be looked at.
  returned: success
  type: bool
  sample: true
problem:
  description: Why they could not, null if they could.
  returned: success
  type: str
  sample: 127.0.0.1:5432 as role vcap has no database bosh
running:
  description: The tasks whose workers live, by id.
  returned: success, and when a task runs that shall not
  type: list
  elements: dict
  contains: &task
    id:
      description: Its id.
      type: int
      sample: 31
    state:
      description: Its state.
      type: str
      sample: processing
    description:
      description: What it does, on one line.
      type: str
      sample: create deployment
    age:
      description: Seconds since its worker was last heard of.
      type: float
      sample: 12.3
    began:
      description: Seconds since it began.
      type: float
      sample: 754.2
    words:
      description: All of that as a person would say it.
      type: str
      sample: 31 'create deployment' (processing for 754 s, a sign of its worker 12 s ago)
  sample:
    - id: 31
      state: processing
      description: create deployment
      age: 12.3
      began: 754.2
      words: 31 'create deployment' (processing for 754 s, a sign of its worker 12 s ago)
dead:
  description: The tasks that dead workers left, by id. Nobody has to wait for them.
  returned: success
  type: list
  elements: dict
  contains: *task
  sample: []
queued:
  description: Ids of the tasks that wait for a worker. They stay queued through an outage.
  returned: success
  type: list
  elements: int
  sample: [32]
told:
  description: Lines that tell a person all of that.
  returned: success
  type: list
  elements: str
  sample: ["1 task runs: 31 'create deployment' (processing for 754 s, a sign of its worker 12 s ago)"]
waited:
  description: Seconds that were waited.
  returned: success
  type: float
  sample: 0.0
reason:
  description: V(busy).
  returned: when a task runs that shall not, or may run
  type: str
  sample: busy
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.microbosh.director.plugins.module_utils._core._clock import seconds_since, uptime
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
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


def main():
    module = AnsibleModule(
        argument_spec={
            "database": {"type": "str", "default": "bosh"},
            "wait": {"type": "float", "default": 0},
            "settle": {"type": "float", "default": 0},
            "refuse_running": {"type": "bool", "default": False},
            "fail": {"type": "bool", "default": True},
            "host": {"type": "str", "default": "127.0.0.1"},
            "port": {"type": "int", "default": 5432},
            "user": {"type": "str", "default": "vcap"},
            "packages": {"type": "path", "default": "/var/vcap/packages"},
            "address": {"type": "str"},
            "ca": {"type": "path"},
            "passfile": {"type": "path", "no_log": False},
            "elsewhere": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    try:
        result = look(module.params, module.run_command)
    except Busy as error:
        module.fail_json(msg=str(error), **error.facts)
    except DirectorError as error:
        if module.params["fail"]:
            module.fail_json(msg=str(error), **error.facts)
        result = unknown(str(error))
        if module.params["refuse_running"]:
            module.fail_json(msg="%s. Nobody can say that no task runs." % result["told"][0], reason="busy", **result)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
