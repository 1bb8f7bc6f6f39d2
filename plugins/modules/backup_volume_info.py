#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: backup_volume_info
short_description: Tell whether backups can be kept in a directory
version_added: 1.0.0
description:
  - Tries, in a directory of its own that it removes again, what backups are made of. Hard links, links and directories
    that are replaced in one step, modes, times and names are missing in some file systems, above all in those of
    networks.
  - Also tells whether owners can be kept on the disk, which root cannot on a share that squashes it. It is no fault,
    since owners are recorded with every backup.
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.attributes.controller
  - microbosh.director.guides.backup
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
  directory:
    description: Directory of a director's backups. If there is none, the nearest one above it is tried.
    type: path
    required: true
seealso:
  - module: microbosh.director.backup_partial
"""

EXAMPLES = r"""
- name: Ask what the file system of the backups can
  microbosh.director.backup_volume_info:
    directory: /backups/bosh-1
  delegate_to: localhost
  register: volume
"""

RETURN = r"""
lacks:
  description: What is missing, with what the kernel said. Empty if backups can be kept there.
  returned: success
  type: list
  elements: str
  sample: []
owners:
  description: Whether files there can be given to others, so that copies have the owners of the director.
  returned: success
  type: bool
  sample: true
"""

from ansible_collections.microbosh.director.plugins.module_utils._core._module import run_module
from ansible_collections.microbosh.director.plugins.module_utils._core._volume import look


def main():
    run_module(
        lambda module: look(module.params["directory"]),
        argument_spec={"directory": {"type": "path", "required": True}},
        trouble="No backup can be kept in %(directory)s: %(error)s",
    )


if __name__ == "__main__":
    main()
