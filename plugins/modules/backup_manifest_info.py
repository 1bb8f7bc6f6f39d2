#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: backup_manifest_info
short_description: Tell whether a backup is what its manifest says
version_added: 1.0.0
description:
  - Reads every file of a backup again and compares everything with the manifest that
    M(microbosh.director.backup_manifest) wrote. What it finds is told apart into RV(missing), RV(altered), RV(extra)
    and RV(metadata).
  - Owner and group are compared if the backup was made by root; otherwise the files cannot show them, and modes let
    the user who made it read everything.
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.attributes.controller
  - microbosh.director.guides.verify
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
  path:
    description: Directory of the backup.
    type: path
    required: true
  fail:
    description:
      - Whether a backup that is not whole fails the task.
      - If V(false), look at RV(whole).
    type: bool
    default: true
  records:
    description:
      - The SHA-256 of C(SHA256SUMS) and C(metadata.mtree), by name, as M(microbosh.director.restore_source) found them.
        With others, somebody has exchanged them since, and the task fails.
    type: dict
  dump:
    description:
      - The dump of the director's database in the backup. With it, each blob that it names is compared with its digest,
        too, in the same reading, and the result is in RV(blobs).
    type: path
    version_added: 1.1.0
  recorded:
    description:
      - What the backup records of blobs that the director itself had not got, C(proof.blobs) of C(backup.json).
    type: dict
    default: {}
    version_added: 1.1.0
seealso:
  - module: microbosh.director.backup_manifest
  - module: microbosh.director.backup_verify_info
"""

EXAMPLES = r"""
- name: The latest backup is whole
  microbosh.director.backup_manifest_info:
    path: /backups/bosh-1/latest
  delegate_to: localhost

- name: What is wrong with this backup is known
  microbosh.director.backup_manifest_info:
    path: /backups/bosh-1/20261121T221311Z
    fail: false
  delegate_to: localhost
  register: verdict
"""

RETURN = r"""
files:
  description: Names of regular files in the backup.
  returned: always
  type: int
  sample: 4711
directories:
  description: Directories in the backup.
  returned: always
  type: int
  sample: 301
links:
  description: Symbolic links in the backup.
  returned: always
  type: int
  sample: 2
bytes:
  description: Size of all files in bytes, those with several names counted once.
  returned: always
  type: int
  sample: 1181116006
read:
  description: Files that were read, those with several names counted once.
  returned: always
  type: int
  sample: 128
read_bytes:
  description: Bytes that were read.
  returned: always
  type: int
  sample: 52428800
seconds:
  description: How long it took, in seconds.
  returned: always
  type: float
  sample: 1.72
whole:
  description: Whether everything is as the manifest says.
  returned: always
  type: bool
  sample: true
missing:
  description:
    - What the manifest names and the backup has not. Paths are relative to the backup.
    - In names, whatever cannot be printed, and the backslash, is written as three octal digits after a backslash.
  returned: always
  type: list
  elements: str
  sample: [vcap/store/blobstore/store/1f/1f4c5dd0-a9a1-4a3f-a77c-d3a8ae3a6a6c]
altered:
  description: Files whose content is not the recorded one.
  returned: always
  type: list
  elements: str
  sample: [dbs/bosh.sql]
extra:
  description: What the backup has and the manifest does not name.
  returned: always
  type: list
  elements: str
  sample: [vcap/store/core]
metadata:
  description: What has its recorded content, but not all of its metadata.
  returned: always
  type: list
  elements: dict
  contains:
    path:
      description: The name.
      type: str
      sample: vcap/bosh/settings.json
    keyword:
      description:
        - What deviates. V(type), V(mode), V(mtime), V(size), V(link), V(device), V(uid) or V(gid); or V(twin), the
          first of the names that are hard links of the same file.
      type: str
      sample: mode
    recorded:
      description: The value in the manifest.
      type: str
      sample: "0600"
    found:
      description: The value of the tree.
      type: str
      sample: "0644"
blobs:
  description: What M(microbosh.director.blobstore_check_info) returns of the blobs, with O(dump).
  returned: with O(dump)
  type: dict
  contains:
    problem:
      description: What is wrong with the blobs in a sentence or two, empty if nothing is.
      type: str
      sample: ""
    whole:
      description: Whether no blob is missing and none is wrong.
      type: bool
      sample: true
    external:
      description: Whether O(recorded) said that there are no blobs to look for.
      type: bool
      sample: false
    named:
      description: Number of different blobs that the database names.
      type: int
      sample: 512
    checked:
      description: Number of blobs that were read and compared.
      type: int
      sample: 512
    without_digest:
      description: Number of blobs of which no table has a digest.
      type: int
      sample: 3
    made_again:
      description: Number of blobs that the director makes again on demand.
      type: int
      sample: 0
    root:
      description: Where in the blobstore the blobs were looked for.
      type: str
      sample: store
    reused:
      description: Number of blobs that an earlier backup has proven.
      type: int
      sample: 0
    bytes:
      description: Bytes of these blobs.
      type: int
      sample: 104857600
    seconds:
      description: Seconds that it took.
      type: float
      sample: 1.37
    missing:
      description: Blobs that are not there.
      type: list
      elements: dict
      sample: []
    wrong:
      description: Blobs that are not what the database says.
      type: list
      elements: dict
      sample: []
    lost:
      description: Blobs that O(recorded) has as lost, and that are.
      type: list
      elements: dict
      sample: []
    damaged:
      description: Blobs that are as wrong as O(recorded) has them.
      type: list
      elements: dict
      sample: []
    newly_lost:
      description: Those of O(recorded) that are among RV(blobs.lost) or RV(blobs.damaged) still.
      type: list
      elements: dict
      sample: []
    unknown_columns:
      description: Columns that may name blobs in a way that is not known.
      type: list
      elements: str
      sample: []
    unreferenced:
      description: Files among the blobs that no table names; their C(count), and the first C(paths).
      type: dict
      sample: {"count": 1, "paths": []}
  sample: {"whole": true, "named": 512, "checked": 512, "problem": ""}
problems:
  description: Sentences on what is wrong with the manifest itself, or cannot be read.
  returned: always
  type: list
  elements: str
  sample: ["SHA256SUMS line 12 is malformed: expected '<sha256>  <path>'."]
problem:
  description:
    - Why the backup cannot be restored, empty if it can be. Owners, modes and times of the copy here do not count for
      that, as C(metadata.mtree) has them.
  returned: always
  type: str
  sample: ""
"""

from ansible_collections.microbosh.director.plugins.module_utils._backup._manifest_verification import explain
from ansible_collections.microbosh.director.plugins.module_utils._backup._verification import verify_for_restore
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._module import run_module


def perform(module):
    """Return what was found, or raise it where a backup that is not whole is a failure."""
    given, path = module.params, module.params["path"].rstrip("/")
    result = verify_for_restore(path, given["records"], given["dump"], given["recorded"])
    if given["fail"] and not result["whole"]:
        raise DirectorError(explain(path, result), **result)
    if given["fail"] and given["dump"] and not result["blobs"]["whole"]:
        raise DirectorError(result["blobs"]["problem"], **result)
    return result


def main():
    run_module(
        perform,
        argument_spec={
            "path": {"type": "path", "required": True},
            "fail": {"type": "bool", "default": True},
            "records": {"type": "dict"},
            "dump": {"type": "path"},
            "recorded": {"type": "dict", "default": {}},
        },
        trouble="The backup %(path)s could not be verified: %(error)s",
    )


if __name__ == "__main__":
    main()
