# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is scheduled: the jobs of the settings, as units of systemd or lines of cron."""

from __future__ import annotations

import json
import os
import re
import shlex
from calendar import timegm
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from time import strptime

GROUP = "microbosh"
NAME = re.compile(r"[a-z][a-z0-9-]{0,40}")
# What may run unasked: nothing that needs a person, and not this again.
NOT_ALONE = ("setup", "restore", "schedule", "directors")
KEYS = {
    "name": str, "playbook": str, "group": str, "calendar": str, "cron": str, "delay": int, "forks": int, "nice": int,
    "vars": dict,
}  # fmt: skip
SYSTEMD, CRON = "systemd", "cron"
# Five fields of numbers, names, lists, ranges and steps, or one of the words.
CRON_FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
CRON_WORDS = ("@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually")
CRON_PART = re.compile(r"(?:\*|(\d+|[a-z]{3})(?:-(\d+|[a-z]{3}))?)(?:/(\d+))?", re.IGNORECASE)
PLAIN = re.compile(r"[A-Za-z0-9_@:,./=+-]+")
ELAPSE = re.compile(r"(?:Next elapse|Iter\. #\d+|Iteration #\d+): \w+ (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC")
# What a process started by cron or systemd has not of itself.
PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
HOMES = ("/home", "/root", "/run/user")
# A directory of everybody is no parent for one of backups.
NAMES = ("home", "mnt", "media", "opt", "root", "srv", "tmp", "usr", "var", "var/lib", "var/tmp")
SHARED = ("/", *(f"/{name}" for name in NAMES))
# Where locks, sockets and what is rehearsed are.
SLOTS = tuple(f"/{name}" for name in ("tmp", "var/tmp"))


class ScheduleError(ValueError):
    """A schedule that cannot be, said with the way out."""


@dataclass(frozen=True)
class Job:
    """One thing that runs by itself."""

    name: str
    playbook: str
    group: str = GROUP
    calendar: str = ""
    cron: str = ""
    delay: int = 1800
    forks: int = 0
    nice: int = 0
    vars: dict = field(default_factory=dict)

    def argv(self, start: Mapping) -> list[str]:
        """Return its command, as this run was started."""
        words = [start["program"]]
        for option, values in (("--inventory", start["inventory"]), ("--vault-id", start["vault"])):
            words += [word for value in values for word in (option, value)]
        words += ["--limit", self.group] if self.group != GROUP else []
        words += ["--forks", str(self.forks)] if self.forks else []
        words += ["--extra-vars", json.dumps(self.vars, sort_keys=True)] if self.vars else []
        return [*words, f"microbosh.director.{self.playbook}"]


def jobs_of(schedule: list, scheduler: str, playbooks: Iterable[str], groups: Iterable[str]) -> list[Job]:
    """Given what is scheduled, and the playbooks and groups there are, return the jobs, or raise with what is wrong."""
    jobs = [_job(number, entry) for number, entry in enumerate(schedule, 1)]
    names = [job.name for job in jobs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ScheduleError(f"microbosh_schedule has {', '.join(twice)} twice. Expected a name of its own for each.")
    for job in jobs:
        _require(job, scheduler, sorted(set(playbooks) - set(NOT_ALONE)), groups)
    return jobs


def _job(number, entry):
    if not isinstance(entry, Mapping):
        raise ScheduleError(
            f"Number {number} of microbosh_schedule is {entry!r}. Expected name, playbook and calendar."
        )
    called = f"{entry.get('name') or f'number {number}'} of microbosh_schedule"
    unknown = sorted(set(entry) - set(KEYS))
    if unknown:
        raise ScheduleError(f"There is no {', '.join(unknown)} in {called}. There are {', '.join(KEYS)}.")
    values = {key: _value(called, key, value) for key, value in entry.items() if value is not None}
    for key in ("name", "playbook"):
        if not values.get(key):
            raise ScheduleError(f"{called} has no {key}.")
    return Job(**values)


def _value(called, key, value):
    kind = KEYS[key]
    if (
        kind is int
        and (isinstance(value, int) or str(value).isdigit())
        and not isinstance(value, bool)
        and int(value) >= 0
    ):
        return int(value)
    if kind is str and isinstance(value, str) and "\n" not in value:
        return str(value).strip()
    if kind is dict and isinstance(value, Mapping):
        return json.loads(json.dumps(value))
    said = {int: "a number that is not negative", str: "a text in one line", dict: "names and values"}[kind]
    raise ScheduleError(f"{key} of {called} is {value!r}. Expected {said}.")


def _require(job, scheduler, playbooks, groups):
    called = f"{job.name} of microbosh_schedule"
    if not NAME.fullmatch(job.name):
        raise ScheduleError(f"A job is called {job.name!r}. Expected small letters, digits and hyphens, at most 41.")
    if job.playbook not in playbooks:
        raise ScheduleError(f"{called} has the playbook {job.playbook!r}. By itself may run {', '.join(playbooks)}.")
    if job.group not in groups:
        raise ScheduleError(f"{called} is for the group {job.group}, which is not in the inventory.")
    when = job.calendar if scheduler == SYSTEMD else job.cron
    if not when:
        key = "calendar" if scheduler == SYSTEMD else "cron"
        raise ScheduleError(f"{called} has no {key}, and {scheduler} would not know when. Set it.")
    if scheduler == CRON:
        require_cron(called, job.cron)


def require_cron(called: str, when: str) -> None:
    """Raise ScheduleError for what cron would not take: it says so nowhere but in its log, and runs nothing."""
    fields = when.split()
    if when in CRON_WORDS:
        return
    if len(fields) != len(CRON_FIELDS) or not all(map(_is_cron_field, fields, CRON_FIELDS)):
        raise ScheduleError(
            f"cron of {called} is {when!r}. Expected minute, hour, day, month and weekday, as in '17 2 * * *'."
        )


def _is_cron_field(text, bounds):
    low, high = bounds
    for part in text.split(","):
        match = CRON_PART.fullmatch(part)
        if not match:
            return False
        numbers = [int(found) for found in match.groups()[:2] if found and found.isdigit()]
        if any(not low <= number <= high for number in numbers) or match.group(3) == "0":
            return False
    return True


def longest_gap(said: str) -> int:
    """Given what systemd-analyze calendar says of the next times in UTC, return the longest between two, or 0."""
    times = [timegm(strptime(found, "%Y-%m-%d %H:%M:%S")) for found in ELAPSE.findall(said)]
    return max((after - before for before, after in pairwise(times)), default=0)


def word(text: str, command: bool = False) -> str:
    """Return a text as one word of a unit's line; in a ``command`` dollar signs mean something, too."""
    if "\n" in text or "\0" in text:
        raise ScheduleError(f"{text!r} has an end of line in it, which no unit can have.")
    said = text.replace("%", "%%")
    said = said.replace("$", "$$") if command else said
    return said if PLAIN.fullmatch(said) else '"' + said.replace("\\", "\\\\").replace('"', '\\"') + '"'


def exec_line(argv: Iterable[str]) -> str:
    """Return a command for ExecStart=."""
    return " ".join(word(one, command=True) for one in argv)


def shell_line(argv: Iterable[str], environment: Mapping[str, str]) -> str:
    """Return a command for a shell, with its environment."""
    return shlex.join(["env", *(f"{name}={value}" for name, value in sorted(environment.items())), *argv])


def environment_of(start: Mapping) -> dict[str, str]:
    """Given how this run was started, return what another one needs of it."""
    path = dict.fromkeys([os.path.dirname(start["program"]), os.path.dirname(start["python"]), *PATH])
    found = {"PATH": ":".join(path), "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1", "ANSIBLE_NOCOLOR": "1"}
    found["ANSIBLE_COLLECTIONS_PATH"] = ":".join(start["collections"])
    if start["config"]:
        found["ANSIBLE_CONFIG"] = start["config"]
    return found


def parent_of(directory: str) -> str:
    """Return what has to be writable for a director's backups: where all of them are, unless that is everybody's."""
    parent = os.path.dirname(directory.rstrip("/"))
    return directory if parent in SHARED else parent


def writable(directors: Iterable[Mapping], home: str) -> list[str]:
    """Return the paths that runs write to, none of them below another one."""
    found = {*SLOTS, os.path.join(home, ".ansible")}
    for one in directors:
        found.add(parent_of(one["directory"]))
        found.update([one["rehearse_dir"], *one.get("writable", [])])
        if one["sign_key"]:
            found.add(os.path.dirname(one["sign_key"]))
    return [path for path in sorted(found) if not any(path.startswith(f"{other.rstrip('/')}/") for other in found)]


def sees_homes(paths: Iterable[str]) -> bool:
    """Return whether one of the paths lies where people's files are."""
    return any(path == home or path.startswith(f"{home}/") for path in paths for home in HOMES)
