#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of an action: plugins/action/director_command.py does the work, on the controller."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: director_command
short_description: Run a command on a director that may be hostile
description:
  - Runs a command without any Python on the director, and takes nothing of it but the exit status and what it
    printed, as printable text of a bounded size. So no director can answer with facts, which would stand in the
    place of settings.
  - An answer that does not end is not waited for.
seealso:
  - module: microbosh.director.on_director
  - module: ansible.builtin.command
author: microbosh.director contributors (@microbosh)
version_added: 1.0.0
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.security
attributes:
  check_mode:
    support: none
    details: Nothing is run.
  diff_mode:
    support: none
  idempotent:
    support: N/A
    details: That is up to the command.
  platform:
    platforms: posix
options:
  argv:
    description: The command, word by word.
    type: list
    elements: str
    required: true
  timeout:
    description: Seconds that it may take.
    type: int
    default: 300
  statuses:
    description: Exit statuses that are no failure.
    type: list
    elements: int
    default: [0]
"""

EXAMPLES = r"""
- name: Ask sudo what the backup user may run
  microbosh.director.director_command:
    argv: [sudo, -n, -l]
  register: rights_sudo
"""

RETURN = r"""
rc:
  description: The exit status.
  returned: always
  type: int
  sample: 0
stdout:
  description: What it printed, without blanks around it; what is not printable is shown as an escape.
  returned: always
  type: str
  sample: /usr/bin/rsync
stderr:
  description: What it complained about, likewise.
  returned: always
  type: str
  sample: ""
"""
