#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: backup_partial
short_description: Prepares the directory in which a backup is made
version_added: 1.0.0
description:
  - Makes C(<id>.partial) below O(directory), with the mode 0700, and in it C(.work/) and the mark C(.work/incomplete).
  - If earlier runs failed, the newest of the C(.partial) directories that they left becomes this one, so that nothing
    that was copied is copied again. The others are removed.
  - Of a failed run, the copied trees C(vcap/) and C(.work/vcap/) are kept, but moved to C(.work/left-1) and so on, and
    returned in RV(link_dest). rsync changes mode and time of files that it finds in place, and these may be hard links
    into published backups. From beside, it links what is unchanged and copies what is not.
  - Directories in C(.work/), such as rsync's directory for half copied files, and C(backup.log) are kept as they are.
    Dumps, manifest, report and listings of a failed run are removed.
seealso:
  - module: microbosh.director.backup_manifest
  - module: microbosh.director.backup_publish
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.backup
  - microbosh.director.attributes.controller
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
    details: A second time with the same O(id) changes nothing, whatever was copied in between.
  platform:
    platforms: posix
options:
  directory:
    description: Directory of a director's backups. Made with the mode 0700 if there is none.
    type: path
    required: true
  id:
    description: Id of the backup to make, which is its time in UTC.
    type: str
    required: true
  filter:
    description: Rules of rsync that the backup is made with. They are kept in it, in the file C(filter).
    type: list
    elements: str
    version_added: 1.1.0
"""

EXAMPLES = r"""
- name: There is a directory to make the backup in
  microbosh.director.backup_partial:
    directory: /backups/bosh-1
    id: 20261122T221326Z
  delegate_to: localhost
  register: partial

- name: What is unchanged since the previous backup, or was copied by a run that failed, is linked
  ansible.builtin.command:
    argv: "{{ ['rsync', '-aH'] + partial.link_dest | map('regex_replace', '^', '--link-dest=')
      + ['bosh-1:/var/vcap/', partial.path + '/vcap/'] }}"
  delegate_to: localhost
"""

RETURN = r"""
path:
  description: The directory to make the backup in.
  returned: success
  type: str
  sample: /backups/bosh-1/20261122T221326Z.partial
resumed:
  description: Whether it continues a run that failed.
  returned: success
  type: bool
  sample: false
resumed_from:
  description: Id of the run that failed, or null.
  returned: success
  type: str
  sample: 20261122T220111Z
previous:
  description: The newest published backup that has a manifest, or null.
  returned: success
  type: str
  sample: /backups/bosh-1/20261121T221311Z
previous_outage:
  description: Seconds for which the director was away for RV(previous), or null.
  returned: success
  type: float
  sample: 7.1
link_dest:
  description:
    - Directories in which rsync may find files that need not be copied, the likeliest first. Made for C(--link-dest).
    - What failed runs left, then C(vcap/) of RV(previous).
  returned: success
  type: list
  elements: str
  sample: [/backups/bosh-1/20261121T221311Z/vcap]
"""

from ansible_collections.microbosh.director.plugins.module_utils._backup._snapshots import begin
from ansible_collections.microbosh.director.plugins.module_utils._core._module import run_module


def main():
    run_module(
        lambda module: begin(
            module.params["directory"], module.params["id"], module.check_mode, module.params["filter"]
        ),
        argument_spec={
            "directory": {"type": "path", "required": True},
            "id": {"type": "str", "required": True},
            "filter": {"type": "list", "elements": "str"},
        },
        trouble="No backup can be made in %(directory)s: %(error)s",
    )


if __name__ == "__main__":
    main()
