# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text and bytes, as programs and files have them, in every Python."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type


def native(raw, codec=None):
    """Return bytes as the kind of string that messages and keys are made of."""
    if codec:
        raw = raw.decode(codec, "replace").encode("utf-8")
    return raw if str is bytes else raw.decode("utf-8", "replace")


def encoded(text):
    """Return text as bytes; what Python 3.6 makes of it in the C locale cannot be relied on."""
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
