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
seealso:
  - module: microbosh.director.monit_all
  - module: microbosh.director.pg_check_info
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.backup
  - microbosh.director.attributes.director
  - microbosh.director.postgres
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

from ansible_collections.microbosh.director.plugins.module_utils._modules._director_tasks_info import main

if __name__ == "__main__":
    main()
