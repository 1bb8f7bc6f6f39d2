# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a restore on the director: where it works, and what the backup is."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  workspace:
    description: Directory of the restore, root's own, on the file system of the data.
    type: path
    default: /var/vcap/store/microbosh-restore
"""

    # The backup, and the host that it comes to.
    BACKUP = r"""
options:
  root:
    description: The directory that backups are made of.
    type: path
    default: /var/vcap
  incoming:
    description: Directory that the files were pushed to, on the file system of O(workspace).
    type: path
    default: /var/vcap/store/microbosh-backup/restore
  metadata:
    description: C(metadata.mtree) of the backup, a path on the controller. Its content travels with the module.
    type: str
  groupless:
    description:
      - Paths below O(root), in the octal escapes of vis(3), that had access control lists which the backup has not
        kept. O(metadata) shows their masks as rights of the group, so the group gets none.
    type: list
    elements: str
    default: []
  records:
    description:
      - The SHA-256 of O(metadata) and O(attributes), by their names in the backup, as
        M(microbosh.director.restore_source) found them. With another one nothing is sent.
    type: dict
  attributes:
    description:
      - The backup's access control lists and extended attributes, a path on the controller. Its content, in the format
        of C(getfattr --dump), travels with the module. Files and directories get these and no others.
      - Empty if the backup knows that there were none. Without it, they stay as they are on directories.
    type: str
  filter:
    description: The rsync filter rules of the backup. What they name and the backup does not have goes away.
    type: list
    elements: str
    default: []
  source:
    description: What M(microbosh.director.restore_source) told of the backup.
    type: dict
  data_directory:
    description:
      - Directory of PostgreSQL that a dump is loaded into, below the store. By default the newest that can be run.
    type: str
  packages:
    description: Directory in which the programs of PostgreSQL are looked for, as C(postgres*/bin/pg_ctl).
    type: path
    default: /var/vcap/packages
  scratch:
    description: Directory of the restore's own PostgreSQL, by which that one is told from others.
    type: path
    default: /var/vcap/store/microbosh-restore/server
  agent_id:
    description: The agent that the backup's C(bosh/settings.json) names.
    type: str
"""
