# SPDX-License-Identifier: GPL-3.0-or-later
"""The sudoers file names every command line of monit that a backup needs, and a preflight finds those that it lacks."""

from __future__ import annotations

from ansible_collections.microbosh.director.plugins.filter.monit_lines import monit_lines
from ansible_collections.microbosh.director.plugins.filter.refused_lines import refused_lines

MONIT = "/var/vcap/bosh/bin/monit"
SERVICES = [
    {"name": "worker_10", "type": "Process"},
    {"name": "director", "type": "Process"},
    {"name": "system_localhost", "type": "System"},
    {"name": "disk, of: data", "type": "Filesystem"},
]
ACTIONS = ("start", "stop", "monitor", "unmonitor")


def said(*lines):
    """Return what ``sudo -n -l`` prints, wrapped as sudo does it."""
    return "User microbosh may run the following:\n    (root) NOPASSWD: " + ",\n        ".join(lines)


def test_every_action_on_every_service_that_a_sudoers_file_can_name():
    names = ["director", "system_localhost", "worker_10"]
    queries = [f"{MONIT} {query}" for query in ("summary", "status", "start all", "stop all")]
    actions = [f"{MONIT} {action} {name}" for action in ACTIONS for name in names]
    assert monit_lines(SERVICES, MONIT) == queries + actions


def test_a_process_is_never_left_out():
    assert f"{MONIT} stop a b" in monit_lines([{"name": "a b", "type": "Process"}], MONIT)


def test_what_setup_allows_suffices():
    allowed = said(*monit_lines(SERVICES, MONIT))
    assert refused_lines(allowed, SERVICES, MONIT, ["director"]) == []


def test_a_service_that_is_new_since_the_setup_is_refused():
    allowed = said(*monit_lines(SERVICES, MONIT))
    services = [*SERVICES, {"name": "worker_1", "type": "Process"}]
    assert refused_lines(allowed, services, MONIT) == [f"{MONIT} stop worker_1", f"{MONIT} start worker_1"]


def test_only_a_process_that_monit_does_not_watch_has_to_be_watched_for_the_run():
    allowed = said(f"{MONIT} stop director", f"{MONIT} start director")
    services = SERVICES[1:]
    assert refused_lines(allowed, services, MONIT) == []
    assert refused_lines(allowed, services, MONIT, ["director", "system_localhost"]) == [
        f"{MONIT} monitor director",
        f"{MONIT} unmonitor director",
    ]


def test_somebody_who_may_run_everything_is_refused_nothing():
    assert refused_lines("    (ALL) NOPASSWD:\n        ALL", SERVICES, MONIT, ["director"]) == []
