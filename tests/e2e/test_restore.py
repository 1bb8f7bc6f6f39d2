"""A director comes back as it was: whatever was destroyed, and wherever the restore itself is interrupted."""

from __future__ import annotations

import re
import shutil

import pytest
from conftest import prepared
from restoring import content, destroy, files, killed_at, marker, pack_as_the_old_tool, psql, restore, tables

# In the long form until all of them have passed in one run.
pytestmark = pytest.mark.faults

# The task at whose begin the controller is killed, and how far the host then says that the restore is.
BOUNDARIES = {
    "Nobody else starts the director": ["stopping"],
    "Every service is stopped": ["stopping"],
    "What is there is aside, and the backup is in its place": ["stopping", "swapping", "swapped"],
    "The host says that the data is being proven": ["swapped", "proving"],
    "Every blob that the database names is on the director": ["proving"],
    "All services but the health monitor run": ["starting"],
}
USUAL = [("What is there is aside, and the backup is in its place", "resume"),
         ("All services but the health monitor run", "rollback")]  # fmt: skip
KILLS = [
    pytest.param(task, way, marks=() if (task, way) in USUAL else pytest.mark.faults)
    for task in BOUNDARIES
    for way in ("resume", "rollback")
]


def nothing_is_left(director):
    """Neither of the director's data nor of what was pushed."""
    found = director.shell("ls -A /var/vcap/store /var/vcap/store/microbosh-backup").split()
    return marker(director) is None and not [name for name in found if "restore" in name]


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
    assert psql(victim, "bosh", "SELECT value FROM director_attributes WHERE name = 'uuid'") in run


def test_dumps_are_loaded_into_the_server_that_is_there(victim, backed_up):
    destroy(victim)
    psql(victim, "postgres", "CREATE DATABASE bystander")
    run = restore(victim, microbosh_restore_database="dump")
    assert run.status == 0, run.output
    assert content(victim) == backed_up
    assert psql(victim, "postgres", "SELECT count(*) FROM pg_database WHERE datname = 'bystander'") == "1"
    psql(victim, "postgres", "DROP DATABASE bystander")
    assert victim.wholly_up()
    assert nothing_is_left(victim)


def test_a_director_that_is_half_down_is_restored(victim, backed_up):
    victim.shell("rm -r /var/vcap/store/director /var/vcap/store/blobstore/store")
    victim.shell("/var/vcap/bosh/bin/monit stop postgres")
    run = restore(victim)
    assert run.status == 0, run.output
    assert content(victim) == backed_up
    assert victim.wholly_up()


def test_check_says_what_would_change_and_touches_nothing(victim):
    victim.shell("echo new >/var/vcap/store/director/new")
    before = content(victim)
    run = restore(victim, "--check", "--diff")
    assert run.status == 0, run.output
    assert "- store/director/new" in run.output
    assert content(victim) == before
    assert victim.wholly_up()
    assert nothing_is_left(victim)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"microbosh_restore_confirm": ""}, "Add -e microbosh_restore_confirm=e2e-restore"),
        ({"microbosh_restore_confirm": "another"}, "Add -e microbosh_restore_confirm=e2e-restore"),
        ({"microbosh_restore_from": "20010101T000000Z"}, "There is no backup 20010101T000000Z"),
        ({"microbosh_restore_unfinished": "resume"}, "nothing to resume"),
    ],
)
def test_refuses_before_anything_is_touched(victim, settings, words):
    before = content(victim)
    run = restore(victim, **settings)
    assert run.status != 0
    assert words in run
    assert content(victim) == before
    assert victim.wholly_up()


def test_a_backup_that_is_not_whole_is_refused(victim, tmp_path):
    copy = tmp_path / "backup"
    shutil.copytree(victim.latest, copy, symlinks=True)
    blob = next(path for path in sorted((copy / "vcap/store/blobstore/store").rglob("*")) if path.is_file())
    blob.chmod(0o600)
    blob.write_bytes(blob.read_bytes()[:-1] + b"\0")
    run = restore(victim, microbosh_restore_from=str(copy))
    assert run.status != 0
    assert f"altered: {blob.relative_to(copy)}" in run
    assert victim.wholly_up()
    assert nothing_is_left(victim)


def test_what_cannot_be_proven_is_rolled_back(victim, tmp_path):
    archive = pack_as_the_old_tool(
        victim.latest, tmp_path / "cache.tgz",
        edit=lambda text: re.sub(r"(COPY public\.deployments .*?;\n)[^\n]*\n", r"\1", text),
    )  # fmt: skip
    run = restore(victim, microbosh_restore_from=str(archive))
    assert run.status != 0
    assert "microbosh_restore_unproven=true" in run
    before = content(victim)
    run = restore(victim, microbosh_restore_from=str(archive), microbosh_restore_unproven=True)
    assert run.status != 0
    assert "public.deployments in bosh has" in run
    assert "It was rolled back, every service runs on what was there before." in run
    assert content(victim) == before
    assert victim.wholly_up()
    assert nothing_is_left(victim)


@pytest.mark.parametrize(("task", "way"), KILLS)
def test_a_restore_that_was_killed_goes_on_or_back(victim, backed_up, task, way):
    victim.shell("echo precious >/var/vcap/store/director/precious")
    before = content(victim)
    killed_at(victim, task)
    assert marker(victim)["phase"] in BOUNDARIES[task]
    checkup = victim.play("checkup")
    assert checkup.status != 0
    assert "microbosh_restore_unfinished=rollback" in checkup
    run = restore(victim, microbosh_restore_unfinished=way)
    assert run.status == 0, run.output
    assert content(victim) == (backed_up if way == "resume" else before)
    assert victim.wholly_up()
    assert nothing_is_left(victim)


def without_identity(lines):
    """The machine's own settings stay on the machine."""
    return [line for line in lines if not line.startswith("bosh") and "  bosh/" not in line]


def test_a_freshly_made_director_takes_the_place_of_a_lost_one(new_director):
    lost = prepared(new_director("e2e-lost", generation="director", blobs=8))
    expected = content(lost)
    source = str(lost.latest)
    lost.host.down()
    fresh = new_director("e2e-fresh", generation="director", blobs=2)
    identity = [line for line in files(fresh) if "bosh/settings.json" in line]
    assert fresh.setup().status == 0
    run = restore(fresh, microbosh_restore_from=source)
    assert run.status == 0, run.output
    assert without_identity(files(fresh)) == without_identity(expected["files"])
    assert tables(fresh) == expected["tables"]
    assert [line for line in files(fresh) if "bosh/settings.json" in line] == identity
    assert "put it into director_uuid of every deployment manifest" in run
    assert fresh.wholly_up()


@pytest.mark.core216
def test_a_host_with_python_27_is_restored_and_a_newer_postgresql_takes_its_dump(new_director):
    old = prepared(new_director("e2e-old", generation="micro", base="bullseye", blobs=8))
    expected = content(old)
    destroy(old)
    run = restore(old)
    assert run.status == 0, run.output
    assert content(old) == expected
    assert old.wholly_up()
    source = str(old.latest)
    old.host.down()
    newer = new_director("e2e-newer", generation="micro", base="bookworm", blobs=1)
    assert newer.setup().status == 0
    run = restore(newer, microbosh_restore_from=source)
    assert run.status != 0
    assert "microbosh_restore_database=dump" in run
    run = restore(newer, microbosh_restore_from=source, microbosh_restore_database="dump")
    assert run.status == 0, run.output
    assert tables(newer) == expected["tables"]
    assert newer.wholly_up()
