#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of an action: plugins/action/backup_key.py does the work, on the controller."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: backup_key
short_description: Find or make the key that backups log in with
description:
  - Says which public key setup installs on a director, and what backups log in with; of the first of these that
    there is, a private key that is given as text (C(microbosh_private_key_text)), O(private_key), the key that
    O(public_key) names, the private key that Ansible logs in with, the one key of an agent or of ssh itself.
  - Makes O(private_key) and its public part where there is none. Of several directors' tasks that do it at once
    one makes it.
  - Fails if it cannot tell which of several keys is meant. Where Ansible logs in as the user of backups, no key may
    have to be installed at all.
seealso:
  - module: microbosh.director.kept_key
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
    description: Path of the private key. Empty where the controller has none.
    type: str
    default: ""
  public_key:
    description: A public key, or the path of a file with it. The one beside the private key says nothing more.
    type: str
    default: ""
  apart:
    description: Whether backups have another user than the one that Ansible logs in as.
    type: bool
    required: true
  made:
    description: Whether to make the key where there is none.
    type: bool
    default: true
  required:
    description: Whether it is an error if there is no key, or doubt which one is meant.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: The key of backups exists
  microbosh.director.backup_key:
    private_key: "{{ microbosh_private_key }}"
    public_key: "{{ microbosh_public_key }}"
    apart: true
  register: setup_key
"""

RETURN = r"""
public:
  description: The public key to install, empty for none.
  returned: success
  type: str
  sample: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGV4YW1wbGVleGFtcGxlZXhhbXBsZWV4YW1wbGVl microbosh backup
identity:
  description: What C(ansible_ssh_private_key_file) is to be for a login with that key alone.
  returned: success
  type: str
  sample: /home/operator/.ssh/microbosh_backup
alone:
  description: Whether the key alone is to be tested, or the login as it is.
  returned: success
  type: bool
  sample: true
tested:
  description: Whether a test is possible. Not where the private key is somewhere else.
  returned: success
  type: bool
  sample: true
opens_login:
  description: Whether it also lets in whoever set the director up.
  returned: success
  type: bool
  sample: false
told:
  description: What an operator has to know about it, empty for nothing.
  returned: success
  type: str
  sample: No key was installed, backups log in as setup did, with the password, which each of them needs
problem:
  description: Why no key can be told, empty if one can.
  returned: success
  type: str
  sample: ""
"""
