#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: restore_compare_info
short_description: Tell what a restore would change on a director, and which files have to be pushed for it
version_added: 1.0.0
description:
  - Compares a backup with what is on the director, before M(microbosh.director.restore_tree) puts it there. Fails where
    the director cannot take it, before anything is touched.
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.restore
  - microbosh.director.restore.backup
  - microbosh.director.guides.recovery
notes:
  - Runs on the director with Python 2.7 or 3.6 and later, and only the standard library. Needs C(become).
attributes:
  check_mode:
    support: full
  diff_mode:
    support: partial
    details: Lists every name that would be added (C(+)), replaced (C(~)), given other metadata (C(m)) or removed
      (C(-)). Ansible shows that if C(changed_when) says that the task changes something.
  idempotent:
    support: full
  platform:
    platforms: posix
options:
  metadata:
    required: true
  database:
    description:
      - How the databases are to come back.
      - V(files) restores the directory of PostgreSQL like everything else.
      - V(dump) leaves it as it is, for a dump that is loaded later.
      - V(auto) takes V(files) where they serve and V(dump) where they do not, as RV(database) and RV(why) tell.
    type: str
    choices: [auto, files, dump]
    default: files
  source:
    description:
      - What M(microbosh.director.restore_source) told of the backup. With it, this fails where the databases could not
        come back in the way of O(database).
    type: dict
  port:
    description: Port that the restore's own PostgreSQL will need.
    type: int
    default: 15432
seealso:
  - module: microbosh.director.restore_tree
  - module: microbosh.director.restore_tree_info
  - module: microbosh.director.restore_source
"""

EXAMPLES = r"""
- name: What a restore would change is known
  microbosh.director.restore_compare_info:
    metadata: /backups/director1/20261122T221326Z/metadata.mtree
    filter: ["+ store", "+ store/**", "- *"]
  become: true
  register: comparison
"""

RETURN = r"""
added:
  description: Number of names that are not there yet.
  returned: success
  type: int
  sample: 12
replaced:
  description: Number of names with other content.
  returned: success
  type: int
  sample: 954
altered:
  description: Number of names with the right content and other metadata.
  returned: success
  type: int
  sample: 3
removed:
  description: Number of names that would go away.
  returned: success
  type: int
  sample: 7
same:
  description: Number of names that are as they should be.
  returned: success
  type: int
  sample: 5120
push:
  description:
    - Files that have to be pushed, below O(root), in the octal escapes of vis(3). The action keeps them out of the
      result of the task, in RV(push_list).
  returned: never, but by the module itself
  type: list
  elements: str
  sample: [store/redis/dump.rdb]
push_files:
  description: Number of files that have to be pushed.
  returned: always
  type: int
  sample: 17
push_list:
  description:
    - File on the controller with their names, for O(microbosh.director.push#module:files_from). It goes away with the
      run.
  returned: always
  type: str
  sample: /root/.ansible/tmp/ansible-local-4711abcd/microbosh-push-0123456789abcdef
changes:
  description: Number of names that would change.
  returned: always
  type: int
  sample: 954
changes_list:
  description: File on the controller with a line for each of them. It goes away with the run.
  returned: always
  type: str
  sample: /root/.ansible/tmp/ansible-local-4711abcd/microbosh-changes-0123456789abcdef
push_bytes:
  description: Their size in bytes.
  returned: success
  type: int
  sample: 83886080
spaces:
  description: What is needed on each file system; more is free there, or the module fails.
  returned: success
  type: list
  elements: dict
  sample: [{"path": /var/vcap/store, "need_bytes": 150994944, "free_bytes": 8589934592, "need_files": 1012}]
database:
  description: How the databases come back, V(files) or V(dump).
  returned: success
  type: str
  sample: files
why:
  description: Why they do.
  returned: success
  type: str
  sample: the director can use PostgreSQL's files as they are
data_directory:
  description: The directory of PostgreSQL that they come to, below the store; null if there is none.
  returned: success
  type: str
  sample: postgres-15
maker:
  description:
    - The program of the director's that makes that directory, empty, after the stop; empty where there is one already.
      Since 1.1.0.
  returned: success
  type: str
  sample: /var/vcap/jobs/postgres/bin/pre-start
host:
  description: What there is of PostgreSQL on the director.
  returned: success
  type: dict
  sample:
    postgres: [{"name": postgres-15, "major": "15"}]
    live: postgres-15
    majors: ["13", "15"]
    architecture: x86_64
    libc: "2.35"
postgres:
  description: The directories of PostgreSQL in the store.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the directory.
      type: str
      sample: postgres-15
    major:
      description: What its C(PG_VERSION) says.
      type: str
      sample: "15"
left_out:
  description: Paths below O(root) that stay as they are on this host, though the backup has them.
  returned: success
  type: list
  elements: str
  sample: [bosh]
digest_rate:
  description:
    - Of how many bytes a second the director finds the SHA-256 now, by which its part of a restore can be foreseen.
  returned: success
  type: int
  sample: 524288000
seconds:
  description: How long it took.
  returned: success
  type: float
  sample: 1.24
marker:
  description: RV(microbosh.director.restore_tree_info#module:marker) of the restore that is under way already.
  returned: when there is one
  type: dict
  sample: {"phase": swapping, "updated": "2026-11-22T22:13:26Z"}
servers:
  description: PostgreSQL servers that live on what was to be exchanged.
  type: list
  elements: raw
  returned: when there are any
  sample: []
"""

from ansible_collections.microbosh.director.plugins.module_utils._modules._restore_compare_info import main

if __name__ == "__main__":
    main()
