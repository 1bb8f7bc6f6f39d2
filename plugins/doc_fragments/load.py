# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that say which database is loaded out of a dump, and how."""

from __future__ import annotations


class ModuleDocFragment:
    # The dump, and what is done to it on the way.
    DOCUMENTATION = r"""
options:
  checksum:
    description: SHA-256 that the dump must have, as hexadecimal digits.
    type: str
  properties_checksum:
    description: SHA-256 that the file with the properties of the database must have, if there is one.
    type: str
  database:
    description:
      - Name of the database that is taken out of the dump. Required for the output of C(pg_dumpall).
      - A dump of one database does not hold its name, unless it was made with C(--create).
    type: str
  rewrite:
    description:
      - New ids by old ones. Or such maps by kind, which settles an id that occurs in columns of several kinds. Kinds
        are V(agent_id), V(director_uuid), V(disk_cid), V(snapshot_cid), V(stemcell_cid),
        V(subnet_cid) and V(vm_cid).
      - An old id that does not occur, an ambiguous one, and a new id that is there already are errors, before anything
        is loaded.
    type: dict
    default: {}
"""

    # The server that it is loaded into. What it says of host, user and elsewhere goes before the fragment postgres.
    SERVER = r"""
options:
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
        until M(microbosh.director.pg_restore_bosh) is told what becomes of it. Where there was none, an empty one whose
        name begins with C(microbosh_absent_) says so.
      - While one is kept, a further load replaces the one that was loaded. So this may be asked for again when an
        answer was lost. M(microbosh.director.pg_restore_info), which is for the beginning of a restore, refuses then.
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
