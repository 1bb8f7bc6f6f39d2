# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks the paths that a director printed."""

from __future__ import annotations

from ansible.errors import AnsibleFilterError
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._told_paths import is_plain


def director_paths(text, count):
    """Given what a director printed, return the paths in it, one a line; raise AnsibleFilterError for another count."""
    paths = text.split("\n")
    if len(paths) != count or not all(is_plain(path) for path in paths):
        raise AnsibleFilterError(f"The director was asked for {count} paths and answered {text[:500]!r}.")
    return paths


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"director_paths": director_paths}
