# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the rules that keep files which only root reads from the backup key."""

from __future__ import annotations

from ansible_collections.microbosh.director.plugins.plugin_utils._transfer import _rules


def sealing_rules(paths):
    """Given the paths that only root reads, return the rules that come before all others."""
    return _rules.sealing(list(paths))


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"sealing_rules": sealing_rules}
