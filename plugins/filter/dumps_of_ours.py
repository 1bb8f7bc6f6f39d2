# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks that the dumps which an interrupted restore names are those of a backup of this director."""

from __future__ import annotations

from ansible.errors import AnsibleFilterError
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._told_paths import is_dump_of_ours


def dumps_of_ours(dumps, directory, source):
    """Given what a host says, return it if each dump is one of a backup of this director; raise AnsibleFilterError.

    That is one in the directory of its backups, one that was unpacked there, or one in ``source`` if that is a path, as
    an operator names it.
    """
    for dump in dumps:
        if not is_dump_of_ours(dump, directory, source):
            raise AnsibleFilterError(
                f"The host says that its restore loads {dump.get('path')!r} as {dump.get('database')!r}, which "
                "does not belong to a backup of "
                "this director. Name the backup's directory in microbosh_restore_from if it is elsewhere, or put "
                "back what was there "
                "before with microbosh_restore_unfinished=rollback."
            )
    return dumps


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"dumps_of_ours": dumps_of_ours}
