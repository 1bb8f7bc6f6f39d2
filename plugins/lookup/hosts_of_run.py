# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks that a run has hosts and tasks, before its first play."""

from __future__ import annotations

DOCUMENTATION = r"""
name: hosts_of_run
seealso:
  - module: microbosh.director.run_failed
author: microbosh.director contributors (@microbosh)
version_added: 1.0.0
extends_documentation_fragment:
  - microbosh.director.guides.backup
  - microbosh.director.guides.notifications
short_description: Hosts of a play, once it is certain that its run does something
description:
  - Returns what it is given, for C(hosts) of the first play of a playbook.
  - Ansible ends with status 0 when nothing was selected. A backup's exit status may not say that, so this ends the
    run with status 2, before anything is done, when the inventory has no director, when C(--limit) leaves none or
    names something unknown, when tags leave nothing to run, when C(--start-at-task) names no task or one in the
    middle of a playbook of this collection, with C(--step), and with Ansible's C(private_role_vars).
  - If a playbook imports ours beside plays of its own, it is enough that one of its plays has hosts and tasks.
  - Has the process tell, when it ends, what the directors of the run will have said of themselves, to those whom the
    settings name.
  - Listings (C(--list-hosts), C(--list-tasks), C(--list-tags), C(--syntax-check)) are never refused.
options:
  _terms:
    description: The hosts to return.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: There are directors
  hosts: "{{ lookup('microbosh.director.hosts_of_run', 'localhost') }}"
  gather_facts: false
"""

RETURN = r"""
_raw:
  description: What was given.
  type: list
  elements: str
  sample: [localhost]
"""

from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display
from ansible_collections.microbosh.director.plugins.plugin_utils._run._preloaded import preload
from ansible_collections.microbosh.director.plugins.plugin_utils._told._end import tell_at_the_end
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._selection import NothingToDo, check

FAILED = 2  # Ansible's status for a run in which something failed


class LookupModule(LookupBase):
    """Fail with the reason, or return the terms."""

    def run(self, terms, variables=None, **options):
        self.set_options(var_options=variables, direct=options)
        try:
            check(variables["groups"], variables.get("ansible_inventory_sources") or [], self._loader)
        except NothingToDo as error:
            # An exception would end the run with status 4, which says that another try may help.
            Display().error(str(error), wrap_text=False)
            raise SystemExit(FAILED) from error
        preload()  # before the first task of the run
        tell_at_the_end()
        return terms
