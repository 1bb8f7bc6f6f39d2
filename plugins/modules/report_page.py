#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of an action: plugins/action/report_page.py does the work, on the controller."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: report_page
short_description: Write a page with all that is known of the backups of directors
description:
  - Looks at the backups of one or of all directors as M(microbosh.director.backup_info) does, and writes what it finds
    as one HTML file, whole or not at all. No director is connected to.
  - The page needs neither a server nor a network. It shows all directors with their state; of each its backups, outages
    and sizes as charts, the phases of the last run, the last failure with the end of its log, and the command that
    restores each backup.
  - What a director says is text in it and never markup, and its content security policy lets nothing run or be fetched
    but what is in the file.
seealso:
  - module: microbosh.director.backup_info
author: microbosh.director contributors (@microbosh)
version_added: 1.1.0
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.look
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: none
    details: The page says when it was made.
  platform:
    platforms: posix
options:
  hosts:
    description: Inventory names of the directors. Without it, the host of the task.
    type: list
    elements: str
  path:
    description:
      - File that the page is written to. It is written beside and renamed. A new one is its owner's alone; one that is
        there already keeps its mode and its group.
    type: path
    required: true
  inventory:
    description:
      - What the commands that restore name as the inventory (C(-i)). Without it, what the inventory of this run was
        read from.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: There is a page of all directors
  microbosh.director.report_page:
    hosts: "{{ groups['microbosh'] }}"
    path: /srv/www/backups.html
  run_once: true
"""

RETURN = r"""
path:
  description: The page.
  returned: success
  type: str
  sample: /srv/www/backups.html
bytes:
  description: How large it is.
  returned: success
  type: int
  sample: 5468723
directors:
  description: How many directors it shows.
  returned: success
  type: int
  sample: 30
status:
  description: The worst status of all directors, as Nagios has it. 0 is OK, 1 a warning, 2 critical, 3 not known.
  returned: success
  type: int
  sample: 0
lines:
  description: What was shown.
  returned: success
  type: list
  elements: str
  sample: ["A page of 30 directors, 1 with a problem, is in /srv/www/backups.html (5.2 MiB)"]
"""
