#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: pg_check_info
short_description: Compare the databases of a director with what was dumped of them
version_added: 1.0.0
description:
  - Counts the rows of tables and compares them with what M(microbosh.director.pg_dump_bosh) counted while it dumped.
  - Returns the director's UUID and its deployments, as the database knows them.
seealso:
  - module: microbosh.director.pg_dump_bosh
  - module: microbosh.director.postgres_info
  - module: microbosh.director.postgres_server
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.databases
  - microbosh.director.attributes.director
  - microbosh.director.postgres
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
  rows:
    description: Rows by table, by database. Nothing is counted if it is empty.
    type: dict
    default: {}
  database:
    description: Name of the director's own database. If it is empty, it is found by its tables.
    type: str
    default: ""
  fail:
    description: Whether to fail if no server answers or rows differ.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Every table has the rows that were dumped
  microbosh.director.pg_check_info:
    rows:
      bosh:
        public.deployments: 2
"""

RETURN = r"""
server_version:
  description: Version of the server, null if none answers.
  returned: success
  type: str
  sample: "15.18"
majors:
  description: Majors of the PostgreSQL packages on the host.
  returned: success
  type: list
  elements: str
  sample: ["10", "15"]
uuid:
  description: The director's UUID, null if the server has none.
  returned: success
  type: str
  sample: 0c3d52a1-6b3b-4c3d-9b4e-0c8d7b1f2a3e
deployments:
  description: The names of its deployments.
  returned: success
  type: list
  elements: str
  sample: [cf]
users:
  description: The names of the users that its database has; those of a director with UAA are not in there.
  returned: success
  type: list
  elements: str
  sample: [admin]
differences:
  description: What is not as expected.
  returned: success
  type: list
  elements: str
  sample: []
tables:
  description: Number of tables that were compared.
  returned: success
  type: int
  sample: 34
total:
  description: Number of rows in them.
  returned: success
  type: int
  sample: 5232
"""

from ansible_collections.microbosh.director.plugins.module_utils._modules._pg_check_info import main

if __name__ == "__main__":
    main()
