#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: backup_controller
short_description: Have a controller that can take or restore a backup
version_added: 1.1.0
description:
  - Makes the directories that a run needs on the controller, each for its owner alone (mode 0700), and asks for what
    else it needs there. The first thing that is missing fails the task, and is named with the way out.
  - All of it in one task, since each task on the controller takes its time.
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.attributes.controller
  - microbosh.director.guides.backup
attributes:
  check_mode:
    support: partial
    details: >-
      O(control_directory) is made in check mode, too. It is Ansible's own, and without it each task connects anew.
  diff_mode:
    support: none
  idempotent:
    support: full
  platform:
    platforms: posix
options:
  control_directory:
    description: Directory for the sockets of shared connections.
    type: path
  directory:
    description: Directory of a director's backups. It is made, with the directory C(logs) in it.
    type: path
  volume:
    description:
      - Whether the file system of O(directory) has to have what backups are made of, as
        M(microbosh.director.backup_volume_info) tells.
    type: bool
    default: false
  rsync:
    description: Whether there has to be an rsync, of version 3.1.3 or later.
    type: bool
    default: false
  sign_key:
    description: Private key of ssh, or a public one whose private key an agent has, that has to sign unasked.
    type: str
    default: ""
  extra_files:
    description: What have to be files on the controller, or links to some.
    type: list
    elements: str
    default: []
seealso:
  - module: microbosh.director.backup_volume_info
  - module: microbosh.director.backup_partial
"""

EXAMPLES = r"""
- name: The controller can take and keep a backup
  microbosh.director.backup_controller:
    control_directory: ~/.ansible/cp
    directory: /backups/bosh-1
    volume: true
    rsync: true
    extra_files: [~/bosh-1/state.json]
  delegate_to: localhost
  register: controller
"""

RETURN = r"""
owners:
  description: Whether files in O(directory) can be given to others, so that copies have the owners of the director.
  returned: with O(volume)
  type: bool
  sample: true
"""

import os

from ansible_collections.microbosh.director.plugins.module_utils._backup._controller import (
    LOGS,
    have_control_directory,
    have_directory,
    require_files,
    require_rsync,
    require_signing,
    require_volume,
)
from ansible_collections.microbosh.director.plugins.module_utils._core._module import run_module


def perform(module):
    """Do what the options say and return the result."""
    given, found = module.params, {"changed": False}
    if given["control_directory"]:
        found["changed"] = have_control_directory(given["control_directory"])
    if given["directory"]:
        for path in (given["directory"], os.path.join(given["directory"], LOGS)):
            found["changed"] = have_directory(path, module.check_mode) or found["changed"]
    if given["directory"] and given["volume"]:
        found["owners"] = require_volume(given["directory"])
    if given["rsync"]:
        require_rsync(module.run_command)
    if given["sign_key"]:
        require_signing(given["sign_key"], module.run_command)
    require_files(given["extra_files"])
    return found


def main():
    run_module(
        perform,
        argument_spec={
            "control_directory": {"type": "path"},
            "directory": {"type": "path"},
            "volume": {"type": "bool", "default": False},
            "rsync": {"type": "bool", "default": False},
            "sign_key": {"type": "str", "default": "", "no_log": False},
            "extra_files": {"type": "list", "elements": "str", "default": []},
        },
        trouble="No backup can be kept in %(directory)s: %(error)s. Set microbosh_backup_dir to a directory that "
        "the user who runs Ansible can make and write.",
    )


if __name__ == "__main__":
    main()
