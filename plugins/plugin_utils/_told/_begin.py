# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes before a run: it is pinged that it starts, and hooks may refuse it, once for all of its directors."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field

from ansible.errors import AnsibleError
from ansible_collections.microbosh.director.plugins.plugin_utils._run._in_process import plain_values
from ansible_collections.microbosh.director.plugins.plugin_utils._told import _hooks as hooks
from ansible_collections.microbosh.director.plugins.plugin_utils._told import _pings as pings
from ansible_collections.microbosh.director.plugins.plugin_utils._told._desk import Desk
from ansible_collections.microbosh.director.plugins.plugin_utils._told._sending import send
from ansible_collections.microbosh.director.plugins.plugin_utils._told._settings import (
    NAMES,
    PING,
    problems_of,
    settings_of,
)

# What watches backups wants to hear of nothing else.
PINGED = ("backup",)
# A director that is down is brought up, whatever is wrong with a command or a package.
REFUSED = HOOKED = ("backup", "verify")
START_SECONDS = 10


@dataclass
class Begun:
    """What is wrong at the beginning of a run: reasons to refuse it, and what is no more than told."""

    refusals: list = field(default_factory=list)
    warnings: list = field(default_factory=list)


def settings_in(templar, task_vars: dict) -> dict:
    """Return the settings of a host in one form, {} if nobody is to be told anything."""
    if not any(task_vars.get(name) for name in NAMES if name != "microbosh_notify_on"):
        return {}
    return settings_of({name: _value(templar, name, task_vars[name]) for name in NAMES if name in task_vars})


def _value(templar, name, value):
    try:
        return plain_values(templar.template(value))
    except AnsibleError as error:
        # Its own words quote what is around the value.
        raise AnsibleError(f"{name} cannot be worked out: {type(error).__name__}") from None


def begin(desk: Desk, who: dict, settings: dict, hosts: list[str]) -> Begun:
    """Note that a run has begun for a director, do what comes before it, and return what is wrong.

    ``who`` has the host, the playbook, the id of the run, when it began, its log and the runs before it; ``hosts`` are
    all directors of the run.
    """
    desk.say("entered", **who, settings=settings)
    found, wrong = Begun(), problems_of(settings, sys.executable)
    if who["playbook"] not in REFUSED:
        found.warnings += wrong
        return found
    if wrong:
        found.refusals += wrong
        return found
    if settings["ping"] and who["playbook"] in PINGED:
        found.warnings += _start(desk, settings["ping"])
    _before(desk, who["playbook"], settings, hosts, found)
    return found


def _start(desk, url):
    """Ping that the run starts, once for all of its directors that have this address."""
    with desk.claim(f"ping {url}") as settled:
        if settled:
            return []
        task = pings.ping(url, pings.START, "", 0, desk.run)
        problems = send([{"kind": "ping", **task}], START_SECONDS) if task else []
        desk.settle(f"ping {url}")
    return [f"{PING} was not told that the run starts: {problem}." for problem in problems if problem]


def _before(desk, playbook, settings, hosts, found):
    """Run the hooks that come before, each once for all directors that have it: the others wait for its end."""
    told = hooks.report("before", playbook, desk.run, os.uname().nodename, [{"host": host} for host in hosts])
    for number, command in enumerate(settings["hooks"]["before"]):
        with desk.claim(f"before {playbook} {command}") as settled:
            problem = settled["problem"] if settled else hooks.run_hook(command, told, settings["seconds"])
            if not settled:
                desk.settle(f"before {playbook} {command}", problem=problem)
        if problem:
            found.refusals.append(f"{hooks.hook_name('before', number)} {problem}. So nothing was touched.")
            return
