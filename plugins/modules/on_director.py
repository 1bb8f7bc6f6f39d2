#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of an action: plugins/action/on_director.py does the work, with modules of others."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: on_director
short_description: Run a module of others on a director that may be hostile
description:
  - Runs one of a few modules on the director, with its own arguments, and takes nothing of what it answers but the keys
    that it is known to have, of their types, as printable text of a bounded size. So no director can answer with facts,
    which would stand in the place of settings, or with hosts, groups or tags of Ansible's own.
  - Anything else fails the task. An answer that does not end is not waited for.
  - C(become), loops, tags, check mode and diffs are those of the module.
seealso:
  - module: microbosh.director.director_command
author: microbosh.director contributors (@microbosh)
version_added: 1.0.0
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.security
attributes:
  check_mode:
    support: partial
    details: That is up to the module.
  diff_mode:
    support: partial
    details: That is up to the module.
  idempotent:
    support: partial
    details: That is up to the module.
  platform:
    platforms: posix
notes:
  - Exactly one option is given.
  - For what only looks and needs no Python there is M(microbosh.director.director_command).
options:
  authorized_key:
    description: Arguments of M(ansible.posix.authorized_key).
    type: dict
  command:
    description: Arguments of M(ansible.builtin.command), with C(argv) or C(cmd).
    type: dict
  copy:
    description:
      - Arguments of M(ansible.builtin.copy).
      - A template is given as C(content), by the lookup P(ansible.builtin.template#lookup).
    type: dict
  file:
    description: Arguments of M(ansible.builtin.file).
    type: dict
  user:
    description: Arguments of M(ansible.builtin.user).
    type: dict
"""

EXAMPLES = r"""
- name: The read-only reader is installed
  microbosh.director.on_director:
    copy:
      content: "{{ lookup('ansible.builtin.template', 'microbosh-read.j2') }}"
      dest: /usr/local/sbin/microbosh-read
      owner: root
      group: root
      mode: "0755"
      validate: /bin/sh -n %s
  become: true
"""

RETURN = r"""
rc:
  description: With O(command), its exit status. The other keys are those of the module, too.
  returned: with O(command)
  type: int
  sample: 0
stdout:
  description: With O(command), what it printed; what is not printable is shown as an escape.
  returned: with O(command)
  type: str
  sample: OpenSSH_9.6p1
"""
