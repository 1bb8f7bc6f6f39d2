#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of an action: plugins/action/known_settings.py does the work, on the controller."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: known_settings
short_description: Refuse misspelt settings
description:
  - Compares the names of all C(microbosh_) variables of a host with the settings that the role
    C(microbosh.director.microbosh) specifies, and fails on an unknown one with the nearest known name.
  - Ansible itself would leave such a variable unused without a word.
  - If the settings are known ones, and a run begins with it, puts on record that it has begun, beside the run's log.
  - Refuses C(ansible_become) and its user on the command line or as a fact, where it would make the controller's tasks
    run as root.
seealso:
  - module: microbosh.director.run_ended
  - module: ansible.builtin.validate_argument_spec
author: microbosh.director contributors (@microbosh)
version_added: 1.0.0
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.settings
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
  begins:
    description:
      - The playbook whose run begins. Its variables C(run_dir), C(run_id) and C(run_began) say where the record is, and
        what is in it. It is written if there is a directory for logs already.
    type: str
    choices: [backup, verify, restore, checkup]
    version_added: 1.1.0
"""

EXAMPLES = r"""
- name: The settings are known ones
  microbosh.director.known_settings:
    begins: backup
"""

RETURN = r"""
unknown:
  description: Names of variables that are no setting.
  returned: always
  type: list
  elements: str
  sample: [microbosh_archve]
"""
