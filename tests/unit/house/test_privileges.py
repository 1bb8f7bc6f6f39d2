# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs as root, and where, is said by the plays: neither the inventory nor -b makes the controller's root."""

from __future__ import annotations

import re

import pytest
import yaml
from ansible_collections.microbosh.director.plugins.action.known_settings import WHO, misleading, overruling
from places import REPOSITORY

PLAYBOOKS = sorted((REPOSITORY / "playbooks").glob("*.yml"))
TASKS = sorted(
    path for room in ("playbooks", "roles") for path in (REPOSITORY / room).rglob("*.yml") if "tasks" in path.parts
)
PRIVILEGES = "vars/privileges.yml"
OF_THE_ROLE = REPOSITORY / "roles" / "microbosh" / "vars"
HERE = ("localhost", "127.0.0.1", "::1")
NOT_SET = dict.fromkeys(WHO)
# They queue, or leave out, the tasks of other hosts. Whoever is first may be unreachable, or left out by --limit.
ACROSS_HOSTS = ("throttle", "run_once", "serial", "any_errors_fatal", "max_fail_percentage")


def load(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def tasks(value):
    """Return every task and block of a file, however deep, a play's among them."""
    if isinstance(value, list):
        return [found for item in value for found in tasks(item)]
    if isinstance(value, dict):
        return [value, *(found for item in value.values() if isinstance(item, list) for found in tasks(item))]
    return []


def every_task():
    return [(path, task) for path in [*TASKS, *PLAYBOOKS] for task in tasks(load(path))]


def is_here(task):
    where = str(task.get("delegate_to", ""))
    return where in HERE or task.get("connection") == "local" or any("local_action" in key for key in task)


def plays():
    return [(path.stem, play) for path in PLAYBOOKS for play in load(path) if "hosts" in play]


@pytest.mark.parametrize(("name", "play"), plays())
def test_a_play_decides_for_itself(name, play):
    assert play["become"] is False
    assert play["become_user"] == "root"
    if "tasks" in play or "roles" in play:
        assert PRIVILEGES in play.get("vars_files", []) or (OF_THE_ROLE / name / "privileges.yml").exists()


@pytest.mark.parametrize(("name", "play"), plays())
def test_no_setting_of_ansible_ends_a_task_early(name, play):
    """With ANSIBLE_TASK_TIMEOUT a copy, and the start of the director, would fail after so many seconds."""
    assert name
    assert play["timeout"] == 0


def test_the_role_alone_decides_for_itself():
    [block] = load(REPOSITORY / "roles" / "setup" / "tasks" / "main.yml")
    assert (block["become"], block["become_user"], block["vars"]) == (False, "root", NOT_SET)


def test_what_the_inventory_says_of_root_counts_as_not_set():
    variables = load(REPOSITORY / "playbooks" / PRIVILEGES)
    assert {name: value for name, value in variables.items() if name in WHO} == NOT_SET
    assert {"ansible_connection", "ansible_python_interpreter"} <= set(variables)


def test_nothing_else_sets_these_variables():
    """A task's own would beat those of the play."""
    names = {*WHO, "ansible_connection", "ansible_python_interpreter"}
    for path, task in every_task():
        if path.parts[-3:] != ("setup", "tasks", "main.yml"):
            assert not names & set(task.get("vars") or {}), f"{path}: {task.get('name')}"


def test_a_task_on_the_controller_is_never_root():
    found = [(path, task) for path, task in every_task() if is_here(task)]
    assert len(found) > 50
    for path, task in found:
        assert task.get("delegate_to") == "localhost", f"{path}: {task.get('name')}"
        assert task.get("become") is False, f"{path}: {task.get('name')}"


def test_on_the_controller_only_a_schedule_becomes_root_and_only_where_it_has_to():
    """As root it writes units and the like, and tries things as the account of the runs."""
    found = [(path, task) for path, task in every_task() if "schedule" in path.parts and task.get("become")]
    ours = [(path, task) for path, task in found if path.parts[-3:-1] == ("schedule", "tasks")]
    assert len(ours) > 10
    assert ours == found
    escalated = {str(task["become"]) for dummy, task in ours}
    assert escalated == {"{{ schedule_found.plan.escalate }}", "{{ schedule_found.plan.account.become }}"}


def test_what_is_delegated_is_delegated_to_the_controller():
    assert {str(task["delegate_to"]) for path, task in every_task() if "delegate_to" in task} == {"localhost"}


def test_who_becomes_another_says_whom():
    """In a restore the block around it says another user; elsewhere the play says root."""
    for path, task in every_task():
        if task.get("become") and "hosts" not in task and "restore" in path.parts:
            assert "become_user" in task, f"{path}: {task.get('name')}"


# Their plays have the usual strategy, and their tasks connect to nothing, so no host can be unreachable.
ONCE_FOR_ALL = {"backups.yml", "health.yml", "report.yml"}


def test_no_task_waits_for_another_hosts_or_runs_for_the_first_host_alone():
    """With host_pinned, older ansible-core ends with IndexError where some hosts are unreachable and others wait."""
    for path, task in every_task():
        allowed = {"run_once"} if path.name in ONCE_FOR_ALL else set()
        assert not set(ACROSS_HOSTS) & set(task) - allowed, f"{path}: {task.get('name')}"


@pytest.mark.parametrize("name", sorted(ONCE_FOR_ALL))
def test_what_runs_once_for_all_hosts_connects_to_none(name):
    text = (REPOSITORY / "playbooks" / name).read_text(encoding="utf-8")
    assert "strategy:" not in text
    assert set(re.findall(r"^      ([\w.]+\.[\w.]+):", text, re.MULTILINE)) <= {
        "microbosh.director.backup_info", "microbosh.director.report_page", "microbosh.director.run_ended",
        "microbosh.director.run_failed"
    }  # fmt: skip


def test_roles_and_tasks_are_looked_at():
    assert len(TASKS) > 80
    assert re.search("roles/setup/tasks", str(TASKS[-1]))


@pytest.mark.parametrize("value", [True, False, "root"])
def test_what_would_overrule_the_plays_is_refused(value):
    for name in WHO:
        [problem] = overruling({**NOT_SET, name: value})
        assert problem.startswith(f"{name} is given with -e")


def test_the_variables_of_the_plays_overrule_nothing():
    assert overruling(NOT_SET) == []
    assert overruling({}) == []


def test_what_would_lead_the_controllers_own_tasks_elsewhere_is_refused():
    [problem] = misleading({"ansible_connection": "ssh", "ansible_user": "jumpbox"})
    assert problem.startswith("ansible_connection is given with -e")
    assert misleading({"ansible_python_interpreter": "/usr/bin/python3"}) == []
