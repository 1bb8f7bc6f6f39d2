# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the paths of a backup's rules that may hold files which only root reads."""

from __future__ import annotations

from ansible.errors import AnsibleFilterError
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer import _rules


def identity_paths(rules):
    """Given microbosh_filter, return the single paths that it names, and what else it reaches."""
    try:
        return _rules.identity_paths([str(rule) for rule in rules])
    except _rules.RuleError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"identity_paths": identity_paths}
