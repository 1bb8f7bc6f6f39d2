#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: monit_summary
short_description: What monit says about the services of a director
version_added: 1.0.0
description:
  - Returns the services that monit knows, the status of each and which of them run.
  - A service runs if its process lives and nothing is pending that will change that. What else monit says of it is an
    alarm, which is told. A check of something that is no process, such as a file or a file system, is only told, too.
  - Understands every monit from 5.2.4 to 5.35. Names and statuses are in full, also where the table of newer versions
    cuts them.
  - A daemon that is down, a report without services and an answer that cannot be understood are failures.
options: {}
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.backup
  - microbosh.director.attributes.director
  - microbosh.director.monit
  - microbosh.director.monit.looked_at
attributes:
  check_mode:
    support: full
    details: Changes nothing in any mode.
  diff_mode:
    support: none
    details: Changes nothing.
  idempotent:
    support: full
  platform:
    platforms: posix
seealso:
  - module: microbosh.director.monit_all
  - module: microbosh.director.bosh_agent
author:
  - microbosh.director contributors (@microbosh)
"""

EXAMPLES = r"""
- name: The services are known
  microbosh.director.monit_summary:
  register: monit

- name: The services are known once monit has looked at all of them
  microbosh.director.monit_summary:
    wait: 25
  register: monit

- name: Everything runs
  ansible.builtin.assert:
    that: monit.all_running
    fail_msg: "Not running: {{ monit.not_running | join(', ') }}"
"""

RETURN = r"""
version:
  description: Version of monit.
  type: str
  returned: success
  sample: 5.2.5
services:
  description: The services in monit's order.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Name of the service.
      type: str
      sample: director
    type:
      description: What monit watches, such as V(Process), V(System), V(File) or V(Remote Host).
      type: str
      sample: Process
    status:
      description: Status in monit's words, without the pending action.
      type: str
      sample: running
    running:
      description:
        - Whether its process lives, and no pending action is going to change that.
        - Of what is no process, whether monit says that all is well.
      type: bool
      sample: true
    lives:
      description:
        - Whether its process is there, however monit calls that.
        - Null for what is no process, and where it cannot be seen.
      type: bool
      sample: true
    pid:
      description: The process, if it lives and monit or a pid file tells which it is.
      type: int
      sample: 2051
    alarm:
      description: What monit complains about although the process lives, or of a check that is no process.
      type: str
      sample:
    monitored:
      description: Whether monit watches it. A service that is not watched may still have a process.
      type: bool
      sample: true
    pending:
      description: The action that monit has accepted and not yet done, such as V(start) or V(stop).
      type: str
      sample:
  sample:
    - name: director
      type: Process
      status: running
      running: true
      lives: true
      pid: 2051
      alarm:
      monitored: true
      pending:
running:
  description: Names of the services that run.
  type: list
  elements: str
  returned: success
  sample: [director, postgres]
not_running:
  description: Names of the processes that do not run, and of the O(required_checks) that are not well.
  type: list
  elements: str
  returned: success
  sample: [health_monitor]
all_running:
  description: Whether RV(not_running) is empty.
  type: bool
  returned: success
  sample: false
reasons:
  description: For each of RV(not_running) what monit and its process say.
  type: list
  elements: str
  returned: success
  sample: ["health_monitor is 'Does not exist'"]
processes:
  description: How many of the services are processes.
  type: int
  returned: success
  sample: 12
processes_running:
  description: How many of them run.
  type: int
  returned: success
  sample: 11
alarms:
  description: What monit complains about.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Name of the service.
      type: str
      sample: director
    type:
      description: What monit watches.
      type: str
      sample: Process
    alarm:
      description: The complaint in monit's words.
      type: str
      sample: Resource limit matched
  sample:
    - name: director
      type: Process
      alarm: Resource limit matched
unmonitored:
  description:
    - Names of the services that monit does not watch though their processes live.
    - Names of checks of something else that it does not watch are among them.
  type: list
  elements: str
  returned: success
  sample: [powerdns]
unseen:
  description:
    - Names of the services of which nobody can tell whether their processes live.
    - Where the host was set up by this version there are none.
  type: list
  elements: str
  returned: success
  sample: []
postgres:
  description:
    - Names of the services whose process is a PostgreSQL server, or has started one.
    - Where setup is older than the program that tells it, there are none.
  returned: success
  type: list
  elements: str
  sample: [postgres]
architecture:
  description: What kind of machine the host is.
  type: str
  returned: success
  sample: x86_64
libc:
  description: The version of its glibc, null if it has another library.
  type: str
  returned: success
  sample: "2.35"
clock:
  description: What the host's clock says, as Unix time.
  type: float
  returned: success
  sample: 1795385606.12
unknown:
  description: Names that were given and that monit does not know.
  type: list
  elements: str
  returned: when there are any
  sample: [postgress]
"""

from ansible_collections.microbosh.director.plugins.module_utils._modules._monit_summary import main

if __name__ == "__main__":
    main()
