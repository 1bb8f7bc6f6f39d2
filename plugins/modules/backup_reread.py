#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of an action: plugins/action/backup_reread.py does the work, on the controller."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: backup_reread
short_description: Read the share of all backups of a director again that is due
version_added: 1.1.0
description:
  - Reads files and archives of all backups of a director again, those first that were read longest ago, and so many
    that none waits for more than O(days) days, however often it runs. A file that several backups share is read once.
  - Compares each with the digest that the backup recorded. A backup that has a damaged or a missing file is found not
    whole, which is kept with it in C(verdict.json); that other backups are whole is not said, as only a share was read.
    Of each backup SHA256SUMS and metadata.mtree are read every time, and its signature is checked. If they are damaged,
    all of that backup is read, as M(microbosh.director.backup_verify_info) does.
  - How far it came is remembered in C(reread.json) of O(directory), which is always whole.
  - What a backup has besides the content of files, such as owners and times, M(microbosh.director.backup_verify_info)
    compares.
  - Does not touch the director, and needs no connection.
seealso:
  - module: microbosh.director.backup_verify_info
  - module: microbosh.director.backup_prune
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.verify
attributes:
  check_mode:
    support: full
    details: Reads the same, but remembers nothing and writes no verdict.
  diff_mode:
    support: none
  idempotent:
    support: none
    details: Goes on where the run before ended. Soon after another run little is due, or nothing.
  platform:
    platforms: posix
options:
  directory:
    description: Directory of a director's backups.
    type: path
    required: true
  scratch:
    description: Directory in which M(microbosh.director.backup_verify_info) unpacks archives. Nothing is unpacked here.
    type: path
    required: true
  days:
    description: Days in which everything is read again.
    type: int
    default: 30
  sign_key:
    description: Key that backups are signed with, private or public. If set, one with a wrong signature is not whole.
    type: path
    default: ""
  host:
    description: The director that the backups have to be signed for. Default is this host.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Nothing of the backups has been unread for more than a month
  microbosh.director.backup_reread:
    directory: /backups/director1
    scratch: /backups/director1/verifying
    days: 30
"""

RETURN = r"""
share:
  description: What was read.
  returned: success
  type: dict
  contains:
    backups:
      description: Number of backups that have a part in it.
      type: int
      sample: 24
    archives:
      description: Number of archives that were read.
      type: int
      sample: 1
    files:
      description: Number of files that were read, those of several backups counted once.
      type: int
      sample: 212
    bytes:
      description: Bytes that were read.
      type: int
      sample: 48234496
    part:
      description: Which part of everything was due, between 0 and 1.
      type: float
      sample: 0.034
    known:
      description: Backups that were left out, as their records are damaged, which their verdict says already.
      type: list
      elements: str
      sample: []
    since:
      description: Time in UTC since when everything was read; empty if not everything was read yet.
      type: str
      sample: "2026-10-28T02:17:04Z"
    seconds:
      description: Seconds that it took.
      type: float
      sample: 1.9
verdicts:
  description: The backups and archives that were found damaged.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Id of the backup, or file name of the archive.
      type: str
      sample: 20261122T221326Z
    path:
      description: Its path.
      type: str
      sample: /backups/director1/20261122T221326Z
    verdict:
      description: Path of the file that keeps the verdict.
      type: str
      sample: /backups/director1/20261122T221326Z/verdict.json
    good:
      description: V(false).
      type: bool
      sample: false
    whole:
      description: V(false).
      type: bool
      sample: false
    findings:
      description: What is wrong, as M(microbosh.director.backup_verify_info) says it.
      type: list
      elements: dict
      sample: [{"kind": "altered", "path": "vcap/store/redis/dump.rdb", "detail": "it has not the recorded content"}]
"""
