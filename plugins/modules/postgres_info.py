#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: postgres_info
short_description: Ask a PostgreSQL server where its files are and which databases it has
version_added: 1.1.0
description:
  - Asks a running server for its version, port, directories, tablespaces and databases, and finds the director's own
    database by its tables.
  - What the role may not see is null. Only a superuser sees the directories of a server.
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.attributes.director
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
  host:
    description: Address of the server. A director's socket may be out of reach, so this is TCP.
    type: str
    default: 127.0.0.1
  port:
    description: Port of the server. V(0) means 5432, or the port of the one server whose socket is known on this host.
    type: int
    default: 5432
  user:
    description: Role to connect as.
    type: str
    default: vcap
  packages:
    description:
      - Directory in which the clients are looked for, as C(postgres*/bin/psql).
      - If it is empty, they are looked for where distributions keep them, as on a controller.
    type: path
    default: /var/vcap/packages
  database:
    description: A database to ask by way of, should neither C(postgres) nor C(template1) be open to the role.
    type: str
  address:
    description: Address that is connected to if it is another than O(host), whose certificate the server has.
    type: str
  ca:
    description: File with the certificates that the server's is verified against.
    type: path
  passfile:
    description: File with the password, in the form of C(.pgpass).
    type: path
  elsewhere:
    description:
      - Whether to ask the server that the settings C(microbosh_director_database_*) name, from the controller and
        through the director. O(host), O(port), O(user), O(address), O(ca), O(passfile) and O(packages) come from them.
    type: bool
    default: false
  fail:
    description: Whether to fail if no server answers. If not, RV(problem) says why.
    type: bool
    default: true
seealso:
  - module: microbosh.director.pg_dump_bosh
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

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres import Endpoint
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres_info import (
    NOTHING,
    ask,
    listening_ports,
    port_there,
)


def main():
    module = AnsibleModule(
        argument_spec={
            "host": {"type": "str", "default": "127.0.0.1"},
            "port": {"type": "int", "default": 5432},
            "user": {"type": "str", "default": "vcap"},
            "packages": {"type": "path", "default": "/var/vcap/packages"},
            "database": {"type": "str"},
            "address": {"type": "str"},
            "ca": {"type": "path"},
            "passfile": {"type": "path", "no_log": False},
            "elsewhere": {"type": "bool", "default": False},
            "fail": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    module.run_command_environ_update = {"LANG": "C", "LC_ALL": "C"}
    given = module.params
    ports = listening_ports()
    endpoint = Endpoint.of(dict(given, port=port_there(given["port"], ports)))
    result = dict(NOTHING)
    result.update(changed=False, ports=ports, port=endpoint.port)
    try:
        result.update(ask(endpoint, given["packages"], module.run_command, given["database"]))
    except DirectorError as error:
        if given["fail"]:
            module.fail_json(msg=str(error), ports=ports, **error.facts)
        result.update(problem=str(error), mysql=error.facts.get("mysql", False))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
