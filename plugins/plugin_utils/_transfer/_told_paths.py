# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks paths and names that a director told, before they become part of a path or a rule on this controller."""

from __future__ import annotations

import os
import posixpath
import re

from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._inside import OutsideError, file_status

ID = re.compile(r"[0-9]{8}T[0-9]{6}Z")
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


def is_dump_of_ours(dump: dict, directory: str, source: str) -> bool:
    """Return whether a dump, as a host tells of it, is one of a backup of this director; it need not be there.

    That is one in the directory of its backups, one that was unpacked there, or one in ``source`` if that is a path.
    """
    path, database = str(dump.get("path")), dump.get("database")
    if not is_file_name(database) or os.path.normpath(path) != path or not path.endswith(f"/dbs/{database}.sql"):
        return False
    for top in (directory, source) if source.startswith("/") else (directory,):
        inner = path.removeprefix(top.rstrip("/") + "/")
        if inner != path and (top == source or _is_place_of_backups(inner)):
            return _is_plain_file(top, inner)
    return False


def _is_place_of_backups(inner):
    first = inner.split("/", 1)[0]
    return first == "restore" or ID.fullmatch(first) is not None


def _is_plain_file(top, inner):
    """Return whether no part of a path is a link; a path that does not exist passes."""
    if not os.path.lexists(os.path.join(top, inner)):
        return True
    try:
        file_status(os.fsencode(top), os.fsencode(inner))
    except OutsideError:
        return False
    return True
