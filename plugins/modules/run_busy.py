#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of an action: plugins/action/run_busy.py does the work, on the controller."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: run_busy
short_description: Fail a task for a reason that goes away by itself
description:
  - Fails with a message and RV(reason=busy). A run that is rescued because of it ends with exit status 4, which says
    that nothing was done and that it may be tried again later.
seealso:
  - module: microbosh.director.run_failed
  - module: microbosh.director.director_tasks_info
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
    support: full
  platform:
    platforms: posix
options:
  msg:
    description: What is in the way, and when it may be gone.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: No outage begins by day
  microbosh.director.run_busy:
    msg: No outage may begin now; the window opens at 01:00 CET
  when: now().hour > 3
"""

RETURN = r"""
msg:
  description: What is told, as O(msg). The task fails in any case.
  type: str
  returned: always
  sample: No outage may begin now; the window opens at 01:00 CET
reason:
  description: V(busy).
  type: str
  returned: always
  sample: busy
"""
