#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: director_lease
short_description: One run at a time on a director, which comes back by itself
version_added: 1.0.0
description:
  - Starts a small process on the director that holds a lock (V(flock)) for as long as it lives. It does not need
    the ssh session, Ansible's temporary files or the controller, and costs nothing while it waits.
  - A lease that is armed is a dead man's switch. If it is not released before its deadline, the process starts the
    services and the agent by itself, tries again until all of them live, and leaves a record of it.
  - Durations go by the clock that counts from the boot. Setting the time of day changes nothing.
  - Nobody has to clean up after a run that died. The kernel frees the lock when the process is gone. A lease whose
    run is known to be dead, as its C(ansible-playbook) on the same controller is gone, is ended by the next run, and
    what it left stopped is started first. A lease that is not armed can also be taken over by any run once it has
    not given a sign of life for O(limit) seconds.
  - If the process dies while its lease is armed, as it does when the host is restarted, a file on the director says
    that it was armed. The next run, or root's C(microbosh-comeback), then does what the deadline would have done.
options:
  state:
    description:
      - V(held) takes the lease. With O(token), or asked again by the same run, it gives a sign of life of the lease
        that the run already has.
      - V(armed) sets the deadline to O(limit) seconds from now and what happens then. It may be repeated to move it.
        It succeeds only when the process itself has confirmed it.
      - V(disarmed) takes the deadline away, tells whether the lease was held without a break, and keeps it. So nobody
        else begins while what was copied under it is proven.
      - V(released) ends the lease and tells whether it was held without a break.
    type: str
    choices: [held, armed, disarmed, released]
    default: held
  holder:
    description: Who takes the lease, told to those who are refused.
    type: str
    default: unknown
  purpose:
    description: What it is taken for.
    type: str
    choices: [backup, restore, checkup]
    default: backup
  run:
    description: The id of the run, such as that of the backup.
    type: str
    default: ""
  token:
    description:
      - What RV(token) was when the lease was taken. Not a secret.
      - Required for O(state=armed), O(state=disarmed) and O(state=released).
    type: str
  limit:
    description:
      - For O(state=armed), the seconds until the deadline.
      - For O(state=held), the seconds without a sign of life after which another controller may take over the lease,
        as long as it is not armed.
    type: int
    default: 1800
  on_deadline:
    description:
      - V(start) starts the services and the agent.
      - V(tell) only leaves a record, for a restore, where services must not start on half-written data.
    type: str
    choices: [start, tell]
    default: start
  unmonitored:
    description:
      - For O(state=armed), names of services that monit did not watch before. If the process starts the services, monit
        does not watch these afterwards either.
    type: list
    elements: str
    default: []
  controller:
    description:
      - The process on the controller that the lease is taken for. Filled in by the action plugin of this module.
      - A run that asks again for the lease, because it did not get the answer, is known by it.
    type: str
    default: ""
  takeover:
    description:
      - Token of the lease of a run that is known to be dead. Filled in by the action plugin of this module.
      - That lease ends at once, as it would have at its deadline.
    type: str
    default: ""
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.backup
  - microbosh.director.attributes.director
  - microbosh.director.lease.staging
  - microbosh.director.monit
  - microbosh.director.monit.agent
attributes:
  check_mode:
    support: full
    details: O(state=held) tells whether the lease could be taken.
  diff_mode:
    support: none
  idempotent:
    support: partial
    details: O(state=armed) sets a new deadline every time.
  platform:
    platforms: posix
seealso:
  - module: microbosh.director.director_lease_info
  - module: microbosh.director.monit_all
  - module: microbosh.director.bosh_agent
author:
  - microbosh.director contributors (@microbosh)
"""

EXAMPLES = r"""
- name: This run has the director
  microbosh.director.director_lease:
    state: held
    holder: backup@controller.example.com
    purpose: backup
    run: 20261122T221326Z
  register: lease

- name: The director would come back by itself within half an hour
  microbosh.director.director_lease:
    state: armed
    token: "{{ lease.token }}"
    limit: 1800
    on_deadline: start

- name: The director has no deadline any more, and what was copied until now is sound
  microbosh.director.director_lease:
    state: disarmed
    token: "{{ lease.token }}"
  register: disarmed
  failed_when: disarmed is failed or not disarmed.intact

- name: The lease is released
  microbosh.director.director_lease:
    state: released
    token: "{{ lease.token }}"
"""

RETURN = r"""
held:
  description: Whether somebody has the lease, after the task.
  returned: success
  type: bool
  sample: true
token:
  description: What the lease is armed and released with.
  returned: success
  type: str
  sample: 6f1d0a4be1c94e3b8d5e1f7c2a9b0d43
held_since:
  description: When the lease was taken, in UTC.
  returned: success
  type: str
  sample: "2026-11-22T22:13:26Z"
armed:
  description: Whether something happens at a deadline.
  returned: success
  type: bool
  sample: true
deadline:
  description: When it happens, in seconds since the boot of the director.
  returned: success
  type: float
  sample: 86412.5
lease:
  description: The lease that is or, after O(state=released), was held. Also returned when another run has it.
  returned: success, or when the lease is refused
  type: dict
  contains:
    holder: {description: Who has it., type: str, sample: backup@controller.example.com}
    address: {description: From where it was taken., type: str, sample: 192.0.2.10}
    purpose: {description: What for., type: str, sample: backup}
    run: {description: The id of the run., type: str, sample: 20261122T221326Z}
    since: {description: "Since when, in UTC.", type: str, sample: "2026-11-22T22:13:26Z"}
    seconds_held: {description: For how many seconds., type: float, sample: 12.25}
    seconds_left: {description: "Seconds until the deadline, if it is armed.", type: float, sample: 1787.75}
    on_deadline: {description: "What happens then, if it is armed.", type: str, sample: start}
    pid: {description: The process on the director., type: int, sample: 4711}
    limit: {description: Seconds without a sign of life that it lasts., type: float, sample: 21600}
    controller: {description: The process that asked for it., type: str, sample: 0f8ad2b5:4026531836/4711/8312}
    token: {description: What it is armed and released with., type: str, sample: 6f1d0a4be1c94e3b8d5e1f7c2a9b0d43}
    boot_id: {description: The boot of the director., type: str, sample: 0f8ad2b5-6a3b-4f4e-9a52-5d9ff3c1f2d4}
    held_at: {description: "Since when, in seconds since that boot.", type: float, sample: 86400.25}
    renewed_at: {description: "Its last sign of life, in seconds since that boot.", type: float, sample: 86400.25}
    armed_at: {description: "When it was armed, in seconds since that boot.", type: float, sample: 86401.5}
    armed: {description: Whether something happens at the deadline., type: bool, sample: false}
    deadline: {description: "When that is, in seconds since that boot.", type: float, sample: null}
    now: {description: "When its holder answered, in seconds since that boot.", type: float, sample: 86412.5}
    firing: {description: Whether it is happening now., type: bool, sample: false}
    unmonitored: {description: What monit did not watch before., type: list, elements: str, sample: []}
intact:
  description:
    - Whether the lease was held without a break until this task, and did not fire. What was copied under a lease that
      was not intact must not be published.
  returned: O(state=disarmed) and O(state=released)
  type: bool
  sample: true
fired:
  description: Whether the lease fired before this task.
  returned: O(state=disarmed) and O(state=released)
  type: bool
  sample: false
record:
  description: What was done when it fired, in the form of RV(previous_fired).
  returned: O(state=disarmed), O(state=released), or when the lease is lost
  type: dict
  sample: null
previous_fired:
  description: What was done when the last lease fired. O(state=held) reports it once.
  returned: O(state=held)
  type: dict
  contains:
    fired_at: {description: "When, in UTC.", type: str, sample: "2026-11-22T22:43:26Z"}
    reason: {description: Why., type: str, sample: nobody released it before its deadline}
    run: {description: The id of the run whose lease it was., type: str, sample: 20261122T221326Z}
    on_deadline: {description: What was to be done., type: str, sample: start}
    restarted: {description: Services that did not run., type: list, elements: str, sample: [nats, director]}
    whole: {description: "Whether every service ran in the end, none while it is under way.", type: bool, sample: true}
    seconds_down: {description: Seconds from the arming until every service ran., type: float, sample: 1812.4}
    attempts: {description: How often it was tried., type: int, sample: 1}
    error: {description: "What the last try failed on, if it did.", type: str, sample: ""}
    token: {description: What the lease was armed with., type: str, sample: 6f1d0a4be1c94e3b8d5e1f7c2a9b0d43}
    purpose: {description: What the lease was for., type: str, sample: backup}
    holder: {description: Whose it was., type: str, sample: backup@controller.example.com}
    boot_id: {description: The boot of the director., type: str, sample: 0f8ad2b5-6a3b-4f4e-9a52-5d9ff3c1f2d4}
    ended_at: {description: "When the last try ended, in UTC.", type: str, sample: "2026-11-22T22:43:41Z"}
left_armed:
  description: A lease that was armed with O(on_deadline=tell) when its process died. Services may be stopped.
  returned: O(state=held)
  type: dict
  sample: null
boot_id:
  description: The boot of the director that the deadline counts from.
  returned: success
  type: str
  sample: 0f8ad2b5-6a3b-4f4e-9a52-5d9ff3c1f2d4
reason:
  description: Why the task failed, V(held) when another run has the lease, V(lost) when that of O(token) is gone.
  returned: failure
  type: str
  sample: held
seconds:
  description: How long the task took on the director, in seconds.
  returned: success
  type: float
  sample: 0.04
"""

from ansible_collections.microbosh.director.plugins.module_utils._modules._director_lease import main

if __name__ == "__main__":
    main()
