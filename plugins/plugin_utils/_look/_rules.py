# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the backups of a director, rule by rule: each is a function of what is known of it.

A rule returns what it found as a status, as Nagios has it, and words that name the setting by which it was measured.
"""

from __future__ import annotations

from statistics import median

from ansible_collections.microbosh.director.plugins.plugin_utils._run._lines import duration, size

OK, WARNING, CRITICAL, UNKNOWN = range(4)
# From bad to worse: what is not known is better than what is known to be bad.
ORDER = (OK, UNKNOWN, WARNING, CRITICAL)
HOUR, DAY = 3600, 24 * 3600
# What is usual is known of so many backups before the newest, at least and at most.
FEWEST, MOST = 3, 10
# What differs by less is no news, whatever its factor is.
LEAST_SECONDS, LEAST_BYTES = 10, 64 * 1024 * 1024
PREFIX = "microbosh_health_"
RULES = {
    "proven_hours": 36.0,
    "rehearsed_days": 35.0,
    "outage_factor": 3.0,
    "size_factor": 2.0,
    "space_days": 7.0,
    "offsite_hours": 36.0,
}
# A repository is checked after each copy: by then, at least one night has to have done it.
CHECKED_DAYS = 7


def health_of(director: dict, rules: dict) -> dict:
    """Return the worst status of all rules that are not off, and every problem that was found."""
    problems = [
        {"rule": name, "status": status, "said": said}
        for name, rule in ALL.items()
        if name not in (rules.get("off") or [])
        for status, said in rule(director, {**RULES, **rules})
    ]
    return {"status": worst(problem["status"] for problem in problems), "problems": problems}


def worst(statuses) -> int:
    """Return the worst of statuses, 0 of none."""
    return max(statuses, key=ORDER.index, default=OK)


def wrong_settings(director: dict, rules: dict):
    """Settings of this host that nothing can be measured by."""
    return [(UNKNOWN, said) for said in rules.get("wrong") or []]


def unreadable(director: dict, rules: dict):
    """The directory of backups, or something in it, cannot be read."""
    found = director["problems"]
    if director["state"] == "unreadable":
        place = director["directory"] or "the directory of its backups, which is not known,"
        return [(UNKNOWN, found[0] if found else f"{place} cannot be read by the user of this run")]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return [(WARNING, f"{found[0]}{more}")] if found else []


def no_backup(director: dict, rules: dict):
    """A director in the inventory without any backup."""
    if director["backups"] or director["state"] == "unreadable":
        return []
    return [(CRITICAL, f"there is no backup in {director['directory']}")]


def proven_age(director: dict, rules: dict):
    """The newest backup that is proven is too old, or there is none among all."""
    limit, age = rules["proven_hours"], director["proven_age_seconds"]
    if not limit or not director["backups"]:
        return []
    if age is None:
        return [(CRITICAL, "none of its backups is proven")]
    allowed = f"{limit:g} h are allowed ({PREFIX}proven_hours)"
    return [(CRITICAL, f"the newest proven backup is {age_said(age)} old, {allowed}")] if age > limit * HOUR else []


def rehearsed_age(director: dict, rules: dict):
    """No backup was loaded for too long, or never."""
    limit, age = rules["rehearsed_days"], director["rehearsed_age_seconds"]
    if not limit or not director["backups"]:
        return []
    allowed = f"{limit:g} days are allowed ({PREFIX}rehearsed_days)"
    if age is None:
        return [(WARNING, f"no backup was ever rehearsed, {allowed}")]
    return [(WARNING, f"the last rehearsal was {age_said(age)} ago, {allowed}")] if age > limit * DAY else []


def damaged(director: dict, rules: dict):
    """A backup was found not whole when it was looked at again, or could not be loaded."""
    newest = director["newest"]
    found = [
        (CRITICAL if one["id"] == newest else WARNING, f"the backup {one['id']} is damaged: {one['problem']}")
        for one in director["backups"]
        if one["verdict"] == "damaged"
    ]
    found += [
        (WARNING, f"the backup {one['id']} could not be rehearsed: {', '.join(one['rehearsed']['problems'][:1])}")
        for one in director["backups"]
        if one["rehearsed"] and not one["rehearsed"]["good"]
    ]
    archives = [one["archive"] for one in director["backups"] if one["archive"]]
    found += [
        (WARNING, f"the archive {one['path']} is damaged") for one in archives if _is_damaged(one.get("verified"))
    ]
    return found


def _is_damaged(verified):
    return bool(verified) and not verified["whole"]


def last_run(director: dict, rules: dict):
    """The last run of a kind failed, was killed, or did nothing. One that another run kept out does not count."""
    found = []
    ended = [run for run in director["runs"] if run["outcome"] != "running" and run["reason"] != "held"]
    for kind in ("backup", "verify", "restore"):
        last = next((run for run in ended if run["kind"] == kind or _settles(run, kind)), None)
        if last and last["outcome"] in ("failed", "refused", "killed"):
            said = f"the last {kind}, of {last['began']}, {WORDS[last['outcome']]}"
            found.append((WARNING, f"{said}: {last['error'].splitlines()[0] if last['error'] else last['reason']}"))
    return found


def _settles(run, kind):
    """Return whether a run shows that a restore before it needs nobody any more: nobody restores again for that."""
    return kind == "restore" and run["kind"] == "backup" and run["outcome"] == "succeeded"


WORDS = {"failed": "failed", "refused": "did nothing", "killed": "was killed"}


def outage_range(director: dict, rules: dict):
    """The last outage was longer than is usual."""
    outages = [one["outage_seconds"] for one in director["backups"] if one["outage_seconds"]]
    if not director["backups"] or not director["backups"][0]["outage_seconds"]:
        return []
    usual, factor = usual_of(outages), rules["outage_factor"]
    last = outages[0]
    if not factor or usual is None or last - usual < LEAST_SECONDS or last <= usual * factor:
        return []
    usually = f"usual are {duration(usual)} ({PREFIX}outage_factor)"
    return [(WARNING, f"the last outage took {duration(last)}, {usually}")]


def size_range(director: dict, rules: dict):
    """The newest backup is larger or smaller than is usual: what is gone may be gone for good."""
    sizes = [one["all"]["bytes"] for one in director["backups"] if one["all"]["bytes"] is not None]
    usual, factor = usual_of(sizes), rules["size_factor"]
    if not factor or usual is None or director["backups"][0]["all"]["bytes"] is None:
        return []
    newest = sizes[0]
    if abs(newest - usual) < LEAST_BYTES or usual / factor <= newest <= usual * factor:
        return []
    return [(WARNING, f"the newest backup has {size(newest)}, usual are {size(usual)} ({PREFIX}size_factor)")]


def usual_of(numbers: list[float]) -> float | None:
    """Given numbers, the newest first, return the median of those before it, None if there are too few."""
    before = numbers[1 : MOST + 1]
    return median(before) if len(before) >= FEWEST else None


def missed(director: dict, rules: dict):
    """What was to begin by itself has not."""
    return [
        (CRITICAL if one["playbook"] == "backup" else WARNING,
         f"no {one['playbook']} began since {one['last']}, though {one['unit']} should have started one: look at it")
        for one in director.get("missed") or []
    ]  # fmt: skip


def space(director: dict, rules: dict):
    """The volume has not got room for the next backup, or will be full soon."""
    volume, backups, days = director["volume"], director["backups"], rules["space_days"]
    if not volume or not days:
        return []
    free, path = volume["free_bytes"], volume["path"]
    largest = max((one["new"]["bytes"] or 0 for one in backups[:-1][:MOST]), default=0)
    if free < largest:
        return [(CRITICAL, f"{size(free)} are free in {path}, and backups take up to {size(largest)}")]
    shrinks = director["free_shrinks_bytes_a_day"]
    if shrinks is not None and shrinks > 0 and free < shrinks * days:
        left = f"it has lost {size(shrinks)} a day, so it is full in {free / shrinks:.1f} days"
        return [(WARNING, f"{size(free)} are free in {path}: {left}, {days:g} are wanted ({PREFIX}space_days)")]
    return []


def offsite_age(director: dict, rules: dict):
    """The newest copy elsewhere is too old, or there is none."""
    found, limit = _wanted_elsewhere(director), rules["offsite_hours"]
    if not found or not limit:
        return []
    allowed = f"{limit:g} h are allowed ({PREFIX}offsite_hours)"
    age = found["age_seconds"]
    if age is None:
        return [(WARNING, f"no copy of its backups is known elsewhere, {allowed}")] if director["backups"] else []
    return [(WARNING, f"the newest copy elsewhere is {age_said(age)} old, {allowed}")] if age > limit * HOUR else []


def offsite(director: dict, rules: dict):
    """The repository of the copies is damaged, was not reached, or was not checked for long."""
    found = _wanted_elsewhere(director)
    if not found:
        return []
    checked, failed, age = found["checked"] or {}, found["failed"], found["unchecked_seconds"]
    problems = []
    if checked.get("good") is False:
        said = f": {checked['said']}" if checked["said"] else ""
        problems.append((CRITICAL, f"the repository of its copies was found damaged, on {checked['at']}{said}"))
    if failed and not (problems and failed["step"] == "check"):
        missing = f"; not copied: {listed(found['missing'])}" if found["missing"] else ""
        said = f"the last contact with the repository of its copies, of {failed['at']}, failed ({failed['step']})"
        problems.append((WARNING, f"{said}: {failed['said']}{missing}"))
    if age is not None and age > CHECKED_DAYS * DAY:
        problems.append((WARNING, f"the repository of its copies was not checked for {age_said(age)}"))
    return problems


def _wanted_elsewhere(director):
    """Return what is known of the copies elsewhere, None where none are to be."""
    found = director.get("offsite")
    return found if found and found["configured"] else None


def listed(names: list[str], most: int = 3) -> str:
    """Return so many names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def restore_open(director: dict, rules: dict):
    """A restore has not come to its end: the services may be stopped."""
    found = director["restore_open"]
    ways = "run the restore playbook with -e microbosh_restore_unfinished=resume or rollback"
    return [(CRITICAL, f"a restore is open since {found['since']}, {found['said']}; {ways}")] if found else []


def lease_fired(director: dict, rules: dict):
    """A run left the director stopped, and it had to start itself."""
    found = director["lease_fired"]
    return [(CRITICAL, found["said"])] if found else []


def age_said(seconds: float) -> str:
    """Return an age in words, such as ``2 days 4 h``."""
    days, hours = divmod(int(seconds // HOUR), 24)
    if days:
        return f"{days} {'day' if days == 1 else 'days'}{f' {hours} h' if hours else ''}"
    return duration(seconds)


# The most urgent first.
ALL = {
    "settings": wrong_settings,
    "restore_open": restore_open,
    "lease_fired": lease_fired,
    "no_backup": no_backup,
    "proven_age": proven_age,
    "damaged": damaged,
    "last_run": last_run,
    "missed": missed,
    "space": space,
    "offsite": offsite,
    "offsite_age": offsite_age,
    "rehearsed_age": rehearsed_age,
    "outage_range": outage_range,
    "size_range": size_range,
    "unreadable": unreadable,
}
