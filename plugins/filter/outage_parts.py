# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter for where the seconds of an outage went."""

from __future__ import annotations

from ansible_collections.microbosh.director.plugins.plugin_utils._run._outage import outage_parts


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"outage_parts": outage_parts}
