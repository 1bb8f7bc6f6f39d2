# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter for what follows from an online attempt."""

from __future__ import annotations

from ansible_collections.microbosh.director.plugins.plugin_utils._run._online import online_next


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"online_next": online_next}
