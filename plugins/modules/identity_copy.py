#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: identity_copy
short_description: Bring what only root reads on the director to the controller
version_added: 1.0.0
description:
  - The agent's credentials (C(bosh/settings.json), C(bosh/agent.key)), and every other single path of the filter that
    only root reads, are read as root and kept on the controller in O(directory). With them anybody becomes root on the
    director, so the backup key does not read them. M(microbosh.director.identity_place) puts them into each backup.
  - The copy is replaced as a whole, in one step. Directories have the mode 0700 and files 0600.
  - A path that only root reads, and that the filter reaches as part of something else, or in whose directory others may
    put something, is refused by name.
seealso:
  - module: microbosh.director.identity_place
  - module: microbosh.director.extra_files_info
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.setup
notes:
  - Reads on the director with Python 2.7 or 3.6 and later, and only the standard library. Needs C(become).
  - The content of the files is never part of the result, nor of what Ansible logs.
attributes:
  check_mode:
    support: full
    details: Reads everything, and writes nothing.
  diff_mode:
    support: none
  idempotent:
    support: full
    details: Files with the same content, owner and mode leave the copy as it is, whatever their time.
  platform:
    platforms: posix
options:
  directory:
    description: Directory of the copy, on the controller.
    type: path
    required: true
  host:
    description: The director's name in the inventory. The copy of one is never that of another.
    type: str
    required: true
  named:
    description: Single paths of the filter, relative to O(root).
    type: list
    elements: str
    required: true
  reached:
    description: Patterns of the filter that may reach more than one path, or a directory with all in it.
    type: list
    elements: str
    default: []
  digest_file:
    description:
      - File on the director in which setup has noted RV(digest). If it is there, it has the new one when the copy is
        made.
      - Empty where setup itself writes it.
    type: path
    default: ""
  digest:
    description: For the second part of the action itself, the digest to note. With it nothing is read.
    type: str
    default: ""
  root:
    description: The directory that backups are made of.
    type: path
    default: /var/vcap
"""

EXAMPLES = r"""
- name: The agent's credentials are on the controller
  microbosh.director.identity_copy:
    directory: /backups/director1/identity
    host: director1
    named: [bosh/settings.json, bosh/agent.key]
  become: true
"""

RETURN = r"""
files:
  description: What the module reads for the action, which keeps it on the controller and takes it out of the result.
  returned: never in the result
  type: list
  elements: dict
  contains:
    path: {description: Its path below O(root)., type: str, sample: bosh/settings.json}
    uid: {description: Its owner., type: int, sample: 0}
    gid: {description: Its group., type: int, sample: 0}
    mode: {description: Its mode., type: int, sample: 384}
    mtime: {description: Its time in nanoseconds., type: int, sample: 1764000000000000000}
    size: {description: Its size in bytes., type: int, sample: 4096}
    sha256:
      description: Its digest.
      type: str
      sample: 2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881
    content:
      description: Its content in base64, in pieces.
      type: list
      elements: str
      sample: ["eA=="]
sealed:
  description: The paths that only root reads.
  returned: success
  type: list
  elements: str
  sample: [bosh/agent.key, bosh/settings.json]
digest:
  description: The digest by which C(microbosh-identity) on the director tells whether one of them has become another.
  returned: success
  type: str
  sample: 3f0a377ba0a4a460ecb616f6507ce0d8cfa3e704025d4fda3ed0c5ca05468728
unnamed:
  description: The paths that are refused.
  returned: on failure, if any are
  type: list
  elements: str
  sample: [bosh/etc/monitrc]
"""

from ansible_collections.microbosh.director.plugins.module_utils._modules._identity_copy import main

if __name__ == "__main__":
    main()
