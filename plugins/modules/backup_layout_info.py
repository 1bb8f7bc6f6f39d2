#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: backup_layout_info
short_description: Tell whether the databases of a backup can come back by files
version_added: 1.0.0
description:
  - Puts to a backup the very question that a restore with C(microbosh_restore_database=files) puts to it. Whether the
    files also fit the director is asked then.
  - Of several directories of PostgreSQL the one counts that the server had. The others are only files.
seealso:
  - module: microbosh.director.restore_source
  - module: microbosh.director.backup_partial
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.recovery
  - microbosh.director.attributes.controller
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
  path:
    description: Directory of the backup.
    type: path
    required: true
  report:
    description: What C(backup.json) says of it, or will say.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Whether the databases can come back by files is known
  microbosh.director.backup_layout_info:
    path: /backups/director1/20261122T221326Z
  delegate_to: localhost
  register: layout
"""

RETURN = r"""
postgres:
  description: The directories of PostgreSQL in the backup, with what their C(PG_VERSION) says.
  returned: success
  type: list
  elements: dict
  sample: [{"name": "postgres-15", "major": "15"}]
live:
  description: The one of them that the server had, below the store; null if there is none.
  returned: success
  type: str
  sample: postgres-15
unrestorable:
  description: Why the databases cannot come back by files, null if they can.
  returned: success
  type: str
  sample: its pg_wal is in /var/vcap/data/wal, which is not in it
"""

from ansible_collections.microbosh.director.plugins.module_utils._core._module import run_module
from ansible_collections.microbosh.director.plugins.module_utils._postgres._file_layout import file_layout


def main():
    run_module(
        lambda module: file_layout(module.params["path"], module.params["report"]),
        argument_spec={"path": {"type": "path", "required": True}, "report": {"type": "dict", "default": {}}},
    )


if __name__ == "__main__":
    main()
