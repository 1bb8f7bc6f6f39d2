# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads once, in Ansible's own process, what the process of each task would load anew.

Ansible looks for the class of a task's action before it makes that process (strategies free and host_pinned), so what
the file of an action loads when it is imported is there in all of them, and in memory once. A template with one filter
of a collection has Ansible load all of that collection, and one with any filter at all those of its own.
"""

from __future__ import annotations

import contextlib
from importlib import import_module
from pathlib import Path

from ansible.plugins.loader import connection_loader, filter_loader, shell_loader, test_loader

PLUGINS = Path(__file__).parents[2]
COLLECTION = "ansible_collections.microbosh.director.plugins"


def preload() -> None:
    """Load all filters and tests, and what a connection by ssh needs."""
    for file in (PLUGINS / "filter").glob("*.py"):
        import_module(f"{COLLECTION}.filter.{file.stem}")
    import_module(f"{COLLECTION}.lookup.place_of_task")
    # Ansible's own: what fails here fails once more where it is needed, and is told there.
    with contextlib.suppress(Exception):
        list(filter_loader.all())
        list(test_loader.all())
        filter_loader.get("microbosh.director.login_user")
        connection_loader.get("ssh", class_only=True)
        shell_loader.get("sh", class_only=True)
