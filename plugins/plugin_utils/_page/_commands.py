# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exact command that brings a backup back, to copy into a shell."""

from __future__ import annotations

import json
import re
import shlex

from ansible_collections.microbosh.director.plugins.plugin_utils._offsite._bringing import PREFIX

PLAYBOOK = "microbosh.director.restore"
ID = re.compile(r"\d{8}T\d{6}Z", re.ASCII)
# What ansible-playbook takes as it stands behind -e name=; anything else goes as JSON.
PLAIN = re.compile(r"[\w./:+-]+", re.ASCII)
# Ansible would work out what is given with -e, and anybody who writes to the disk of the backups can name a file so.
TEMPLATE = re.compile(r"\{[{%#]")
# What a restore would refuse, whatever is added to its command.
REFUSED = frozenset({"damaged", "unreadable"})


def restore_command(host: str, inventories: list[str]) -> str:
    """Return the command line that restores a host, with what the inventory was read from; options for what follow."""
    words = ["ansible-playbook"]
    for inventory in inventories:
        words += ["-i", inventory]
    words += [PLAYBOOK, f"--limit={host}", *_extra("microbosh_restore_confirm", host)]
    return shlex.join(words)


def restore_options(backup: dict) -> dict:
    """Given a backup as backup_info tells it, return what stands behind the command of its director, by where it is.

    ``restore`` is there unless a restore would refuse the backup, ``restore_archive`` if it has an archive.
    """
    if backup.get("verdict") in REFUSED or not ID.fullmatch(str(backup.get("id"))):
        return {}
    places = {"restore": backup["id"], "restore_archive": str((backup.get("archive") or {}).get("path") or "")}
    return {
        name: shlex.join(_extra("microbosh_restore_from", place))
        for name, place in places.items()
        if place and not TEMPLATE.search(place)
    }


def copy_option() -> str:
    """Return what stands behind the command to restore a copy elsewhere, up to the id of its backup."""
    return shlex.join(_extra("microbosh_restore_from", PREFIX))


def _extra(name, value):
    return ["-e", f"{name}={value}" if PLAIN.fullmatch(value) else json.dumps({name: value})]
