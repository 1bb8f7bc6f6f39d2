"""A director comes back as it was: whatever was destroyed, and wherever the restore itself is interrupted."""

from __future__ import annotations

import pytest
from conftest import prepared
from restoring import content, destroy, killed_at, marker, psql, restore

# The task at whose begin the controller is killed, and how far the host says that the restore is.
BOUNDARIES = [
    ("Nobody else starts the director", ["stopping"]),
    ("Every service is stopped", ["stopping"]),
    ("What is there is aside, and the backup is in its place", ["stopping", "swapping", "swapped"]),
    ("The host says that the data is being proven", ["swapped", "proving"]),
    ("Every blob that the database names is on the director", ["proving"]),
    ("All services but the health monitor run", ["starting"]),
]


def nothing_is_left(director):
    assert marker(director) is None
    assert director.shell("ls /var/vcap/store | grep microbosh") == "microbosh-backup\n"
    assert "restore" not in director.shell("ls -A /var/vcap/store/microbosh-backup")
    return True


@pytest.fixture(scope="session")
def victim(new_director):
    """A microBOSH with a backup, that is destroyed again and again."""
    return prepared(new_director("e2e-restore", generation="micro", blobs=12))


@pytest.fixture(scope="session")
def backed_up(victim):
    """What was in it when it was backed up."""
    return content(victim)


def test_what_was_destroyed_comes_back(victim, backed_up):
    destroy(victim)
    assert content(victim) != backed_up
    run = restore(victim)
    assert run.status == 0, run.output
    assert content(victim) == backed_up
    assert victim.wholly_up()
    assert nothing_is_left(victim)
    assert psql(victim, "bosh", "SELECT value FROM director_attributes WHERE name = 'uuid'").strip() in run


def test_check_says_what_would_change_and_touches_nothing(victim, backed_up):
    victim.shell("echo new >/var/vcap/store/director/new")
    changed = content(victim)
    run = restore(victim, "--check", "--diff")
    assert run.status == 0, run.output
    assert "- store/director/new" in run.output
    assert content(victim) == changed
    assert nothing_is_left(victim)
    victim.shell("rm /var/vcap/store/director/new")


@pytest.mark.parametrize("confirmed", ["", "another"])
def test_nobody_restores_by_accident(victim, confirmed):
    run = restore(victim, microbosh_restore_confirm=confirmed)
    assert run.status != 0
    assert f"Add -e microbosh_restore_confirm={victim.name}" in run


@pytest.mark.parametrize(("task", "phases"), BOUNDARIES)
@pytest.mark.parametrize("way", ["resume", "rollback"])
def test_a_restore_that_was_killed_goes_on_or_back(victim, backed_up, task, phases, way):
    victim.shell("echo precious >/var/vcap/store/director/precious")
    before = content(victim)
    killed_at(victim, task)
    assert marker(victim)["phase"] in phases
    checkup = victim.play("checkup")
    assert checkup.status != 0
    assert "microbosh_restore_unfinished=rollback" in checkup
    run = restore(victim, microbosh_restore_unfinished=way)
    assert run.status == 0, run.output
    assert content(victim) == (backed_up if way == "resume" else before)
    assert victim.wholly_up()
    assert nothing_is_left(victim)
    victim.shell("rm -f /var/vcap/store/director/precious")
