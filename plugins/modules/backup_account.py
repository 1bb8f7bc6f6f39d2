#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: backup_account
short_description: Take a key out of a director, with all that its holder runs there
version_added: 1.0.0
description:
  - For a backup key that was stolen or is no longer wanted. The key is taken out of every account of the host, in every
    file in which sshd looks for keys. What is in a home is changed with the rights of its owner only.
  - Then connections and processes of the backup user are ended. Those by which this task runs stay.
  - What that user could have left to come back by is listed, and nothing of it is removed. A person has to look at it.
seealso:
  - module: microbosh.director.backup_key_pair
  - module: microbosh.director.backup_staging
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.stolen_key
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
  user:
    description: The backup user.
    type: str
    required: true
  keys:
    description: Public keys that are to open nothing any more, as in a C(.pub) file.
    type: list
    elements: str
    required: true
  own:
    description:
      - Whether the user is one of backups alone. Then everything that it runs is ended.
      - Otherwise, as for C(vcap), who also runs the director, what came by ssh or out of another login is. Whatever
        else of it is no service that monit knows is listed.
    type: bool
    required: true
  always:
    description: End and list, too, if no account had one of O(keys).
    type: bool
    default: false
  staging:
    description: Directory of the user in the store, which is not listed.
    type: path
    default: /var/vcap/store/microbosh-backup
"""

EXAMPLES = r"""
- name: The stolen key opens nothing any more
  microbosh.director.backup_account:
    user: microbosh
    keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGV4YW1wbGVleGFtcGxlZXhhbXBsZWV4YW1wbGVl backup"]
    own: true
    always: true
  become: true
"""

RETURN = r"""
removed:
  description: Files from which a key was taken.
  returned: success
  type: list
  elements: str
  sample: [/home/microbosh/.ssh/authorized_keys]
ended:
  description: Processes that were ended, with their pids.
  returned: success
  type: list
  elements: str
  sample: ["4711 sshd: microbosh@notty", "4712 sleep 1000"]
leftovers:
  description:
    - What the user could have left, with the time of its last change.
    - Before that, the processes of the user that go on and that are no services of the director, with their programs.
      Nothing but a look at each can tell where they came from.
  returned: success
  type: list
  elements: str
  sample: ["process 4713 sleep 4242 (/usr/bin/sleep)", "/home/microbosh/.profile (2026-11-22T22:13:26Z)"]
left:
  description: Files in which a key still is.
  returned: on failure
  type: list
  elements: str
  sample: [/home/other/.ssh/authorized_keys]
"""

from ansible_collections.microbosh.director.plugins.module_utils._modules._backup_account import main

if __name__ == "__main__":
    main()
