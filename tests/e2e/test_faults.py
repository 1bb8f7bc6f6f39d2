"""Whatever happens to controller, network or host: the director comes back and no torn backup is published."""

from __future__ import annotations

import faults
import points
import pytest
from cells import alternate, name_of

pytestmark = pytest.mark.long

# Where a fault may strike: each task of the outage, and some before and after it.
BEFORE = [points.TAKE_LEASE, points.FIRST_PASS]
OUTAGE = [
    points.ARM_LEASE,
    points.STOP_AGENT,
    points.STOP_INTAKE,
    points.LOOK_AT_TASKS,
    points.STOP_SERVICES,
    points.DUMP,
    points.STOP_POSTGRESQL,
    points.SECOND_PASS,
    points.POSTGRESQL_PASS,
    points.START_SERVICES,
    points.START_AGENT,
    points.LIVES,
]
AFTER = [
    points.DISARM_LEASE,
    points.COPY_DUMPS,
    points.MANIFEST,
    points.PUBLISH,
    points.RELEASE_LEASE,
    points.PRUNE,
]
STOP, DUMP, COPY, START = OUTAGE[4], OUTAGE[5], OUTAGE[7], OUTAGE[9]
POINTS = [(task, 0.0) for task in OUTAGE]
ASIDE = [(BEFORE[0], 0.0), (BEFORE[1], 0.0), (STOP, 1.5), (START, 1.5), (AFTER[0], 0.0), (AFTER[3], 0.0)]
# Each of these strikes at every task of the outage, those in one list by turns.
EVERYWHERE = [
    [faults.KILLED],
    [faults.TERMINATED, faults.PULLED, faults.INTERRUPTED],
    [faults.CUT],
    [faults.CUT_30],
    [faults.SSHD_KILLED],
    [faults.MONIT_KILLED, faults.MONIT_AWAY],
    [faults.HOLDER_KILLED],
    [faults.RESTARTED],
    faults.CONTROLLER_CLOCKS,
    faults.HOST_CLOCKS,
]
# What happens in one place only, or makes a difference only there.
SOMEWHERE = [
    (faults.POSTGRES_KILLED, DUMP, 0.0),
    (faults.NO_STOP, STOP, 0.0),
    (faults.NO_START, START, 0.0),
]
# A second run is refused from when the first one has the lease until it gives it back.
HELD = [BEFORE[1], *OUTAGE, *AFTER[:4]]
# The few that find the most; the first is tried in every run. A kill, a cut and a restart are in test_lease.py.
FEW = [
    pytest.param(faults.TERMINATED, STOP, 1.0, marks=pytest.mark.share),
    (faults.INTERRUPTED, COPY, 0.0),
    (faults.MONIT_KILLED, COPY, 0.0),
    *SOMEWHERE,
]
MATRIX = [(fault, *point) for turns in EVERYWHERE for fault, point in alternate(turns, POINTS)]
for number, turns in enumerate(EVERYWHERE):
    MATRIX += [(fault, *point) for fault, point in alternate(turns, ASIDE[number % 2 :: 2])]
MATRIX += [(faults.SECOND_RUN, task, 0.0) for task in HELD]
FULL_HOST = [DUMP, COPY, START]
FULL_CONTROLLER = [BEFORE[1], DUMP, COPY, START, *AFTER[1:4]]


@pytest.mark.parametrize(("fault", "task", "after"), FEW, ids=name_of)
def test_director_comes_back(victim, record, tmp_path, fault, task, after):
    record(faults.suffer(victim, tmp_path, fault, task, after))


@pytest.mark.long
@pytest.mark.parametrize(("fault", "task", "after"), MATRIX, ids=name_of)
def test_director_always_comes_back(victim, record, tmp_path, fault, task, after):
    record(faults.suffer(victim, tmp_path, fault, task, after))


@pytest.mark.long
@pytest.mark.parametrize("task", FULL_HOST)
def test_host_disk_full(small_store, record, tmp_path, task):
    record(faults.suffer(small_store, tmp_path, faults.HOST_FULL, task))


@pytest.mark.long
@pytest.mark.parametrize("task", FULL_CONTROLLER)
def test_controller_disk_full(small_controller, record, tmp_path, task):
    record(faults.suffer(small_controller, tmp_path, faults.CONTROLLER_FULL, task))
