#!/usr/bin/python
# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: extra_files_info
short_description: Tell whether an operator's files hold the secrets of a director
version_added: 1.0.0
description:
  - C(bosh create-env) writes into its vars store (C(creds.yml)) what no database has. The encryption password of
    credhub, the CA of NATS and the keys of UAA are in there. A director that is made anew without them is of little
    use.
  - Looks only at the names in the files, and never returns or prints a value.
seealso:
  - module: microbosh.director.iaas_reconcile_info
  - module: microbosh.director.identity_copy
author: microbosh.director contributors (@microbosh)
extends_documentation_fragment:
  - microbosh.director.attributes
  - microbosh.director.guides.backup
  - microbosh.director.attributes.controller
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
  paths:
    description: Paths of the files, as in C(microbosh_extra_files). A directory stands for the files in it.
    type: list
    elements: path
    default: []
  services:
    description: Names of the director's services, which tell what it needs.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: The operator's files are looked at
  microbosh.director.extra_files_info:
    paths: [~/deployments/creds.yml, ~/deployments/state.json]
    services: [nats, postgres, director, credhub, uaa]
  delegate_to: localhost
  register: looked_at
"""

RETURN = r"""
files:
  description:
    - What each file is. V(vars store), V(document) for other YAML or JSON, V(encrypted) for what cannot be looked into,
      or V(other).
  returned: success
  type: list
  elements: dict
  sample:
    - path: /home/ops/deployments/creds.yml
      form: vars store
      secrets: ["credhub's encryption password", "the CA of NATS", "UAA's keys"]
missing:
  description: Names of the secrets that these services need and that no file holds.
  returned: success
  type: list
  elements: str
  sample: []
warnings_for_backup:
  description: Lines that tell what a director made anew would be without, none if nothing is missing.
  returned: success
  type: list
  elements: str
  sample: []
advice_for_restore:
  description: Lines that tell what the deployment of the director must have had for the backup to be of use.
  returned: success
  type: list
  elements: str
  sample: []
"""

import os

from ansible.module_utils.basic import missing_required_lib
from ansible_collections.microbosh.director.plugins.module_utils._backup._vars_store import (
    advice,
    examine_file,
    missing_secrets,
    warnings,
)
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._module import run_module
from ansible_collections.microbosh.director.plugins.module_utils._core._ruby_yaml import HAS_YAML


def files_of(paths):
    """Return the paths of the files, those in directories too."""
    found = []
    for path in paths:
        if os.path.isdir(path):
            inside = [os.path.join(path, name) for name in sorted(os.listdir(path))]
            found += [name for name in inside if os.path.isfile(name)]
        else:
            found.append(path)
    return found


def perform(params):
    """Given the module's parameters, return what it returns."""
    if not HAS_YAML:
        raise DirectorError(missing_required_lib("PyYAML"))
    paths, services = files_of(params["paths"]), params["services"]
    found = [examine_file(path) for path in paths]
    return {
        "files": [{"path": path, "form": item.form, "secrets": item.secrets} for path, item in zip(paths, found)],
        "missing": [secret.name for secret in missing_secrets(found, services)],
        "warnings_for_backup": warnings(found, services),
        "advice_for_restore": advice(found, services),
    }


def main():
    run_module(
        lambda module: perform(module.params),
        argument_spec={
            "paths": {"type": "list", "elements": "path", "default": []},
            "services": {"type": "list", "elements": "str", "default": []},
        },
    )


if __name__ == "__main__":
    main()
