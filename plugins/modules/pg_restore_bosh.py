#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: pg_restore_bosh
short_description: Load one database of a director out of a dump, with ids rewritten on the way
version_added: 1.0.0
description:
  - Loads one database out of a plain dump, made by C(pg_dump) or C(pg_dumpall), into the running PostgreSQL server of
    a director, under its own name or another one.
  - Loads into a new database first, in one transaction, and compares the rows of every table with those in the dump.
    Only then the new database gets its name, and the one that had it is dropped. Until then, that one is untouched.
  - Tablespaces and other databases are left alone. A role of the dump that is not on the server is made as O(roles) has
    it; if that has not got it, O(missing_roles) decides.
  - A plain dump is a program for psql. Neither its comments nor psql's own commands are passed on, and a dump that
    holds commands for psql, or statements that C(pg_dump) does not write into a database, is refused. So is one that is
    not whole, one made with C(--inserts) or C(--clean), and one of a newer server. Still, restore only what O(checksum)
    vouches for, because functions of the dump run on the server.
  - Ids of virtual machines, disks, snapshots, stemcells and agents, and the UUID of the director, can be replaced while
    loading, in exactly the columns that hold them.
seealso:
  - module: microbosh.director.pg_dump_bosh
  - module: microbosh.director.dump_info
  - module: microbosh.director.iaas_reconcile_info
  - module: microbosh.director.pg_restore_info
  - module: microbosh.director.dump_load_info
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.databases
  - microbosh.director.guides.recovery
  - microbosh.director.attributes.director
  - microbosh.director.load
  - microbosh.director.load.server
  - microbosh.director.postgres
attributes:
  check_mode:
    support: full
    details: Reads the dump, asks the server, and fails for the same reasons. Loads nothing.
  diff_mode:
    support: none
  idempotent:
    support: none
  platform:
    platforms: posix
options:
  state:
    description:
      - V(loaded) loads the database.
      - V(put_back) gives the database that a load with O(keep_replaced) replaced its name again, and drops the loaded
        one. Where there was none before, there is none again. Where nothing was loaded, nothing changes.
      - V(settled) drops the database that a load with O(keep_replaced) replaced.
    type: str
    choices: [loaded, put_back, settled]
    default: loaded
  src:
    description: Path of the dump on the director. Required with O(state=loaded).
    type: path
"""

EXAMPLES = r"""
- name: The database of a backup is there to compare with, beside the live one
  microbosh.director.pg_restore_bosh:
    src: /var/vcap/store/microbosh-backup/dbs/bosh.sql
    target: bosh-backup

- name: The database is restored out of what pg_dumpall wrote
  microbosh.director.pg_restore_bosh:
    src: /var/vcap/store/microbosh-backup/postgres_20141221013049.dump.all
    checksum: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    database: bosh
    replace: true

- name: The database is restored and names what the IaaS has now
  microbosh.director.pg_restore_bosh:
    src: /var/vcap/store/microbosh-backup/dbs/bosh.sql
    target: bosh
    replace: true
    rewrite:
      vm_cid:
        i-0a1b2c3d: i-4e5f6a7b
      disk_cid:
        vol-11111111: vol-22222222

- name: The database elsewhere is that of the backup, and can come back
  microbosh.director.pg_restore_bosh:
    elsewhere: true
    src: /backups/director1/latest/dbs/bosh.sql
    database: bosh
    target: bosh
    replace: true
    keep_replaced: true

- name: It is as it was before
  microbosh.director.pg_restore_bosh:
    elsewhere: true
    state: put_back
    target: bosh
"""

RETURN = r"""
kept:
  description: Whether a database was, or would be, put back or dropped.
  returned: O(state=put_back) or O(state=settled)
  type: bool
  sample: true
database:
  description: Name of the database in the dump, or O(target) where the dump does not tell.
  returned: O(state=loaded)
  type: str
  sample: bosh
target:
  description: Name that it has, or would have, on the server.
  returned: success
  type: str
  sample: bosh-backup
replaced:
  description: Whether a database of that name was, or would be, replaced.
  returned: O(state=loaded)
  type: bool
  sample: false
rows:
  description: Number of rows by table.
  returned: O(state=loaded)
  type: dict
  sample: {"public.deployments": 3, "public.tasks": 1520}
rewritten:
  description: Number of values that were, or would be, replaced, by column.
  returned: O(state=loaded)
  type: dict
  sample: {"vms.cid": 1, "persistent_disks.disk_cid": 1}
mapping:
  description: The ids that O(rewrite) replaces, by kind.
  returned: O(state=loaded)
  type: dict
  sample: {"vm_cid": {"i-0a1b2c3d": "i-4e5f6a7b"}}
missing_roles:
  description: Roles of the dump that are not on the server, and the number of statements that were left out for it.
  returned: O(state=loaded)
  type: dict
  sample: {"uaa": 12}
told:
  description: What was left out, made or done otherwise than it was, as sentences. They are shown as warnings, too.
  returned: success
  type: list
  elements: str
  sample: []
made_roles:
  description: Roles of the dump that were not on the server and were, or would be, made.
  returned: O(state=loaded)
  type: list
  elements: str
  sample: [uaa]
properties:
  description: What hangs on the database itself, as statements that give it to one of its name.
  returned: O(state=loaded)
  type: list
  elements: str
  sample: ["ALTER DATABASE \"bosh\" OWNER TO \"vcap\";"]
server_version:
  description: Version of the running server.
  returned: success
  type: str
  sample: "15.18"
dump_version:
  description: Version of the server that the dump was made of, or null if the dump does not say.
  returned: O(state=loaded)
  type: str
  sample: "9.4.26"
sha256:
  description: SHA-256 of the dump.
  returned: O(state=loaded)
  type: str
  sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
seconds:
  description: Seconds that it took, without the first reading of the dump.
  returned: success
  type: float
  sample: 1.93
ids:
  description: All ids in the dump, by kind, with the columns in which they occur and how often.
  returned: when O(rewrite) is refused
  type: dict
  sample: {"vm_cid": {"i-0a1b2c3d": {"vms.cid": 1}}}
connections:
  description: Who is connected to the database that was to be replaced.
  returned: when the database is in use
  type: list
  elements: str
  sample: ["process 4711, role vcap, from 127.0.0.1"]
"""

from ansible_collections.microbosh.director.plugins.module_utils._modules._pg_restore_bosh import main

if __name__ == "__main__":
    main()
