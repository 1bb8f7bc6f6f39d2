#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: backup_key_pair_info
short_description: Tell which backup keys were replaced on the controller
version_added: 1.0.0
description:
  - Reads what M(microbosh.director.backup_key_pair) noted in C(<public_key>.retired). The key that is in use is never
    among them.
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.attributes.controller
  - microbosh.director.guides.stolen_key
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
  public_key:
    description: Path of the public key.
    type: path
    required: true
seealso:
  - module: microbosh.director.backup_key_pair
  - module: microbosh.director.backup_account
"""

EXAMPLES = r"""
- name: Read which keys were replaced
  microbosh.director.backup_key_pair_info:
    public_key: ~/.ssh/microbosh_backup.pub
  delegate_to: localhost
  register: pair
"""

RETURN = r"""
retired:
  description: Public keys that were replaced.
  returned: success
  type: list
  elements: str
  sample: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGV4YW1wbGVleGFtcGxlZXhhbXBsZWV4YW1wbGVl microbosh backup"]
"""

from ansible_collections.microbosh.director.plugins.module_utils._backup._key_pair import retired_keys
from ansible_collections.microbosh.director.plugins.module_utils._core._module import run_module


def main():
    run_module(
        lambda module: {"retired": retired_keys(module.params["public_key"])},
        argument_spec={"public_key": {"type": "path", "required": True, "no_log": False}},
        trouble="What was replaced by the key %(public_key)s cannot be read: %(error)s",
    )


if __name__ == "__main__":
    main()
