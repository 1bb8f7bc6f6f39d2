# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the paths that the reader on the director has to show."""

from __future__ import annotations

from ansible.errors import AnsibleFilterError
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer import _rules


def host_paths(rules, sealed=()):
    """Given microbosh_filter and what only root reads, return what the reader has to show, and what is above."""
    try:
        return _rules.visible([str(rule) for rule in rules], sealed)
    except _rules.RuleError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"host_paths": host_paths}
