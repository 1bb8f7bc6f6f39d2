#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: backup_staging
short_description: Have the staging directory of the backup user on a director, or have it no more
version_added: 1.0.0
description:
  - Makes the directory in the store to which only the backup user may write, or removes it with all that is in it.
  - Root does this below directories that others may write to, so it is done in directories that are open. No link is
    followed, and no directory is given to the user but one that was made for it.
seealso:
  - module: microbosh.director.backup_account
  - module: microbosh.director.director_lease
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.setup
notes:
  - Runs on the director with Python 2.7 or 3.6 and later, and only the standard library. Needs C(become).
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
  state:
    description: Whether it is there, with mode 0700, or not.
    type: str
    choices: [present, absent]
    default: present
  user:
    description:
      - The backup user.
      - If the directory is there and is somebody else's, the task fails.
    type: str
    required: true
  path:
    description: The directory.
    type: path
    default: /var/vcap/store/microbosh-backup
"""

EXAMPLES = r"""
- name: The staging directory is there
  microbosh.director.backup_staging:
    user: microbosh
  become: true
"""

RETURN = r"""
directory:
  description: The directory.
  returned: success
  type: str
  sample: /var/vcap/store/microbosh-backup
"""

from ansible_collections.microbosh.director.plugins.module_utils._modules._backup_staging import main

if __name__ == "__main__":
    main()
