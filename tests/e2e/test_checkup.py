"""Checkup: brings a director back up that something left stopped, and shows what monit says."""

from __future__ import annotations

import re

import pytest
from breakage import wait_until
from standing import standing

MONIT = "/var/vcap/bosh/bin/monit"


@pytest.fixture(scope="module")
def runs(micro):
    """A checkup of a director on which nothing runs, not even the agent, and another one after it."""
    micro.shell(f"{MONIT} stop all; sv -w 30 stop agent")
    wait_until(lambda: not micro.shell("find /var/vcap/sys/run/ -name '*.pid'"), "every process has ended")
    return micro.play("checkup"), standing(micro), micro.wholly_up(), micro.play("checkup")


def test_a_stopped_director_is_brought_up(micro, runs):
    run, after, up, _ = runs
    assert run.status == 0, run.output
    assert up
    assert after["staging"] == []
    assert re.search(r"Started .*\bpostgres\b.*, started the agent", run.told(micro.name))


def test_it_shows_what_monit_says(micro, runs):
    for run in (runs[0], runs[-1]):
        told = run.told(micro.name)
        for service in ("nats", "postgres", "director", "worker_3", "health_monitor"):
            assert re.search(rf"\b{service} +OK\b", told), told


def test_a_director_that_is_up_is_left_alone(micro, runs):
    run = runs[-1]
    assert run.status == 0, run.output
    assert "Every service was running" in run.told(micro.name)
    assert standing(micro)["processes"] == runs[1]["processes"]


def test_a_dead_monit_is_an_error_not_an_empty_list(micro):
    micro.shell("sv -w 30 stop monit")
    try:
        run = micro.play("checkup")
    finally:
        micro.shell("sv -w 30 start monit")
        wait_until(micro.wholly_up, "monit answers again")
    assert run.status != 0
    assert "monit daemon of this director does not answer" in run


def test_known_holes_of_rsync_are_told_once_with_the_way_out(micro, runs):
    """An rsync of an old number that is of no package: nobody says that it was mended."""
    assert "known holes" not in runs[-1].told(micro.name)  # Debian's was, without a new number
    old = '[ "$1" != --version ] || exec echo "rsync  version 3.2.7  protocol version 31"'
    micro.shell(
        "cd /usr/bin && mv rsync rsync.real && mv dpkg-query dpkg-query.real && "
        f"printf '%s\\n' '#!/bin/sh' '{old}' 'exec rsync.real \"$@\"' >rsync && chmod 755 rsync"
    )
    try:
        run = micro.play("checkup")
    finally:
        micro.shell("cd /usr/bin && mv rsync.real rsync && mv dpkg-query.real dpkg-query")
    assert run.status == 0, run.output
    told = run.told(micro.name)
    assert told.count("on the director has known holes") == 1
    assert "CVE-2024-12084" in told
    assert "Deploy a stemcell whose rsync is mended" in told
