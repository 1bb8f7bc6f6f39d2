#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of an action: plugins/action/schedule_info.py does the work, on the controller."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: schedule_info
short_description: Find out what has to be scheduled on this controller, and how
version_added: 1.1.0
description:
  - Looks at the settings of the schedule, which have to be the same for all directors, at how this run was started, at
    the account of the runs, and at what an earlier run has scheduled. Has C(systemd-analyze) look at each calendar.
  - What cannot be is refused, before anything is touched.
  - Changes nothing. The role C(microbosh.director.schedule) does what it says.
seealso:
  - module: microbosh.director.known_settings
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.schedule
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
  directors:
    description:
      - What each director has in its settings, by inventory name. C(schedule), C(state), C(scheduler), C(user) and
        C(prefix) of the schedule, and C(directory), C(private_key), C(sign_key) and C(rehearse_dir), which runs need.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: It is known what has to be scheduled
  microbosh.director.schedule_info:
    directors:
      director1:
        schedule: [{name: backup, playbook: backup, calendar: "*-*-* 02:17:00"}]
        state: present
        scheduler: auto
        user: ""
        prefix: microbosh
        directory: /backups/director1
        private_key: ~/.ssh/microbosh_backup
        sign_key: ""
        rehearse_dir: /var/tmp
"""

RETURN = r"""
plan:
  description:
    - What has to be there. C(scheduler) is V(systemd) or V(cron); C(account) whose runs they are; C(jobs) have what
      their units or lines say; C(stale) are files of an earlier run that are not wanted any more; C(trial) and
      C(listing) are commands that show whether the account can do what a run does.
  returned: success
  type: dict
  sample: {"scheduler": "systemd", "jobs": [{"name": "backup", "unit": "microbosh-backup.timer"}], "stale": []}
"""
