#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: bosh_agent_info
short_description: Tell whether the BOSH agent of a director runs, and what manages it
version_added: 1.0.0
description:
  - Finds out what manages the agent, runit up to the stemcells of Ubuntu jammy and systemd from noble on, and asks it.
options: {}
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.attributes.director
  - microbosh.director.monit.agent
  - microbosh.director.guides.architecture
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
  - module: microbosh.director.bosh_agent
  - module: microbosh.director.monit_summary
author:
  - microbosh.director contributors (@microbosh)
"""

EXAMPLES = r"""
- name: Look whether the agent runs
  microbosh.director.bosh_agent_info:
  register: agent
  failed_when: agent is failed or agent.state != 'started'
"""

RETURN = r"""
manager:
  description: What manages the agent.
  type: str
  returned: success
  sample: runit
state:
  description: What the agent is, V(started) or V(stopped); null while it is on the way from one to the other.
  type: str
  returned: success
  sample: started
"""

from ansible_collections.microbosh.director.plugins.module_utils._modules._bosh_agent_info import main

if __name__ == "__main__":
    main()
