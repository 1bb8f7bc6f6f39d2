# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter for what a restore says of itself when it is done."""

from __future__ import annotations

from ansible_collections.microbosh.director.plugins.plugin_utils._run._restore_report import restore_report


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"restore_report": restore_report}
