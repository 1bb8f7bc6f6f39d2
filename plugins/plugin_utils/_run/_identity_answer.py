# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks a director's answer with the files that only root reads. The director may be hostile."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

LARGEST = 1 << 20
NUMBERS = ("uid", "gid", "mode", "mtime", "size")


class AnswerError(ValueError):
    """An answer that is not what the module documents."""


def checked(answer: dict, named: list[str]) -> list[dict]:
    """Given the module's answer and the paths that were asked for, return the files, or raise AnswerError."""
    files = answer.get("files")
    if not isinstance(files, list) or not re.fullmatch(r"[0-9a-f]{64}", str(answer.get("digest"))):
        raise AnswerError("The director did not answer with the files that only root reads.")
    found = [_checked(entry, named) for entry in files]
    if len({entry["path"] for entry in found}) != len(found):
        raise AnswerError("The director answered with a file that only root reads twice.")
    return found


def _is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _checked(entry, named):
    if not isinstance(entry, dict) or entry.get("path") not in named:
        raise AnswerError("The director answered with a file that nobody asked for.")
    numbers = {name: entry.get(name) for name in NUMBERS}
    if not all(_is_count(value) for value in numbers.values()) or numbers["mode"] > 0o7777:
        raise AnswerError(f"The director's answer on {entry['path']} has no owner, mode and time.")
    try:
        content = base64.b64decode("".join(entry["content"]), validate=True)
    except (binascii.Error, KeyError, TypeError, ValueError) as error:
        raise AnswerError(f"The director's answer on {entry['path']} has no content.") from error
    if len(content) > LARGEST or hashlib.sha256(content).hexdigest() != entry.get("sha256"):
        raise AnswerError(f"What the director sent of {entry['path']} is too much, or not whole.")
    return {**numbers, "path": entry["path"], "sha256": entry["sha256"], "content": entry["content"]}
