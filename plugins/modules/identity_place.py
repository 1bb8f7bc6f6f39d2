#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of an action: plugins/action/identity_place.py does the work, on the controller."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: identity_place
short_description: Put what only root reads on the director into a backup
version_added: 1.0.0
description:
  - The backup key does not read the agent's credentials. Setup and a restore bring them to the controller
    (M(microbosh.director.identity_copy)), and this module puts that copy into a backup that is being made, with owner,
    group, mode and time as on the director.
  - It never fails for a copy that is missing, old or damaged. RV(told) says it.
seealso:
  - module: microbosh.director.identity_copy
  - module: microbosh.director.identity_info
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.identity
  - microbosh.director.guides.recovery
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
  filter:
    description: The filter rules of the backup. What they leave out is not put into it.
    type: list
    elements: str
    required: true
  tree:
    description: The tree C(vcap/) of the backup.
    type: path
    required: true
  previous:
    description: That of the backup before, to share unchanged files with. Empty if there is none.
    type: path
  listing:
    description:
      - File that gets a line for each file, in the format of M(microbosh.director.pull).
    type: path
    required: true
  filter_file:
    description:
      - File of the backup that has O(filter). What O(named) has and the backup has not is left out in it, so that a
        restore leaves it as it is.
    type: path
    required: true
"""

EXAMPLES = r"""
- name: The agent's credentials are in the backup
  microbosh.director.identity_place:
    directory: /backups/director1/identity
    host: director1
    filter: ["+ bosh", "+ bosh/settings.json", "- bosh/**"]
    named: [bosh/settings.json]
    answer: same
    tree: /backups/director1/20261122T221326Z.partial/vcap
    listing: /backups/director1/20261122T221326Z.partial/.work/identity.log
    filter_file: /backups/director1/20261122T221326Z.partial/filter
"""

RETURN = r"""
identity:
  description: What the report of the backup says of it.
  returned: success
  type: dict
  contains:
    state:
      description: RV(microbosh.director.identity_info#module:state), or V(damaged) if it could not be put there.
      type: str
      sample: fresh
    taken:
      description: When the copy was made, in UTC. Null if there is none.
      type: str
      sample: "2026-11-22T22:13:26Z"
    files:
      description: What was put into the backup.
      type: list
      elements: str
      sample: [bosh/agent.key, bosh/settings.json]
told:
  description: What a person has to know of it, empty if everything is as it should be.
  returned: success
  type: str
  sample: ""
"""
