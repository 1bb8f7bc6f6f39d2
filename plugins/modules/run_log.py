#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of an action: plugins/action/run_log.py does the work, on the controller."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: run_log
short_description: Tell a person what a run does, on the screen and in the run's log
description:
  - Tells lines about a host, appends them with a time to the log of the run, and notes when a phase began and how many
    seconds it took.
  - The lines are in the result. Where the stdout callback prints for people and leaves out results, they are printed as
    they come, with the host's name before them. Any other callback, and AWX, prints the result, and nothing else is
    printed.
  - A phase begins where the phase before it ended, the first one at the variable C(run_began). The phases are no facts;
    P(microbosh.director.run_phases#lookup) returns them.
seealso:
  - module: microbosh.director.run_failed
author: microbosh.director contributors (@microbosh)
version_added: 1.0.0
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
  message:
    description: Lines to show. The last one that is not indented gets the seconds of the phase behind it.
    type: list
    elements: str
    required: true
  errors:
    description: Lines to show before these, in red.
    type: list
    elements: str
    default: []
    version_added: 1.1.0
  log:
    description:
      - File on the controller that the lines are appended to. It is made with mode 0600, if its directory exists.
    type: path
  copy:
    description: File on the controller that the log is copied to afterwards, with mode 0600.
    type: path
    version_added: 1.1.0
  phase:
    description: Name of the phase that has ended with this.
    type: str
  next:
    description: Name of the phase that begins with this, as it is told if it fails. The result has it.
    type: str
    default: ""
    version_added: 1.1.0
  detail:
    description: Text that only goes to the log.
    type: str
    default: ""
  severity:
    description: V(error) is shown in red.
    type: str
    choices: [info, error]
    default: info
"""

EXAMPLES = r"""
- name: Tell what was found
  microbosh.director.run_log:
    message: ["Checking monit processes: 13 running"]
    log: /backups/director1/logs/20261122T221326Z.log
    phase: preflight
"""

RETURN = r"""
lines:
  description: The lines.
  returned: always
  type: list
  elements: str
  sample: ["Checking monit processes: 13 running (2.1 s)"]
phase:
  description: The phase that begins, as O(next) names it.
  returned: always
  type: str
  sample: Rehearsal
"""
