#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of an action: plugins/action/run_ended.py does the work, on the controller."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: run_ended
short_description: Say how a run ended, to the job and to whoever asks later
description:
  - Hands artifacts to the job as M(ansible.builtin.set_stats) does, and writes the record of the run beside its log, in
    C(logs/) of the director's backups. The record takes the place of the one that
    M(microbosh.director.known_settings) wrote when the run began, whole or not at all.
  - A record that cannot be written fails no run; it is told. The newest 400 are kept.
  - If C(microbosh_metrics_dir) is set, it writes the metrics of the director there, after the record.
  - In check mode there is no record, and none of what only looks, as the playbook health.
seealso:
  - module: microbosh.director.known_settings
  - plugin: microbosh.director.run_artifact
    plugin_type: filter
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
  platform:
    platforms: posix
options:
  data:
    description: Artifacts by the name that they have in the job, each a mapping from an inventory name to the artifact.
    type: dict
    required: true
  lease_fired:
    description:
      - What the run was told of a lease that had started the director after an earlier run, as
        RV(microbosh.director.director_lease#module:previous_fired). Without it, none had.
    type: dict
  restore_open:
    description: Whether a restore of the director is open now. Without it, the run does not know.
    type: bool
"""

EXAMPLES = r"""
- name: How the run ended is an artifact of the job
  microbosh.director.run_ended:
    data: "{{ {'microbosh_checkup': {inventory_hostname: run_itself | microbosh.director.run_artifact('checkup')}} }}"
    restore_open: false
"""

RETURN = r"""
records:
  description: Paths of the records that were written.
  returned: always
  type: list
  elements: str
  sample: [/backups/director1/logs/20261122T221326Z.backup.json]
"""
