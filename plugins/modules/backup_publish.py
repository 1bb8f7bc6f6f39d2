#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: backup_publish
short_description: Turns a proven copy into a backup
version_added: 1.0.0
description:
  - Writes C(backup.json), adds its digest and that of C(backup.log) to C(SHA256SUMS), removes the working files in
    C(.work/), waits until everything is on disk, renames C(<id>.partial) to C(<id>) and lets C(latest) point to it.
  - Before that one rename there is no backup; from it on there is a whole one, whenever the machine stops. What may be
    late is C(latest); the next backup, or running the task again, makes up for that.
  - Refuses, and changes nothing, if anything that a backup is made of is missing, if the manifest is damaged, if
    O(report) does not say that the backup was proven whole, or if there is a backup of that id.
seealso:
  - module: microbosh.director.backup_partial
  - module: microbosh.director.backup_manifest
  - module: microbosh.director.backup_prune
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.backup
  - microbosh.director.attributes.controller
attributes:
  check_mode:
    support: full
    details: Checks everything that is checked before publishing.
  diff_mode:
    support: none
  idempotent:
    support: full
    details: Once there is no C(<id>.partial) but a backup C(<id>), only C(latest) is seen to.
  platform:
    platforms: posix
options:
  path:
    description:
      - The directory C(<id>.partial).
      - Nothing may write into it any more, least of all into its C(backup.log).
    type: path
    required: true
  directory:
    description: Directory of the director's backups, to be sure that O(path) lies directly in it.
    type: path
  report:
    description:
      - Becomes C(backup.json), with C(status) set to V(published).
      - C(proof.whole) in it has to be V(true).
    type: dict
    required: true
  sign_key:
    description:
      - File with the private key of ssh that signs the backup. Empty signs nothing.
      - Beside it is kept which backup of a director was signed last.
    type: path
    default: ""
"""

EXAMPLES = r"""
- name: The backup is published
  microbosh.director.backup_publish:
    path: /backups/bosh-1/20261122T221326Z.partial
    report:
      id: 20261122T221326Z
      host: bosh-1
      proof:
        whole: true
  delegate_to: localhost
"""

RETURN = r"""
path:
  description: The directory of the backup.
  returned: success
  type: str
  sample: /backups/bosh-1/20261122T221326Z
id:
  description: The id of the backup.
  returned: success
  type: str
  sample: 20261122T221326Z
latest:
  description: The symbolic link that points to it.
  returned: success
  type: str
  sample: /backups/bosh-1/latest
"""

import os

from ansible_collections.microbosh.director.plugins.module_utils._backup._snapshots import Disk, publish
from ansible_collections.microbosh.director.plugins.module_utils._core._module import C_LOCALE, run_module


def perform(module):
    """Do what the options say and return the result."""
    given = module.params
    path = given["path"].rstrip("/")
    directory = given["directory"] or os.path.dirname(path)
    disk = Disk(module.run_command)
    return publish(path, directory, given["report"], disk, module.check_mode, given["sign_key"])


def main():
    run_module(
        perform,
        argument_spec={
            "path": {"type": "path", "required": True},
            "directory": {"type": "path"},
            "report": {"type": "dict", "required": True},
            "sign_key": {"type": "path", "default": "", "no_log": False},
        },
        environment=C_LOCALE,
        trouble="%(path)s could not be published: %(error)s",
    )


if __name__ == "__main__":
    main()
