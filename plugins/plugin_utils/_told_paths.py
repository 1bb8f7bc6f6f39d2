# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a director told of paths and names, before it becomes part of a path or of a rule on this controller."""

from __future__ import annotations

import posixpath
import re

LONGEST_PATH = 4096
LONGEST_NAME = 255
# An end of line would begin another rule, a backslash is an escape of the gate, and the rest are rsync's wildcards.
UNUSABLE = re.compile(r"[\x00-\x1f\x7f\\*?\[\]]")


def is_plain(path: object) -> bool:
    """Return whether something is an absolute path, written in the only way there is, that a rule can name."""
    return (
        isinstance(path, str)
        and 0 < len(path) <= LONGEST_PATH
        and path.startswith("/")
        and not path.startswith("//")
        and posixpath.normpath(path) == path
        and not UNUSABLE.search(path)
    )


def is_file_name(name: object) -> bool:
    """Return whether something may be the name of a file in a directory of ours, with an ending of ours behind it."""
    return (
        isinstance(name, str)
        and 0 < len(name.encode("utf-8", "surrogatepass")) <= LONGEST_NAME - len(".properties.unfinished")
        and not name.startswith((".", "-"))
        and "/" not in name
        and "\\" not in name
        and name.isprintable()
    )
