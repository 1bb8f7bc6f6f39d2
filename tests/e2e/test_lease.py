"""One run at a time, and a director that comes back by itself: what an operator sees of the lease."""

from __future__ import annotations

import time

import faults

ARM = "The director would come back by itself"
STOP = "Every service but PostgreSQL is stopped"
DUMP = "The databases are dumped by the only process left"
HOLD = "This run holds the director"
FIRED = "left the director stopped"
REFUSAL_SECONDS = 5
PATIENT = {"microbosh_outage_limit": 180}


def test_second_run_is_refused(victim, tmp_path, record_property):
    first = faults.Running(victim, tmp_path, **PATIENT)
    ids = victim.ids
    first.wait_for(DUMP)
    second = faults.Running(victim, tmp_path)
    second.wait_for(HOLD)
    began = time.monotonic()
    output = " ".join(second.wait().split())
    seconds = time.monotonic() - began
    record_property("seconds", round(seconds, 1))
    assert second.process.returncode != 0
    assert seconds < REFUSAL_SECONDS, output
    # Who, from where, what for, since when.
    for word in ("The director is held by", "@", " from 1", "for backup", "since 20"):
        assert word in output
    assert "Nothing was stopped on the director" in output
    assert first.wait()
    assert first.process.returncode == 0, first.output
    assert len(set(victim.ids) - set(ids)) == 1


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
    cell = faults.suffer(victim, tmp_path, locked, "Tell what was copied")
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
