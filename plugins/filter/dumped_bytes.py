# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adds up the size of the dumps."""

from __future__ import annotations


def dumped_bytes(dumped):
    """Given what pg_dump_bosh returned, return how many bytes it says that it wrote, in all of its files."""
    dumps = dumped.get("dumps") or []
    files = [*dumps, *(dump.get("properties") for dump in dumps), dumped.get("globals")]
    return sum(max(int(file.get("size") or 0), 0) for file in files if file)


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"dumped_bytes": dumped_bytes}
