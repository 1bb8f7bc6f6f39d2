# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter for the report of a backup."""

from __future__ import annotations

from ansible_collections.microbosh.director.plugins.plugin_utils._run import _report
from ansible_collections.microbosh.director.plugins.plugin_utils._run._version import collection_version


def backup_report(made):
    """Given what the tasks of a run returned, return the report of its backup."""
    return _report.backup_report({**made, "collection": collection_version()})


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"backup_report": backup_report}
