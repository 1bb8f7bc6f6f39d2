#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: director_info
short_description: Look once at all of a director that a backup has to know
version_added: 1.1.0
description:
  - Tells what M(microbosh.director.monit_summary), M(microbosh.director.bosh_agent_info) and
    M(microbosh.director.postgres_info) tell, and what sudo lets the user do, all in one process on the director.
  - The services are waited for as with O(wait); the rest is looked at after that.
options:
  postgres:
    description:
      - Which server is asked, as with M(microbosh.director.postgres_info).
      - That no server answers is no failure; its part of the answer says why.
    type: dict
    default: {}
    suboptions:
      port:
        description: The port of the server, 0 for the one whose socket is there.
        type: int
        default: 0
      user:
        description: The role that asks.
        type: str
        default: vcap
      packages:
        description: Where the clients of the director are.
        type: path
        default: /var/vcap/packages
      database:
        description: A database that is asked where there is none that every server has.
        type: str
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.attributes.director
  - microbosh.director.guides.backup
  - microbosh.director.monit
  - microbosh.director.monit.agent
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
  - module: microbosh.director.monit_summary
  - module: microbosh.director.bosh_agent_info
  - module: microbosh.director.postgres_info
author:
  - microbosh.director contributors (@microbosh)
"""

EXAMPLES = r"""
- name: Look at the director
  microbosh.director.director_info:
    wait: 25
  register: director

- name: Everything runs
  ansible.builtin.assert:
    that: director.summary.all_running
"""

RETURN = r"""
summary:
  description: What M(microbosh.director.monit_summary) returns.
  returned: success
  type: dict
  sample: {"version": "5.2.5", "all_running": true, "running": ["director", "postgres"]}
agent:
  description: What M(microbosh.director.bosh_agent_info) returns.
  returned: success
  type: dict
  sample: {"manager": "runit", "state": "started"}
postgres:
  description: What M(microbosh.director.postgres_info) returns where that no server answers is no failure.
  returned: success
  type: dict
  sample: {"answers": true, "version": "15.18", "port": 5432}
sudo:
  description: What C(sudo -l) says of this user, in one line.
  returned: success
  type: str
  sample: "(root) NOPASSWD: /var/vcap/bosh/bin/monit summary"
"""

from ansible_collections.microbosh.director.plugins.module_utils._modules._director_info import main

if __name__ == "__main__":
    main()
