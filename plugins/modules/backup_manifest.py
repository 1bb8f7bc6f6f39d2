#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: backup_manifest
short_description: Writes and checks the manifest of a backup
version_added: 1.0.0
description:
  - The manifest of a backup says what it is made of, so that anybody can tell whether it still is.
  - C(SHA256SUMS) holds the digest of every file, in the format of C(sha256sum).
    C(sha256sum --check --strict SHA256SUMS) in the directory of the backup needs nothing of this collection.
  - C(metadata.mtree) holds type, owner, group, mode, time, size, link target and digest of every name, in the
    format of BSD C(mtree). Names that are hard links of one file have the same number in C(inode=).
  - SHA256SUMS also holds the digest of C(metadata.mtree) and, once the backup is published, those of C(backup.json)
    and C(backup.log).
  - With O(state=written), files that are hard links of the same name in O(previous), and have the size and time that
    they had there, are not read again. Their digest is taken from the manifest of O(previous).
  - A backup is made of C(vcap/), C(dbs/), C(extra/) and C(filter). Nothing else may lie beside its records.
  - Owner, group and mode of what lies under C(vcap/) are those that rsync was told by the director, because a
    controller that is not root cannot give files to others. Everything else is what the tree shows.
seealso:
  - module: microbosh.director.backup_partial
  - module: microbosh.director.backup_publish
  - module: microbosh.director.backup_verify_info
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.backup
  - microbosh.director.attributes.controller
attributes:
  check_mode:
    support: full
    details: Reads everything that it would read otherwise, and writes nothing.
  diff_mode:
    support: none
  idempotent:
    support: full
    details: The same tree has the same manifest, byte by byte.
  platform:
    platforms: posix
options:
  path:
    description:
      - Directory of the backup.
      - With O(state=written) its name ends in C(.partial), because the manifest of a published backup never changes.
    type: path
    required: true
  state:
    description:
      - V(written) writes the manifest of a backup that is being made.
      - V(verified) reads every file again and compares everything with the manifest. What it finds is told apart
        into RV(missing), RV(altered), RV(extra) and RV(metadata). Owner and group are compared if the backup was made
        by root; otherwise the files cannot show them, and modes let the user who made it read everything.
    type: str
    choices: [written, verified]
    required: true
  listing:
    description:
      - Log files of rsync, oldest first. What a later one says of a name holds.
      - Written by C(rsync -ii --log-file=FILE --log-file-format='%i|%U|%G|%B|%l|%n'), which names everything, changed
        or not. So the log of the last run is enough, if that went through the whole tree.
      - Each name in the tree has to be in them, and the other way round.
      - Required with O(state=written).
    type: list
    elements: path
  previous:
    description: Directory of the previous backup. Empty if there is none.
    type: path
  reread:
    description:
      - Read every file, also those that are unchanged since O(previous). Such a file that does not have its recorded
        content any more is an error, because then the disk rots.
      - Only with O(state=written). V(verified) always reads everything.
    type: bool
    default: false
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
      - Only with O(state=verified).
    type: dict
"""

EXAMPLES = r"""
- name: The backup has a manifest
  microbosh.director.backup_manifest:
    path: /backups/bosh-1/20261122T221326Z.partial
    state: written
    listing:
      - /backups/bosh-1/20261122T221326Z.partial/.work/rsync.log
    previous: /backups/bosh-1/20261121T221311Z
  delegate_to: localhost

- name: The latest backup is whole
  microbosh.director.backup_manifest:
    path: /backups/bosh-1/latest
    state: verified
  delegate_to: localhost

- name: What is wrong with this backup is known
  microbosh.director.backup_manifest:
    path: /backups/bosh-1/20261121T221311Z
    state: verified
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
reused:
  description: Names whose digest was taken from the previous backup.
  returned: always
  type: int
  sample: 4583
seconds:
  description: How long it took, in seconds.
  returned: always
  type: float
  sample: 1.72
whole:
  description: Whether everything is as the manifest says. Always V(true) after O(state=written).
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
problems:
  description: Sentences on what is wrong with the manifest itself, or cannot be read.
  returned: always
  type: list
  elements: str
  sample: ["SHA256SUMS line 12 is malformed: expected '<sha256>  <path>'."]
unlisted:
  description: Names in the tree that no listing names, or names as something else.
  returned: on failure, with O(state=written)
  type: list
  elements: str
  sample: [vcap/store/core]
absent:
  description: Names in the listings that are not in the tree.
  returned: on failure, with O(state=written)
  type: list
  elements: str
  sample: [vcap/store/redis/dump.rdb]
"""

from ansible_collections.microbosh.director.plugins.module_utils._backup._manifest_verification import explain, verify
from ansible_collections.microbosh.director.plugins.module_utils._backup._manifest_writing import write
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._module import run_module


def settle(params, dry_run):
    """Do what the options say and return the result."""
    if params["state"] == "verified":
        return verify(params["path"], records=params["records"])
    return write(params["path"], params["listing"], params["previous"], params["reread"], dry_run)


def perform(module):
    """Return the result, or raise it where a backup that is not whole is a failure."""
    result = settle(module.params, module.check_mode)
    for warning in result.pop("warnings"):
        module.warn(warning)
    if module.params["fail"] and not result["whole"]:
        raise DirectorError(explain(module.params["path"], result), **result)
    return result


def main():
    run_module(
        perform,
        argument_spec={
            "path": {"type": "path", "required": True},
            "state": {"type": "str", "choices": ["written", "verified"], "required": True},
            "listing": {"type": "list", "elements": "path"},
            "previous": {"type": "path"},
            "reread": {"type": "bool", "default": False},
            "fail": {"type": "bool", "default": True},
            "records": {"type": "dict"},
        },
        required_if=[("state", "written", ["listing"])],
        trouble="The manifest of %(path)s could not be %(state)s: %(error)s",
    )


if __name__ == "__main__":
    main()
