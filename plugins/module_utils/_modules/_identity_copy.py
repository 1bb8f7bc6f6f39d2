# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module identity_copy does."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

from ansible_collections.microbosh.director.plugins.module_utils._backup._identity import collect, keep_digest
from ansible_collections.microbosh.director.plugins.module_utils._core._module import run_module


def perform(module):
    """Keep the digest, or return the files, which the action plugin takes out of the result."""
    given = module.params
    if given["digest"]:
        kept = keep_digest(given["digest_file"], given["digest"], module.check_mode)
        return {"changed": kept, "files": [], "digest": given["digest"]}
    return collect(given["root"], given["named"], given["reached"])


def main():
    run_module(
        perform,
        argument_spec={
            "directory": {"type": "path", "required": True},
            "host": {"type": "str", "required": True},
            "named": {"type": "list", "elements": "str", "required": True},
            "reached": {"type": "list", "elements": "str", "default": []},
            "digest_file": {"type": "path", "default": ""},
            "digest": {"type": "str", "default": ""},
            "root": {"type": "path", "default": "/var/vcap"},
        },
        trouble="What only root reads cannot be read: %(error)s",
    )
