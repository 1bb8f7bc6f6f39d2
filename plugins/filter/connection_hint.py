# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter for what a person can mend when a connection fails."""

from __future__ import annotations

from ansible_collections.microbosh.director.plugins.plugin_utils._run._connection_hint import (
    BRACKETS,
    connection_hint,
)


def hint(text, address=""):
    """Given what was said and the address that was tried, return how it is mended, "" if it may be the network."""
    return BRACKETS if str(address).startswith("[") else connection_hint(text)


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"connection_hint": hint}
