# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter for what is known of the attributes of a director's files."""

from __future__ import annotations

from ansible_collections.microbosh.director.plugins.plugin_utils._run._attributes_words import attributes_of


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"attributes_of": attributes_of}
