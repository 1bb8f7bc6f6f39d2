#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of an action: plugins/action/identity_info.py does the work, on the controller."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: identity_info
short_description: Tell what is known of the copy of what only root reads on the director
version_added: 1.0.0
description:
  - The backup key does not read the agent's credentials. Setup and a restore bring them to the controller
    (M(microbosh.director.identity_copy)), and this module says whether that copy is still what the director has.
  - It never fails for a copy that is missing, old or damaged. RV(told) says it.
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.identity
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
options: {}
seealso:
  - module: microbosh.director.identity_copy
  - module: microbosh.director.identity_place
"""

EXAMPLES = r"""
- name: Look at the copy of what only root reads
  microbosh.director.identity_info:
    directory: /backups/director1/identity
    host: director1
    named: [bosh/settings.json]
    answer: same
  register: copy
"""

RETURN = r"""
state:
  description:
    - V(fresh), V(old) or V(unknown) says whether the director still has what the copy has; V(none), V(damaged) that
      there is no copy to use; V(handed_out) that rsync copies it.
  returned: success
  type: str
  sample: fresh
taken:
  description: When the copy was made, in UTC. Null if there is none.
  returned: success
  type: str
  sample: "2026-11-22T22:13:26Z"
told:
  description: What a person has to know of it, empty if everything is as it should be.
  returned: success
  type: str
  sample: ""
"""
