# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a restore is going to take, for its log and its artifact."""

from __future__ import annotations

from ansible_collections.microbosh.director.plugins.plugin_utils._source._restore_time import run_time, said_of


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"restore_time": restore_time}


def restore_time(run: dict) -> dict:
    """Return what run_time() does, and that in words."""
    time = run_time(run)
    return {**time, "said": said_of(time)}
