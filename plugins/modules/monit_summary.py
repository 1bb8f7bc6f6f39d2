#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: monit_summary
short_description: What monit says about the services of a director
version_added: 1.0.0
description:
  - Returns the services that monit knows, the status of each and which of them run.
  - Understands every monit from 5.2.4 to 5.35. Names and statuses are in full, also where the table of newer versions
    cuts them.
  - A daemon that is down, a report without services and an answer that cannot be understood are failures.
options:
  monit:
    description: Path of the monit program on the director.
    type: path
    default: /var/vcap/bosh/bin/monit
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.attributes.director
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
  - module: microbosh.director.monit_all
author:
  - microbosh.director contributors (@microbosh)
"""

EXAMPLES = r"""
- name: The services are known
  microbosh.director.monit_summary:
  register: monit

- name: Everything runs
  ansible.builtin.assert:
    that: monit.all_running
    fail_msg: "Not running: {{ monit.not_running | join(', ') }}"
"""

RETURN = r"""
version:
  description: Version of monit.
  type: str
  returned: success
  sample: 5.2.5
services:
  description: The services in monit's order.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Name of the service.
      type: str
      sample: director
    type:
      description: What monit watches, such as V(Process), V(System), V(File) or V(Remote Host).
      type: str
      sample: Process
    status:
      description: Status in monit's words, without the pending action.
      type: str
      sample: running
    running:
      description: Whether monit says that all is well, and no pending action is going to change that.
      type: bool
      sample: true
    monitored:
      description: Whether monit watches it. A service that is not watched may still have a process.
      type: bool
      sample: true
    pending:
      description: The action that monit has accepted and not yet done, such as V(start) or V(stop).
      type: str
      sample:
  sample:
    - name: director
      type: Process
      status: running
      running: true
      monitored: true
      pending:
running:
  description: Names of the services that run.
  type: list
  elements: str
  returned: success
  sample: [director, postgres]
not_running:
  description: Names of all others.
  type: list
  elements: str
  returned: success
  sample: [health_monitor]
all_running:
  description: Whether RV(not_running) is empty.
  type: bool
  returned: success
  sample: false
architecture:
  description: What kind of machine the host is.
  type: str
  returned: success
  sample: x86_64
"""

import platform

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.microbosh.director.plugins.module_utils._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._services import MONIT, Monit


def main():
    module = AnsibleModule(
        argument_spec=dict(monit=dict(type="path", default=MONIT)),
        supports_check_mode=True,
    )
    module.run_command_environ_update = dict(LANG="C", LC_ALL="C")
    try:
        report = Monit(module.run_command, module.params["monit"]).summary()
    except DirectorError as error:
        module.fail_json(msg=str(error), **error.facts)
    module.exit_json(changed=False, architecture=platform.machine(), **report.facts())


if __name__ == "__main__":
    main()
