#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of an action: plugins/action/database_plan_info.py does the work, on the controller."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: database_plan_info
short_description: Decide what a backup dumps, by what the database servers said
version_added: 1.0.0
description:
  - Takes what M(microbosh.director.postgres_info) returned and finds out which database is the director's own, which
    databases are dumped from which server, and which directories of the server are in what is copied.
  - Fails if the director's own database would not be dumped, unless O(databases) is empty. The message names the
    setting to change.
seealso:
  - module: microbosh.director.postgres_info
  - module: microbosh.director.pg_check_info
  - module: microbosh.director.pg_dump_bosh
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.databases
notes:
  - Runs on the controller, whatever the task is delegated to.
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
  databases:
    description: Names of the databases that are wanted, V([all]), or an empty list for none.
    type: list
    elements: str
    required: true
  director_database:
    description: Name of the director's own database. If it is empty, it is found by its tables.
    type: str
    default: ""
  local:
    description: What the server on the director said.
    type: dict
    required: true
  elsewhere:
    description: What the server elsewhere said, where the director's own database is on another one.
    type: dict
  where:
    description: Name and port of the server elsewhere, for messages.
    type: str
    default: ""
  filter:
    description: The rules of rsync by which files are copied.
    type: list
    elements: str
    required: true
  mode:
    description:
      - Whether services are stopped.
      - V(auto) refuses what V(offline) does, and tells what V(online) does; it has been there since version 1.1.0.
    type: str
    choices: [offline, online, auto]
    default: offline
  services:
    description: Names of monit's services.
    type: list
    elements: str
    default: []
  servers:
    description:
      - Names of those services whose process is a PostgreSQL server, as
        RV(microbosh.director.monit_summary#module:postgres) has them. Others are known by their names.
    type: list
    elements: str
    default: []
  copy:
    description: A copy of C(/var/vcap) on the controller, if there is one; links in it tell more.
    type: path
"""

EXAMPLES = r"""
- name: What is dumped is known
  microbosh.director.database_plan_info:
    databases: [all]
    local: "{{ server }}"
    filter: "{{ microbosh_filter }}"
    services: [postgres, director]
  register: plan
"""

RETURN = r"""
director_database:
  description: Name of the director's own database, null if it is not known.
  returned: success
  type: str
  sample: bosh
without:
  description: What is missing of the director's own database, empty if it is dumped.
  returned: success
  type: str
  sample: ""
local:
  description: What to dump from the server on the director, perhaps V([all]).
  returned: success
  type: list
  elements: str
  sample: [all]
local_names:
  description: The same, by name.
  returned: success
  type: list
  elements: str
  sample: [bosh, credhub, uaa]
elsewhere:
  description: Names of the databases to dump from the server elsewhere.
  returned: success
  type: list
  elements: str
  sample: []
server_elsewhere:
  description: What C(backup.json) says of the server elsewhere, null if there is none.
  returned: success
  type: dict
  sample: {"server": "db.example.com:5432", "version": "16.3", "databases": ["bosh"]}
services:
  description: The services of monit that are PostgreSQL itself.
  returned: success
  type: list
  elements: str
  sample: [postgres]
directories:
  description:
    - Directories of the server on the director that are copied, relative to C(/var/vcap). Null if it hides them.
  returned: success
  type: list
  elements: str
  sample: [store/postgres-15]
never_live:
  description:
    - What is not copied while services run, relative to C(/var/vcap). Empty where there is no server on the director;
      a pattern where there is one that hides its files.
  returned: success
  type: list
  elements: str
  sample: [store/postgres-15]
postgresql:
  description: What C(backup.json) says of that server, null if none answered. Paths in C(/var/vcap) are relative to it.
  returned: success
  type: dict
  sample:
    version: "15.18"
    port: 5432
    data_directory: store/postgres-15
    wal_directory: null
    tablespaces: []
    collations: {}
    outside: {}
told:
  description: What an operator has to know, as lines.
  returned: success
  type: list
  elements: str
  sample: []
"""
