#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: monit_all
short_description: Stops or starts all services of a director
version_added: 1.0.0
description:
  - Stops or starts every service that monit knows, but the excluded ones, and waits until that is done.
  - Stopped means that monit does not watch the service any more and that its processes are gone. monit alone says
    C(not monitored) of a service whose stop has timed out, too.
  - Started means that the processes live, have lived for a moment, and that nothing is pending. What else monit says of
    them is an alarm, which is told and is no failure.
  - A start that is refused does not keep the others down, and neither does a check of something that is no process.
  - Where this user cannot see the processes of others, nothing is stopped. Everything is asked to start all the same,
    and then the module fails, as nobody can tell what lives.
  - While another action is pending, monit 5.2 refuses the next one. It is asked again until O(timeout).
  - Services are asked for one by one, which is up to five times as fast as C(monit stop all) where monit is 5.2.
options:
  state:
    description: What the services are to be.
    type: str
    choices: [started, stopped]
    required: true
  exclude:
    description:
      - Names of services that are left as they are. A name that monit does not know is an error.
      - monit stops what depends on a service together with it. If that takes an excluded service along, the module
        fails. One that monit only ceases to watch, and whose process lives, is told in RV(unwatched).
    type: list
    elements: str
    default: []
  unmonitored:
    description:
      - Names of services that monit is not to watch, as RV(unmonitored) of a stop or of
        M(microbosh.director.monit_summary) told them.
      - With O(state=started) they are started if they do not live, and then taken out of monit's sight again. A check
        that is no process stays as it is.
    type: list
    elements: str
    default: []
  down_before:
    description:
      - Names of services that did not run before they were stopped, as
        RV(microbosh.director.monit_summary#module:not_running) told them. What monit does not know is passed over.
      - With O(state=started) they are asked to start after all others. One that has not come up 60 seconds after the
        last that did, and that monit does not wait for itself any more, is told in RV(still_down), and is no failure.
    type: list
    elements: str
    default: []
  wait:
    description:
      - Wait until all services are as wanted.
      - With V(false), it is enough that monit has accepted the actions.
    type: bool
    default: true
  timeout:
    description: Seconds after which services that are not as wanted are an error.
    type: int
    default: 600
  lease:
    description:
      - The token of an armed lease, RV(microbosh.director.director_lease#module:token). Nothing is stopped unless that
        lease is in force, even if this task arrives on the director, or goes on, after its run has ended.
      - The first start with that token forbids all further stops under it. Nothing is started once another run has the
        lease.
    type: str
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.backup
  - microbosh.director.attributes.director
  - microbosh.director.monit
  - microbosh.director.lease
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
  platform:
    platforms: posix
seealso:
  - module: microbosh.director.monit_summary
  - module: microbosh.director.bosh_agent
  - module: microbosh.director.director_lease
author:
  - microbosh.director contributors (@microbosh)
"""

EXAMPLES = r"""
- name: Nothing but the database runs
  microbosh.director.monit_all:
    state: stopped
    exclude: [postgres]

- name: Every service is stopped
  microbosh.director.monit_all:
    state: stopped

- name: Every service has been told to start
  microbosh.director.monit_all:
    state: started
    wait: false

- name: Every service runs
  microbosh.director.monit_all:
    state: started
    timeout: 300
"""

RETURN = r"""
acted:
  description: Names of the services that were not as wanted, and that monit has been asked for.
  type: list
  elements: str
  returned: success, and when the time is over
  sample: [director, worker_1]
services:
  description: All services as they are in the end, as in RV(microbosh.director.monit_summary#module:services).
  type: list
  elements: dict
  returned: success
  sample:
    - name: director
      type: Process
      status: not monitored
      running: false
      lives: false
      pid:
      alarm:
      monitored: false
      pending:
alarms:
  description: What monit complains about in the end, as in RV(microbosh.director.monit_summary#module:alarms).
  type: list
  elements: dict
  returned: success
  sample:
    - name: director
      type: Process
      alarm: Resource limit matched
unmonitored:
  description:
    - Names of the services that monit does not watch though their processes live, and of checks that it does not watch.
    - With O(state=stopped) as it was before the stop, else as it is in the end.
  type: list
  elements: str
  returned: success
  sample: [powerdns]
unwatched:
  description: Names of excluded services that monit has ceased to watch meanwhile, though their processes live.
  type: list
  elements: str
  returned: O(state=stopped)
  sample: [postgres]
still_down:
  description: Names of O(down_before) that do not run in the end, excluded ones among them.
  type: list
  elements: str
  returned: O(state=started)
  sample: [uaa]
reasons:
  description: For each of RV(still_down) what monit and its process say.
  type: list
  elements: str
  returned: O(state=started)
  sample: ["uaa is 'Execution failed'"]
not_stopped:
  description: Names of the processes that lived or were watched by monit when the start began.
  type: list
  elements: str
  returned: O(state=started)
  sample: [postgres]
began:
  description: When it began, in seconds since the host's boot.
  type: float
  returned: success
  sample: 2120.27
ended:
  description: When it ended, in seconds since the host's boot.
  type: float
  returned: success
  sample: 2124.31
seconds:
  description: How long it took.
  type: float
  returned: success, and when the time is over
  sample: 4.04
took:
  description:
    - The processes that are as wanted in the end, and how many seconds after RV(began) each was seen so, the quickest
      first. Stopped is a process that has ended, started one that monit calls running.
    - With O(wait=false), those that were as wanted before the last action was accepted.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Name of the service.
      type: str
      sample: director
    seconds:
      description: Seconds since it began.
      type: float
      sample: 1.35
  sample:
    - name: director
      seconds: 1.35
up_at:
  description:
    - When monit was done with the start of every process but those of O(down_before), in seconds since the host's boot.
    - A process that dies right after its start is seen some seconds later; then the time is that of the next start.
  type: float
  returned: O(state=started) and O(wait=true)
  sample: 2122.4
unreached:
  description: The services that were not as wanted when the time was over.
  type: list
  elements: dict
  returned: when the time is over
  contains:
    name:
      description: Name of the service.
      type: str
      sample: powerdns
    status:
      description: Status in monit's words, without the pending action.
      type: str
      sample: not monitored
    pending:
      description: The action that monit has accepted and not yet done.
      type: str
      sample:
    pids:
      description: Its processes that are still there.
      type: list
      elements: int
      sample: [2131]
  sample:
    - name: powerdns
      status: not monitored
      pending:
      pids: [2131]
unknown:
  description: Names that were given and that monit does not know.
  type: list
  elements: str
  returned: when there are any
  sample: [postgress]

drawn_in:
  description: Services that monit stopped though they were excluded.
  type: list
  elements: str
  returned: when there are any
  sample: [worker_1]
"""

from ansible_collections.microbosh.director.plugins.module_utils._modules._monit_all import main

if __name__ == "__main__":
    main()
