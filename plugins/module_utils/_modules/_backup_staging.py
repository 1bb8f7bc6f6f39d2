# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module backup_staging does."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

from ansible_collections.microbosh.director.plugins.module_utils._core._arguments import STAGING
from ansible_collections.microbosh.director.plugins.module_utils._core._host import passwd_entry
from ansible_collections.microbosh.director.plugins.module_utils._core._module import run_module
from ansible_collections.microbosh.director.plugins.module_utils._tree._staging_directory import make, remove


def perform(module):
    """Do what the options say and return the result."""
    given = module.params
    if given["state"] == "absent":
        changed = remove(given["path"], module.check_mode)
    else:
        changed = make(given["path"], passwd_entry(given["user"]).pw_uid, module.check_mode)
    return {"changed": changed, "directory": given["path"]}  # of a path Ansible would tell more


def main():
    run_module(
        perform,
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "user": {"type": "str", "required": True},
            "path": STAGING["staging"],
        },
        trouble="The staging directory %(path)s cannot be made or removed: %(error)s",
    )
