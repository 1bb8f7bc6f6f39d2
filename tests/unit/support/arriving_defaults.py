# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints which options the plays of our playbooks give to each module, by the groups that Ansible finds.

A program of its own: Ansible's loader of collections is not for a process that imports them otherwise.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play import Play
from ansible.plugins.loader import init_plugin_loader
from ansible.vars.manager import VariableManager

COLLECTION = "microbosh.director."


def plays(playbooks):
    """Yield every play that has defaults, without its tasks: (playbook, play)."""
    for path in sorted(playbooks.glob("*.yml")):
        for play in yaml.safe_load(path.read_text(encoding="utf-8")):
            if "module_defaults" in play:
                bare = {name: play[name] for name in ("name", "hosts", "module_defaults")}
                loader = DataLoader()
                yield path.stem, Play.load(bare, variable_manager=VariableManager(loader), loader=loader)


def defaults_of(play, module):
    """Return what a play gives a module, from its groups and from its own entry."""
    given = {}
    for defaults in play.module_defaults:
        for name in play._action_groups.get(module, ()):
            given.update(defaults.get(f"group/{name}") or {})
        given.update(defaults.get(module) or {})
    return sorted(given)


def main():
    init_plugin_loader()
    repository = Path(sys.argv[1])
    modules = [path.stem for path in (repository / "plugins/modules").glob("*.py")]
    found = {
        playbook: {module: defaults_of(play, COLLECTION + module) for module in modules}
        for playbook, play in plays(repository / "playbooks")
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
