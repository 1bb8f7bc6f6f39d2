#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of an action: plugins/action/backup_offsite.py does the work, on the controller."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: backup_offsite
short_description: Keep copies of a director's backups in a repository of restic
version_added: 1.1.0
description:
  - Copies each published backup of a director that is newer than its newest copy to a repository of
    L(restic,https://restic.net), which has it encrypted, and each block of data once. Where no copy is there yet, the
    newest backup is copied. A repository that is not there is made, unless copies were made to it before.
  - Then forgets the copies that no rule of O(offsite) keeps, and has restic check the repository, with a part of its
    data that is another one each time.
  - A backup is whole on the controller whatever fails here. So only a wrong setting fails, before anything is copied;
    else RV(problem) says what is missing where, and the next run makes it good.
  - What is known of the copies is written to C(offsite.json) in O(directory), for M(microbosh.director.backup_info).
  - Does not touch the director, and needs no connection.
seealso:
  - module: microbosh.director.backup_publish
  - module: microbosh.director.restore_source
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.offsite
attributes:
  check_mode:
    support: full
    details: Looks whether restic is there, and its password and the settings are right; the repository is not asked.
  diff_mode:
    support: none
  idempotent:
    support: partial
    details: What has a copy is not copied again. The repository is checked each time.
  platform:
    platforms: posix
requirements:
  - restic 0.14 or later on the controller
options:
  directory:
    description: Directory of the director's backups.
    type: path
    required: true
  offsite:
    description: Where copies go, as the setting C(microbosh_offsite) has it.
    type: dict
    required: true
  archive:
    description: Whether backups have archives.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: The newest backup has a copy elsewhere
  microbosh.director.backup_offsite:
    directory: /backups/director1
    offsite:
      repository: sftp:backup@nas.example.com:/srv/restic/director1
      password_file: ~/.config/microbosh/restic-password
"""

RETURN = r"""
version:
  description: Version of restic.
  returned: success
  type: str
  sample: "0.14"
repository:
  description: Where the repository is, without a password that its address may have.
  returned: success
  type: str
  sample: sftp:backup@nas.example.com:/srv/restic/director1
copied:
  description: Ids of the backups that were copied.
  returned: unless in check mode
  type: list
  elements: str
  sample: [20261128T020000Z]
copies:
  description: Ids of all backups that have a copy, newest first, as far as is known.
  returned: unless in check mode
  type: list
  elements: str
  sample: [20261128T020000Z, 20261127T020000Z]
missing:
  description: Ids of published backups that should have a copy, and have none.
  returned: unless in check mode
  type: list
  elements: str
  sample: []
bytes:
  description: Bytes that were copied.
  returned: unless in check mode
  type: int
  sample: 284010000
new_bytes:
  description: Bytes of them that the repository had not yet.
  returned: unless in check mode
  type: int
  sample: 48040000
seconds:
  description: Seconds that all of it took.
  returned: unless in check mode
  type: float
  sample: 14.2
step:
  description: The last step that was begun, V(reach), V(copy), V(forget) or V(check).
  returned: unless in check mode
  type: str
  sample: check
problem:
  description: What failed, what is missing where, and what becomes of it; else empty.
  returned: unless in check mode
  type: str
  sample: ""
said:
  description: What was done, for a person.
  returned: unless in check mode
  type: list
  elements: str
  sample: ["Copied 20261128T020000Z to s3:https://s3.example.com/b: 270.9 MiB, of which 45.8 MiB were new (14.2 s)"]
"""
