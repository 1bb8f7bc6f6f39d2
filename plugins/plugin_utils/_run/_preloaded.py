# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads once, in Ansible's own process, what the process of each task would load anew.

Ansible looks for the class of a task's action before it makes that process (strategies free and host_pinned), so what
the file of an action loads when it is imported is there in all of them, and in memory once. A template with one filter
of a collection has Ansible load all of that collection, and one with any filter at all those of its own. The
documentation of a connection, which has its options, is read with it.
"""

from __future__ import annotations

import contextlib
import gc
from importlib import import_module
from pathlib import Path

from ansible import template
from ansible.plugins.loader import connection_loader, filter_loader, lookup_loader, shell_loader, test_loader

PLUGINS = Path(__file__).parents[2]
COLLECTION = "ansible_collections.microbosh.director.plugins"
OURS = "microbosh.director"
# Since ansible-core 2.19 a text is a template only if it is said to be one.
trusted = getattr(template, "trust_as_template", str)
# What reads a time, and since ansible-core 2.19 what a module is sent and answers.
PROFILES = "ansible.module_utils._internal._json._profiles"
LATE = ("_strptime", f"{PROFILES}._module_legacy_c2m", f"{PROFILES}._module_legacy_m2c")


def preload() -> None:
    """Load all filters and tests, what tells where a task runs, what a connection needs, and Jinja's own tables."""
    for file in (PLUGINS / "filter").glob("*.py"):
        import_module(f"{COLLECTION}.filter.{file.stem}")
    # What fails here fails once more where it is needed, and is told there.
    with contextlib.suppress(Exception):
        list(filter_loader.all())
        list(test_loader.all())
        filter_loader.get(f"{OURS}.login_user")
        lookup_loader.get(f"{OURS}.place_of_task", class_only=True)
        for connection in ("local", "ssh"):
            connection_loader.get(connection, class_only=True)
        shell_loader.get("sh", class_only=True)
        template.Templar(loader=None, variables={}).template(trusted("{{ 'a' | default('b') }}"))
        for name in LATE:
            import_module(name)
    # What is there now stays: the collector of each task's process would write into all of it, and so have it twice.
    gc.freeze()
