# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells whether a run does anything, by what its command line selects: hosts (--limit), tags, a task to start at.

Ansible calls a run that did nothing a success. An operator who reads the exit status takes that for a backup.
"""

from __future__ import annotations

import contextlib
import os
from fnmatch import fnmatchcase
from pathlib import Path

from ansible import constants, context
from ansible.inventory.manager import InventoryManager, split_host_pattern
from ansible.module_utils.common.text.converters import to_text
from ansible.parsing.dataloader import DataLoader
from ansible.playbook import Playbook
from ansible.utils.collection_loader import AnsibleCollectionConfig
from ansible.utils.collection_loader._collection_finder import _get_collection_playbook_path
from ansible.vars.manager import VariableManager

GROUP = "microbosh"
LISTINGS = ("listhosts", "listtasks", "listtags", "syntax")
COLLECTION = Path(__file__).resolve().parents[3]


class NothingToDo(ValueError):
    """The run would do nothing, or begin in the middle; says why and what to do."""


def check(groups, sources, loader):
    """Raise NothingToDo unless this run has work and begins at its beginning.

    Given are the inventory's groups, where the inventory came from, and Ansible's loader of files.
    """
    if any(context.CLIARGS.get(name) for name in LISTINGS):
        return
    if context.CLIARGS.get("step"):
        raise NothingToDo("--step lets tasks be left out, and waits while a director is stopped. Run it without.")
    if constants.config.get_config_value("DEFAULT_PRIVATE_ROLE_VARS"):
        raise NothingToDo(
            "With private_role_vars (ANSIBLE_PRIVATE_ROLE_VARS) no task would know the settings' defaults, nor how a "
            "director is reached. Run it without."
        )
    selection = Selection(groups, loader)
    selection.require_directors(sources)
    selection.require_known_limit()
    selection.require_whole_start()
    if not selection.selects_a_director() or selection.may_leave_out():
        selection.require_work()


class Selection:
    """The plays, tasks and hosts that the command line of this run selects."""

    def __init__(self, groups, loader):
        self._loader = loader
        self._limit = context.CLIARGS.get("subset")
        self._start = context.CLIARGS.get("start_at_task")
        self._only = list(context.CLIARGS.get("tags") or [])
        self._skipped = list(context.CLIARGS.get("skip_tags") or [])
        self._all = inventory_of(groups)
        self._limited = inventory_of(groups)
        self._limited.subset(self._limit)
        self._loaded = None

    def may_leave_out(self):
        """Return whether tags select what runs: by --tags, or "never" in an operator's own playbook."""
        own = any(not path_of(name).startswith(str(COLLECTION)) for name in context.CLIARGS["args"])
        return own or set(self._only) != {"all"} or bool(self._skipped)

    def selects_a_director(self):
        return bool(names(self._limited, GROUP))

    def require_directors(self, sources):
        if not names(self._all, GROUP):
            raise NothingToDo(
                "The inventory has no host in the group microbosh, so there is no director to work on. Name your "
                "directors in that group, as in inventory.example, and check -i: "
                f"{', '.join(sources) or 'no inventory was given'}."
            )

    def require_known_limit(self):
        """Raise NothingToDo for a name in --limit that is not in the inventory; Ansible only warns of it."""
        parts = limit_parts(self._limit)
        directors = names(self._all, GROUP)
        found = {part: names(self._all, part) for part in parts}
        unknown = [part for part in parts if not found[part]]
        if unknown:
            raise NothingToDo(
                f"--limit names {', '.join(unknown)}, which no host and no group of the inventory is called. "
                f"The directors are {', '.join(directors)}. Nothing was done."
            )
        others = [part for part in parts if not set(found[part]) & set(directors)]
        if others and len(others) < len(parts) and not self._has_plays_for(others):
            raise NothingToDo(
                f"--limit names {', '.join(others)}, where no director is. "
                f"The directors are {', '.join(directors)}. Nothing was done."
            )

    def _has_plays_for(self, parts):
        """Return whether an operator's own play in the run works on hosts that are no directors."""
        meant = set().union(*(names(self._all, part) for part in parts))
        return any(meant & set(names(self._all, hosts_of(play))) for play in self._plays() if not play_is_ours(play))

    def require_whole_start(self):
        """Raise NothingToDo if --start-at-task names a task in the middle of a playbook of ours."""
        if not self._start:
            return
        tasks = [task for play in self._plays() for task in tasks_of(play)]
        found = next((number for number, task in enumerate(tasks) if is_called(task, self._start)), None)
        if found is None:
            raise NothingToDo(f"--start-at-task names '{self._start}', and no task is called that. Nothing was done.")
        if found > 0 and is_ours(tasks[found]):
            raise NothingToDo(
                f"--start-at-task names '{self._start}', in the middle of a playbook that is safe as a whole only. "
                "Run it from its beginning: it goes on with what an interrupted run has copied. Nothing was done."
            )

    def require_work(self):
        """Raise NothingToDo unless a play of the run has hosts and tasks that are selected."""
        if any(names(self._limited, hosts_of(play)) and self._selects(play) for play in self._plays()):
            return
        if not self.selects_a_director():
            raise NothingToDo(
                f"--limit {self._limit} leaves no director to work on. The directors are "
                f"{', '.join(names(self._all, GROUP))}. Nothing was done."
            )
        words = [f"--tags {','.join(self._only)}"] if set(self._only) != {"all"} else []
        words += [f"--skip-tags {','.join(self._skipped)}"] if self._skipped else []
        raise NothingToDo(
            f"{' '.join(words) or 'A tag never'} leaves no task to run. The playbooks of microbosh.director have no "
            "tags of their own: each is run as a whole. Tags that you give to their import in a playbook of yours work."
            " Nothing was done."
        )

    def _selects(self, play):
        tasks = [task for task in tasks_of(play) if "always" not in task.tags]
        return any(task.evaluate_tags(self._only, self._skipped, {}) for task in tasks)

    def _plays(self):
        """Return the plays of the run, loaded once more: a plugin is not told of them."""
        if self._loaded is None:
            before = AnsibleCollectionConfig.default_collection
            self._loaded = [play for name in context.CLIARGS["args"] for play in plays_of(name, self._loader)]
            AnsibleCollectionConfig.default_collection = before
        return self._loaded


def inventory_of(groups):
    """Given {group: [host]}, return an inventory that patterns can be asked of."""
    inventory = InventoryManager(loader=DataLoader(), sources=None, parse=False)
    for group, hosts in groups.items():
        inventory.add_group(group)
        for host in hosts:
            inventory.add_host(host, group)
    return inventory


def names(inventory, pattern):
    """Return the names of the hosts that a pattern means."""
    # Ansible takes a blank for the end of a name, unless there is a comma.
    return [host.name for host in inventory.get_hosts(f"{pattern}," if " " in pattern else pattern)]


def limit_parts(limit):
    """Given --limit, return the patterns in it that are to match something: no exclusions and no intersections.

    Those of a file (@) are its lines, as Ansible has it.
    """
    parts = []
    for part in split_host_pattern(limit or ""):
        parts += lines_of(part[1:]) if part.startswith("@") else [part]
    return [part for part in parts if part and part[0] not in "!&"]


def lines_of(path):
    """Return what a file of patterns has in its lines; where it cannot be read, Ansible has said so."""
    with contextlib.suppress(OSError):
        text = Path(to_text(path)).expanduser().read_text(encoding="utf-8", errors="surrogateescape")
        return [line.strip() for line in text.splitlines()]
    return []


def plays_of(playbook, loader):
    """Given a playbook as the command line names it, return its plays, with those of what it imports."""
    manager = VariableManager(loader=loader, inventory=inventory_of({}))
    return Playbook.load(path_of(playbook), variable_manager=manager, loader=loader).get_plays()


def path_of(playbook):
    """Given a playbook as the command line names it, return its path."""
    resource = _get_collection_playbook_path(playbook)
    return os.path.realpath(to_text(resource[1] if resource else playbook))


def hosts_of(play):
    """Return the hosts of a play as a pattern; a template may mean any."""
    hosts = play.hosts if isinstance(play.hosts, list) else [play.hosts]
    return "all" if any("{{" in str(host) for host in hosts) else hosts


def tasks_of(play):
    """Return the tasks of a play in their order, without those that Ansible adds."""
    tasks = [task for block in play.compile() for task in block.get_tasks()]
    return [task for task in tasks if not task.action.endswith("meta") and not task.implicit]


def is_called(task, name):
    """Return whether --start-at-task means this task."""
    return any(known and fnmatchcase(known, name) for known in (task.name, task.get_name()))


def play_is_ours(play):
    return os.path.realpath(str(play.get_path())).startswith(str(COLLECTION))


def is_ours(task):
    return os.path.realpath(str(task.get_path())).startswith(str(COLLECTION))
