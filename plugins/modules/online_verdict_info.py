#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of an action: plugins/action/online_verdict_info.py does the work, on the controller."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: online_verdict_info
short_description: Tell whether a director held still while its files were copied
version_added: 1.1.0
description:
  - Compares what M(microbosh.director.pg_dump_bosh) dumped before a copy with what it dumped after it, both with
    O(microbosh.director.pg_dump_bosh#module:content), table by table and sequence by sequence, and their marks, which
    tell of changes that were taken back.
  - Where nothing moved, the files, copied in between, and the second dump are what an outage would have given.
  - Some tables may move without harm, such as audit records, locks and sessions. They are told. Which these are, and
    why, is in C(plugins/plugin_utils/_run/_harmless_tables.py) of this collection.
  - A login of a person to UAA by password writes the time into the row that has the password, so it counts as moved.
  - Whatever is missing is a reason for V(moved), such as a second dump that was not made, or a database that is in only
    one of both.
seealso:
  - module: microbosh.director.pg_dump_bosh
  - module: microbosh.director.director_tasks_info
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.backup
notes:
  - Runs on the controller, whatever the task is delegated to.
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
  before:
    description:
      - What M(microbosh.director.pg_dump_bosh) returned before the copy, once for each server that was dumped.
      - The second dumps of an attempt may be the first ones of the next.
    type: list
    elements: dict
    required: true
  after:
    description: What it returned after the copy, in the same order.
    type: list
    elements: dict
    required: true
  director_database:
    description: Name of the director's own database. If it is not among the dumps, the verdict is V(moved).
    type: str
    default: ""
  tasks_before:
    description:
      - What M(microbosh.director.director_tasks_info) returned before the copy. To know one end is enough, as a task
        that begins or ends in between moves the table of tasks.
    type: dict
    default: {}
  tasks_after:
    description: What it returned after the copy.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: It is known whether the director held still
  microbosh.director.online_verdict_info:
    before: ["{{ dumped_before }}"]
    after: ["{{ dumped_after }}"]
    director_database: bosh
    tasks_before: "{{ tasks_before }}"
    tasks_after: "{{ tasks_after }}"
  register: held
"""

RETURN = r"""
verdict:
  description: V(still), or V(moved) if anything moved or cannot be told.
  returned: success
  type: str
  sample: moved
moved:
  description: What moved, or why it cannot be told. Database and table are empty for what belongs to none.
  returned: success
  type: list
  elements: dict
  contains:
    database:
      description: Name of the database.
      type: str
      sample: credhub
    table:
      description: The table or sequence, as SQL writes it.
      type: str
      sample: public.credential_version
    what:
      description: What became of it.
      type: str
      sample: has 1 row more
  sample:
    - database: credhub
      table: public.credential_version
      what: has 1 row more
harmless:
  description: What moved without harm.
  returned: success
  type: list
  elements: dict
  contains:
    database:
      description: Name of the database.
      type: str
      sample: bosh
    table:
      description: The table or sequence.
      type: str
      sample: public.events
    what:
      description: What became of it.
      type: str
      sample: has 2 rows more
    why:
      description: Why that does no harm.
      type: str
      sample: the record of who did what; nothing reads it but people
  sample: []
lines:
  description: All of that for a person, in a bounded number of lines.
  returned: success
  type: list
  elements: str
  sample: ["Moved while the files were copied: public.credential_version in credhub has 1 row more"]
notes:
  description: What limits the verdict, or supports it.
  returned: success
  type: list
  elements: str
  sample: ["No transaction wrote anything to the server of bosh"]
"""
