# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Derives the rules that the director enforces from the rsync rules of a backup."""

from __future__ import annotations

from ansible.errors import AnsibleFilterError
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer import _rules


def host_rules(rules):
    """Given microbosh_filter, return the rules that the host enforces on its side."""
    try:
        return _rules.guard([str(rule) for rule in rules])
    except _rules.RuleError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"host_rules": host_rules}
