#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of an action: plugins/action/outage_slot.py does the work, on the controller."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: outage_slot
short_description: Let the outages of one controller take turns
description:
  - A controller that backs up many directors has no more than some processors. With too many outages at once each of
    them gets longer. So an outage takes one of a few slots before anything is stopped, and gives it back when the
    director runs again.
  - Slots are locks of the kernel, in a directory V(microbosh-UID) in C(/tmp) (or C(/var/tmp), or C(/dev/shm)) which is
    private to the user. So all runs of one user on one machine take turns, also several C(ansible-playbook) and slices
    of a job; other users, other machines and containers with a C(/tmp) of their own are other controllers. A small
    process holds a slot. It ends, and the slot is free, as soon as C(ansible-playbook) is gone, however it ended.
  - Of runs with different numbers of slots, one with the smaller number has the first of them, which the others take
    last.
  - Where no such directory can be made the run goes on without turns, and says so.
seealso:
  - module: microbosh.director.director_lease
author: microbosh.director contributors (@microbosh)
version_added: 1.1.0
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.backup
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: none
  platform:
    platforms: posix
options:
  state:
    description:
      - V(held) waits until there is a slot for the outage of this host, and takes it.
      - V(released) gives it back; nothing is done without O(token).
    type: str
    choices: [held, released]
    required: true
  at_once:
    description: How many outages there may be at once; V(0) stands for the number of the controller's processors.
    type: int
    default: 0
  patience:
    description: Seconds for which a slot is waited for. After that the task fails, and RV(reason) is V(busy).
    type: int
    default: 7200
  limit:
    description: Seconds after which a slot is free that was not given back.
    type: int
    default: 1800
  token:
    description: The slot that is given back, as RV(token) of the task that took it.
    type: str
    default: ""
  log:
    description: File on the controller that what is told is appended to, too.
    type: path
"""

EXAMPLES = r"""
- name: The turn of this director has come
  microbosh.director.outage_slot:
    state: held
    at_once: 2
  register: run_slot

- name: The turn is another director's
  microbosh.director.outage_slot:
    state: released
    token: "{{ run_slot.token }}"
"""

RETURN = r"""
token:
  description: What the slot is given back with; empty if there is none to be given back.
  returned: always
  type: str
  sample: 1-0f3c8a5be21d4a76
waited:
  description: Seconds for which the turn was waited for.
  returned: always
  type: float
  sample: 12.3
lines:
  description: What was told, if anything was waited for.
  returned: when a slot was waited for
  type: list
  elements: str
  sample: ["Waiting, nothing is stopped yet, for the outage of director2 (1 at once, microbosh_outages_at_once)"]
reason:
  description: Why it failed.
  returned: when no slot was free in time
  type: str
  sample: busy
"""
