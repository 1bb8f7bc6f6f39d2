#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: director_lease_info
short_description: Tell which run holds a director
version_added: 1.0.0
description:
  - Tells who has the lease of a director, and whether the last one started the director by itself.
options: {}
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.attributes.director
  - microbosh.director.lease.staging
  - microbosh.director.guides.security
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
  platform:
    platforms: posix
seealso:
  - module: microbosh.director.director_lease
author:
  - microbosh.director contributors (@microbosh)
"""

EXAMPLES = r"""
- name: Ask who has the director
  microbosh.director.director_lease_info:
  register: lease

- name: Nobody has the director
  ansible.builtin.assert:
    that: not lease.held
    fail_msg: "{{ lease.lease.holder | default('Somebody') }} holds it"
"""

RETURN = r"""
held:
  description: Whether somebody has the lease.
  returned: success
  type: bool
  sample: true
token:
  description: What the lease is armed and released with; null if nobody has it.
  returned: success
  type: str
  sample: 6f1d0a4be1c94e3b8d5e1f7c2a9b0d43
held_since:
  description: When the lease was taken, in UTC; null if nobody has it.
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
  description: RV(microbosh.director.director_lease#module:lease), null if nobody has it.
  returned: success
  type: dict
  sample: {"holder": backup@controller.example.com, "purpose": backup, "run": 20261122T221326Z}
previous_fired:
  description:
    - What was done when the last lease fired, as RV(microbosh.director.director_lease#module:previous_fired), until a
      run that takes the lease has been told. Null if there is nothing to tell.
  returned: success
  type: dict
  sample: null
left_armed:
  description: RV(microbosh.director.director_lease#module:left_armed).
  returned: success
  type: dict
  sample: null
boot_id:
  description: The boot of the director that the deadline counts from.
  returned: success
  type: str
  sample: 0f8ad2b5-6a3b-4f4e-9a52-5d9ff3c1f2d4
seconds:
  description: How long the task took on the director, in seconds.
  returned: success
  type: float
  sample: 0.04
"""

from ansible_collections.microbosh.director.plugins.module_utils._modules._director_lease_info import main

if __name__ == "__main__":
    main()
