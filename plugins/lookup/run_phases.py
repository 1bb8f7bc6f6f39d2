# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The phases that a run has ended."""

from __future__ import annotations

DOCUMENTATION = r"""
name: run_phases
author: microbosh.director contributors (@microbosh)
version_added: 1.0.0
extends_documentation_fragment:
  - microbosh.director.guides.backup
seealso:
  - module: microbosh.director.run_log
short_description: The phases of this run on a host
description:
  - Returns the phases that M(microbosh.director.run_log) noted for a host since the run began, for its report.
options:
  _terms:
    description: The inventory name of the host, and when the run began (Unix time).
    required: true
"""

EXAMPLES = r"""
- name: Show how long each phase took
  ansible.builtin.debug:
    msg: "{{ lookup('microbosh.director.run_phases', inventory_hostname, run_began) }}"
"""

RETURN = r"""
_raw:
  description: Name, start (ISO 8601, UTC), seconds and end (Unix time) of each phase.
  type: list
  elements: dict
  sample: [{"phase": "preflight", "start": "2026-11-22T22:13:26.120+00:00", "seconds": 2.1, "ended": 1795385608.2}]
"""

from ansible.plugins.lookup import LookupBase
from ansible_collections.microbosh.director.plugins.plugin_utils._run._phases import phases_of


class LookupModule(LookupBase):
    """Return the phases, as one list whatever their number."""

    def run(self, terms, variables=None, **options):
        self.set_options(var_options=variables, direct=options)
        host, began = terms
        return [phases_of(str(host), float(began))]
