"""One run at a time, and a director that comes back by itself: what an operator sees of the lease."""

from __future__ import annotations

import signal
import time

import faults
import points
import pytest
from breakage import wait_until
from standing import whole

pytestmark = pytest.mark.long

ARM = points.ARM_LEASE
STOP = points.STOP_SERVICES
DUMP = points.DUMP
HOLD = points.ASK_LEASE
PROOF = points.MANIFEST
FIRED = "left the director stopped"
REFUSAL_SECONDS = 10  # half of it on an idle machine; other tests run beside this one
NOT_TO_BE_HAD = 4  # ansible-playbook's exit status; 2 is that of a failure
REFUSED = {
    "backup": lambda director: {},
    "restore": lambda director: {"microbosh_restore_confirm": director.name},
}
PATIENT = {"microbosh_outage_limit": 180}


@pytest.mark.parametrize("playbook", ["backup", "restore"])
def test_second_run_is_refused(victim, tmp_path, record_property, playbook):
    first = faults.Running(victim, tmp_path, **PATIENT)
    ids = victim.ids
    first.wait_for(DUMP)
    began = time.monotonic()
    second = faults.Running(victim, tmp_path, {"ANSIBLE_SHOW_CUSTOM_STATS": "1"}, playbook, **REFUSED[playbook](victim))
    second.wait_for(HOLD)
    asked = time.monotonic()
    output = " ".join(second.wait().split())
    ended = time.monotonic()
    seconds = f"{ended - asked:.1f} s after it asked, {ended - began:.1f} s after it was started"
    record_property("measured", f"A second run ({playbook}) was refused {seconds}")
    assert second.process.returncode == NOT_TO_BE_HAD
    assert ended - asked < REFUSAL_SECONDS, output
    # Who, from where, what for, since when; and what a program can tell it by.
    for word in ("The director is held by", "@", " from 1", "for backup", "since 20", '"reason": "held"'):
        assert word in output
    if playbook == "backup":
        assert "Nothing was stopped on the director" in output
        assert '"reason": "held"' in output.partition("CUSTOM STATS:")[2]
    else:
        assert "Nothing was touched" in output
    assert first.wait()
    assert first.process.returncode == 0, first.output
    assert len(set(victim.ids) - set(ids)) == 1


def test_a_second_run_keeps_off_what_the_first_is_still_proving(victim, tmp_path):
    """It would take it for what a failed run left, and go on with it."""
    first = faults.Running(victim, tmp_path)
    first.wait_for(PROOF)
    first.signal(signal.SIGSTOP)
    (partial,) = victim.partials
    try:
        second = victim.backup()
        partials = victim.partials
    finally:
        first.signal(signal.SIGCONT)
        output = first.wait()
    assert second.status != 0
    for word in ("The director is held by", "for backup", partial.stem, "Nothing was stopped on the director"):
        assert word in second, second.output
    assert partials == [partial]
    assert first.process.returncode == 0, output
    assert victim.latest.name == partial.stem
    assert whole(victim.latest) is True


def test_killed_controller(victim, tmp_path, record):
    cell = faults.suffer(victim, tmp_path, faults.KILLED, DUMP)
    record(cell)
    assert cell.down > 0
    assert FIRED in cell.next_run


def test_restarted_host(victim, tmp_path, record):
    cell = faults.suffer(victim, tmp_path, faults.RESTARTED, DUMP)
    record(cell)
    assert cell.outcome.startswith("failed")


def test_network_cut_for_a_while(victim, tmp_path, record):
    """The play connects again and starts the director; the lease need not."""
    cell = faults.suffer(victim, tmp_path, faults.CUT_30, STOP, after=1.0)
    record(cell)
    assert cell.down > 30
    assert FIRED not in cell.next_run


def test_lease_that_cannot_be_armed(victim, tmp_path, record):
    """Nothing is stopped then."""
    locked = faults.Fault(
        "the lease cannot be armed",
        faults.on_host(f"chmod 500 {faults.STAGING}"),
        faults.on_host(f"chmod 700 {faults.STAGING}"),
    )
    cell = faults.suffer(victim, tmp_path, locked, points.COPIED)
    record(cell)
    assert cell.outcome.startswith("failed")
    assert cell.down == 0
    assert "Nothing was stopped on the director" in cell.output


def test_lease_that_fires(victim, tmp_path, record):
    """What was copied while the services came back is not published."""
    late = faults.Fault("the outage outlasts its limit", lambda running: None, settings={"microbosh_outage_limit": 4})
    cell = faults.suffer(victim, tmp_path, late, STOP)
    record(cell)
    assert cell.outcome.startswith("failed")
    assert FIRED in cell.next_run


def test_lease_that_fires_when_all_is_copied(victim, tmp_path):
    """The run is told why nothing is published, and what to do about it."""
    last = points.DISARM_LEASE
    run = faults.Running(victim, tmp_path, {"TASK_STOP": last}, microbosh_outage_limit=20)
    run.wait_for(last)
    try:
        fired = ("test", "-e", f"{faults.STAGING}/lease-fired.json")
        wait_until(lambda: victim.execute(*fired, check=False).returncode == 0, "the lease has fired")
    finally:
        run.signal(signal.SIGCONT)
        output = " ".join(run.wait().split())
    assert run.process.returncode == 2
    assert "The lease did not last until now: nobody released it before its deadline" in output
    assert "takes longer than microbosh_outage_limit (20 s), raise that" in output
