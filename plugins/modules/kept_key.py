#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of an action: plugins/action/kept_key.py does the work, on the controller."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: kept_key
short_description: Give ssh a key of backups that is no private key's file
description:
  - If the variable C(microbosh_private_key_text) has a private key, ssh finds it under the path that is returned
    until the run ends, whatever ends it. The key is on no disk and in no argument, event or log.
  - Else, if there is no private key's file and an agent has the key that O(public_key) names, returns a path of that
    public key, by which ssh takes this key of the agent and no other.
seealso:
  - module: microbosh.director.backup_key
author: microbosh.director contributors (@microbosh)
version_added: 1.0.0
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.setup
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
  private_key:
    description: The setting C(microbosh_private_key). Empty where the controller has none.
    type: str
    default: ""
  public_key:
    description: The setting C(microbosh_public_key), a public key or the path of a file with it.
    type: str
    default: ""
  login_key:
    description: The private key that Ansible logs in with, empty if the inventory names none.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: The key of backups is at hand
  microbosh.director.kept_key:
    private_key: "{{ microbosh_private_key }}"
    public_key: "{{ microbosh_public_key }}"
  register: run_kept_key
"""

RETURN = r"""
identity:
  description: The path, for C(ansible_ssh_private_key_file), or empty where the settings are enough.
  returned: success
  type: str
  sample: /proc/4711/fd/9
"""
