"""The backup, online: nothing is stopped, and no backup is published whose database names a blob that is not there."""

from __future__ import annotations

import json
import os

import pytest
from breakage import SECOND_PASS_ONLINE, gate, missing
from conftest import finish
from standing import standing, unharmed, whole
from trees import check_archive

pytestmark = pytest.mark.rotating

PSQL = "/var/vcap/packages/postgres-15/bin/psql -h 127.0.0.1 -U vcap -AtqX -d bosh -c"
# Runs meanwhile as a director does that deletes a release: first the row, then the blob.
DELETE = f"""
row="id = (SELECT min(id) FROM compiled_packages)"
blob=$({PSQL} "DELETE FROM compiled_packages WHERE $row RETURNING blobstore_id")
rm "/var/vcap/store/blobstore/store/$(printf %s "$blob" | sha1sum | cut -c 1-2)/$blob"
echo "$blob"
"""


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


def test_it_was_repeated_until_database_and_blobs_agreed(director, online):
    backup, run, dummy, deleted = online
    assert "in attempt 2" in run.told(director.name)
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
