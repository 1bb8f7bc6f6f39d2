#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: pg_restore_info
short_description: Tell whether a server would take a dump, and what loading it would do
version_added: 1.0.0
description:
  - Reads a dump as M(microbosh.director.pg_restore_bosh) does, and asks the running server whether it would take it,
    before anything is stopped for that. It fails for the same reasons, in the same words; only who is connected makes
    no difference.
  - Loads nothing. It makes the role of a load and removes it again, to see that the server lets it in.
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.attributes.director
  - microbosh.director.load
  - microbosh.director.load.server
  - microbosh.director.postgres
  - microbosh.director.guides.databases
attributes:
  check_mode:
    support: full
    details: Makes no role. Whether the server lets it in is not known then.
  diff_mode:
    support: none
  idempotent:
    support: full
  platform:
    support: full
    platforms: posix
options:
  src:
    description: Path of the dump on the director.
    type: path
    required: true
seealso:
  - module: microbosh.director.pg_restore_bosh
  - module: microbosh.director.dump_load_info
"""

EXAMPLES = r"""
- name: The server would take the dump in the place of the database that is there
  microbosh.director.pg_restore_info:
    src: /var/vcap/store/microbosh-backup/dbs/bosh.sql
    target: bosh
    replace: true
"""

RETURN = r"""
database:
  description: Name of the database in the dump, or O(target) where the dump does not tell.
  returned: success
  type: str
  sample: bosh
target:
  description: Name that it would have on the server.
  returned: success
  type: str
  sample: bosh-backup
replaced:
  description: Whether a database of that name would be replaced.
  returned: success
  type: bool
  sample: false
rows:
  description: Number of rows by table.
  returned: success
  type: dict
  sample: {"public.deployments": 3, "public.tasks": 1520}
rewritten:
  description: Number of values that would be replaced, by column.
  returned: success
  type: dict
  sample: {"vms.cid": 1, "persistent_disks.disk_cid": 1}
mapping:
  description: The ids that O(rewrite) replaces, by kind.
  returned: success
  type: dict
  sample: {"vm_cid": {"i-0a1b2c3d": "i-4e5f6a7b"}}
missing_roles:
  description: Roles of the dump that are not on the server, and the number of statements that would be left out for it.
  returned: success
  type: dict
  sample: {"uaa": 12}
told:
  description: What would be left out, made or done otherwise than it was, as sentences. They are warnings, too.
  returned: success
  type: list
  elements: str
  sample: []
made_roles:
  description: Roles of the dump that were not on the server and would be made.
  returned: success
  type: list
  elements: str
  sample: [uaa]
properties:
  description: What hangs on the database itself, as statements that give it to one of its name.
  returned: success
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
  returned: success
  type: str
  sample: "9.4.26"
sha256:
  description: SHA-256 of the dump.
  returned: success
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
"""

from ansible_collections.microbosh.director.plugins.module_utils._modules._pg_restore_info import main

if __name__ == "__main__":
    main()
