# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Says where a task runs and with which Python: on the controller right there, whatever the inventory says of it."""

from __future__ import annotations

DOCUMENTATION = r"""
name: place_of_task
extends_documentation_fragment:
  - microbosh.director.guides.setup
seealso:
  - module: microbosh.director.known_settings
author: microbosh.director contributors (@microbosh)
version_added: 1.0.0
short_description: Connection and Python of a task
description:
  - Returns the connection or the Python of a task, for variables of a play that take the place of those of the
    inventory.
  - For a task on the director they are what the inventory or Ansible's configuration says. A task that is delegated to
    the controller runs right there, with Ansible's own Python, also where the inventory says something else of all
    hosts.
  - A task whose action connects to nothing, such as M(ansible.builtin.set_fact), is not given a connection to the
    director, either.
options:
  _terms:
    description: V(connection) or V(python).
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
ansible_connection: "{{ lookup('microbosh.director.place_of_task', 'connection') }}"
"""

RETURN = r"""
_raw:
  description: A connection, or a Python or how to find it.
  type: list
  elements: str
  sample: [local]
"""

from multiprocessing import current_process

from ansible import constants
from ansible.plugins.loader import action_loader
from ansible.plugins.lookup import LookupBase

NAMES = ("inventory_hostname_short", "group_names")


def is_delegated(variables, host):
    """Given a task's variables, or the controller's under the director's name, and the director's own, say which it is.

    Depending on what it asks for, Ansible looks it up among either.
    """
    return "ansible_delegated_vars" in variables or any(variables.get(name) != host.get(name) for name in NAMES)


def connects_to_nothing(process):
    """Given the process of a task, say whether its action does without a connection, as set_fact and run_log do.

    Such a task needs none of ssh's options, each of which is a template. What is not known for sure connects.
    """
    name = getattr(getattr(process, "_task", None), "action", None)
    action = action_loader.get(name, class_only=True) if name else None
    return getattr(action, "_requires_connection", True) is False


class LookupModule(LookupBase):
    """Look at the variables, and at those of the director in the inventory."""

    def run(self, terms, variables=None, **options):
        self.set_options(var_options=variables, direct=options)
        host = variables["hostvars"].raw_get(variables["inventory_hostname"])
        here = is_delegated(variables, host)
        return [getattr(self, f"_{term}")(host, here, variables) for term in terms]

    def _connection(self, host, here, dummy):
        if here or connects_to_nothing(current_process()):
            return "local"
        return self._opened(host.get("ansible_connection")) or "ssh"

    def _python(self, host, here, variables):
        if here:
            return variables["ansible_playbook_python"]
        named = self._opened(host.get("ansible_python_interpreter"))
        return named or constants.config.get_config_value("INTERPRETER_PYTHON")

    def _opened(self, value):
        return None if value is None else str(self._templar.template(value))
