# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes after a run, in ansible-playbook's own process when all its plays are done: hooks, one message, pings.

Nothing here may fail a run, or keep it for longer than is bounded; what went wrong is told and no more.
"""

from __future__ import annotations

import atexit
import math
import os
import time

from ansible.utils.display import Display
from ansible_collections.microbosh.director.plugins.plugin_utils._run import _log
from ansible_collections.microbosh.director.plugins.plugin_utils._told import _hooks as hooks
from ansible_collections.microbosh.director.plugins.plugin_utils._told import _pings as pings
from ansible_collections.microbosh.director.plugins.plugin_utils._told._begin import HOOKED, PINGED
from ansible_collections.microbosh.director.plugins.plugin_utils._told._desk import Desk, open_desk
from ansible_collections.microbosh.director.plugins.plugin_utils._told._health import keep
from ansible_collections.microbosh.director.plugins.plugin_utils._told._message import log_end, message
from ansible_collections.microbosh.director.plugins.plugin_utils._told._outcomes import FAILED, by_target, outcomes
from ansible_collections.microbosh.director.plugins.plugin_utils._told._sending import send
from ansible_collections.microbosh.director.plugins.plugin_utils._told._settings import PING, SCHEMA, name_of

SECONDS = 30
# For all hooks together, after a run that was interrupted: whoever did that waits for its end.
INTERRUPTED_SECONDS = 30
COLOR = "bright purple"
_WATCHED: list[Desk] = []


def tell_at_the_end() -> None:
    """Have this process tell, when it ends, what the tasks of its plays will have said."""
    try:
        desk = open_desk()
    except OSError:  # then each director says that nobody will be told
        return
    if desk not in _WATCHED:
        _WATCHED.append(desk)
        atexit.register(_at_the_end, desk)


def _at_the_end(desk):
    if desk.process != os.getpid():
        return
    try:
        told = tell(desk.records(), desk.run)
    except KeyboardInterrupt:
        told = [("The messages about this run were interrupted, and may not have been sent.", [])]
    except Exception as error:  # its words may have settings in them
        told = [(f"The messages about this run were not sent: {type(error).__name__}.", [])]
    for line, logs in told:
        Display().display(f"[WARNING]: {line}", color=COLOR, stderr=True)
        for log in logs:
            _log.append(log, [line])


def tell(records: list[dict], run: str) -> list[tuple[str, list[str]]]:
    """Given all that was said in a run, run its hooks and send its messages; return what went wrong, with the logs."""
    found = outcomes(records)
    if not found:
        return []
    controller = os.uname().nodename
    failed = _hooks_after(found, run, controller)
    told = [(problem, _logs(group)) for problem, group in failed]
    tasks = []
    for made in (_messages(found, failed, controller), _pings(found, run, controller)):
        try:
            tasks.extend(made)
        except Exception as error:  # one that cannot be made leaves the others; its words may have settings in them
            told.append((f"Not everybody was told how the run ended: {type(error).__name__}.", _logs(found)))
    for task, problem in zip(tasks, send([task["task"] for task in tasks], SECONDS), strict=True):
        if task["task"]["kind"] == "apprise" and not problem:
            for outcome in task["group"]:
                keep(outcome)
        if problem:
            told.append((f"{task['name']}: nobody was told how the run ended there: {problem}.", _logs(task["group"])))
    return told


def _logs(group):
    return list(dict.fromkeys(outcome.log for outcome in group if outcome.log))


def _hooks_after(found, run, controller):
    """Run the hooks of directors that failed, and those of all; return each that failed itself, and its directors."""
    failed = []
    interrupted = any(not outcome.artifact for outcome in found)
    deadline = time.monotonic() + INTERRUPTED_SECONDS if interrupted else math.inf
    for playbook in (name for name in HOOKED if any(outcome.playbook == name for outcome in found)):
        mine = [outcome for outcome in found if outcome.playbook == playbook]
        for stage in ("failed", "after"):
            if stage == "after" or not all(outcome.good for outcome in mine):
                failed += _stage(stage, mine, run, controller, deadline)
    return failed


def _stage(stage, mine, run, controller, deadline):
    failed = []
    groups = by_target(mine, lambda settings: enumerate(settings["hooks"][stage]))
    for (number, command), group in groups.items():
        if stage == "failed" and all(outcome.good for outcome in group):
            continue
        directors = [hooks.director(outcome) for outcome in group]
        told = hooks.report(stage, group[0].playbook, run, controller, directors)
        seconds = max(outcome.settings.get("seconds", 0) for outcome in group)
        left = round(max(min(seconds, deadline - time.monotonic()), 1), 1)
        problem = hooks.run_hook(command, told, left)
        if problem:
            failed.append((f"{hooks.hook_name(stage, number)} {problem}", group))
    return failed


def _messages(found, failed, controller):
    """Return a task for each address: its message, or, if it gets none, a look whether it could."""
    for url, group in by_target(found, lambda settings: settings["notify"]).items():
        problems = [problem for problem, others in failed if any(outcome in group for outcome in others)]
        asked = {event for outcome in group if outcome.settings for event in outcome.settings["on"]}
        wanted = any(outcome.events & set(outcome.settings.get("on", asked)) for outcome in group)
        wanted = wanted or bool(problems and FAILED in asked)
        number = group[0].settings["notify"].index(url)
        task = {"kind": "apprise", **message(group, problems, controller)} if wanted else {"kind": "check"}
        if SCHEMA.match(url):
            yield {"name": name_of(number, url), "group": group, "task": {**task, "url": url}}


def _pings(found, run, controller):
    pinged = [outcome for outcome in found if outcome.playbook in PINGED]
    groups = by_target(pinged, lambda settings: [settings["ping"]] if pings.is_address(settings["ping"]) else [])
    for url, group in groups.items():
        bad = [outcome for outcome in group if not outcome.good]
        said = message(group, [], controller)
        words = [said["title"], said["body"], *(log_end(outcome.log) for outcome in bad[:1])]
        took = time.time() - min(outcome.began for outcome in group if outcome.settings)
        event = pings.FAIL if bad else pings.SUCCESS
        task = pings.ping(url, event, "\n".join(words), took, run)
        yield {"name": PING, "group": group, "task": {"kind": "ping", **task}}
