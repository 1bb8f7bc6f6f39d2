#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of an action: plugins/action/spared_files.py does the work, on the controller."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: spared_files
short_description: Bring what a pass spared into the backup
version_added: 1.1.0
description:
  - A pass of M(microbosh.director.pull) with O(microbosh.director.pull#module:spare) leaves directories empty in which
    nothing has changed since the first pass. This brings what the first pass copied of them into the backup, by
    renaming it, and takes its lines of the listing along.
  - It follows no link, and leaves the time of each directory as it is.
options:
  spare:
    description: The file that says which directories were spared.
    type: path
    required: true
  src:
    description: The copy of the first pass.
    type: path
    required: true
  dest:
    description: The copy of the pass that spared them, on the same file system.
    type: path
    required: true
  known:
    description: Listings of the first pass.
    type: list
    elements: path
    required: true
  listings:
    description: As many listings of the other pass, in the same order. The lines are appended to them.
    type: list
    elements: path
    required: true
seealso:
  - module: microbosh.director.pull
  - module: microbosh.director.backup_manifest
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.backup
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: none
  platform:
    platforms: posix
"""

EXAMPLES = r"""
- name: What the outage did not look into again is in the backup
  microbosh.director.spared_files:
    spare: /backups/director1/20261122T221326Z.partial/.work/spared.json
    src: /backups/director1/20261122T221326Z.partial/.work/vcap
    dest: /backups/director1/20261122T221326Z.partial/vcap
    known: [/backups/director1/20261122T221326Z.partial/.work/first_pass.log]
    listings: [/backups/director1/20261122T221326Z.partial/.work/second_pass.log]
"""

RETURN = r"""
directories:
  description: How many directories were spared.
  returned: success
  type: int
  sample: 256
files:
  description: How many entries of them were brought.
  returned: success
  type: int
  sample: 98304
"""
