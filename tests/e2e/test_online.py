"""The backup, online: nothing is stopped, and nothing is published that an outage would not have given, unless asked.

What moves without harm, and each way in which something else may move, is in the unit tests of the verdict.
"""

from __future__ import annotations

import contextlib
import json
import os
from datetime import datetime, timedelta

import pytest
from breakage import SECOND_PASS_ONLINE, gate, missing
from conftest import finish
from standing import refused, standing, unharmed, whole
from trees import check_archive

pytestmark = pytest.mark.rotating

PSQL = "/var/vcap/packages/postgres-15/bin/psql -h 127.0.0.1 -U vcap -AtqX -d bosh -c"
ONLINE = {"microbosh_mode": "online"}
AUTO = {"microbosh_mode": "auto"}
ONCE = {"microbosh_online_attempts": 1}
# Runs meanwhile as a director does that deletes a release: first the row, then the blob.
DELETE = f"""
row="id = (SELECT min(id) FROM compiled_packages)"
blob=$({PSQL} "DELETE FROM compiled_packages WHERE $row RETURNING blobstore_id")
rm "/var/vcap/store/blobstore/store/$(printf %s "$blob" | sha1sum | cut -c 1-2)/$blob"
echo "$blob"
"""


# Never pauses, as a director on a busy day: what it writes is written again at once, and stays what it was.
WRITE = f"""
umask 022
echo $$ >/run/writer
while [ -e /run/writer ]; do
    {PSQL} 'UPDATE deployments SET name = name; SELECT pg_sleep(0.1)' >/dev/null 2>&1 || sleep 0.2
done
"""


@contextlib.contextmanager
def writer(director):
    """Something writes to the director's database, and goes on when PostgreSQL was away."""
    director.shell(f"setsid sh -c '{WRITE.replace(chr(39), chr(34))}' </dev/null >/dev/null 2>&1 & ")
    try:
        yield
    finally:
        director.shell("rm -f /run/writer")


def window(hours):
    """Return a window of outages that opens so many hours from now, for an hour."""
    opens = datetime.now().astimezone() + timedelta(hours=hours)
    return f"{opens:%H:%M}-{opens + timedelta(hours=1):%H:%M}"


@pytest.fixture(scope="module")
def online(director):
    """Back up a director that deletes a blob just between its dump and its files."""
    before = standing(director)
    with gate(director) as barrier:
        barrier.hold(SECOND_PASS_ONLINE)
        process = director.start(
            "backup", microbosh_mode="online", microbosh_databases=["bosh", "uaa"], microbosh_archive="{id}.tar.xz"
        )
        barrier.wait(process)
        deleted = director.shell(DELETE).strip()
        barrier.release()
        run = finish(process)
    assert run.status == 0, run.output
    return director.latest, run, before, deleted


def test_nothing_was_stopped(director, online):
    after, before = standing(director), online[2]
    for part in ("services", "agent", "processes", "staging"):
        assert after[part] == before[part], part


def test_it_was_repeated_until_the_director_held_still(director, online):
    backup, run, dummy, deleted = online
    told = run.told(director.name)
    assert "Attempt 1 of 3: the director did not hold still: bosh: public.compiled_packages" in told
    assert "The director held still, in attempt 2 of 3" in told
    verdict = json.loads((backup / "backup.json").read_text())["online"]
    assert (verdict["verdict"], verdict["attempts"], verdict["moved"]) == ("still", 2, [])
    assert deleted not in (backup / "dbs/bosh.sql").read_text()
    assert not list((backup / "vcap/store/blobstore").rglob(deleted))


def test_it_is_whole_and_without_the_files_of_the_database(online):
    backup = online[0]
    assert whole(backup) is True
    # What the server does not use is a file like any other.
    assert sorted(os.listdir(backup / "vcap/store")) == ["blobstore", "director", "postgres-previous-glibc-tracking"]
    report = json.loads((backup / "backup.json").read_text())
    assert (report["status"], report["mode"], report["outage_seconds"]) == ("published", "online", 0)
    assert report["proof"]["whole"] is True
    assert report["proof"]["blobs"]["named"] > 5


def test_the_databases_that_were_named_were_dumped(director, online):
    backup, run, *dummy = online
    assert sorted(os.listdir(backup / "dbs")) == [
        "bosh.properties", "bosh.sql", "globals.sql", "uaa.properties", "uaa.sql",
    ]  # fmt: skip
    assert "Dumped bosh, uaa while the director worked" in run.told(director.name)


def test_its_archive_holds_the_same(director, online, tmp_path):
    check_archive(director.backups / "archives" / f"{online[0].name}.tar.xz", online[0], tmp_path)


def test_what_moves_without_harm_needs_no_second_attempt(director, online):
    """And what is said of it is in what verify says."""
    with gate(director) as barrier:
        barrier.hold(SECOND_PASS_ONLINE)
        process = director.start("backup", **ONLINE)
        barrier.wait(process)
        director.shell(f"{PSQL} 'DELETE FROM delayed_jobs'")
        barrier.release()
        run = finish(process)
    assert run.status == 0, run.output
    verdict = director.report["online"]
    assert (verdict["verdict"], verdict["attempts"], verdict["moved"]) == ("still", 1, [])
    assert [(one["database"], one["table"]) for one in verdict["harmless"]] == [("bosh", "public.delayed_jobs")]
    told = run.told(director.name)
    assert "online still: databases and blobs are of one moment, as in an outage" in told
    assert "moved without harm: bosh: public.delayed_jobs" in told
    run = director.play("verify")
    assert run.status == 0, run.output
    assert "made online of a director that held still" in run


def test_a_blob_that_stays_away_is_named_and_nothing_is_published(director, online):
    blob = director.shell(f"{PSQL} 'SELECT blobstore_id FROM templates LIMIT 1'").strip()
    path = director.shell(f"find /var/vcap/store/blobstore/store -name {blob}").strip()
    with unharmed(director):
        with missing(director, path):
            run = director.backup(microbosh_mode="online")
        assert run.status != 0
        told = run.told(director.name)
        assert "FAILED" in told
        assert blob in told
        assert "Nothing was stopped" in told


@pytest.fixture(scope="module")
def moving(director, online):
    with writer(director):
        yield director


def test_a_director_that_never_holds_still_is_not_backed_up(moving):
    run = refused(
        moving,
        "did not hold still in 2 attempts. In the last one moved: bosh: public.deployments (",
        *("Nothing was stopped", "microbosh_mode: auto", "microbosh_online_moved: publish"),
        **ONLINE,
        microbosh_online_attempts=2,
    )
    assert run.status == 4, run.output


def test_no_outage_begins_outside_of_its_window(moving):
    run = refused(moving, "did not hold still", "No outage may begin now", "It opens at", **AUTO, **ONCE,
                  microbosh_outage_window=window(2))  # fmt: skip
    assert run.status == 4, run.output


def test_an_offline_run_outside_of_the_window_touches_nothing(director, online):
    run = refused(director, "No outage may begin now", "Nothing was stopped", microbosh_outage_window=window(2))
    assert run.status == 4, run.output
    assert "This run holds the director" not in run
    run = director.backup("--check", microbosh_outage_window=window(2))
    assert run.status == 0, run.output
    assert "A backup could be made, but not now" in run


def test_what_moved_is_published_for_whoever_asks_and_is_called_that(moving):
    run = moving.backup(microbosh_online_moved="publish", **ONLINE, **ONCE)
    assert run.status == 0, run.output
    assert "is whole BUT ITS DATABASES MOVED WHILE IT WAS COPIED" in run.told(moving.name)
    report = moving.report
    assert (report["mode"], report["online"]["verdict"], report["outage_seconds"]) == ("online", "moved", 0)
    assert {(one["database"], one["table"]) for one in report["online"]["moved"]} == {("bosh", "public.deployments")}
    assert moving.play("verify").status == 0


def test_auto_makes_an_outage_of_it(moving):
    run = moving.backup(**AUTO, microbosh_online_attempts=3, microbosh_outage_window=window(-0.5))
    assert run.status == 0, run.output
    report = moving.report
    assert (report["mode"], report["online"]["verdict"], report["online"]["attempts"]) == ("offline", "outage", 3)
    assert report["outage_seconds"] > 0
    assert run.output.count("[The run goes on as one with an outage]") == 1
    assert report["unrestorable_by_files"] is None
    assert whole(moving.latest) is True
    assert moving.wholly_up()
    assert standing(moving)["staging"] == []
