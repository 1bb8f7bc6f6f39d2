#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of an action: plugins/action/run_failed.py does the work, on the controller."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: run_failed
short_description: End a run that failed, and let the exit status tell why
description:
  - Fails with a message, so that the exit status of C(ansible-playbook) is 2.
  - With O(unavailable) the host counts as unreachable instead, and the exit status is 4. So whoever starts the run can
    tell a director that could not be had, and may be tried again later, from a backup that failed.
seealso:
  - module: microbosh.director.run_log
  - module: microbosh.director.director_lease
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
  msg:
    description: What went wrong.
    type: str
    required: true
  lines:
    description:
      - Lines for a person, which go to O(log), too. Where the stdout callback prints for people they are printed before
        the failure. Elsewhere they are the message of the failure, in place of O(msg).
    type: list
    elements: str
    default: []
  log:
    description: The log of the run on the controller. The message names it, if it is there.
    type: path
  unavailable:
    description: Whether nothing was done because the director did not answer, was busy, or another run had it.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: The backup failed
  microbosh.director.run_failed:
    msg: The director is held by root@controller for backup since 2026-11-22T22:13:26Z
    unavailable: true
"""

RETURN = r"""
msg:
  description: What is told, as O(msg). The task fails in any case.
  type: str
  returned: always
  sample: "Preflight: not every service runs on director1"
"""
