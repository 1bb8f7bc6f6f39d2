# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter for the dumps that a host says its interrupted restore loads elsewhere."""

from __future__ import annotations

import os
import re

from ansible.errors import AnsibleFilterError
from ansible_collections.microbosh.director.plugins.plugin_utils._inside import OutsideError, file_status
from ansible_collections.microbosh.director.plugins.plugin_utils._told_paths import is_file_name

ID = re.compile(r"[0-9]{8}T[0-9]{6}Z")


def dumps_of_ours(dumps, directory, source):
    """Given what a host says, return it if each dump is one of a backup of this director; raise AnsibleFilterError.

    That is one in the directory of its backups, one that was unpacked there, or one in ``source`` if that is a path, as
    an operator names it.
    """
    for dump in dumps:
        if not _is_ours(dump, directory, source):
            raise AnsibleFilterError(
                f"The host says that its restore loads {dump.get('path')!r} as {dump.get('database')!r}, which "
                "does not belong to a backup of "
                "this director. Name the backup's directory in microbosh_restore_from if it is elsewhere, or put "
                "back what was there "
                "before with microbosh_restore_unfinished=rollback."
            )
    return dumps


def _is_ours(dump, directory, source):
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
    """Whether nothing on the way is a link; what is not there is somebody else's to tell."""
    if not os.path.lexists(os.path.join(top, inner)):
        return True
    try:
        file_status(os.fsencode(top), os.fsencode(inner))
    except OutsideError:
        return False
    return True


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"dumps_of_ours": dumps_of_ours}
