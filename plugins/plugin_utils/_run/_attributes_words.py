# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a backup keeps of access control lists and extended attributes, and what it does not."""

from __future__ import annotations

UNKNOWN = {"known": False, "access_lists": [], "extended": [], "kept": [], "lost": []}
SHOWN = 5


def attributes_of(look: dict) -> dict:
    """Given what the look at them returned, return what is known of the attributes."""
    return {"known": True, **look["attributes"]} if "attributes" in look else dict(UNKNOWN)


def attributes_said(attributes: dict) -> list[str]:
    """Given that, return the lines that are told: what is kept beside the copy, and what is not kept."""
    if not attributes["known"]:
        return [
            "Whether files have access control lists or extended attributes cannot be told, rsync on one side does not "
            "know them"
        ]
    lost = attributes["lost"]
    kept = [name for name in dict.fromkeys(attributes["kept"]) if name not in set(lost)]
    lists = [name for name in dict.fromkeys(attributes["access_lists"]) if name in set(lost)]
    extended = [name for name in dict.fromkeys(attributes["extended"]) if name in set(lost) - set(lists)]
    said = []
    if kept:
        said.append(
            f"{len(kept)} names have access control lists or extended attributes, which are kept: {_some(kept)}"
        )
    if lists:
        said.append(
            f"{len(lists)} names have access control lists, which this backup does not keep whole: {_some(lists)}. "
            "A restore gives a group no right there, rather than one too many"
        )
    if extended:
        said.append(
            f"{len(extended)} names have extended attributes, which this backup does not keep whole: {_some(extended)}"
        )
    return said


def _some(names):
    """Return the first of these names."""
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")
