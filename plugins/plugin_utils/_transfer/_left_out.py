# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names the files that vanished on the director during the copy, and leaves them out of the backup."""

from __future__ import annotations

import os
import re

from ansible_collections.microbosh.director.plugins.module_utils._tree._mtree import readable
from ansible_collections.microbosh.director.plugins.module_utils._tree._rsync_log import unescape

TOP = b"/var/vcap/"
_VANISHED = re.compile(rb'^(?:file|directory) has vanished: "(.*)"(?: \(in [^()]*\))?$', re.MULTILINE)


def vanished_paths(text: str) -> list[bytes]:
    """Given what rsync said, return the paths that vanished, relative to the top of what is copied."""
    paths = [unescape(name) for name in _VANISHED.findall(os.fsencode(text))]
    return [path.removeprefix(TOP).lstrip(b"/") for path in paths]


def in_steady(paths: list[bytes], steady: list[str]) -> list[bytes]:
    """Given paths that vanished and directories in which nothing may, return those that are in one or hold one."""
    kept = [os.fsencode(directory).strip(b"/") + b"/" for directory in steady]
    return [path for path in paths if any((path + b"/").startswith(top) or top.startswith(path + b"/") for top in kept)]


def tops(paths: list[bytes]) -> list[str]:
    """Return paths as a person reads them, without those below another one."""
    found: list[bytes] = []
    for path in sorted(set(paths), key=lambda path: path + b"/"):
        if not found or not path.startswith(found[-1] + b"/"):
            found.append(path)
    return sorted(readable(path) for path in found)
