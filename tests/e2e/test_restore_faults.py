"""Whatever happens to a restore: no service runs on half-written data, and in the end one of the two is there whole."""

from __future__ import annotations

import faults
import points
import pytest
import restore_faults
from cells import alternate, name_of

pytestmark = pytest.mark.long

OUTSIDE = [points.FIND_SOURCE, points.REMOVE_PUSHED]
OUTAGE = [
    points.MARK_STOPPING,
    points.RESTORE_LEASE,
    points.STOP_AGENT,
    points.RESTORE_STOP,
    points.EXCHANGE,
    points.MARK_PROVING,
    points.START_PRIVATE_SERVER,
    points.COUNT_ROWS,
    points.STOP_PRIVATE_SERVER,
    points.MARK_STARTING,
    points.START_BUT_HEALTH_MONITOR,
    points.START_AGENT,
    points.RUNS,
    points.MARK_PROVEN,
    points.REMOVE_KEPT,
]
LOADING = [points.MARK_LOADING, points.LOAD]
SWAP, PROVE, START = OUTAGE[4], OUTAGE[7], OUTAGE[10]
SECOND_RUN = faults.Fault("a backup during the restore", faults.second_run)
KILLS = [faults.KILLED, faults.TERMINATED, faults.PULLED, faults.INTERRUPTED]
LOST = [faults.CUT, faults.SSHD_KILLED, faults.CUT_30]
CLOCKS = [*faults.HOST_CLOCKS, *faults.CONTROLLER_CLOCKS]
HOST = [faults.RESTARTED, faults.MONIT_KILLED, faults.MONIT_AWAY, SECOND_RUN, *CLOCKS]
MATRIX = [
    *alternate(KILLS, OUTAGE),
    *alternate(LOST, OUTAGE),
    *alternate(HOST, OUTAGE),
    *alternate([faults.KILLED, faults.CUT], OUTSIDE),
    (faults.NO_STOP, OUTAGE[3]),
    (faults.NO_START, START),
]
FULL = [OUTAGE[2], SWAP, START]
FEW = [
    pytest.param(faults.KILLED, SWAP, "resume", marks=pytest.mark.share),
    (faults.CUT, PROVE, "rollback"),
    (faults.RESTARTED, START, "resume"),
]


def with_ways(cells):
    """Resume and roll back alternate, not in step with the faults."""
    return [(*cell, ("resume", "rollback")[number // 3 % 2]) for number, cell in enumerate(cells)]


@pytest.mark.parametrize(("fault", "task", "way"), FEW, ids=name_of)
def test_restore_ends_well(victim, record, tmp_path, fault, task, way):
    record(restore_faults.suffer(victim, tmp_path, fault, task, way))


@pytest.mark.long
@pytest.mark.parametrize(("fault", "task", "way"), with_ways(MATRIX), ids=name_of)
def test_restore_always_ends_well(victim, record, tmp_path, fault, task, way):
    record(restore_faults.suffer(victim, tmp_path, fault, task, way))


@pytest.mark.long
@pytest.mark.parametrize(
    ("fault", "task", "way"), with_ways([*alternate(KILLS, LOADING), *alternate(LOST, LOADING)]), ids=name_of
)
def test_restore_of_dumps_always_ends_well(victim, record, tmp_path, fault, task, way):
    record(restore_faults.suffer(victim, tmp_path, fault, task, way, microbosh_restore_database="dump"))


@pytest.mark.long
@pytest.mark.parametrize("task", FULL)
def test_host_disk_full(small_store, record, tmp_path, task):
    record(restore_faults.suffer(small_store, tmp_path, faults.HOST_FULL, task, "rollback"))


@pytest.mark.long
@pytest.mark.parametrize("task", FULL)
def test_controller_disk_full(small_controller, record, tmp_path, task):
    record(restore_faults.suffer(small_controller, tmp_path, faults.CONTROLLER_FULL, task, "rollback"))
