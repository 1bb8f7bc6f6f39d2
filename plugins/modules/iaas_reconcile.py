#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: iaas_reconcile
short_description: Compare the ids in a director's database with those its operator knows
version_added: 1.0.0
description:
  - Reads the ids of virtual machines, agents, disks, snapshots and stemcells, and the director's UUID, in a dump of the
    database C(bosh). Reports every one that disagrees with a C(bosh-deployments.yml) or with a C(state.json) of
    C(bosh create-env).
  - RV(rewrite) is the map that would settle it, in the form that O(microbosh.director.pg_restore_bosh#module:rewrite)
    takes. It holds an id only if there is one answer. A stemcell is known by its name and version. Any other id
    is, if it is the only one of its kind that is in the database alone, and one of that kind is in the file alone.
  - Kinds that the file does not name are not compared.
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
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
  known:
    description:
      - Path of a C(bosh-deployments.yml) or of a C(state.json). Which of the two it is, is seen from its content.
      - A C(uuid) in bosh-deployments.yml that begins with C(bm-) is the agent's id, any other the director's UUID.
    type: path
    required: true
seealso:
  - module: microbosh.director.pg_restore_bosh
"""

EXAMPLES = r"""
- name: What the database and the operator's file disagree on is known
  microbosh.director.iaas_reconcile:
    dump: /backups/director1/latest/dbs/bosh.sql
    known: ~/deployments/bosh-deployments.yml
  delegate_to: localhost
  register: reconciled

- name: Show it
  ansible.builtin.debug:
    msg: "{{ reconciled.lines }}"
"""

RETURN = r"""
agree:
  description: Whether every id in the file is in the database, and no live id of these kinds is in the database alone.
  returned: success
  type: bool
  sample: false
differing:
  description: Ids of the database that the file does not have.
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
      description: Id in the file that it should be, or null if there is not one answer.
      type: str
      sample: i-4e5f6a7b
absent:
  description: Ids of the file that the database does not have.
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
  description: Those of RV(differing) that are live, and for which there is not one answer.
  returned: success
  type: list
  elements: dict
  sample: []
unnamed:
  description: Kinds that the file does not name, so that they were not compared.
  returned: success
  type: list
  elements: str
  sample: [snapshot_cid]
lines:
  description: All of it as sentences for a person.
  returned: success
  type: list
  elements: str
  sample: ["vm_cid i-0a1b2c3d (vms.cid) is i-4e5f6a7b in the file"]
"""

import traceback

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.common.yaml import yaml_load
from ansible_collections.microbosh.director.plugins.module_utils._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._reconcile import (
    ReconcileError,
    ids_in,
    named_in,
    reconcile,
    report_lines,
)

try:
    from yaml import YAMLError
except ImportError:
    YAMLError = ValueError
    YAML_MISSING = traceback.format_exc()
else:
    YAML_MISSING = None


def load_known(path):
    """Return what an operator's file names. JSON is YAML, too."""
    try:
        with open(path, "rb") as source:
            return named_in(yaml_load(source.read()))
    except EnvironmentError as error:
        raise ReconcileError("The file %s cannot be read: %s." % (path, error.strerror))
    except YAMLError as error:
        raise ReconcileError("The file %s is neither YAML nor JSON: %s" % (path, error))
    except ReconcileError as error:
        raise ReconcileError("The file %s is not one to compare with: %s" % (path, error))


def perform(params):
    """Given the module's parameters, compare the two."""
    result = reconcile(ids_in(params["dump"]), load_known(params["known"]))
    return dict(result, lines=report_lines(result))


def main():
    module = AnsibleModule(
        argument_spec={
            "dump": {"type": "path", "required": True},
            "known": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    if YAML_MISSING:
        module.fail_json(msg=missing_required_lib("PyYAML"), exception=YAML_MISSING)
    try:
        result = perform(module.params)
    except DirectorError as error:
        module.fail_json(msg=str(error), **error.facts)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
