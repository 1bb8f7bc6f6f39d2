#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: pg_dump_info
short_description: Tell what dumps of a director's databases would take, and whether they can be made
version_added: 1.0.0
description:
  - Asks the running server for its version and databases, and looks for the client that
    M(microbosh.director.pg_dump_bosh) would dump them with, and for the space. It fails for the same reasons, in the
    same words, and writes nothing.
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.attributes.director
  - microbosh.director.postgres
  - microbosh.director.postgres.dumps
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
options: {}
seealso:
  - module: microbosh.director.pg_dump_bosh
  - module: microbosh.director.postgres_info
"""

EXAMPLES = r"""
- name: All databases can be dumped
  microbosh.director.pg_dump_info:
    dest: /var/vcap/store/microbosh-backup/dbs
"""

RETURN = r"""
server_version:
  description: Version of the running server; null if nothing is to be dumped.
  returned: success
  type: str
  sample: "15.18"
client:
  description: Path of the pg_dump that matches the server.
  returned: success
  type: str
  sample: /var/vcap/packages/postgres-15/bin/pg_dump
client_version:
  description: Version of that client.
  returned: success
  type: str
  sample: "15.18"
databases:
  description: The databases that would be dumped, and their size on disk in bytes.
  returned: success
  type: list
  elements: dict
  sample: [{"name": "bosh", "bytes": 108224527}]
bytes_estimate:
  description: Size of these databases on disk, in bytes.
  returned: success
  type: int
  sample: 108224527
free_bytes:
  description: Free space for the user in the file system of O(dest), in bytes.
  returned: success
  type: int
  sample: 52613349376
seconds:
  description: Seconds that it took.
  returned: success
  type: float
  sample: 0.14
"""

from ansible_collections.microbosh.director.plugins.module_utils._modules._pg_dump_info import main

if __name__ == "__main__":
    main()
