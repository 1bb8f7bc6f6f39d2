# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides from what the servers said what a run dumps, and refuses to do without the director's database."""

from __future__ import annotations

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.microbosh.director.plugins.plugin_utils._run._database_plan import (
    ALL,
    PlanError,
    PlannedServer,
    make_plan,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer import _server_files as files
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._told_paths import is_file_name, is_plain

ARGUMENTS = {
    "databases": {"type": "list", "elements": "str", "required": True},
    "director_database": {"type": "str", "default": ""},
    "local": {"type": "dict", "required": True},
    "elsewhere": {"type": "dict"},
    "where": {"type": "str", "default": ""},
    "filter": {"type": "list", "elements": "str", "required": True},
    "mode": {"type": "str", "choices": ["offline", "online", "auto"], "default": "offline"},
    "services": {"type": "list", "elements": "str", "default": []},
    "servers": {"type": "list", "elements": "str", "default": []},
    "copy": {"type": "path"},
}


class ActionModule(ActionBase):
    """Decide from the earlier answers of the servers; nothing is connected to."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        dummy, given = self.validate_argument_spec(argument_spec=ARGUMENTS)
        try:
            result.update(changed=False, **planned(given))
        except PlanError as error:
            raise AnsibleActionFail(str(error)) from error
        return result


def planned(given: dict) -> dict:
    """Given the action's arguments, return what it returns; raise PlanError."""
    facts, rules = given["local"], given["filter"]
    # In mode auto the run is online until an outage takes its place; what would refuse that is asked at once.
    mode = "online" if given["mode"] == "auto" else given["mode"]
    _check_places(facts)
    if given["copy"]:
        facts = dict(facts, wal_directory=facts.get("wal_directory") or files.where_wal_leads(facts, given["copy"]))
        _check_places(facts)
    elsewhere = PlannedServer(given["where"], given["elsewhere"], elsewhere=True) if given["elsewhere"] else None
    local = PlannedServer(f"127.0.0.1:{facts.get('port')}", facts)
    services = files.postgres_services(given["services"], given["servers"])
    _check_local(local, elsewhere, services, given)
    plan = make_plan(given["databases"], given["director_database"], local, elsewhere)
    _check_names(plan)
    known = local.answers and facts["data_directory"]
    directories = files.copied(files.places(facts), rules) if known else None
    never_live = files.never_live(facts, services, directories)
    return {
        "director_database": plan.director_database,
        "without": _without(plan, elsewhere, mode, directories),
        "services": services,
        "local": _as_asked(plan.local, given["databases"], local),
        "local_names": plan.local,
        "elsewhere": plan.elsewhere,
        "server_elsewhere": _server(elsewhere, plan) if elsewhere else None,
        "directories": directories,
        "never_live": never_live,
        "postgresql": files.report(facts, rules),
        "told": plan.told + files.meaning(facts, rules, mode) + (_not_copied(never_live) if mode == "online" else []),
    }


def _check_places(facts):
    """Raise PlanError for a place that a server tells of and that cannot be part of a rule or of a path here."""
    found = {"data directory": facts.get("data_directory"), "write-ahead log": facts.get("wal_directory")}
    found.update({f"tablespace {item.get('name')}": item.get("location") for item in facts.get("tablespaces") or []})
    for what, path in found.items():
        if path and not is_plain(path):
            raise PlanError(
                f"PostgreSQL on the director says that its {what} is {path!r}, which is no path that can be copied: an "
                "absolute one is expected, without steps up, wildcards and what is not printable."
            )


def _check_names(plan):
    """Raise PlanError for a database whose dump could have no file of its name."""
    for name in [*plan.local, *plan.elsewhere, plan.director_database or "bosh"]:
        if not is_file_name(name):
            raise PlanError(
                f"The database {name!r} cannot be dumped: its name does not make a safe file name. Rename it, or list "
                "the databases to dump in microbosh_databases without it."
            )


def _not_copied(paths):
    """Tell what an online backup leaves out."""
    if not paths:
        return []
    why = "whatever is called so, as it does not tell where they are: " if paths == [files.USUAL] else ""
    return [f"PostgreSQL runs, so its files are not copied: {why}{', '.join(paths)}"]


def _server(elsewhere, plan):
    """Return what backup.json says of the server elsewhere; the role and its password are nobody's business."""
    return {"server": elsewhere.where, "version": elsewhere.facts.get("version"), "databases": plan.elsewhere}


def _without(plan, elsewhere, mode, directories):
    """Return what is missing of the director's database, "" if a dump of it is made."""
    if plan.director_database in plan.local + plan.elsewhere:
        return ""
    if elsewhere or mode == "online" or directories == []:
        return "WITHOUT THE DIRECTOR'S DATABASE"
    return "WITHOUT A DUMP OF THE DIRECTOR'S DATABASE (only PostgreSQL's files)"


def _check_local(local, elsewhere, services, given):
    """Raise PlanError for a server on the director that a run would neither dump nor stop."""
    if given["databases"] and elsewhere and services and not local.answers:
        problem = local.facts["problem"]
        raise PlanError(f"monit has the service {', '.join(services)}, and its server cannot be asked. {problem}")
    if not local.answers or services or given["mode"] == "online":
        return
    if files.copied(files.places(local.facts), given["filter"]):
        raise PlanError(
            f"The PostgreSQL on {local.where} is no service of monit, so it would go on while its files "
            f"({local.facts['data_directory']}) are copied. Let monit run it, or set microbosh_mode: online."
        )


def _as_asked(names, wanted, local):
    """Return names, or all of them by that word, so that a database made meanwhile is dumped, too."""
    return [ALL] if ALL in wanted and names and names == sorted(local.open) else names
