# SPDX-License-Identifier: GPL-3.0-or-later
"""A module's name says whether it changes anything: one that only looks ends in _info, and none is asked by a state."""

from __future__ import annotations

import ast
import re

import pytest
import yaml
from places import REPOSITORY

PLUGINS = REPOSITORY / "plugins"
WORK = PLUGINS / "module_utils/_modules"
MODULES = sorted(path.stem for path in (PLUGINS / "modules").glob("*.py"))
LOOKING = [name for name in MODULES if name.endswith("_info")]
IMPORT = re.compile(r"from ansible_collections\.microbosh\.director\.plugins\.([\w.]+) import")
CHANGING = {
    "backup_account", "backup_controller", "backup_key", "backup_key_pair", "backup_manifest", "backup_offsite",
    "backup_partial", "backup_prune", "backup_publish", "backup_reread", "backup_staging", "bosh_agent",
    "director_lease", "identity_copy", "identity_place", "monit_all", "pg_dump_bosh", "pg_restore_bosh",
    "postgres_server", "pull", "push", "report_page", "restore_tree", "spared_files",
}  # fmt: skip
# They never say that they changed something, and are called otherwise nevertheless.
OTHERWISE = {
    "director_command": "runs what it is given; the task says whether that changes something",
    "director_module": "is another module, by the name of its task",
    "kept_key": "holds a key for ssh as long as the run lasts",
    "known_settings": "answers nothing: it refuses",
    "monit_summary": "a given name",
    "on_director": "runs a module of others, which says it",
    "outage_slot": "waits for its turn, and holds a lock as long as the outage lasts",
    "pg_rehearse": "starts a server of its own, fills it and removes it",
    "restore_source": "unpacks an archive",
    "run_busy": "ends a run that may be tried again",
    "run_ended": "writes down how a run ended",
    "run_failed": "ends a run",
    "run_log": "says something",
}
# What is brought about. Of a thing that is only looked at, it is said otherwise: checked, compared, examined, verified.
STATES = {
    "absent", "armed", "cleared", "disarmed", "dumped", "held", "initialized", "loaded", "marked", "present",
    "put_back", "released", "rolled_back", "settled", "staged", "started", "stopped", "swapped",
}  # fmt: skip
# Whether the lease could be had, and a copy be made, is what check mode of the module that does it tells.
ASKED_IN_CHECK_MODE = {"microbosh.director.director_lease", "microbosh.director.backup_offsite"}


def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def document(module, name="DOCUMENTATION"):
    for node in tree_of(PLUGINS / f"modules/{module}.py").body:
        if isinstance(node, ast.Assign) and node.targets[0].id == name:
            return yaml.safe_load(ast.literal_eval(node.value)) or {}
    return {}


def says(tree):
    """Return the expressions that something is said to be changed by, but for one that says that nothing is."""
    named = [(node.arg, node.value) for node in ast.walk(tree) if isinstance(node, ast.keyword)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            named += [(getattr(key, "value", None), value) for key, value in zip(node.keys, node.values, strict=True)]
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            named.append((getattr(node.targets[0].slice, "value", None), node.value))
    found = [value for name, value in named if name == "changed"]
    return [ast.unparse(value) for value in found if not (isinstance(value, ast.Constant) and value.value is False)]


def own(module):
    files = [*(PLUGINS / kind / f"{module}.py" for kind in ("modules", "action")), WORK / f"_{module}.py"]
    return [path for path in files if path.is_file()]


def with_imports(paths):
    """Return files, and all of ours that they lead to."""
    seen, left = set(), list(paths)
    while left:
        path = left.pop()
        if path not in seen and path.is_file():
            seen.add(path)
            names = IMPORT.findall(path.read_text(encoding="utf-8"))
            left += [PLUGINS / (name.replace(".", "/") + ".py") for name in names]
    return seen


def tasks():
    """Yield every task of our playbooks, roles and scenarios."""
    folders = ("playbooks/**", "roles/*/tasks", "extensions/molecule/*")
    for path in [path for folder in folders for path in REPOSITORY.glob(f"{folder}/*.yml")]:
        left = [yaml.safe_load(path.read_text(encoding="utf-8"))]
        while left:
            item = left.pop()
            if isinstance(item, dict):
                yield item
            left += item if isinstance(item, list) else item.values() if isinstance(item, dict) else []


def test_what_changes_nothing_ends_in_info():
    """A module that is new is one of these, or this fails."""
    assert sorted({*CHANGING, *OTHERWISE}) == sorted(set(MODULES) - set(LOOKING))
    assert not CHANGING & set(OTHERWISE)
    assert len(LOOKING) > 15


@pytest.mark.parametrize("module", sorted(CHANGING))
def test_what_changes_something_says_so(module):
    assert any(says(tree_of(path)) for path in with_imports(own(module)))


@pytest.mark.parametrize("module", [*LOOKING, *OTHERWISE])
def test_what_only_looks_never_says_that_it_changed_something(module):
    assert [said for path in own(module) for said in says(tree_of(path))] == []
    assert "changed" not in document(module, "RETURN")


@pytest.mark.parametrize("module", LOOKING)
def test_what_only_looks_has_no_state_and_looks_in_check_mode_too(module):
    said = document(module)
    assert "state" not in (said.get("options") or {})
    assert said["attributes"]["check_mode"]["support"] == "full"
    texts = [path.read_text(encoding="utf-8") for path in own(module)]
    assert any("run_module(" in text or "_supports_check_mode = True" in text for text in texts)


@pytest.mark.parametrize("module", sorted(set(MODULES) - set(LOOKING)))
def test_a_state_is_what_is_brought_about(module):
    state = (document(module).get("options") or {}).get("state", {"choices": []})
    assert set(state["choices"]) <= STATES


def test_nothing_is_called_facts_but_what_returns_some():
    returning = {module for module in MODULES if "ansible_facts" in document(module, "RETURN")}
    assert returning == {module for module in MODULES if module.endswith("_facts")}
    assert [path.name for path in PLUGINS.glob("*/*_facts.*")] == []


def test_no_task_asks_by_check_mode_what_a_module_of_its_own_tells():
    found = [task for task in tasks() if task.get("check_mode") is True]
    assert found
    assert [task["name"] for task in found if not ASKED_IN_CHECK_MODE & set(task)] == []


@pytest.mark.parametrize(
    "text",
    ["f(changed=True)", "{'changed': bool(x)}", "facts['changed'] = x", "dict(facts, changed=made)"],
)
def test_a_change_would_be_seen(text):
    assert says(ast.parse(text))
    assert not says(ast.parse("f(changed=False); {'changed': False}; facts['changed'] = False"))
