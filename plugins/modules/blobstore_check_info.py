#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: blobstore_check_info
short_description: Prove that every blob a director's database names is there and right
version_added: 1.0.0
description:
  - Reads the plain dump of a director's database, finds every blob that one of its tables names, and reads each of
    these blobs once to compare it with the digests that the tables hold.
  - Every table with a column C(blobstore_id) counts, with its column C(sha1) if it has one. That column may hold
    several digests, as C(<sha1>;sha256:<sha256>); all of them have to be right. A blob that no table has a digest of
    (C(log_bundles)) only has to be there.
  - A blob that only C(rendered_templates_archives) names need not be there. Since 2017 the director gives rendered
    templates to its agents over NATS, most of them were never written, and it makes them again on demand.
  - What O(recorded) has as lost or damaged on the director itself is told and is no fault. Nothing else may be missing,
    and nothing at all that O(had) lists.
  - Changes nothing.
seealso:
  - module: microbosh.director.pg_dump_bosh
  - module: microbosh.director.backup_manifest
  - module: microbosh.director.blobstore_info
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.backup
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
  tree:
    description:
      - Directory that stands for C(/var/vcap) in a copy, with O(blobstore) in it. Links are then followed within it
        only, and a blobstore behind a link that leaves it is refused.
    type: path
  recorded:
    description:
      - What is known of the director's own blobs, as M(microbosh.director.blobstore_info) returns it or C(proof.blobs)
        of a C(backup.json) records it. Of it C(external), C(lost), C(damaged) and C(newly_lost) count.
      - An external blobstore (S3, GCS, Azure and so on) has no files to prove.
    type: dict
    default: {}
  had:
    description:
      - Paths of rsync's listings of C(/var/vcap). What one of them names the director had, so it has to be there.
    type: list
    elements: path
    default: []
  memory:
    description:
      - File in which one look of a run leaves to the next what it has read. A blob that is the same file (a hard link)
        and has the same digests is not read again.
    type: path
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
  vouched:
    description:
      - Whether every file there was compared with a digest of its own as it was made, as a restore does with what it
        makes ready. Then only blobs that are hard links of other files are read, which may have been changed since.
    type: bool
    default: false
    version_added: 1.1.0
  fail:
    description: Whether to fail if the blobstore is not whole. A dump that cannot be used is a failure in any case.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Every blob that the database names is in the backup
  microbosh.director.blobstore_check_info:
    dump: /backups/director/20261122T221326Z/dbs/bosh.sql
    blobstore: /backups/director/20261122T221326Z/vcap/store/blobstore/store
  delegate_to: localhost

- name: Every blob that the database names is in the backup, those of yesterday are not read again
  microbosh.director.blobstore_check_info:
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
  description: Whether O(recorded) said that there are no blobs to look for.
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
without_digest:
  description: Number of blobs that are there and of which no table has a digest.
  returned: always
  type: int
  sample: 3
made_again:
  description: Number of blobs that are not there and that the director makes again on demand.
  returned: always
  type: int
  sample: 120
lost:
  description: Blobs that are not there and that O(recorded) has as lost. With what RV(missing) has.
  returned: always
  type: list
  elements: dict
  sample: []
damaged:
  description: Blobs that are as wrong as O(recorded) has them. With what RV(wrong) has.
  returned: always
  type: list
  elements: dict
  sample: []
newly_lost:
  description: Those of O(recorded) that are among RV(lost) or RV(damaged) still.
  returned: always
  type: list
  elements: dict
  sample: []
unknown_columns:
  description: Columns that may name blobs in a way that is not known, so that nobody looked for those.
  returned: always
  type: list
  elements: str
  sample: []
root:
  description: Where in O(blobstore) the blobs were looked for; empty for itself. The paths are relative to it.
  returned: always
  type: str
  sample: store
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
  contains: &blob
    id:
      description: Id of the blob.
      type: str
      sample: 8f1d5a2e-9b1c-4f43-8a55-1f2f3a9d7c11
    table:
      description: The tables that name it, separated by commas.
      type: str
      sample: packages
    path:
      description: Where it should be below RV(root); null if its id cannot be the name of a file.
      type: str
      sample: 3f/8f1d5a2e-9b1c-4f43-8a55-1f2f3a9d7c11
    about:
      description: What it is of.
      type: str
      sample: package nginx/5d1c of release web/12
    mend:
      description: What gives the director a new one, or takes away the need for it.
      type: str
      sample: "upload the release again: bosh upload-release --fix"
    had:
      description: Whether O(had) lists it.
      returned: if it does
      type: bool
      sample: true
wrong:
  description: Blobs that are not what the database says.
  returned: always
  type: list
  elements: dict
  contains:
    <<: *blob
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

from ansible_collections.microbosh.director.plugins.module_utils._backup._blob_listing import LateListings
from ansible_collections.microbosh.director.plugins.module_utils._backup._blob_names import BlobstoreError
from ansible_collections.microbosh.director.plugins.module_utils._backup._blobstore import (
    Vouched,
    check_blobstore,
    proven_backup,
    verdict,
)
from ansible_collections.microbosh.director.plugins.module_utils._core._clock import seconds_since, uptime
from ansible_collections.microbosh.director.plugins.module_utils._core._module import run_module


def perform(params):
    """Given the module's parameters, return what of the blobs is there; raise BlobstoreError unless all of it is."""
    began = uptime()
    how = {"had": LateListings(params["had"]) if params["had"] else None}
    if not params["reread"]:
        how["proven"] = proven_backup(params["previous_dump"], params["previous_blobstore"])
        how["memory"] = params["memory"]
    if params["vouched"]:
        how["proven"] = Vouched()
    places = (params["dump"], params["blobstore"], params["tree"])
    result = check_blobstore(*places, recorded=params["recorded"], origins=True, **how)
    result["seconds"] = seconds_since(began)
    if params["fail"] and not result["whole"]:
        raise BlobstoreError(verdict(result, params["dump"], params["blobstore"]), **result)
    return result


def main():
    run_module(
        lambda module: perform(module.params),
        argument_spec={
            "dump": {"type": "path", "required": True},
            "blobstore": {"type": "path", "required": True},
            "tree": {"type": "path"},
            "recorded": {"type": "dict", "default": {}},
            "had": {"type": "list", "elements": "path", "default": []},
            "memory": {"type": "path"},
            "previous_dump": {"type": "path"},
            "previous_blobstore": {"type": "path"},
            "reread": {"type": "bool", "default": False},
            "vouched": {"type": "bool", "default": False},
            "fail": {"type": "bool", "default": True},
        },
        required_together=[["previous_dump", "previous_blobstore"]],
    )


if __name__ == "__main__":
    main()
