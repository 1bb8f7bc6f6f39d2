#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: postgres_info
short_description: Ask a PostgreSQL server where its files are and which databases it has
version_added: 1.0.0
description:
  - Asks a running server for its version, port, directories, tablespaces and databases, and finds the director's own
    database by its tables.
  - What the role may not see is null. Only a superuser sees the directories of a server.
seealso:
  - module: microbosh.director.database_plan_info
  - module: microbosh.director.pg_dump_bosh
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
  database:
    description: A database to ask by way of, should neither C(postgres) nor C(template1) be open to the role.
    type: str
  fail:
    description: Whether to fail if no server answers. If not, RV(problem) says why.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: The PostgreSQL server on the director is known
  microbosh.director.postgres_info:
  register: server
"""

RETURN = r"""
answers:
  description: Whether a server answers.
  returned: success
  type: bool
  sample: true
problem:
  description: Why none answers, null if one does.
  returned: success
  type: str
  sample: null
mysql:
  description: Whether what listens there is MySQL.
  returned: success
  type: bool
  sample: false
version:
  description: Version of the server.
  returned: success
  type: str
  sample: "15.18"
port:
  description: The port that the server says it listens on.
  returned: success
  type: int
  sample: 5432
ports:
  description: Ports of the PostgreSQL servers whose sockets are known on this host.
  returned: success
  type: list
  elements: int
  sample: [5432]
superuser:
  description: Whether the role is a superuser there.
  returned: success
  type: bool
  sample: true
data_directory:
  description: Path of the data directory, with links followed. Null if the role may not see it.
  returned: success
  type: str
  sample: /var/vcap/store/postgres-15
wal_directory:
  description: Where the write-ahead log is, if not in the data directory and if this user can know it.
  returned: success
  type: str
  sample: null
tablespaces:
  description: Tablespaces beside the two that every server has.
  returned: success
  type: list
  elements: dict
  sample: [{"name": "fast", "location": "/var/vcap/store/fast"}]
databases:
  description: Every database, by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Its name.
      type: str
      sample: bosh
    owner:
      description: The role that owns it.
      type: str
      sample: vcap
    encoding:
      description: Its encoding.
      type: str
      sample: UTF8
    collate:
      description: Its collation.
      type: str
      sample: en_US.UTF-8
    ctype:
      description: Its character classes.
      type: str
      sample: en_US.UTF-8
    collation_version:
      description: The version of the collation that its indexes were made with, null before PostgreSQL 15.
      type: str
      sample: "2.35"
    actual_version:
      description: The version of that collation that the server has now, null before PostgreSQL 15.
      type: str
      sample: "2.35"
    size:
      description: Its size on disk in bytes, 0 if the role may not connect to it.
      type: int
      sample: 8123411
    connectable:
      description: Whether it allows connections, and the role may connect.
      type: bool
      sample: true
    template:
      description: Whether it is a template.
      type: bool
      sample: false
    mine:
      description: Whether the role owns it, or is a member of the role that does.
      type: bool
      sample: true
    sessions:
      description: How many are connected to it.
      type: int
      sample: 9
    director:
      description: Whether it has the tables of a director.
      type: bool
      sample: true
directors:
  description: Names of the databases that have the tables of a director.
  returned: success
  type: list
  elements: str
  sample: [bosh]
director_database:
  description:
    - Name of the director's own database, null if there is none, or if several have its tables and not just one of
      them is in use.
  returned: success
  type: str
  sample: bosh
"""

from ansible_collections.microbosh.director.plugins.module_utils._modules._postgres_info import main

if __name__ == "__main__":
    main()
