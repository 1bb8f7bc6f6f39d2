# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds out what is to be scheduled on this controller, and how, before anything is touched."""

from __future__ import annotations

import json
import os
import re
import shlex
import time
from pathlib import Path

from ansible.plugins.action import ActionBase
from ansible_collections.microbosh.director.plugins.plugin_utils._run import _schedule_place as place
from ansible_collections.microbosh.director.plugins.plugin_utils._run._in_process import plain_values
from ansible_collections.microbosh.director.plugins.plugin_utils._run._schedule import (
    NAME,
    SYSTEMD,
    ScheduleError,
    environment_of,
    exec_line,
    jobs_of,
    sees_homes,
    shell_line,
    word,
    writable,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._run._schedule_record import ENDING, record

ARGUMENTS = {"directors": {"type": "dict", "required": True}}
PLAYBOOKS = Path(__file__).parents[2] / "playbooks"
NO_OUTAGE = Path(__file__).parents[1] / "plugin_utils" / "_run" / "_no_outage.py"
# What holds for all of a schedule, so every director has to say the same.
COMMON = ("schedule", "state", "scheduler", "user", "prefix")


class ActionModule(ActionBase):
    """Ask settings and controller, and answer with the plan."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        dummy, arguments = self.validate_argument_spec(argument_spec=ARGUMENTS)
        try:
            directors = plain_values(arguments["directors"])
            result.update(changed=False, plan=plan(directors, plain_values(task_vars["groups"]), time.time()))
        except (ScheduleError, OSError) as error:
            result.update(failed=True, msg=str(error))
        return result


def plan(directors: dict, groups: dict, now: float) -> dict:
    """Given what each director has in its settings, and the groups of the inventory, return what has to be there."""
    common = _common(directors)
    start, prefix = place.start(), common["prefix"]
    before = place.made_before(prefix, start["inventory"])
    absent = common["state"] == "absent"
    account, kind = place.account(common["user"]), "" if absent else place.scheduler(common["scheduler"])
    directors = _at_home(directors, account["home"])
    jobs = [] if absent else jobs_of(common["schedule"], kind, _playbooks(), groups)
    account["become"] = os.geteuid() != 0 and account["other"]
    told = [_job(job, kind, start, prefix, sorted(set(groups[job.group]) & set(directors))) for job in jobs]
    kept = place.RECORDS / f"{prefix}{ENDING}"
    files = {str(kept)} if told else set()
    files |= {str(path) for job in told for path in _files(job, kind)}
    stale = [path for path in before if str(path) not in files]
    whose = {"prefix": prefix, "inventory": start["inventory"]}
    return {
        "scheduler": kind, "account": account, "escalate": os.geteuid() != 0, "jobs": told, "prefix": prefix,
        "mark": place.mark(prefix, start["inventory"]), "record": str(kept),
        "written": json.dumps({**record(told, place.written(kept), now), **whose}, indent=2, sort_keys=True),
        **_surroundings(start, account, directors), **_trials(told, start, account, directors),
        "said": _said(told, account, stale),
        "stale_timers": [path.name for path in stale if path.suffix == ".timer"],
        "stale": [str(path) for path in stale],
    }  # fmt: skip


def _common(directors):
    """Return the settings of the schedule, which is one for all."""
    unknown = sorted(host for host, one in directors.items() if not one)
    if unknown or not directors:
        raise ScheduleError(
            f"The settings of {', '.join(unknown) or 'no director'} could not be collected. Nothing was scheduled."
        )
    found = {}
    for name in COMMON:
        values = {json.dumps(one[name], sort_keys=True): host for host, one in directors.items()}
        if len(values) > 1:
            setting = "microbosh_schedule" if name == "schedule" else f"microbosh_schedule_{name}"
            raise ScheduleError(
                f"{setting} is not the same for {' and '.join(values.values())}. Set it for all "
                "directors, in group_vars/microbosh.yml, and say in it which group a job is for."
            )
        found[name] = next(iter(directors.values()))[name]
    if not NAME.fullmatch(found["prefix"]):
        raise ScheduleError(
            f"microbosh_schedule_prefix is {found['prefix']!r}. Expected small letters, digits and hyphens."
        )
    return found


def _playbooks():
    return [path.stem for path in PLAYBOOKS.glob("*.yml")]


def _job(job, kind, start, prefix, hosts):
    argv = job.argv(start)
    called = f"{prefix}-{job.name}"
    gap = place.gap_of(job.name, job.calendar) if kind == SYSTEMD else 0
    return {
        "name": job.name, "playbook": job.playbook, "group": job.group, "hosts": hosts, "nice": job.nice,
        "delay": job.delay, "unit": called + (".timer" if kind == SYSTEMD else ""), "called": called,
        "when": job.calendar if kind == SYSTEMD else job.cron, "argv": argv, "exec_start": exec_line(argv),
        "command": shell_line(argv, environment_of(start)),
        "longest_seconds": gap and gap + job.delay,
    }  # fmt: skip


def _files(job, kind):
    if kind == SYSTEMD:
        return [place.UNITS / f"{job['called']}{ending}" for ending in (".service", ".timer")]
    return [place.CRONTABS / job["called"], place.RECORDS / job["called"]]


def _surroundings(start, account, directors):
    """Return what a run needs around it."""
    paths = writable(directors.values(), account["home"])
    needed = [account["home"], start["program"], start["python"], start["directory"], *start["collections"]]
    return {
        "directory": start["directory"],
        "environment": " ".join(word(f"{name}={value}") for name, value in sorted(environment_of(start).items())),
        "writable": " ".join(word(f"-{path}") for path in paths),  # one that is not there ends no run
        "sees_homes": sees_homes([*needed, *place.files_of(start), *_keys(directors), *paths]),
        "no_outage": exec_line([start["python"], "-I", "-S", str(NO_OUTAGE)]),
    }


def _trials(jobs, start, account, directors):
    """Return how it is tried, as the account, whether it can do what a run does, and what is made before."""
    if not jobs:
        return {"missing": [], "trial": [], "listing": []}
    backups = sorted({one["directory"] for one in directors.values()})
    wanted = [*backups, os.path.join(account["home"], ".ansible")]
    environment = {**environment_of(start), "HOME": account["home"], "USER": account["user"]}
    clean = ["env", "-i", *(f"{name}={value}" for name, value in sorted(environment.items()))]
    own = ["runuser", "-u", account["user"], "--", *clean] if account["other"] else clean
    lines = [
        f"[ -r {shlex.quote(path)} ] || echo {shlex.quote(f'{path} cannot be read.')}"
        for path in [*place.files_of(start), *_keys(directors)]
    ]
    lines += [f"[ -w {shlex.quote(path)} ] || echo {shlex.quote(f'{path} cannot be written.')}" for path in backups]
    return {
        "missing": [path for path in wanted if not os.path.lexists(path)],
        "trial": [*own, "sh", "-c", "\n".join(lines)],
        "listing": [*own, *jobs[0]["argv"], "--list-hosts"],
    }


def _keys(directors):
    """Return the files of all directors that a run reads: keys, and passwords of repositories."""
    return sorted(
        {path for one in directors.values() for path in [one["private_key"], *one.get("readable", [])] if path}
    )


def _at_home(directors, home):
    """Return the same with the paths as they are for the account: its home is not that of who schedules."""
    names = ("directory", "private_key", "sign_key", "rehearse_dir")
    return {
        host: {
            **one,
            **{name: _of_home(one[name], home) for name in names},
            **{
                name: [_of_home(path, home) for path in one.get(name) or [] if path]
                for name in ("writable", "readable")
            },
        }
        for host, one in directors.items()
    }


def _of_home(path, home):
    return re.sub(r"^~(?=/|$)", home, os.path.expandvars(path))


def _said(jobs, account, stale):
    """Return what is told at the end."""
    lines = [
        f"{job['unit']}: {job['playbook']} of {len(job['hosts'])} directors as {account['user']}, {job['when']}"
        for job in jobs
    ]
    return [*(lines or ["Nothing runs by itself"]), *(f"Removed {path}" for path in stale)]
