# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a director has of files that a backup does not keep: access control lists and extended attributes.

rsync tells both when it compares the director with a copy that has neither.
"""

from __future__ import annotations

import re

from ansible_collections.microbosh.director.plugins.module_utils._mtree import escape
from ansible_collections.microbosh.director.plugins.module_utils._rsync_log import unescape

OPTIONS = ["--acls", "--xattrs"]
# YXcstpoguax, as --itemize-changes has it: what is new altogether has plus signs there.
_LINE = re.compile(r"^[.<>ch][fdLDS].{7}([.a ])([.x ])\|[^|]*\|[^|]*\|[^|]*\|[^|]*\|(.*)$")
# Attributes that every file has, as under SELinux, say nothing of a single one.
MOST = 1000


def lost_attributes(lines: list[str]) -> dict:
    """Given what rsync printed, return the names with either, below /var/vcap and in the escapes of mtree."""
    found = {"access_lists": [], "extended": []}
    for line in lines:
        match = _LINE.match(line)
        if match:
            name = escape(unescape(match[3].encode("utf-8", "surrogateescape")).rstrip(b"/")).decode()
            found["access_lists"] += [name] if match[1] == "a" else []
            found["extended"] += [name] if match[2] == "x" else []
    found["extended"] = found["extended"][:MOST]
    return found
