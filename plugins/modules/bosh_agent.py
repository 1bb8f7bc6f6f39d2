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
  manager:
    description: What manages the agent. V(auto) finds it out.
    type: str
    choices: [auto, runit, systemd]
    default: auto
  timeout:
    description: Seconds after which an agent that is not as wanted is an error.
    type: int
    default: 60
  lease:
    description:
      - The token of an armed lease, RV(microbosh.director.director_lease#module:token). Nothing is stopped unless that
        lease is in force, even if this task arrives on the director, or goes on, after its run has ended.
      - The first start with that token forbids all further stops under it.
    type: str
  staging:
    description: The directory on the director that the lease is in.
    type: path
    default: /var/vcap/store/microbosh-backup
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.attributes.director
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

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._host import Host
from ansible_collections.microbosh.director.plugins.module_utils._lease._stop_permit import StopPermit
from ansible_collections.microbosh.director.plugins.module_utils._services._agent import bring_agent, find_agent


def main():
    module = AnsibleModule(
        argument_spec=dict(
            state=dict(type="str", choices=["started", "stopped"], required=True),
            manager=dict(type="str", choices=["auto", "runit", "systemd"], default="auto"),
            timeout=dict(type="int", default=60),
            lease=dict(type="str", no_log=False),
            staging=dict(type="path", default="/var/vcap/store/microbosh-backup"),
        ),
        supports_check_mode=True,
    )
    module.run_command_environ_update = dict(LANG="C", LC_ALL="C")
    wanted = module.params
    try:
        agent = find_agent(wanted["manager"], module.run_command, os.path.exists)
        permit = StopPermit(wanted["staging"], wanted["lease"])
        result = bring_agent(agent, Host(), wanted["state"], wanted["timeout"], module.check_mode, permit)
    except DirectorError as error:
        module.fail_json(msg=str(error), **error.facts)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
