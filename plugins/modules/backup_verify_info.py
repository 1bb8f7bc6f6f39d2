#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of an action: plugins/action/backup_verify_info.py does the work, on the controller."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: backup_verify_info
short_description: Find out whether backups and archives are still whole, and whether their dumps can be loaded
version_added: 1.0.0
description:
  - Reads every file of a backup again and compares it with C(SHA256SUMS) and C(metadata.mtree). Reads every dump to
    its last line and compares it with what C(backup.json) recorded. Looks for every blob that the dump of the
    director's database names, and reads it.
  - An archive is compared with the C(.sha256) beside it, and unpacked into O(scratch). Owners and times of what was
    unpacked are not compared, C(metadata.mtree) has them. An encrypted archive is decrypted with O(identity);
    without it, only the checksum is compared.
  - With O(rehearse), loads every dump of what is whole into a scratch PostgreSQL server, as
    M(microbosh.director.pg_rehearse) does.
  - Keeps the verdict with the backup, in C(verdict.json), or beside an archive. M(microbosh.director.backup_prune)
    reads it, and no backup is made on the basis of one that was found not whole.
  - Does not touch the director, and needs no connection.
seealso:
  - module: microbosh.director.backup_manifest
  - module: microbosh.director.blobstore_check_info
  - module: microbosh.director.pg_rehearse
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.verify
attributes:
  check_mode:
    support: full
    details: Does the same, but writes no verdict.
  diff_mode:
    support: none
  idempotent:
    support: full
  platform:
    platforms: posix
options:
  backup:
    description: V(latest), the id of a backup, the path of a backup or of an archive, or V(all) of O(directory).
    type: str
    required: true
  directory:
    description: Directory of a director's backups.
    type: path
    required: true
  scratch:
    description: Directory to unpack archives into. It is made, and removed afterwards.
    type: path
    required: true
  rehearse:
    description: Whether to load the dumps, too.
    type: bool
    default: false
  rehearse_in:
    description:
      - Directory for the scratch server. See O(microbosh.director.pg_rehearse#module:scratch).
      - Required with O(rehearse=true).
    type: path
  rehearse_seconds:
    description: Seconds that loading the dumps of one backup may take.
    type: int
    default: 3600
  as_superuser:
    description: Whether a superuser loads them. See O(microbosh.director.pg_rehearse#module:as_superuser).
    type: bool
    default: false
  user:
    description: Account that the scratch server runs as. See O(microbosh.director.pg_rehearse#module:user).
    type: str
    default: ""
  fail:
    description: Whether a finding fails the task. If V(false), look at RV(good).
    type: bool
    default: true
  sign_key:
    description:
      - The key that backups are signed with, private or public. If set, one with a wrong signature is not whole, and
        nothing of it is read; one without is told.
    type: path
    default: ""
  offsite:
    description: Where copies are, as the setting C(microbosh_offsite) has it.
    type: dict
    default: {}
    version_added: 1.1.0
  host:
    description: The director that the backups have to be signed for. Default is this host.
    type: str
    default: ""
  identity:
    description: File with the private key of encrypted archives, age's or gpg's. Empty if there is none.
    type: path
    default: ""
"""

EXAMPLES = r"""
- name: All backups and archives of a director are whole
  microbosh.director.backup_verify_info:
    backup: all
    directory: /backups/director1
    scratch: /backups/director1/verifying

- name: The latest backup is whole and its dumps can be loaded
  microbosh.director.backup_verify_info:
    backup: latest
    directory: /backups/director1
    scratch: /backups/director1/verifying
    rehearse: true
    rehearse_in: /var/tmp

- name: What is in an encrypted archive is whole
  microbosh.director.backup_verify_info:
    backup: /backups/director1/archives/director1_20261122T221326Z.tar.zst.age
    directory: /backups/director1
    scratch: /backups/director1/verifying
    identity: /media/vault/director.key
"""

RETURN = r"""
good:
  description: Whether everything that was looked at is whole and, if asked for, could be loaded.
  returned: success
  type: bool
  sample: true
verdicts:
  description: What became of each backup.
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
      description: Whether it is whole and, if asked for, could be loaded.
      type: bool
      sample: true
    whole:
      description: Whether nothing was found.
      type: bool
      sample: true
    sealed:
      description: Whether it is an encrypted archive that was not opened.
      type: bool
      sample: false
    findings:
      description:
        - What is wrong. Kinds are V(missing), V(altered), V(extra) and V(metadata) for files, V(dump), V(blob),
          V(manifest) for what is wrong with the records themselves, V(archive), and V(key) where O(identity) does not
          open the archive. The last is not kept as a verdict, since it says nothing of the archive.
      type: list
      elements: dict
      sample: [{"kind": "missing", "path": "dbs/uaa.sql", "detail": "the manifest names it, and it is not there"}]
    files:
      description: Number of files in the backup.
      type: int
      sample: 4711
    signature:
      description: V(signed), V(unsigned) or V(wrong); empty without O(sign_key).
      type: str
      sample: signed
    read:
      description: Number of files that were read, those with several names counted once.
      type: int
      sample: 4711
    read_bytes:
      description: Bytes that were read.
      type: int
      sample: 1181116006
    dumps:
      description: The dumps, with the number of their tables and rows.
      type: list
      elements: dict
      sample: [{"database": "bosh", "tables": 31, "rows": 1520}]
    without:
      description: What is missing of the director's own database, empty if the backup has a dump of it.
      type: str
      sample: ""
    blobs:
      description:
        - How many blobs the database names, how many were read, whether they are in an external blobstore, how many the
          director makes again on demand, and the ids of those that it had lost when the backup was made. Null if there
          is no dump of it.
      type: dict
      sample: {"named": 212, "checked": 208, "external": false, "made_again": 4, "lost": []}
    unrestorable_by_files:
      description: Why its databases come back from their dumps only, null if they can come back by files, too.
      type: str
      sample: it was made online, while PostgreSQL ran, so its files are not in it
    seconds:
      description: Seconds that it took.
      type: float
      sample: 3.71
    rehearsed:
      description:
        - What M(microbosh.director.pg_rehearse) returns; null if it was not asked for, or the backup is not whole.
        - If this controller cannot rehearse it, C(possible) is V(false), and nothing is said of the backup.
      type: dict
      sample: {"good": true, "problems": []}
    restore:
      description:
        - How long a restore of it takes onto a director that has nothing of it, in all and with the director away, out
          of parts that were measured; null if it was not rehearsed, or its dumps could not be loaded. It is kept in
          the verdict, too.
        - C(away_seconds) are for the way in C(by); a restore of V(files) that loads the dumps instead takes
          C(loading_seconds) more.
        - C(by) of a part is what measured it, V(verification), V(rehearsal) or V(backup) (its report); V(assumed) where
          nothing has.
      type: dict
      sample:
        seconds: 61.3
        away_seconds: 14.2
        by: files
        loading_seconds: 2.1
        parts: [{"part": "reading", "seconds": 3.7, "by": "verification"}]
"""
