# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter for settings of a backup that do not go together."""

from __future__ import annotations

from ansible_collections.microbosh.director.plugins.plugin_utils._run._backup_settings import settings_refusal


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"settings_refusal": settings_refusal}
