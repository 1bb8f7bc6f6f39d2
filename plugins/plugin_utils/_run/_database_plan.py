# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides, by what the servers said, which database is the director's own and what is dumped where."""

from __future__ import annotations

from dataclasses import dataclass, field

ALL = "all"
ELSEWHERE_HINT = (
    "If the director's database is on another server, set microbosh_director_database_host, _port, _user, _password "
    "and _ca, and run setup again."
)
NAMED_HINT = "Set microbosh_director_database if it is one of them."
WITHOUT_HINT = (
    "To back up without a dump of the director's database, set microbosh_databases: [], "
    "and every report will say so."
)


class PlanError(ValueError):
    """The director's database would not be in the backup; the message names the setting to change."""


@dataclass
class PlannedServer:
    """A server, and the facts that it told."""

    where: str
    facts: dict
    elsewhere: bool = False

    @property
    def answers(self) -> bool:
        return self.facts.get("answers", False)

    @property
    def open(self) -> dict:
        """Return the databases that can be dumped, by name."""
        return {item["name"]: item for item in self.facts["databases"] if item["connectable"] and not item["template"]}

    @property
    def mine(self) -> list[str]:
        """Return the databases that 'all' means: on a shared server only those of the role and of the director."""
        if not self.elsewhere or self.facts["superuser"]:
            return sorted(self.open)
        return sorted(name for name, item in self.open.items() if item["mine"] or item["director"])


@dataclass
class Plan:
    """The databases to dump, and what the operator is told of them."""

    director_database: str | None = None
    local: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)


def make_plan(wanted: list[str], named: str, local: PlannedServer, elsewhere: PlannedServer | None) -> Plan:
    """Given the databases that are wanted and the servers, return the Plan; raise PlanError with the way out.

    ``named`` is the director's database if an operator says which it is.
    """
    home = elsewhere or local
    if not wanted:
        director = named or home.facts.get("director_database")
        return Plan(director, told=["There will be no dump of any database: microbosh_databases is empty"])
    if not home.answers:
        raise PlanError(f"{home.facts['problem']} {'' if elsewhere else ELSEWHERE_HINT}".strip())
    plan = Plan(_named(named, home) if named else _found(home))
    _choose(plan, wanted, local, elsewhere)
    if plan.director_database not in (plan.elsewhere if elsewhere else plan.local) and ALL not in wanted:
        raise PlanError(
            f"microbosh_databases names {', '.join(wanted)} and not {plan.director_database}, the director's own "
            f"database. Add it. {WITHOUT_HINT}"
        )
    plan.told += [line for server in (local, elsewhere) if server for line in _left_out(server, wanted)]
    return plan


def _named(name, home):
    """Return the director's database as an operator names it."""
    there = {item["name"]: item for item in home.facts["databases"]}
    said = f"microbosh_director_database is {name}"
    if name not in there:
        raise PlanError(f"{said}, and the server {home.where} has no such database. {_list(home)}")
    if name not in home.open:
        raise PlanError(f"{said}, and on {home.where} that database lets nobody in. {_list(home)}")
    if not there[name]["director"] and there[name]["mine"]:
        raise PlanError(f"{said}, which has not the tables of a director. {_list(home)}")
    return name


def _found(home):
    """Return the director's database as its tables tell it."""
    names = home.facts["directors"]
    if not names:
        raise PlanError(
            f"No database on {home.where} has the tables of a director. {_list(home)} "
            f"{ELSEWHERE_HINT if not home.elsewhere else NAMED_HINT} {WITHOUT_HINT}"
        )
    name = home.facts["director_database"]
    if name is None:
        raise PlanError(
            f"Several databases on {home.where} have the tables of a director: {', '.join(names)}. "
            "Name the one that it uses in microbosh_director_database."
        )
    if not home.elsewhere and home.facts["superuser"] and not home.open[name]["sessions"]:
        raise PlanError(
            f"Nothing is connected to the database {name} on {home.where}, which has the tables of a director, though "
            f"the director runs: it may be what was left when the database moved. {ELSEWHERE_HINT} If this is the "
            f"one that the director uses, set microbosh_director_database: {name}."
        )
    return name


def _list(server):
    return f"The server has: {', '.join(sorted(server.open)) or 'none'}."


def _choose(plan, wanted, local, elsewhere):
    """Share the databases out among the servers; on the director's own server a name means that one."""
    here = local.open if local.answers else {}
    there = elsewhere.open if elsewhere else {}
    if ALL in wanted:
        plan.elsewhere = elsewhere.mine if elsewhere else []
        plan.local = sorted(name for name in here if name not in plan.elsewhere)
        plan.told += [
            f"The database {name} on {local.where} is not dumped: one of that name on {elsewhere.where} is"
            for name in sorted(set(here) & set(plan.elsewhere))
        ]
        return
    names = list(dict.fromkeys(wanted))
    unknown = [name for name in names if name not in here and name not in there]
    if unknown:
        server = elsewhere if elsewhere and not local.answers else local
        raise PlanError(
            f"No such database: {', '.join(unknown)}. The server has: "
            f"{', '.join(sorted({*here, *there})) or 'none'}. Nothing was dumped from {server.where}."
        )
    plan.elsewhere = [name for name in names if name in there]
    plan.local = [name for name in names if name not in there]


def _left_out(server, wanted):
    """Note the databases that 'all' does not reach."""
    if ALL not in wanted or not server.answers:
        return []
    others = [item for item in server.facts["databases"] if item["name"] not in ("template0", "template1")]
    told = [
        f"The database {item['name']} on {server.where} {'is a template' if item['template'] else 'lets nobody in'}, "
        "so it is not dumped"
        for item in others
        if item["template"] or not item["connectable"]
    ]
    others = sorted(set(server.open) - set(server.mine))
    return told + ([f"Not dumped, as they are another's on {server.where}: {', '.join(others)}"] if others else [])
