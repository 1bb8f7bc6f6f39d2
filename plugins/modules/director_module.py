#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: director_module
short_description: Be any of the modules that work on a director
version_added: 1.1.0
description:
  - This is what Ansible sends to a director in the place of each module of this collection that works there. Ansible
    packs a module with all that it imports when it is first run, which takes longer than many of them work. So they are
    packed once in a run, together.
  - It is no task of a playbook, and refuses to be one. The name of the task is that of the module it stands for.
options: {}
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.architecture
attributes:
  check_mode:
    support: full
    details: Refuses in any mode.
  diff_mode:
    support: none
    details: Refuses in any mode.
  idempotent:
    support: full
  platform:
    platforms: posix
seealso:
  - module: microbosh.director.on_director
author:
  - microbosh.director contributors (@microbosh)
"""

EXAMPLES = r"""
- name: The services are known, by the module that is named and sent as part of this one
  microbosh.director.monit_summary:
  register: monit
"""

RETURN = r"""
msg:
  description: That it is none by itself.
  returned: failure
  type: str
  sample: director_module is none by itself. Name the module that is to work on the director.
"""

import importlib

from ansible.module_utils import basic
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._module import run_module

PACKAGE = "ansible_collections.microbosh.director.plugins.module_utils._modules"


def sent():
    """Name all of them: Ansible sends what it sees imported. Each is imported where it runs, and no other."""
    from ansible_collections.microbosh.director.plugins.module_utils._modules import (
        _backup_account,
        _backup_staging,
        _bosh_agent,
        _bosh_agent_info,
        _director_info,
        _director_lease,
        _director_lease_info,
        _director_tasks_info,
        _identity_copy,
        _monit_all,
        _monit_summary,
        _pg_check_info,
        _pg_dump_bosh,
        _pg_dump_info,
        _pg_restore_bosh,
        _pg_restore_info,
        _postgres_info,
        _postgres_server,
        _restore_compare_info,
        _restore_tree,
        _restore_tree_info,
        _rsync_holes_info,
    )

    return sorted(name for name in locals() if name.startswith("_"))


def refuse(dummy):
    raise DirectorError("director_module is none by itself. Name the module that is to work on the director.")


def main():
    task = (basic._load_params() or {}).get("_ansible_module_name") or ""
    name = task.rpartition(".")[2]
    if name in ("", "director_module"):
        run_module(refuse, argument_spec={})
    importlib.import_module("%s._%s" % (PACKAGE, name)).main()


if __name__ == "__main__":
    main()
