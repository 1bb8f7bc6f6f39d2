# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter for the programs that pack an archive."""

from __future__ import annotations

from ansible.errors import AnsibleFilterError
from ansible_collections.microbosh.director.plugins.plugin_utils._run import _archive_command


def archive_command(name, recipients, host="director"):
    """Given microbosh_archive and the keys to encrypt it to, return the programs behind tar; refuse what is neither."""
    try:
        return _archive_command.archive_command(str(name), [str(key) for key in recipients], host)
    except _archive_command.ArchiveError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"archive_command": archive_command}
