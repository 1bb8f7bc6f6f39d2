# SPDX-License-Identifier: GPL-3.0-or-later
"""A director whose persistent disk was lost, and of which there are online backups alone: dumps, and no PostgreSQL."""

from __future__ import annotations

import faults
import points
import pytest
from conftest import prepared
from restoring import content, killed_at, marker, restore

pytestmark = pytest.mark.long

MONIT = "/var/vcap/bosh/bin/monit"
LOST = "rm -rf /var/vcap/store/blobstore /var/vcap/store/director /var/vcap/store/postgres*"
# Older directors make a data directory whenever monit starts PostgreSQL.
LOST_FOR_GOOD = f"{MONIT} stop postgres; while pgrep -x postgres >/dev/null; do sleep 0.2; done; {LOST}"
LOSE = {"director": LOST, "micro": LOST_FOR_GOOD}
MAKER = {
    "director": "/var/vcap/jobs/postgres/bin/pre-start",
    "micro": "/var/vcap/jobs/postgres/bin/postgres_ctl",
}
THERE = "ls -d /var/vcap/store/postgres*/PG_VERSION 2>/dev/null || true"
# What bpm and the job have made of it when monit has started PostgreSQL in vain.
IN_VAIN = "pkill -x postgres; until [ -e /var/vcap/store/postgres-15/postgresql.conf ]; do sleep 0.5; done"
LEFT = "find /var/vcap/store/postgres-15 | sort"
# Comes half way, and fails.
BROKEN = """#!/bin/sh
mkdir -p /var/vcap/store/postgres-15 && echo 15 >/var/vcap/store/postgres-15/PG_VERSION
echo "initdb: no space left on device"
exit 1
"""


@pytest.fixture(scope="module", params=["director", "micro"])
def online(request, new_director):
    """A director with one online backup, and what it held; of an older one and of one of today."""
    director = prepared(new_director(f"e2e-lost-{request.param}", generation=request.param, **faults.SMALL))
    run = director.backup(microbosh_mode="online")
    assert run.status == 0, run.output
    assert director.report["mode"] == "online"
    return director, content(director), request.param


def is_back(director, expected):
    assert content(director) == expected
    assert director.wholly_up()
    assert marker(director) is None


def test_it_comes_back_and_it_is_said_ahead_how(online):
    director, expected, generation = online
    director.shell(LOSE[generation])
    run = restore(director, "--check")
    assert run.status == 0, run.output
    assert f"into an empty data directory that {MAKER[generation]} makes" in run
    assert director.shell(THERE) == ""
    run = restore(director)
    assert run.status == 0, run.output
    assert f"There is no data directory of PostgreSQL: {MAKER[generation]} makes an empty one" in run
    is_back(director, expected)


def test_killed_while_the_directory_is_made_it_goes_on(online):
    director, expected, generation = online
    director.shell(LOSE[generation])
    if generation == "director":
        director.shell(IN_VAIN)
    killed_at(director, points.MAKE_DIRECTORY, microbosh_outage_limit=15)
    assert marker(director)["phase"] == "loading"
    run = restore(director, microbosh_restore_unfinished="resume")
    assert run.status == 0, run.output
    is_back(director, expected)


def test_killed_at_the_load_what_was_made_goes_away_with_a_rollback(online):
    director, expected, generation = online
    director.shell(LOSE[generation])
    killed_at(director, points.LOAD, microbosh_outage_limit=15)
    assert director.shell(THERE) != ""
    run = restore(director, microbosh_restore_unfinished="rollback", microbosh_timeout=60)
    print(run.output)
    if generation == "director":  # the other makes one at its start
        assert director.shell(THERE) == ""
    assert not director.shell("ls /var/vcap/store/blobstore 2>/dev/null || true")
    run = restore(director)
    assert run.status == 0, run.output
    is_back(director, expected)


def test_a_program_that_fails_is_quoted_and_all_is_as_before(online):
    director, expected, generation = online
    if generation == "micro":
        pytest.skip("a director of 2014 writes what it says to its own log")
    director.shell(f"{LOST}; {IN_VAIN}")
    left = director.shell(LEFT)
    maker = MAKER[generation]
    director.shell(f"cp -p {maker} {maker}.kept; cat >{maker} <<'END'\n{BROKEN}END\n")
    run = restore(director, microbosh_timeout=60)
    assert run.status != 0
    assert "made no data directory of PostgreSQL" in run
    assert "initdb: no space left on device" in run
    assert director.shell(LEFT) == left
    director.shell(f"rm {maker}")
    run = restore(director)
    assert run.status != 0
    assert "Deploy the director again (bosh create-env --recreate)" in run
    assert "Nothing was touched" in run
    director.shell(f"mv {maker}.kept {maker}")
    run = restore(director)
    assert run.status == 0, run.output
    is_back(director, expected)
