# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes before a run: it is pinged that it starts, and hooks may refuse it, once for all of its directors."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from ansible.errors import AnsibleError
from ansible_collections.microbosh.director.plugins.module_utils._backup._controller import LOGS
from ansible_collections.microbosh.director.plugins.plugin_utils._look._place import place_of_backups
from ansible_collections.microbosh.director.plugins.plugin_utils._look._runs import RUNNING, Place, runs_of
from ansible_collections.microbosh.director.plugins.plugin_utils._run._in_process import plain_values
from ansible_collections.microbosh.director.plugins.plugin_utils._told import _hooks as hooks
from ansible_collections.microbosh.director.plugins.plugin_utils._told import _pings as pings
from ansible_collections.microbosh.director.plugins.plugin_utils._told._desk import Desk, desk
from ansible_collections.microbosh.director.plugins.plugin_utils._told._sending import send
from ansible_collections.microbosh.director.plugins.plugin_utils._told._settings import (
    HOOKS,
    NAMES,
    NOTIFY_ON,
    PING,
    problems_of,
    settings_of,
)

# What watches backups wants to hear of nothing else.
PINGED = ("backup",)
# A director that is down is brought up, whatever is wrong with a command or a package.
REFUSED = HOOKED = ("backup", "verify")
START_SECONDS = 10
NO_DESK = "Nobody is told how this run ends, as its playbook does not begin with microbosh.director.directors."


@dataclass
class Begun:
    """What is wrong at the beginning of a run: reasons to refuse it, and what is no more than told."""

    refusals: list = field(default_factory=list)
    warnings: list = field(default_factory=list)


def arrive(templar, task_vars: dict, playbook: str, refused: bool) -> Begun:
    """Do what comes before a run of a host, and return what is wrong; no more than note it if it is refused anyway."""
    try:
        return _arrived(templar, task_vars, playbook, refused)
    except AnsibleError as error:
        unknown(task_vars, playbook, str(error))
        return Begun(refusals=[str(error)]) if playbook in REFUSED else Begun(warnings=[str(error)])
    except Exception as error:  # its words may have settings in them
        return _faulty(playbook, type(error).__name__, guarded=bool(task_vars.get(HOOKS)))


def _faulty(playbook, error, guarded):
    """A fault of ours costs nobody a backup, unless a hook before it may be what guards it."""
    if guarded and playbook in REFUSED:
        return Begun(
            refusals=[f"What comes before a run ({HOOKS}) could not be done: {error}. So nothing was touched."]
        )
    return Begun(warnings=[f"Nobody may be told how this run ends: {error}."])


def unknown(task_vars: dict, playbook: str, error: str) -> None:
    """Note that a director is refused whose settings nobody knows; those who hear of the others hear of it."""
    open_desk = desk()
    if open_desk is not None:
        open_desk.say("unknown", playbook=playbook, host=task_vars["inventory_hostname"], error=error)


def _arrived(templar, task_vars, playbook, refused):
    settings, open_desk = settings_in(templar, task_vars), desk()
    if open_desk is None:
        return Begun(warnings=[NO_DESK] if settings else [])
    if not settings:
        open_desk.say("began", playbook=playbook, host=task_vars["inventory_hostname"])
        return Begun()
    directory, run = place_of_backups(templar, task_vars), str(task_vars["run_id"])
    who = {
        "playbook": playbook,
        "host": task_vars["inventory_hostname"],
        "id": run,
        "began": float(task_vars["run_began"]),
        "log": os.path.join(directory, LOGS, f"{run}.log") if directory else "",
        "earlier": earlier(directory, playbook, run) if directory else [],
    }
    hosts = [str(host) for host in task_vars["ansible_play_hosts_all"]]
    if refused:
        open_desk.say("entered", **who, settings=settings, hosts=hosts)
        return Begun()
    return begin(open_desk, who, settings, hosts)


def leave(task_vars: dict, artifacts: list[dict]) -> list[str]:
    """Note how a run ended for a host, if anybody is to be told; return what is wrong with that."""
    open_desk = desk()
    if open_desk is None or not is_wanted(task_vars):
        return []
    try:
        for artifact in artifacts:
            made = plain_values(artifact)
            open_desk.say("ended", playbook=made["playbook"], host=task_vars["inventory_hostname"], artifact=made)
    except Exception as error:  # in a rescue the message of the failure comes after this, and is what counts
        return [f"Nobody may be told how this run ended: {type(error).__name__}."]
    return []


def earlier(directory: str, playbook: str, run: str) -> list[dict]:
    """Return the runs of a playbook before this one that are on record, newest first, but for those that go on."""
    found = runs_of(Place(Path(directory), time.time()), [], [])
    mine = [one for one in found if (one["kind"], one["known_by"]) == (playbook, "record") and one["id"] < run]
    return [{"id": one["id"], "outcome": one["outcome"]} for one in mine if one["outcome"] != RUNNING]


def is_wanted(task_vars: dict) -> bool:
    """Return whether anybody is to be told anything, as far as is seen without working it out."""
    return any(task_vars.get(name) for name in NAMES if name != NOTIFY_ON)


def settings_in(templar, task_vars: dict) -> dict:
    """Return the settings of a host in one form, {} if nobody is to be told anything."""
    if not is_wanted(task_vars):
        return {}
    return settings_of({name: _value(templar, name, task_vars[name]) for name in NAMES if name in task_vars})


def _value(templar, name, value):
    try:
        return plain_values(templar.template(value))
    except AnsibleError as error:
        # Its own words quote what is around the value.
        raise AnsibleError(f"{name} cannot be worked out: {type(error).__name__}") from None


def begin(at: Desk, who: dict, settings: dict, hosts: list[str]) -> Begun:
    """Note that a run has begun for a director, do what comes before it, and return what is wrong.

    ``who`` has the host, the playbook, the id of the run, when it began, its log and the runs before it; ``hosts`` are
    all directors of the run.
    """
    at.say("entered", **who, settings=settings, hosts=hosts)
    found, wrong = Begun(), problems_of(settings, sys.executable)
    if settings["unfit"]:  # it is refused by its type in any case, and shown then
        found.refusals += settings["unfit"]
        return found
    if who["playbook"] not in REFUSED:
        found.warnings += wrong
        return found
    if wrong:
        found.refusals += wrong
        return found
    if settings["ping"] and who["playbook"] in PINGED:
        found.warnings += _start(at, settings["ping"])
    _before(at, who["playbook"], settings, hosts, found)
    return found


def _start(at, url):
    """Ping that the run starts, once for all of its directors that have this address."""
    with at.claim(f"ping {url}") as settled:
        if settled:
            return []
        task = pings.ping(url, pings.START, "", 0, at.run)
        problems = send([{"kind": "ping", **task}], START_SECONDS) if task else []
        at.settle(f"ping {url}")
    return [f"{PING} was not told that the run starts: {problem}." for problem in problems if problem]


def _before(at, playbook, settings, hosts, found):
    """Run the hooks that come before, each once for all directors that have it: the others wait for its end."""
    told = hooks.report("before", playbook, at.run, os.uname().nodename, [{"host": host} for host in hosts])
    for number, command in enumerate(settings["hooks"]["before"]):
        key = f"before {playbook} {command}"
        with at.claim(key) as known:
            if known is None:
                problem = hooks.run_hook(command, told, settings["seconds"])
                at.settle(key, problem=problem)
            else:
                problem = known.get("problem", "was interrupted")
        if problem:
            found.refusals.append(f"{hooks.hook_name('before', number)} {problem}. So nothing was touched.")
            return
