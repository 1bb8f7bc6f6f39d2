#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of an action: plugins/action/restore_source.py does the work, on the controller."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: restore_source
short_description: Find the backup to restore, and unpack it if it is an archive
description:
  - Finds a backup on the controller and tells what a restore has to know of it. Reads every dump to its end.
  - An archive is unpacked so that nothing of it can land outside of O(scratch). If a file with its name and C(.sha256)
    behind it lies beside it, it has to agree.
  - An encrypted archive is decrypted with O(identity) on the way. Nothing of it stays if age or gpg call it cut or
    altered.
  - An archive or a directory without manifest, such as those of other tools, holds C(vcap/) and perhaps C(dbs/). For
    it, owners, modes and times are taken from the archive.
seealso:
  - module: microbosh.director.backup_manifest
  - module: microbosh.director.backup_layout_info
  - module: microbosh.director.restore_tree
author: microbosh.director contributors (@microbosh)
version_added: 1.0.0
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.recovery
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
  backup:
    description: V(latest), the id of a backup in O(directory), or the path of an archive or an unpacked one.
    type: str
    required: true
  directory:
    description: Directory of the director's backups.
    type: path
    required: true
  scratch:
    description: Directory to unpack into. What is in it is removed.
    type: path
    required: true
  unproven:
    description: Whether a backup without manifest will do.
    type: bool
    default: false
  sign_key:
    description:
      - The key that backups are signed with, private or public, or a file with public keys; the public part may lie
        beside it. If set, the backup has to be signed by it, as what it is called, and V(latest) has to be the newest.
      - Nothing of a backup is used before.
    type: path
    default: ""
  unsigned:
    description: Whether one without a signature is fine all the same. A wrong signature never is.
    type: bool
    default: false
  offsite:
    description: Where copies of it are, as the setting C(microbosh_offsite) has it.
    type: dict
    default: {}
    version_added: 1.1.0
  host:
    description: Inventory name of the director that the backup has to be of. Default is this host.
    type: str
    default: ""
  identity:
    description: File with the private key of an encrypted archive, age's or gpg's. Empty if there is none.
    type: path
    default: ""
"""

EXAMPLES = r"""
- name: The backup to restore is known
  microbosh.director.restore_source:
    backup: latest
    directory: /backups/director1
    scratch: /backups/director1/restore
  register: source
"""

RETURN = r"""
path:
  description: Directory of the backup.
  returned: success
  type: str
  sample: /backups/director1/20261122T221326Z
directory:
  description: The same, with all links on the way resolved.
  returned: success
  type: str
  sample: /srv/nas/backups/director1/20261122T221326Z
records:
  description:
    - The SHA-256 of its records as they were read here, by name, V(none) for one that is not there. Later readings are
      held against them. Of a backup without manifest it is RV(metadata) alone.
  returned: success
  type: dict
  sample: {"metadata.mtree": "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"}
signature:
  description: V(signed) or V(unsigned); empty without O(sign_key).
  returned: success
  type: str
  sample: signed
proven:
  description: Whether it has a manifest.
  returned: success
  type: bool
  sample: true
metadata:
  description: Path of its metadata.mtree.
  returned: success
  type: str
  sample: /backups/director1/20261122T221326Z/metadata.mtree
filter:
  description: The filter rules that it was made with.
  returned: success
  type: list
  elements: str
  sample: ["+ store", "+ store/**"]
agent_blobs:
  description:
    - What C(backup.json) records of its blobs, as M(microbosh.director.blobstore_check_info) takes it. Null if nothing
      vouches for that file.
  returned: success
  type: dict
  sample: {"external": false, "lost": [], "damaged": []}
agent_id:
  description: The agent of the director that it was made of, null if it is not known.
  returned: success
  type: str
  sample: bm-e0bcbfab-fd07-4fe7-b110-675e27a85225
sealed:
  description:
    - Where its files are that only root is to read on the director, such as the agent's credentials, by their names
      below C(/var/vcap) in the octal escapes of vis(3).
  returned: success
  type: dict
  sample: {"bosh/settings.json": "/backups/director1/20261122T221326Z/vcap/bosh/settings.json"}
dumps:
  description: Its dumps, complete ones all.
  returned: success
  type: list
  elements: dict
  sample:
    - database: bosh
      name: bosh.sql
      size: 5242880
      server_version: "15.18"
      rows: {"public.deployments": 2}
globals:
  description: Its dump of the roles, null if there is none.
  returned: success
  type: dict
  sample: {"name": "globals.sql", "sha256": "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"}
layout:
  description: What decides how its databases come back.
  returned: success
  type: dict
  contains:
    postgres:
      description: The directories of PostgreSQL in it, with what their C(PG_VERSION) says.
      type: list
      elements: dict
      sample: [{"name": "postgres-15", "major": "15"}]
    live:
      description: The one of them that the server had, null if there is none.
      type: str
      sample: postgres-15
    unrestorable:
      description: Why its databases cannot come back by files, null if they can.
      type: str
      sample: it was made online, while PostgreSQL ran, so its files are not in it
    architecture:
      description: Of the machine that it was made of, null if that is not known.
      type: str
      sample: x86_64
    sorting:
      description:
        - The version of glibc that its indexes were sorted with, and the databases that sort by it; null where that is
          not known.
      type: dict
      sample: {"libc": "2.35", "databases": [bosh]}
    dumps:
      description: Its databases that come back from dumps, with size in bytes.
      type: list
      elements: dict
      sample: [{"database": "bosh", "size": 5242880, "server_version": "15.18"}]
attributes:
  description:
    - Path of its file with access control lists and extended attributes, empty if the director had none, null if that
      is not known.
  returned: success
  type: str
  sample: /backups/director1/20261122T221326Z/extra/attributes.getfattr
groupless:
  description: Paths below C(vcap/) that had access control lists, which are not in it, in the octal escapes of vis(3).
  returned: success
  type: list
  elements: str
  sample: []
id:
  description: Its id, null if it is not one of this collection.
  returned: success
  type: str
  sample: 20261122T221326Z
host:
  description: The inventory name of the director that it was made of.
  returned: success
  type: str
  sample: director1
director_database:
  description: The name of the director's own database, V(bosh) for a backup that does not say.
  returned: success
  type: str
  sample: bosh
postgresql:
  description: What the report says of the server that was on the director, null for a backup that does not say.
  returned: success
  type: dict
  sample: {"version": "15.18", "port": 5432, "data_directory": "store/postgres-15"}
elsewhere:
  description: The server that had the director's own database, where that was not on the director; else null.
  returned: success
  type: dict
  sample: {"server": "db.example.com:5432", "version": "16.3", "databases": ["bosh"]}
mode:
  description: How it was made.
  returned: success
  type: str
  sample: offline
measured:
  description: What its report and its verdict have measured that says how long a restore takes.
  returned: success
  type: dict
  sample: {"all": {"files": 4711, "bytes": 1181116006}, "outage_seconds": 6.8, "loads": {"bosh": 1.4}}
"""
