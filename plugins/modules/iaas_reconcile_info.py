#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: iaas_reconcile_info
short_description: Tell which ids in a director's database became others since the backup
version_added: 1.0.0
description:
  - Reads the ids of virtual machines, agents, disks, snapshots, stemcells and subnets, and the director's UUID, in a
    dump of the director's database, and compares a C(bosh-deployments.yml), or a C(state.json) of C(bosh create-env),
    as it was at the backup with that of today.
  - Both files name the director's own virtual machine, disk and stemcell, which its database does not know. So what is
    only in a file never stands for what is only in the database, and is never proposed for it.
  - RV(rewrite) is the map from old to new ids, in the form that O(microbosh.director.pg_restore_bosh#module:rewrite)
    takes. It holds an id only if the file of the backup and the database name it, and if today's file tells what became
    of the same thing. A stemcell is the same one only with the same name and version.
seealso:
  - module: microbosh.director.pg_restore_bosh
  - module: microbosh.director.extra_files_info
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.recovery
  - microbosh.director.attributes.controller
attributes:
  check_mode:
    support: full
    details: Never changes anything.
  diff_mode:
    support: none
  idempotent:
    support: full
  platform:
    platforms: posix
options:
  dump:
    description: Path of the dump of the database C(bosh).
    type: path
    required: true
  before:
    description:
      - Path of the C(bosh-deployments.yml) or C(state.json) as it was at the backup. Backups keep what
        C(microbosh_extra_files) names in C(extra/).
      - Without it, RV(rewrite) is empty.
    type: path
  known:
    description:
      - Path of today's C(bosh-deployments.yml) or C(state.json). Which of the two it is, is seen from its content.
      - A C(uuid) in bosh-deployments.yml that begins with C(bm-) is the agent's id, any other the director's UUID.
      - Tags of Ruby (C(!binary), C(!ruby/object), C(!ruby/sym), ...) are read as data, and ids as the text that they
        are.
    type: path
    required: true
"""

EXAMPLES = r"""
- name: What became of the ids since the backup is known
  microbosh.director.iaas_reconcile_info:
    dump: /backups/director1/latest/dbs/bosh.sql
    before: /backups/director1/latest/extra/bosh-deployments.yml
    known: ~/deployments/bosh-deployments.yml
  delegate_to: localhost
  register: reconciled

- name: Show it
  ansible.builtin.debug:
    msg: "{{ reconciled.lines }}"
"""

RETURN = r"""
agree:
  description: Whether no id of the database became another one. Null without O(before).
  returned: success
  type: bool
  sample: false
differing:
  description: Ids that the database and the file of the backup name, and that today's file has no more.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: Kind of the id.
      type: str
      sample: vm_cid
    id:
      description: The id.
      type: str
      sample: i-0a1b2c3d
    columns:
      description: Columns that hold it.
      type: list
      elements: str
      sample: [vms.cid]
    live:
      description: Whether it names something that should exist now. Orphans and earlier ids do not.
      type: bool
      sample: true
    becomes:
      description: Id that the same thing has in today's file, or null if nothing tells.
      type: str
      sample: i-4e5f6a7b
    reason:
      description: Why nothing tells, or null.
      type: str
      sample: today's file has no stemcell bosh-aws 1.404
absent:
  description: Ids of today's file that the database does not name, mostly the director's own.
  returned: success
  type: list
  elements: dict
  sample: [{"kind": "vm_cid", "id": "i-4e5f6a7b"}]
rewrite:
  description: New ids by old ones by kind.
  returned: success
  type: dict
  sample: {"vm_cid": {"i-0a1b2c3d": "i-4e5f6a7b"}}
unsettled:
  description: Those of RV(differing) that are live, and of which nothing tells what they became.
  returned: success
  type: list
  elements: dict
  sample: []
lines:
  description: All of it as sentences for a person.
  returned: success
  type: list
  elements: str
  sample: ["vm_cid i-0a1b2c3d (vms.cid) is i-4e5f6a7b today"]
"""

from ansible.module_utils.basic import missing_required_lib
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._module import run_module
from ansible_collections.microbosh.director.plugins.module_utils._core._ruby_yaml import (
    HAS_YAML,
    RubyError,
    read_document,
)
from ansible_collections.microbosh.director.plugins.module_utils._restore._reconcile import (
    ReconcileError,
    ids_in,
    known_in,
    reconcile,
    report_lines,
)


def load_known(path):
    """Return what an operator's file names. JSON is YAML, too."""
    try:
        with open(path, "rb") as source:
            return known_in(read_document(source.read()))
    except EnvironmentError as error:
        raise ReconcileError("The file %s cannot be read: %s." % (path, error.strerror))
    except (ReconcileError, RubyError) as error:
        raise ReconcileError("The file %s is not one to compare with: %s" % (path, error))


def perform(params):
    """Given the module's parameters, compare dump and files."""
    if not HAS_YAML:
        raise DirectorError(missing_required_lib("PyYAML"))
    before = load_known(params["before"]) if params["before"] else None
    result = reconcile(ids_in(params["dump"]), before, load_known(params["known"]))
    return dict(result, lines=report_lines(result))


def main():
    run_module(
        lambda module: perform(module.params),
        argument_spec={
            "dump": {"type": "path", "required": True},
            "before": {"type": "path"},
            "known": {"type": "path", "required": True},
        },
    )


if __name__ == "__main__":
    main()
