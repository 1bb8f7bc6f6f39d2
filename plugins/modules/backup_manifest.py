#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: backup_manifest
short_description: Write the manifest of a backup
version_added: 1.0.0
description:
  - The manifest of a backup says what it is made of, so that anybody can tell whether it still is.
  - C(SHA256SUMS) holds the digest of every file, in the format of C(sha256sum).
    C(sha256sum --check --strict SHA256SUMS) in the directory of the backup needs nothing of this collection.
  - C(metadata.mtree) holds type, owner, group, mode, time, size, link target and digest of every name, in the
    format of BSD C(mtree). Names that are hard links of one file have the same number in C(inode=).
  - SHA256SUMS also holds the digest of C(metadata.mtree) and, once the backup is published, those of C(backup.json)
    and C(backup.log).
  - Files that are hard links of the same name in O(previous), and have the size and time that
    they had there, are not read again. Their digest is taken from the manifest of O(previous).
  - A backup is made of C(vcap/), C(dbs/), C(extra/) and C(filter). Nothing else may lie beside its records.
  - Owner, group and mode of what lies under C(vcap/) are those that rsync was told by the director, because a
    controller that is not root cannot give files to others. Everything else is what the tree shows.
seealso:
  - module: microbosh.director.backup_partial
  - module: microbosh.director.backup_publish
  - module: microbosh.director.backup_verify_info
  - module: microbosh.director.backup_manifest_info
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
      - Directory of a backup that is being made.
      - Its name ends in C(.partial), because the manifest of a published backup never changes.
    type: path
    required: true
  listing:
    description:
      - Log files of rsync, oldest first. What a later one says of a name holds.
      - Written by C(rsync -ii --log-file=FILE --log-file-format='%i|%U|%G|%B|%l|%n'), which names everything, changed
        or not. So the log of the last run is enough, if that went through the whole tree.
      - Each name in the tree has to be in them, and the other way round.
    type: list
    elements: path
    required: true
  previous:
    description: Directory of the previous backup. Empty if there is none.
    type: path
  reread:
    description:
      - Read every file, also those that are unchanged since O(previous). Such a file that does not have its recorded
        content any more is an error, because then the disk rots.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: The backup has a manifest
  microbosh.director.backup_manifest:
    path: /backups/bosh-1/20261122T221326Z.partial
    listing:
      - /backups/bosh-1/20261122T221326Z.partial/.work/rsync.log
    previous: /backups/bosh-1/20261121T221311Z
  delegate_to: localhost
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
  description: Whether everything is as the manifest says. Always V(true), for it has just been written.
  returned: always
  type: bool
  sample: true
altered:
  description: Files that do not have the content that the manifest of O(previous) says any more.
  returned: on failure
  type: list
  elements: str
  sample: [dbs/bosh.sql]
unlisted:
  description: Names in the tree that no listing names, or names as something else.
  returned: on failure
  type: list
  elements: str
  sample: [vcap/store/core]
absent:
  description: Names in the listings that are not in the tree.
  returned: on failure
  type: list
  elements: str
  sample: [vcap/store/redis/dump.rdb]
"""

from ansible_collections.microbosh.director.plugins.module_utils._backup._manifest_writing import write
from ansible_collections.microbosh.director.plugins.module_utils._core._module import run_module


def perform(module):
    """Do what the options say and return the result."""
    given = module.params
    result = write(given["path"], given["listing"], given["previous"], given["reread"], module.check_mode)
    for warning in result.pop("warnings"):
        module.warn(warning)
    return result


def main():
    run_module(
        perform,
        argument_spec={
            "path": {"type": "path", "required": True},
            "listing": {"type": "list", "elements": "path", "required": True},
            "previous": {"type": "path"},
            "reread": {"type": "bool", "default": False},
        },
        trouble="The manifest of %(path)s could not be written: %(error)s",
    )


if __name__ == "__main__":
    main()
