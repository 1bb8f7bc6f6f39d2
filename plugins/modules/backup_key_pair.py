#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: backup_key_pair
short_description: Let a new backup key take the place of the old one on the controller
version_added: 1.0.0
description:
  - A new pair C(<private_key>.new) and C(<private_key>.new.pub), which directors know already, becomes the pair. The
    old public key is noted in C(<public_key>.retired), from which M(microbosh.director.backup_account) takes what is
    to open nothing any more. The old private key is gone.
  - It may be killed anywhere and done again. Several directors may share the pair; the first of them does it for all.
seealso:
  - module: microbosh.director.backup_account
  - module: microbosh.director.backup_key_pair_info
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.stolen_key
  - microbosh.director.attributes.controller
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
    description: Path of the private key.
    type: path
    required: true
  public_key:
    description: Path of the public key.
    type: path
    required: true
"""

EXAMPLES = r"""
- name: The new key is the key
  microbosh.director.backup_key_pair:
    private_key: ~/.ssh/microbosh_backup
    public_key: ~/.ssh/microbosh_backup.pub
  delegate_to: localhost
"""

RETURN = r"""
retired:
  description: Public keys that were replaced, this one among them.
  returned: success
  type: list
  elements: str
  sample: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGV4YW1wbGVleGFtcGxlZXhhbXBsZWV4YW1wbGVl microbosh backup"]
"""

from ansible_collections.microbosh.director.plugins.module_utils._backup._key_pair import KeyPair
from ansible_collections.microbosh.director.plugins.module_utils._core._module import run_module


def perform(module):
    """Do what the options say and return the result."""
    pair = KeyPair(module.params["private_key"], module.params["public_key"])
    return {"changed": pair.swap(module.check_mode), "retired": pair.retired()}


def main():
    run_module(
        perform,
        argument_spec={
            "private_key": {"type": "path", "required": True, "no_log": False},
            "public_key": {"type": "path", "required": True, "no_log": False},
        },
        trouble="The key %(public_key)s cannot be replaced: %(error)s",
    )


if __name__ == "__main__":
    main()
