# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes text of a director harmless for a terminal and a log: what is not printable is shown as an escape."""

from __future__ import annotations

import unicodedata

# Control and format characters (C0, C1, bidi, invisible ones), halves of pairs, private and unknown ones, line
# separators.
HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
KEPT = "\n\t"


def printable(text: str, keep: str = "") -> str:
    """Given any text, return it with every character escaped that is not to be seen, but for those to keep."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(letter if letter in keep or not _is_hidden(letter) else _escape(letter) for letter in text)


def printable_lines(text: str) -> str:
    """Given text of several lines, return it as printable() does, with its lines and tabs."""
    return printable(text.replace("\r\n", "\n"), KEPT)


def _is_hidden(letter):
    return unicodedata.category(letter) in HIDDEN


def _escape(letter):
    number = ord(letter)
    if 0xDC80 <= number <= 0xDCFF:  # a byte that was no UTF-8
        number -= 0xDC00
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
