# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds databases on a shared server that an interrupted restore names and no backup of this director has."""

from __future__ import annotations

import os

from ansible_collections.microbosh.director.plugins.module_utils._backup._snapshots import list_ids, read_report
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._told_paths import is_dump_of_ours


def databases_of_others(dumps, directory, source, named):
    """Given what a host says, return the names of databases of which nothing of this controller says that they are its.

    Its own are those that the settings name, and those that a backup of this director was made of there. What is in a
    backup the director says, too; where it was dumped from, the controller has written down itself.
    """
    known = {name for name in named if isinstance(name, str) and name} if isinstance(named, list) else set()
    for backup in _backups(dumps, directory, source):
        known |= _dumped_elsewhere(backup)
    told = [dump.get("database") if isinstance(dump, dict) else dump for dump in dumps]
    return [str(name) for name in told if not (isinstance(name, str) and name in known)]


def _backups(dumps, directory, source):
    """Return the backups of this director, with the one that was unpacked or is named by its path."""
    places = {os.path.join(directory, name) for name in list_ids(directory)}
    ours = [dump["path"] for dump in dumps if isinstance(dump, dict) and is_dump_of_ours(dump, directory, source)]
    return places | {os.path.dirname(os.path.dirname(path)) for path in ours}


def _dumped_elsewhere(backup):
    """Return the databases that a backup has of another server; none if it does not say."""
    try:
        elsewhere = read_report(backup).get("elsewhere")
    except DirectorError:
        return set()
    names = elsewhere.get("databases") if isinstance(elsewhere, dict) else None
    return {name for name in names if isinstance(name, str)} if isinstance(names, list) else set()


class FilterModule:
    """The filters of this file, by name."""

    def filters(self):
        return {"databases_of_others": databases_of_others}
