#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: backup_prune
short_description: Removes the backups that no rule keeps
version_added: 1.0.0
description:
  - Keeps backups by the scheme grandfather, father, son. Each rule of O(keep) looks at all backups, newest first, and
    one backup may serve several rules. The newest backup of a day, of an ISO week or of a month stands for it. Only
    days, weeks and months that have a backup are counted. Times are in UTC.
  - Whatever the rules say, these stay. The newest backup that is whole, the newest one that was verified and the newest
    one that was rehearsed and found good, as M(microbosh.director.backup_verify_info) notes it; those that the
    newest one says to hold blobs which the director has lost; the one that C(latest) points to; those that are
    pinned, by O(pins) or by a file C(pinned) in them; and whatever the module does not understand, such as other
    names, C(.partial) directories, and directories without a C(backup.json) that says C(published) and
    C(proof.whole).
  - A backup that was found not whole counts for no rule, so that a whole one stays in its place. It is not removed.
  - Backups share unchanged files by hard links. Removing one leaves the others whole.
  - A backup that goes is renamed to C(<id>.removing) first. If that was interrupted, the next run finishes it.
  - If C(latest) points to no backup, it is made to point to the newest whole one.
seealso:
  - module: microbosh.director.backup_publish
  - module: microbosh.director.backup_verify_info
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.backup
  - microbosh.director.attributes.controller
attributes:
  check_mode:
    support: full
    details: Tells what would go, and why the others stay.
  diff_mode:
    support: full
    details: Lists the backups before and after, with the reasons to keep them.
  idempotent:
    support: full
  platform:
    platforms: posix
options:
  path:
    description: Directory of a director's backups.
    type: path
    required: true
  keep:
    description:
      - How many backups to keep by which rule.
      - Without any rule, or with V(0) for each, all backups stay.
    type: dict
    default: {}
    suboptions:
      last:
        description: Keep this many of the newest backups.
        type: int
        default: 0
      daily:
        description: Keep the newest backup of this many days.
        type: int
        default: 0
      weekly:
        description: Keep the newest backup of this many weeks.
        type: int
        default: 0
      monthly:
        description: Keep the newest backup of this many months.
        type: int
        default: 0
  pins:
    description: Ids of backups to keep in any case.
    type: list
    elements: str
    default: []
  archives:
    description: Whether the archive of a backup, C(archives/*_<id>.*), goes with it.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: A week of days, a month of weeks and a year of months are kept
  microbosh.director.backup_prune:
    path: /backups/bosh-1
    keep:
      last: 3
      daily: 7
      weekly: 4
      monthly: 12
    pins:
      - 20260101T020000Z
  delegate_to: localhost

- name: What would go is known
  microbosh.director.backup_prune:
    path: /backups/bosh-1
    keep:
      daily: 7
  delegate_to: localhost
  check_mode: true
  diff: true
"""

RETURN = r"""
kept:
  description: The backups that stay, oldest first.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Id of the backup.
      type: str
      sample: 20261122T221326Z
    because:
      description: Why it stays.
      type: list
      elements: str
      sample: [last 1 of 3, daily 2026-11-22, newest whole, latest]
removed:
  description: Ids of the backups that went, oldest first.
  returned: success
  type: list
  elements: str
  sample: [20261101T220000Z]
leftovers:
  description: Ids of backups that an earlier run had begun to remove.
  returned: success
  type: list
  elements: str
  sample: []
archives:
  description: Names of the archives that went.
  returned: success
  type: list
  elements: str
  sample: [bosh-1_20261101T220000Z.tar.zst, bosh-1_20261101T220000Z.tar.zst.sha256]
bytes:
  description: Size in bytes of the files that were in no other backup, and of the archives.
  returned: success
  type: int
  sample: 73400320
latest:
  description: Id that C(latest) points to, or null if there is no whole backup.
  returned: success
  type: str
  sample: 20261122T221326Z
"""

from ansible_collections.microbosh.director.plugins.module_utils._backup._retention import difference, prune
from ansible_collections.microbosh.director.plugins.module_utils._core._module import run_module


def perform(module):
    """Do what the options say and return the result."""
    given = module.params
    result = prune(given["path"], given["keep"], given["pins"], given["archives"], module.check_mode)
    for warning in result.pop("warnings"):
        module.warn(warning)
    return dict(result, diff=difference(given["path"], result))


def main():
    run_module(
        perform,
        argument_spec={
            "path": {"type": "path", "required": True},
            "keep": {
                "type": "dict",
                "default": {},
                "options": {rule: {"type": "int", "default": 0} for rule in ("last", "daily", "weekly", "monthly")},
            },
            "pins": {"type": "list", "elements": "str", "default": []},
            "archives": {"type": "bool", "default": True},
        },
        trouble="The backups in %(path)s could not be pruned: %(error)s",
    )


if __name__ == "__main__":
    main()
