#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of an action: plugins/action/push.py does the work, on the controller."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: push
short_description: Copy files to the director and show how far it is
description:
  - Hands the transfer to M(ansible.posix.synchronize). Only regular files are pushed, as the user that logs in; owners,
    modes and links are the business of M(microbosh.director.restore_tree).
  - Files that are there with the same size and time are not pushed again.
  - Meanwhile it prints a line every 10 seconds with the bytes pushed and their share.
seealso:
  - module: microbosh.director.pull
  - module: microbosh.director.restore_tree
author: microbosh.director contributors (@microbosh)
version_added: 1.0.0
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.recovery
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
  src:
    description:
      - Directory on the controller. No part of its path is a link.
    type: path
    required: true
  dest:
    description: Directory on the director. It is made if only its last part is missing.
    type: str
    required: true
  files:
    description: Names below O(src), in the octal escapes of vis(3).
    type: list
    elements: str
    default: []
  files_from:
    description:
      - File with more of such names, each but the last followed by a NUL, as M(microbosh.director.restore_compare_info)
        makes it.
    type: path
  leave_out:
    description: Of all these names those that are not pushed.
    type: list
    elements: str
    default: []
  metadata:
    description:
      - The backup's list of its files, C(metadata.mtree). Only what it names below C(vcap/) is pushed, for O(files) is
        what the director says that it lacks, and a director may lie. Without it, only files in O(src) itself are.
      - Nothing behind a link is ever pushed, whatever becomes of the names in O(src) meanwhile.
    type: path
  records:
    description:
      - The SHA-256 of C(metadata.mtree), by that name, as M(microbosh.director.restore_source) found it. With another
        one nothing is pushed.
    type: dict
    default: {}
  proof:
    description:
      - A backup that is read and proven while files of it are pushed, so that a disk reads it once. The task fails if
        it is not whole, whatever was pushed, and what is still to be pushed is not. Nothing that came of it is to be
        used before.
      - C(path) and, of M(microbosh.director.backup_manifest_info), C(records), C(dump) and C(recorded).
    type: dict
    default: {}
    version_added: 1.1.0
  total:
    description: Their size in bytes, for the share in the progress lines. V(0) is unknown.
    type: int
    default: 0
  timeout:
    description: Seconds without any data after which the transfer fails.
    type: int
    default: 600
"""

EXAMPLES = r"""
- name: What the director does not have is pushed
  microbosh.director.push:
    src: /backups/director1/20261122T221326Z/vcap
    dest: /var/vcap/store/microbosh-backup/restore
    files: [store/redis/dump.rdb]

- name: What the director does not have is pushed, of a backup that is proven meanwhile
  microbosh.director.push:
    src: /backups/director1/20261122T221326Z/vcap
    dest: /var/vcap/store/microbosh-backup/restore
    files: [store/redis/dump.rdb]
    proof:
      path: /backups/director1/20261122T221326Z
      dump: /backups/director1/20261122T221326Z/dbs/bosh.sql
"""

RETURN = r"""
files:
  description: Files that were pushed.
  returned: always
  type: int
  sample: 184
bytes:
  description: Their size in bytes.
  returned: always
  type: int
  sample: 209715200
seconds:
  description: How long it took.
  returned: always
  type: float
  sample: 3.25
proof:
  description: What M(microbosh.director.backup_manifest_info) returns of the backup that was proven.
  returned: with O(proof), if it was read to its end
  type: dict
  sample: {"files": 4711, "problem": "", "blobs": {"whole": true, "named": 512}}
unfit:
  description: Whether the task failed as the backup is not whole, or cannot be read.
  returned: if it did
  type: bool
  sample: true
"""
