"""Nothing is stopped unless the director would come back by itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._core._clock import uptime
from ansible_collections.microbosh.director.plugins.module_utils._lease._lease_staging import LeaseStaging, boot_id
from ansible_collections.microbosh.director.plugins.module_utils._lease._stop_permit import (
    StartForbidden,
    StopForbidden,
    StopPermit,
)

TOKEN = "a" * 32


@pytest.fixture
def staging(tmp_path):
    """A staging directory in which a lease is armed; the lock is held by this process."""
    staging = LeaseStaging(str(tmp_path))
    staging.lock()
    arm(staging)
    return staging


def arm(staging, **changed):
    lease = {"token": TOKEN, "on_deadline": "start", "boot_id": boot_id(), "deadline": uptime() + 60}
    staging.mark({**lease, **changed})


def refusal(staging, token=TOKEN):
    with pytest.raises(StopForbidden) as caught:
        StopPermit(staging.path, token).require()
    return str(caught.value)


def test_armed_lease_permits(staging):
    StopPermit(staging.path, TOKEN).require()


def test_without_a_lease_everything_is_permitted(tmp_path):
    StopPermit(str(tmp_path / "none"), None).require()
    StopPermit(str(tmp_path / "none"), None).end()


def test_lease_of_another_run(staging):
    assert "not armed" in refusal(staging, "b" * 32)


def test_released(staging):
    staging.unmark()
    assert "not armed" in refusal(staging)


def test_past_the_deadline(staging):
    arm(staging, deadline=uptime() - 0.1)
    assert "is over" in refusal(staging)


def test_fired_before_its_deadline(staging):
    staging.record({"token": TOKEN})
    assert "is over" in refusal(staging)


def test_after_a_restart_of_the_host(staging):
    arm(staging, boot_id="before")
    assert "gone" in refusal(staging)


def test_dead_holder(tmp_path):
    staging = LeaseStaging(str(tmp_path))
    arm(staging)
    assert "gone" in refusal(staging)


def test_after_the_start_has_begun(staging):
    StopPermit(staging.path, TOKEN).end()
    assert "being started" in refusal(staging)


def test_start_of_an_earlier_lease_forbids_nothing(staging):
    StopPermit(staging.path, "b" * 32).end()
    StopPermit(staging.path, TOKEN).require()


def test_end_needs_no_space(staging, tmp_path):
    StopPermit(str(tmp_path / "missing"), TOKEN).end()
    StopPermit(staging.path, TOKEN).require()


def test_unlocking_leaves_nothing(staging, tmp_path):
    StopPermit(staging.path, TOKEN).end()
    staging.unmark()
    staging.unlock()
    assert list(tmp_path.iterdir()) == []


def sign(staging, **lease):
    """Let another one than ``staging``'s own run have the lease."""
    Path(staging.path, "lease.lock").write_text(json.dumps({"holder": "someone@there", "purpose": "restore", **lease}))


def test_nothing_is_started_once_another_run_has_the_director(staging):
    sign(staging, token="b" * 32)
    with pytest.raises(StartForbidden, match="someone@there has the director by now for a restore"):
        StopPermit(staging.path, TOKEN).require_start()


def test_the_run_itself_may_start(staging):
    sign(staging, token=TOKEN)
    StopPermit(staging.path, TOKEN).require_start()


def test_whatever_starts_the_director_after_a_reboot_is_no_other_run(staging):
    sign(staging)
    StopPermit(staging.path, TOKEN).require_start()


def test_what_a_dead_run_has_signed_does_not_count(tmp_path):
    staging = LeaseStaging(str(tmp_path))
    sign(staging, token="b" * 32)
    StopPermit(staging.path, TOKEN).require_start()
