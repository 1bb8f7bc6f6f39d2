#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: bosh_agent
short_description: Stops or starts the BOSH agent of a director
version_added: 1.0.0
description:
  - Stops or starts the agent with what manages it, runit up to the stemcells of Ubuntu jammy and systemd from noble on,
    and waits until that is done.
  - A stopped agent does not rewrite C(/var/vcap/bosh) and answers nobody. Starting it starts no service.
    That is for M(microbosh.director.monit_all).
options:
  state:
    description: What the agent is to be.
    type: str
    choices: [started, stopped]
    required: true
  timeout:
    description: Seconds after which an agent that is not as wanted is an error.
    type: int
    default: 60
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.backup
  - microbosh.director.attributes.director
  - microbosh.director.monit.agent
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
  - module: microbosh.director.bosh_agent_info
  - module: microbosh.director.monit_all
  - module: microbosh.director.director_lease
author:
  - microbosh.director contributors (@microbosh)
"""

EXAMPLES = r"""
- name: The agent is stopped
  microbosh.director.bosh_agent:
    state: stopped

- name: The agent runs
  microbosh.director.bosh_agent:
    state: started
"""

RETURN = r"""
manager:
  description: What manages the agent.
  type: str
  returned: success
  sample: runit
began:
  description: When it began, in seconds since the host's boot.
  type: float
  returned: success
  sample: 2120.27
ended:
  description: When it ended, in seconds since the host's boot.
  type: float
  returned: success
  sample: 2120.7
seconds:
  description: How long it took.
  type: float
  returned: success
  sample: 0.43
"""

from ansible_collections.microbosh.director.plugins.module_utils._modules._bosh_agent import main

if __name__ == "__main__":
    main()
