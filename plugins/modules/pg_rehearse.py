#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: pg_rehearse
short_description: Load the dumps of a backup into a scratch PostgreSQL server
version_added: 1.0.0
description:
  - Makes a PostgreSQL server for the time that it takes, with its own directory and socket and no port, loads the roles
    and every dump of a backup into it, and removes it. A server that is there already is never used.
  - Compares the rows of every table, as that server counts them, with those that C(backup.json) recorded when the
    database was dumped.
  - Needs the programs of a PostgreSQL server (C(initdb), C(postgres), C(psql), C(pg_dump)) that is not older than the
    director's and has the updates of August 2025. On Debian and Ubuntu they are in the package C(postgresql). It need
    not run.
  - A dump is a program. So it is loaded by a role that may nothing but fill its own database, into a server that the
    operating system contains. That starts no program, reaches no network, reads and writes nothing but its own
    directory and what PostgreSQL is made of, and has limits of time, memory and disk. Namespaces, Landlock and a filter
    for system calls are used as far as the controller has them. Without namespaces and without Landlock nothing is
    loaded.
  - Roles get their names and who is in whom, whatever else the dump of the roles says.
  - Tablespaces are not made, because they are directories of the director.
seealso:
  - module: microbosh.director.backup_verify_info
  - module: microbosh.director.pg_restore_bosh
  - module: microbosh.director.dump_info
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.databases
  - microbosh.director.guides.verify
  - microbosh.director.attributes.controller
attributes:
  check_mode:
    support: full
    details: Finds out whether it would be possible, and loads nothing.
  diff_mode:
    support: none
  idempotent:
    support: full
  platform:
    platforms: posix
options:
  path:
    description: Directory of the backup. Verify it first, because a dump is a program.
    type: path
    required: true
  scratch:
    description:
      - Directory in which that of the server is made. Its path has to be short, since it is that of a socket, and open
        to O(user).
      - Needs 256 MiB and four times the size of the dumps.
    type: path
    required: true
  user:
    description:
      - Account that the server runs as if Ansible runs as root, which PostgreSQL refuses.
      - By default C(postgres), or else C(nobody).
    type: str
    default: ""
  seconds:
    description: Seconds that loading may take. Then the server is ended.
    type: int
    default: 3600
  as_superuser:
    description:
      - Whether a superuser of the scratch server loads the dumps, for those that need one. The server is contained all
        the same.
    type: bool
    default: false
  fail:
    description: Whether a dump that cannot be loaded, or has other rows, fails the task. If V(false), look at RV(good).
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: The dumps of the latest backup can be loaded
  microbosh.director.pg_rehearse:
    path: /backups/director1/latest
    scratch: /var/tmp
  delegate_to: localhost
"""

RETURN = r"""
good:
  description: Whether every dump was loaded and nothing differs.
  returned: always
  type: bool
  sample: true
problems:
  description: What failed or differs, as sentences.
  returned: always
  type: list
  elements: str
  sample: []
roles:
  description: The roles that were made.
  returned: always
  type: list
  elements: str
  sample: [vcap, uaa]
databases:
  description: The databases, and what there was after loading them.
  returned: always
  type: list
  elements: dict
  contains:
    database:
      description: Name of the database.
      type: str
      sample: bosh
    loaded:
      description: Whether it could be loaded.
      type: bool
      sample: true
    tables:
      description: Number of tables.
      type: int
      sample: 31
    rows:
      description: Number of rows in all of them.
      type: int
      sample: 1520
    compared:
      description: Whether C(backup.json) records what there should be.
      type: bool
      sample: true
    differences:
      description: Tables whose number of rows is not the recorded one.
      type: list
      elements: dict
      sample: [{"table": "public.tasks", "recorded": 12, "found": 11}]
    seconds:
      description: Seconds that it took.
      type: float
      sample: 0.52
contained_by:
  description: What the operating system contained the server by.
  returned: always
  type: list
  elements: str
  sample: ["namespaces of users", "Landlock", "a filter for system calls"]
server_version:
  description: Version of the scratch server.
  returned: always
  type: str
  sample: "15.18"
seconds:
  description: Seconds that all of it took, with making the server.
  returned: always
  type: float
  sample: 1.94
"""

from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._module import run_module
from ansible_collections.microbosh.director.plugins.module_utils._restore._rehearsal import (
    SECONDS,
    rehearse_backup,
    require_possible,
)


def perform(module):
    """Rehearse, or find out whether that is possible."""
    given = module.params
    if module.check_mode:
        require_possible(given["scratch"], given["user"], module.run_command)
        return {"good": True, "problems": []}
    result = rehearse_backup(
        given["path"], given["scratch"], given["user"], module.run_command, given["seconds"], given["as_superuser"]
    )
    if given["fail"] and not result["good"]:
        raise DirectorError(" ".join(result["problems"]), **result)
    return result


def main():
    run_module(
        perform,
        argument_spec={
            "path": {"type": "path", "required": True},
            "scratch": {"type": "path", "required": True},
            "user": {"type": "str", "default": ""},
            "seconds": {"type": "int", "default": SECONDS},
            "as_superuser": {"type": "bool", "default": False},
            "fail": {"type": "bool", "default": True},
        },
    )


if __name__ == "__main__":
    main()
