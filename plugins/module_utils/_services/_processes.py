# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides whether the process of a service lives, by monit's status and by the pid files.

monit tells the pid of what it watches, as its last cycle saw it. Of a service that it does not watch it tells none.
Then the pid files speak. Those of bpm lie where only root reads, so a program that setup installs reads them; where the
setup is older than that program, the files that this user can read have to do.
"""

from __future__ import absolute_import, division, print_function

import json
import os

from ansible_collections.microbosh.director.plugins.module_utils._core._host import services_of_pidfile

__metaclass__ = type

PROGRAM = "/usr/local/sbin/microbosh-processes"
SERVERS = ("postgres", "postmaster")


def parse_records(text):
    """Given what the program printed, return {service: record}, or None if that is no answer of it."""
    try:
        records = json.loads(text)["processes"]
        return dict((str(record["service"]), record) for record in records)
    except (ValueError, KeyError, TypeError):
        return None


def judge(report, host, records):
    """Return a Report in which each process says whether it lives. ``records`` is None if root could not be asked."""
    named = None if records is not None else _pidfiles_by_name(host)
    services = []
    for service in report.services:
        if service.has_process:
            seen = _in_records(service, records) if named is None else _in_pidfiles(service, host, named)
            service = _judged(service, host, seen, named is None)
        services.append(service)
    return report._replace(services=services)


def postgres_services(records):
    """Return the services whose process, or one that it started, is a PostgreSQL server, as far as root saw it."""
    return sorted(name for name, record in (records or {}).items() if record.get("alive") and _runs_postgres(record))


def _runs_postgres(record):
    programs = (record.get("programs") or []) + [record.get("executable") or ""]
    return any(os.path.basename(program.replace(" (deleted)", "")) in SERVERS for program in programs)


def strangers(host, records):
    """Return the pids in pid files that belong to other processes by now."""
    if records is not None:
        return set(record["pid"] for record in records.values() if record.get("foreign"))
    return set(pid for path, pid in host.pidfiles() if host.is_somebody_elses(path, pid))


def _pidfiles_by_name(host):
    found = {}
    for path, pid in host.pidfiles():
        for name in services_of_pidfile(path):
            found.setdefault(name, []).append((path, pid))
    return found


def _in_records(service, records):
    """Return ({pid: when it began} of what may live, {pids that are somebody else's})."""
    record = records.get(service.name) or {}
    pid = record.get("pid")
    if not pid:
        return {}, set()
    return ({pid: record.get("ticks")}, set()) if record.get("alive") else ({}, set([pid]))


def _in_pidfiles(service, host, named):
    alive, others = {}, set()
    for path, pid in named.get(service.name.replace("-", "_"), ()):
        if host.is_somebody_elses(path, pid):
            others.add(pid)
        else:
            alive[pid] = host.birth(pid)
    return alive, others


def _judged(service, host, seen, all_seen):
    alive, others = seen
    if service.pid and service.pid not in others:
        alive = dict(alive)
        alive.setdefault(service.pid, host.birth(service.pid))
    living = [pid for pid, birth in sorted(alive.items()) if birth is not None and host.birth(pid) == birth]
    if living:
        return service._replace(lives=True, pid=service.pid if service.pid in living else living[-1])
    return service._replace(lives=_without_process(service, bool(alive or others), all_seen), pid=None)


def _without_process(service, had_pid, all_seen):
    """Given a service without a live pid, return whether it lives all the same, None if that cannot be told."""
    if service.initializing:
        return None  # monit has not looked, and its pid file may be newer than what was seen of it
    if service.pid or had_pid:
        return False
    if service.well:
        return True  # monit saw it, and did not say which it is
    return False if service.monitored or all_seen else None
