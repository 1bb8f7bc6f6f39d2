# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Widens the modes of copied files for a controller that is not root.

There a file belongs to whoever made the backup, who would be shut out by a mode such as 0000. So
rsync widens modes by what the owner needs, always and from the first copy on: a file that is a hard
link into an earlier backup never has its mode changed. The true modes are in metadata.mtree.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

CHMOD = "u+r,Du+wx"


def kept_mode(kind, mode):
    """Given the type and the mode that an entry has on the director, return the mode that CHMOD gives it."""
    if kind == "link":
        return mode
    return mode | (0o700 if kind == "dir" else 0o400)
