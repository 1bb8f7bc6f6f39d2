#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: blobstore_check
short_description: Prove that every blob a director's database names is there and right
version_added: 1.0.0
description:
  - Reads the plain dump of a director's database, finds every blob that one of its tables names, and reads each of
    these blobs once to compare it with the digests that the tables hold.
  - Every table with a column C(blobstore_id) counts, with its column C(sha1) if it has one. That column may hold
    several digests, as C(<sha1>;sha256:<sha256>); all of them have to be right. A blob that no table has a digest of
    (C(log_bundles)) only has to be there.
  - Changes nothing.
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.attributes.controller
notes:
  - Runs as well on a director, with Python 2.7 or 3.6 and later, and only the standard library.
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
  platform:
    support: full
    platforms: posix
options:
  dump:
    description: Path of the complete plain dump of the director's database.
    type: path
    required: true
  blobstore:
    description:
      - Directory of the blobs, or the one that holds it as C(store).
      - Sharded as nginx serves it (C(<first two digits of the id's SHA-1>/<id>)), or flat as the local provider has it.
    type: path
    required: true
  external:
    description:
      - Whether the director keeps its blobs elsewhere (S3, GCS, Azure and so on). Then there are no files to prove.
      - If V(false), blobs that are named while O(blobstore) does not exist are missing.
    type: bool
    default: false
  previous_dump:
    description: Path of the dump in an earlier backup whose blobs were proven by this module.
    type: path
  previous_blobstore:
    description:
      - The blobstore in that backup. A blob that is the same file (a hard link) in both, and is named with the same
        digests by both dumps, is not read again.
      - If it or O(previous_dump) cannot be used, every blob is read.
    type: path
  reread:
    description: Whether to read every blob, whatever the earlier backup proves.
    type: bool
    default: false
  fail:
    description: Whether to fail if the blobstore is not whole. A dump that cannot be used is a failure in any case.
    type: bool
    default: true
seealso:
  - module: microbosh.director.pg_dump_bosh
  - module: microbosh.director.backup_manifest
"""

EXAMPLES = r"""
- name: Every blob that the database names is in the backup
  microbosh.director.blobstore_check:
    dump: /backups/director/20261122T221326Z/dbs/bosh.sql
    blobstore: /backups/director/20261122T221326Z/vcap/store/blobstore/store
  delegate_to: localhost

- name: Every blob that the database names is in the backup, those of yesterday are not read again
  microbosh.director.blobstore_check:
    dump: /backups/director/20261122T221326Z/dbs/bosh.sql
    blobstore: /backups/director/20261122T221326Z/vcap/store/blobstore/store
    previous_dump: /backups/director/20261121T221319Z/dbs/bosh.sql
    previous_blobstore: /backups/director/20261121T221319Z/vcap/store/blobstore/store
  delegate_to: localhost
"""

RETURN = r"""
whole:
  description: Whether no blob is missing and none is wrong.
  returned: always
  type: bool
  sample: true
external:
  description: Whether O(external) said that there are no blobs to look for.
  returned: always
  type: bool
  sample: false
named:
  description: Number of different blobs that the database names.
  returned: always
  type: int
  sample: 5123
checked:
  description: Number of blobs that were read and compared.
  returned: always
  type: int
  sample: 12
reused:
  description: Number of blobs that the earlier backup has proven.
  returned: always
  type: int
  sample: 5111
bytes:
  description: Bytes that were read from blobs.
  returned: always
  type: int
  sample: 104857600
missing:
  description: Blobs that are not there.
  returned: always
  type: list
  elements: dict
  contains:
    id:
      description: Id of the blob.
      type: str
      sample: 8f1d5a2e-9b1c-4f43-8a55-1f2f3a9d7c11
    table:
      description: The tables that name it, separated by commas.
      type: str
      sample: packages
    path:
      description: Where it should be in the directory of the blobs; null if its id cannot be the name of a file.
      type: str
      sample: 3f/8f1d5a2e-9b1c-4f43-8a55-1f2f3a9d7c11
wrong:
  description: Blobs that are not what the database says. With what RV(missing) has, and what follows.
  returned: always
  type: list
  elements: dict
  contains:
    expected:
      description: What the database says.
      type: str
      sample: sha1:2fd4e1c67a2d28fced849ee1bb76e7391b93eb12
    found:
      description: What the blob is.
      type: str
      sample: sha1:de9f2c7fd25e1b3afad3e85a0bd17d9b100db4b3
unreferenced:
  description: Files among the blobs that no table names. They do no harm, and are not counted as a fault.
  returned: always
  type: dict
  contains:
    count:
      description: How many there are; uploads in flight are not counted.
      type: int
      sample: 1
    paths:
      description: The first 20 of them.
      type: list
      elements: str
      sample: [a0/5f0d2b9a-7a50-4d6c-93c3-95d2d2d0f0aa]
seconds:
  description: Seconds that all of it took.
  returned: always
  type: float
  sample: 1.37
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.microbosh.director.plugins.module_utils._blobstore import (
    BlobstoreError,
    check_blobstore,
    proven_backup,
    verdict,
)
from ansible_collections.microbosh.director.plugins.module_utils._clock import seconds_since, uptime
from ansible_collections.microbosh.director.plugins.module_utils._errors import DirectorError


def perform(params):
    """Given the module's parameters, return what of the blobs is there; raise BlobstoreError unless all of it is."""
    began = uptime()
    proven = None
    if not params["reread"]:
        proven = proven_backup(params["previous_dump"], params["previous_blobstore"])
    result = check_blobstore(params["dump"], params["blobstore"], proven, params["external"])
    result["seconds"] = seconds_since(began)
    if params["fail"] and not result["whole"]:
        raise BlobstoreError(verdict(result, params["dump"], params["blobstore"]), **result)
    return result


def main():
    module = AnsibleModule(
        argument_spec={
            "dump": {"type": "path", "required": True},
            "blobstore": {"type": "path", "required": True},
            "external": {"type": "bool", "default": False},
            "previous_dump": {"type": "path"},
            "previous_blobstore": {"type": "path"},
            "reread": {"type": "bool", "default": False},
            "fail": {"type": "bool", "default": True},
        },
        required_together=[["previous_dump", "previous_blobstore"]],
        supports_check_mode=True,
    )
    try:
        result = perform(module.params)
    except DirectorError as error:
        module.fail_json(msg=str(error), **error.facts)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
