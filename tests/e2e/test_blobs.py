"""Blobs that the director itself has not got, and blobs that are somewhere else: known before anything is stopped."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess

import pytest
from conftest import ANSIBLE, ansible_environment
from standing import standing, unharmed, whole

pytestmark = pytest.mark.long

PSQL = "/var/vcap/packages/postgres-15/bin/psql -h 127.0.0.1 -U vcap -AtqX -d bosh -c"
STORE = "/var/vcap/store/blobstore/store"
PUBLISH = {"microbosh_lost_blobs": "publish"}
ONLINE = {"microbosh_mode": "online"}


def sql(director, statement):
    return director.shell(f'{PSQL} "{statement}"').strip()


def path_of(director, blob):
    return director.shell(f"find {STORE} -name {blob}").strip()


@contextlib.contextmanager
def away(director, path):
    """A blob is not on the director; it comes back if nobody else has put it back."""
    director.shell(f"cp -a {path} /root/blob; rm {path}")
    try:
        yield
    finally:
        director.shell(f"[ -e {path} ] || cp -a /root/blob {path}; rm /root/blob")


@pytest.fixture(scope="module")
def job(director):
    """The id and the file of a job's blob."""
    blob = sql(director, "SELECT blobstore_id FROM templates ORDER BY id LIMIT 1")
    return blob, path_of(director, blob)


@pytest.fixture(scope="module")
def lost(director, job):
    """One blob was lost since the last backup: refused first, then backed up all the same, then put back."""
    path = job[1]
    holder = director.latest.name
    with away(director, path):
        with unharmed(director):
            refused = director.backup()
        published = director.backup(microbosh_keep={"last": 1}, **PUBLISH)
        report = director.report
        kept = director.ids
        verified = director.play("verify")
        command = report["proof"]["blobs"]["newly_lost"][0]["command"]
        put = subprocess.run(
            f"{ANSIBLE}/bin/{command}", shell=True, env=ansible_environment(),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        found = director.shell(f"stat -c '%U %G %s' {path}; cmp {path} /root/blob && echo same")
    return {
        "holder": holder, "refused": refused, "published": published, "report": report, "kept": kept,
        "verified": verified, "put": put, "found": found,
    }  # fmt: skip


def test_templates_that_went_over_nats_are_counted_and_no_fault(director):
    """As every director with a deployed instance has them: nothing was ever written under their ids."""
    blobs = director.report["proof"]["blobs"]
    assert blobs["made_again"] >= 1
    assert (blobs["lost"], blobs["damaged"], blobs["external"], blobs["unknown_columns"]) == ([], [], False, [])


def test_a_lost_blob_is_refused_before_anything_is_stopped(director, job, lost):
    told = lost["refused"].told(director.name)
    assert lost["refused"].status != 0
    words = (job[0], "NEWLY LOST: job ", " of release ", lost["holder"], "microbosh_lost_blobs", "Nothing was stopped")
    for word in words:
        assert word in told, word


def test_it_is_published_when_that_is_asked_for_and_the_run_does_not_end_well(director, job, lost):
    told = lost["published"].told(director.name)
    assert lost["published"].status != 0
    assert "is whole and published, what came after it FAILED" in told
    assert "NEWLY LOST: job " in told
    blobs = lost["report"]["proof"]["blobs"]
    assert [entry["id"] for entry in blobs["lost"]] == [job[0]]
    assert "upload-release --fix" in blobs["lost"][0]["mend"]
    assert [(entry["id"], entry["backup"]) for entry in blobs["newly_lost"]] == [(job[0], lost["holder"])]


def test_the_backup_that_holds_it_is_not_pruned(lost):
    assert lost["holder"] in lost["kept"]


def test_a_later_verify_accepts_what_was_recorded_and_says_so(director, lost):
    assert lost["verified"].status == 0, lost["verified"].output
    assert "of which the director itself had lost 1" in lost["verified"].told(director.name)


def test_the_command_that_was_told_puts_it_back(director, lost):
    assert lost["put"].returncode == 0, lost["put"].stdout + lost["put"].stderr
    assert re.fullmatch(r"vcap vcap \d+\nsame\n", lost["found"])


def test_what_is_damaged_on_the_director_is_found_before_anything_is_stopped(director, job, lost):
    blob, path = job
    director.shell(f"cp -a {path} /root/blob; printf X | dd of={path} bs=1 seek=9 conv=notrunc status=none")
    try:
        with unharmed(director):
            run = director.backup()
        told = run.told(director.name)
        for word in (blob, "has damaged 1 of", "NEWLY LOST", "Nothing was stopped"):
            assert word in told, word
        run = director.backup(microbosh_lost_blobs_accepted=[blob], **PUBLISH, **ONLINE)
        assert run.status == 0, run.output
        assert [entry["id"] for entry in director.report["proof"]["blobs"]["damaged"]] == [blob]
        assert director.play("verify").status == 0
    finally:
        director.shell(f"cp -a /root/blob {path}; rm /root/blob")
    # What that backup has is no proof for the next.
    assert director.backup(**ONLINE).status == 0
    assert director.report["proof"]["blobs"]["damaged"] == []


def test_a_blobstore_behind_a_link_is_told_as_that(director):
    director.shell("mv /var/vcap/store/blobstore /mnt/blobs && ln -s /mnt/blobs /var/vcap/store/blobstore")
    try:
        with unharmed(director):
            run = director.backup(**PUBLISH)
        assert run.status != 0
        told = run.told(director.name)
        for word in ("behind a link", "/var/vcap/store/blobstore leads to /mnt/blobs", "Nothing was stopped"):
            assert word in told, told
    finally:
        director.shell("rm /var/vcap/store/blobstore && mv /mnt/blobs /var/vcap/store/blobstore")


def test_a_director_with_an_external_blobstore_is_backed_up_online(director):
    director.shell("mv /var/vcap/store/blobstore /mnt/blobs")
    try:
        before = standing(director)
        run = director.backup(microbosh_mode="online", microbosh_blobstore="external")
        assert run.status == 0, run.output
        assert standing(director)["services"] == before["services"]
        assert "The blobstore is external (microbosh_blobstore is external)" in run.told(director.name)
        report = json.loads((director.latest / "backup.json").read_text())
        assert report["proof"]["blobs"]["external"] is True
        assert whole(director.latest) is True
        verified = director.play("verify")
        assert (verified.status, "in an external blobstore" in verified) == (0, True)
    finally:
        director.shell("rm -rf /var/vcap/store/blobstore; mv /mnt/blobs /var/vcap/store/blobstore")
