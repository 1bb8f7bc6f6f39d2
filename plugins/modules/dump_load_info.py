#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: dump_load_info
short_description: Read one dump as it would be loaded, and tell which ids would be replaced
version_added: 1.0.0
description:
  - Reads a plain dump to its end, in the very way in which M(microbosh.director.pg_restore_bosh) would load it. Fails
    if that would refuse it, or if O(rewrite) does not fit it.
  - It asks no server, so it can be asked wherever the dump is.
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.load
  - microbosh.director.guides.databases
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
  platform:
    support: full
    platforms: posix
options:
  src:
    description: Path of the dump.
    type: path
    required: true
seealso:
  - module: microbosh.director.pg_restore_bosh
  - module: microbosh.director.pg_restore_info
  - module: microbosh.director.dump_info
"""

EXAMPLES = r"""
- name: The ids to rewrite are in the dump, each in one way
  microbosh.director.dump_load_info:
    src: /backups/director1/latest/dbs/bosh.sql
    rewrite:
      i-0a1b2c3d: i-4e5f6a7b
  delegate_to: localhost
"""

RETURN = r"""
rewritten:
  description: Number of values that would be replaced, by column.
  returned: success
  type: dict
  sample: {"vms.cid": 1, "persistent_disks.disk_cid": 1}
mapping:
  description: The ids that O(rewrite) replaces, by kind.
  returned: success
  type: dict
  sample: {"vm_cid": {"i-0a1b2c3d": "i-4e5f6a7b"}}
dump_version:
  description: Version of the server that the dump was made of, or null if the dump does not say.
  returned: success
  type: str
  sample: "9.4.26"
sha256:
  description: SHA-256 of the dump.
  returned: success
  type: str
  sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
seconds:
  description: Seconds that it took, without the reading of the dump.
  returned: success
  type: float
  sample: 0.02
ids:
  description: All ids in the dump, by kind, with the columns in which they occur and how often.
  returned: when O(rewrite) is refused
  type: dict
  sample: {"vm_cid": {"i-0a1b2c3d": {"vms.cid": 1}}}
"""

from ansible_collections.microbosh.director.plugins.module_utils._core._arguments import LOADED
from ansible_collections.microbosh.director.plugins.module_utils._core._module import run_module
from ansible_collections.microbosh.director.plugins.module_utils._restore._database_load import read_only


def main():
    run_module(
        lambda module: read_only(module.params),
        argument_spec=dict(LOADED, src={"type": "path", "required": True}),
    )


if __name__ == "__main__":
    main()
