#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: dump_info
short_description: Read dumps as a restore would
version_added: 1.0.0
description:
  - Reads the copies of dumps that M(microbosh.director.pg_dump_bosh) wrote, in the very way in which
    M(microbosh.director.pg_restore_bosh) would load them. It asks no server, and changes nothing.
  - Fails if one of them is not what was written, is not whole, or holds what a restore would refuse.
seealso:
  - module: microbosh.director.pg_dump_bosh
  - module: microbosh.director.pg_restore_bosh
  - module: microbosh.director.pg_rehearse
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.databases
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
  platform:
    support: full
    platforms: posix
options:
  path:
    description: Directory with the copies.
    type: path
    required: true
  dumps:
    description: The dumps, as RV(microbosh.director.pg_dump_bosh#module:dumps) has them.
    type: list
    elements: dict
    required: true
  globals:
    description: The dump of the roles, as RV(microbosh.director.pg_dump_bosh#module:globals) has it.
    type: dict
"""

EXAMPLES = r"""
- name: A restore would load what was dumped
  microbosh.director.dump_info:
    path: /backups/director1/20261122T221326Z.partial/dbs
    dumps: "{{ dumped.dumps }}"
    globals: "{{ dumped.globals }}"
  delegate_to: localhost
"""

RETURN = r"""
dumps:
  description: What is in the dumps.
  returned: always
  type: list
  elements: dict
  contains:
    database:
      description: Name of the database.
      type: str
      sample: bosh
    sha256:
      description: SHA-256 of the dump.
      type: str
      sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    tables:
      description: Number of tables whose rows are in it.
      type: int
      sample: 60
    rows:
      description: Number of rows in all of them.
      type: int
      sample: 1520
    large_objects:
      description: Number of large objects.
      type: int
      sample: 0
    roles:
      description: Roles that own something in it, or have a right.
      type: list
      elements: str
      sample: [postgres, vcap]
problems:
  description: What is wrong, as sentences. It fails unless this is empty.
  returned: always
  type: list
  elements: str
  sample: []
lost_roles:
  description:
    - Roles that a dump needs and O(globals) does not make, with the databases.
    - A restore leaves out what names them, or is refused.
  returned: always
  type: dict
  sample: {}
superuser_for:
  description:
    - The databases whose dumps a restore loads only as a superuser, which has to be allowed for that run, and why.
    - Without O(globals) nobody knows who is one, and it is empty.
  returned: always
  type: dict
  sample: {"audit": "needs a superuser: CREATE EXTENSION postgres_fdw"}
told:
  description: What a restore of them leaves out, or has to be allowed, as sentences.
  returned: always
  type: list
  elements: str
  sample: []
seconds:
  description: Seconds that it took.
  returned: always
  type: float
  sample: 0.83
"""

from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._module import run_module
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump_reading import read_dumps


def perform(module):
    """Return what the dumps are, or raise what is wrong with them."""
    given = module.params
    result = read_dumps(given["path"], given["dumps"], given["globals"])
    if result["problems"]:
        raise DirectorError(" ".join(result["problems"]), **result)
    return result


def main():
    run_module(
        perform,
        argument_spec={
            "path": {"type": "path", "required": True},
            "dumps": {"type": "list", "elements": "dict", "required": True},
            "globals": {"type": "dict"},
        },
        trouble="The dumps in %(path)s cannot be read: %(error)s",
    )


if __name__ == "__main__":
    main()
