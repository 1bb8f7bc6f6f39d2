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
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.databases
  - microbosh.director.guides.recovery
  - microbosh.director.attributes.director
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
      - V(checked) finds out whether the running server would take it, before anything is stopped for that; who is
        connected makes no difference. It loads nothing, but makes the role of a load and removes it again, to see that
        the server lets it in.
      - V(examined) only reads the dump, wherever it is, and fails if O(rewrite) does not fit it. It asks no server.
      - V(put_back) gives the database that a load with O(keep_replaced) replaced its name again, and drops the loaded
        one. Where there was none before, there is none again. Where nothing was loaded, nothing changes.
      - V(settled) drops the database that a load with O(keep_replaced) replaced.
    type: str
    choices: [loaded, checked, examined, put_back, settled]
    default: loaded
  src:
    description: Path of the dump on the director. Required but for O(state=put_back) and O(state=settled).
    type: path
  checksum:
    description: SHA-256 that the dump must have, as hexadecimal digits.
    type: str
  properties_checksum:
    description: SHA-256 that the file with the properties of the database must have, if there is one.
    type: str
  roles:
    description:
      - Path of a dump of the globals (C(globals.sql)). Roles that the dump needs and the server has not got are made as
        it says. Roles that are there are not changed.
    type: path
  roles_checksum:
    description: SHA-256 that O(roles) must have.
    type: str
  missing_roles:
    description:
      - What becomes of statements that name a role which is neither on the server nor in O(roles).
      - V(leave_out) leaves them out and RV(missing_roles) tells; what the role owned then belongs to O(user).
      - V(refuse) refuses the dump, before anything is loaded.
    type: str
    choices: [leave_out, refuse]
    default: leave_out
  database:
    description:
      - Name of the database that is taken out of the dump. Required for the output of C(pg_dumpall).
      - A dump of one database does not hold its name, unless it was made with C(--create).
    type: str
  target:
    description:
      - Name that the database gets on the server, such as V(bosh-backup) beside the live one.
      - By default that of O(database).
    type: str
  replace:
    description:
      - Whether a database of the name O(target) may be replaced. It is refused while anything else is connected to it.
      - What hangs on the database itself and is in no dump (owner, locale, rights, settings, connection limit, comment)
        is as in the file C(.properties) beside O(src), which M(microbosh.director.pg_dump_bosh) writes. Without that
        file it is as on the database that is replaced.
    type: bool
    default: false
  keep_replaced:
    description:
      - Whether the database that is replaced stays on the server, under a name that begins with C(microbosh_kept_),
        until O(state=put_back) or O(state=settled) decides what becomes of it. Where there was none, an empty one whose
        name begins with C(microbosh_absent_) says so.
      - While one is kept, a further load replaces the one that was loaded. So this may be asked for again when an
        answer was lost. O(state=checked) refuses then, because it is for the beginning of a restore.
      - This needs a role that owns the database and may make databases (C(CREATEDB)), and no superuser.
    type: bool
    default: false
  as_superuser:
    description:
      - Where O(user) is a superuser, a dump is loaded by a role that is made for it, may nothing but fill its own
        database, and is removed afterwards. Who owns what is said when all is loaded. A dump that needs a superuser, or
        brings code that would belong to one, is refused with the statement, before anything is changed.
      - V(true) lets O(user) load it. What the dump says is then done as the account of the server.
    type: bool
    default: false
  rewrite:
    description:
      - New ids by old ones. Or such maps by kind, which settles an id that occurs in columns of several kinds. Kinds
        are V(agent_id), V(director_uuid), V(disk_cid), V(snapshot_cid), V(stemcell_cid),
        V(subnet_cid) and V(vm_cid).
      - An old id that does not occur, an ambiguous one, and a new id that is there already are errors, before anything
        is loaded.
    type: dict
    default: {}
  host:
    description: Address of the server, or the directory of its socket.
    type: str
    default: 127.0.0.1
  user:
    description:
      - Role to connect as. It has to be let in without a password, or with that of O(passfile).
      - Where it is no superuser, as in the database of a cloud, it has to own O(target) and to be allowed to make
        databases. What only a superuser may is left out, and told.
    type: str
    default: vcap
  elsewhere:
    description:
      - Whether to ask the server that the settings C(microbosh_director_database_*) name, from the controller and
        through the director. O(host), O(port), O(user), O(address), O(ca), O(passfile) and O(packages) come from them.
      - To load a dump, the controller's C(psql) has to have the updates of August 2025 (13.22, 14.19, 15.14, 16.10,
        17.6).
    type: bool
    default: false
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
  returned: O(state=loaded) or O(state=checked)
  type: str
  sample: bosh
target:
  description: Name that it has, or would have, on the server.
  returned: unless O(state=examined)
  type: str
  sample: bosh-backup
replaced:
  description: Whether a database of that name was, or would be, replaced.
  returned: O(state=loaded) or O(state=checked)
  type: bool
  sample: false
rows:
  description: Number of rows by table.
  returned: O(state=loaded) or O(state=checked)
  type: dict
  sample: {"public.deployments": 3, "public.tasks": 1520}
rewritten:
  description: Number of values that were, or would be, replaced, by column.
  returned: when a dump was read
  type: dict
  sample: {"vms.cid": 1, "persistent_disks.disk_cid": 1}
mapping:
  description: The ids that O(rewrite) replaces, by kind.
  returned: when a dump was read
  type: dict
  sample: {"vm_cid": {"i-0a1b2c3d": "i-4e5f6a7b"}}
missing_roles:
  description: Roles of the dump that are not on the server, and the number of statements that were left out for it.
  returned: O(state=loaded) or O(state=checked)
  type: dict
  sample: {"uaa": 12}
told:
  description: What was left out, made or done otherwise than it was, as sentences. They are shown as warnings, too.
  returned: unless O(state=examined)
  type: list
  elements: str
  sample: []
made_roles:
  description: Roles of the dump that were not on the server and were, or would be, made.
  returned: O(state=loaded) or O(state=checked)
  type: list
  elements: str
  sample: [uaa]
properties:
  description: What hangs on the database itself, as statements that give it to one of its name.
  returned: O(state=loaded) or O(state=checked)
  type: list
  elements: str
  sample: ["ALTER DATABASE \"bosh\" OWNER TO \"vcap\";"]
server_version:
  description: Version of the running server.
  returned: unless O(state=examined)
  type: str
  sample: "15.18"
dump_version:
  description: Version of the server that the dump was made of, or null if the dump does not say.
  returned: when a dump was read
  type: str
  sample: "9.4.26"
sha256:
  description: SHA-256 of the dump.
  returned: when a dump was read
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

from ansible_collections.microbosh.director.plugins.module_utils._core._arguments import POSTGRES
from ansible_collections.microbosh.director.plugins.module_utils._core._module import C_LOCALE, run_module
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump_file import (
    RolesFile,
    read_as_restore,
)
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres import Endpoint
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres_info import (
    listening_ports,
    port_there,
)
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore import (
    DatabaseServer,
    examine,
    restore_database,
)
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_kept import end_load

READS = ("loaded", "checked", "examined")
ENDS = ("put_back", "settled")


def perform(params, check_mode, run_command):
    """Given the module's parameters, do what they ask for, and return what was done."""
    if params["state"] in ENDS:
        return end_load(_server(params, run_command), params["target"], params["state"], check_mode)
    source = read_as_restore(params["src"], params["checksum"], params["database"], params["properties_checksum"])
    if params["state"] == "examined":
        return examine(source, params["rewrite"])
    roles = RolesFile(params["roles"], params["roles_checksum"]) if params["roles"] else None
    wanted = dict(params, roles_file=roles, way_in=not check_mode)
    pretend = check_mode or params["state"] == "checked"
    server = _server(params, run_command)
    if not params["packages"]:
        server.require_restricting()  # on the controller, for a server elsewhere
    return restore_database(source, server, wanted, pretend)


def _server(params, run_command):
    endpoint = Endpoint.of(dict(params, port=port_there(params["port"], listening_ports())))
    return DatabaseServer.find(endpoint, params["packages"], run_command)


def main():
    run_module(
        lambda module: perform(module.params, module.check_mode, module.run_command),
        argument_spec=dict(
            POSTGRES,
            state={"type": "str", "choices": READS + ENDS, "default": "loaded"},
            src={"type": "path"},
            checksum={"type": "str"},
            properties_checksum={"type": "str"},
            roles={"type": "path"},
            roles_checksum={"type": "str"},
            missing_roles={"type": "str", "choices": ["leave_out", "refuse"], "default": "leave_out"},
            database={"type": "str"},
            target={"type": "str"},
            replace={"type": "bool", "default": False},
            keep_replaced={"type": "bool", "default": False},
            as_superuser={"type": "bool", "default": False},
            rewrite={"type": "dict", "default": {}},
        ),
        required_if=[("state", state, ["src"]) for state in READS] + [("state", state, ["target"]) for state in ENDS],
        environment=C_LOCALE,
    )


if __name__ == "__main__":
    main()
