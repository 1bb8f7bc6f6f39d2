#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: pg_dump_bosh
short_description: Dump the databases of a director, complete or not at all
version_added: 1.0.0
description:
  - Dumps databases of the PostgreSQL server that runs on a director, and what belongs to none of them (roles and
    tablespaces), into a directory on the director.
  - Asks the running server for its version and uses the installed client of the same major version. If there is none,
    the oldest newer one that still knows such a server. Packages whose binaries do not run are passed over.
  - Reads each dump while it is written, to hash it and to count its rows. A dump is called complete only if it is so
    to its last byte. Files are written beside their names, brought to disk, and renamed when all of them are complete.
    So O(dest) holds every dump that was asked for, or none.
  - Dumps are in plain format and do not create their database, so that psql loads them into a database of any name.
  - A dump that is still being written by another run into the same O(dest), perhaps one that lost its connection, is
    waited for.
seealso:
  - module: microbosh.director.dump_info
  - module: microbosh.director.pg_restore_bosh
  - module: microbosh.director.blobstore_check_info
  - module: microbosh.director.pg_dump_info
  - module: microbosh.director.online_verdict_info
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.databases
  - microbosh.director.attributes.director
  - microbosh.director.postgres
  - microbosh.director.postgres.dumps
attributes:
  check_mode:
    support: full
    details: Does what M(microbosh.director.pg_dump_info) does.
  diff_mode:
    support: none
  idempotent:
    support: partial
    details: Every dump is made anew. O(state=absent) is idempotent.
  platform:
    support: full
    platforms: posix
options:
  state:
    description:
      - V(dumped) makes the dumps, and removes those that an earlier run has left in O(dest).
      - V(absent) removes the dumps in O(dest), complete or not. Files that are not dumps stay.
    type: str
    choices: [dumped, absent]
    default: dumped
  port:
    description: Port of the server.
    type: int
    default: 5432
  packages:
    description:
      - Directory in which the clients are looked for, as C(postgres*/bin/pg_dump).
      - If it is empty, they are looked for where distributions keep them, as on a controller.
    type: path
    default: /var/vcap/packages
  content:
    description:
      - Whether to tell what the dumps say, table by table, as digests that do not depend on the order of rows, between
        marks of the databases that were taken before the first of the dumps and after the last.
      - With this of two dumps, M(microbosh.director.online_verdict_info) tells whether anything was changed in between.
      - A mark tells of a change that was taken back before the next dump, too. Of each table it has the numbers of
        the transactions that wrote its rows, and what the server has counted; of each sequence its value.
    type: bool
    default: false
    version_added: 1.1.0
  since:
    description:
      - RV(transactions) of the first of two dumps, for the second.
      - If the server has written anything since, what its sessions did is waited for until they have counted it, which
        takes up to 11 seconds since PostgreSQL 15, and 1.5 before. Without it, a server that has written anything in
        between counts as moved.
      - Before PostgreSQL 15 a session that does nothing any more may count later than that.
    type: str
    default: ""
    version_added: 1.1.0
"""

EXAMPLES = r"""
- name: The databases of the director and of UAA are dumped
  microbosh.director.pg_dump_bosh:
    databases: [bosh, uaa]
    dest: /var/vcap/store/microbosh-backup/dbs
  register: dumped

- name: It is known what they say
  microbosh.director.pg_dump_bosh:
    databases: [bosh, uaa]
    dest: /var/vcap/store/microbosh-backup/dbs
    content: true
    since: "{{ dumped_before.transactions }}"
  register: dumped

- name: No dump is left on the director
  microbosh.director.pg_dump_bosh:
    state: absent
    dest: /var/vcap/store/microbosh-backup/dbs
"""

RETURN = r"""
server_version:
  description: Version of the running server; null if nothing was to be dumped.
  returned: O(state=dumped)
  type: str
  sample: "15.18"
client:
  description: Path of the pg_dump that matches the server.
  returned: O(state=dumped)
  type: str
  sample: /var/vcap/packages/postgres-15/bin/pg_dump
client_version:
  description: Version of that client.
  returned: O(state=dumped)
  type: str
  sample: "15.18"
databases:
  description: The databases that were, or would be, dumped, and their size on disk in bytes.
  returned: O(state=dumped)
  type: list
  elements: dict
  sample: [{"name": "bosh", "bytes": 108224527}]
bytes_estimate:
  description: Size of these databases on disk, in bytes.
  returned: O(state=dumped)
  type: int
  sample: 108224527
free_bytes:
  description: Free space for the user in the file system of O(dest), in bytes, after the dumps.
  returned: O(state=dumped)
  type: int
  sample: 52613349376
dumps:
  description: The dumps that were written, in the order of O(databases).
  returned: O(state=dumped)
  type: list
  elements: dict
  contains:
    database:
      description: Name of the database.
      type: str
      sample: bosh
    path:
      description: Path of the dump.
      type: str
      sample: /var/vcap/store/microbosh-backup/dbs/bosh.sql
    size:
      description: Size of the dump in bytes.
      type: int
      sample: 91844153
    sha256:
      description: SHA-256 of the dump, as it was written.
      type: str
      sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    rows:
      description: Number of rows by table, whose name is as SQL writes it, with its schema.
      type: dict
      sample: {"public.deployments": 3, "public.tasks": 1520}
    properties:
      description: Path, size and SHA-256 of the file with what hangs on the database itself and is in no dump of it.
      type: dict
      sample:
        path: /var/vcap/store/microbosh-backup/dbs/bosh.properties
        size: 214
        sha256: 3f9b2f1c0fd0c1d0b4a6f2f6a1a0ad1f6d1b8b0f4a0d4d9b7a2c6c2b0b7d1e55
    superuser_setting:
      description: The first setting of the database that only a superuser may make again, null if there is none.
      type: str
      sample: session_preload_libraries
    seconds:
      description: Seconds that this dump took.
      type: float
      sample: 0.61
    content:
      description: What the dump says; only with O(content).
      type: dict
      contains:
        schema:
          description: SHA-256 of all that is neither rows nor values of sequences.
          type: str
          sample: 1f825aa2f0020ef7cf91dfa30da4668d791c5d4824fc8e41354b89ec05795ab3
        tables:
          description: Number of rows and a digest of them, in any order, by table.
          type: dict
          sample: {"public.tasks": {"rows": 1520, "digest": "5e1f39a8"}}
        sequences:
          description: Last value and whether it was given away, by sequence.
          type: dict
          sample: {"public.tasks_id_seq": "1520,t"}
        marks:
          description:
            - Marks of the database from before and from after all of the dumps.
            - C(problem) says why there is none, else it is null. C(counts) tells whether the server counts at all.
          type: dict
          sample:
            before:
              tables: {"public.tasks": {"versions": "16385 1520 1204330 -84324", "counted": "1520 4560 0"}}
              sequences: {"public.tasks_id_seq": "1520,t"}
              catalog: 1204 883201 55421
              transactions: "10551:10551:"
              counts: true
              problem: null
        settled:
          description: Whether what sessions did was waited for, as of O(since).
          type: bool
          sample: true
        began:
          description: When the first mark was begun, in seconds since the boot.
          type: float
          sample: 5312.11
        ended:
          description: When the last mark was had.
          type: float
          sample: 5312.84
globals:
  description: What RV(dumps) has, but for the roles and tablespaces, and so without database and rows.
  returned: O(state=dumped)
  type: dict
  sample:
    path: /var/vcap/store/microbosh-backup/dbs/globals.sql
    size: 551
    sha256: 60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752
    seconds: 0.03
globals_problem:
  description:
    - Why roles and tablespaces were not dumped from a server elsewhere, whose role may not read them; else null.
      On a director this is an error.
  returned: O(state=dumped)
  type: str
  sample: null
transactions:
  description:
    - With O(content), the transactions that the server had seen before the dumps, as it writes them, for O(since) of
      the next dump. Else null.
  returned: O(state=dumped)
  type: str
  sample: "10551:10551:"
removed:
  description: Paths of the dumps that were, or would be, removed.
  returned: O(state=absent)
  type: list
  elements: str
  sample: [/var/vcap/store/microbosh-backup/dbs/bosh.sql]
seconds:
  description: Seconds that all of it took.
  returned: always
  type: float
  sample: 0.74
"""

from ansible_collections.microbosh.director.plugins.module_utils._modules._pg_dump_bosh import main

if __name__ == "__main__":
    main()
