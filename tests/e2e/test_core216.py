"""The oldest there is: ansible-core 2.16 on the controller, a host whose only Python is 2.7."""

from __future__ import annotations

import json
import re
import tarfile

import pytest
from breakage import wait_until, wait_until_up
from standing import refused, whole

pytestmark = pytest.mark.core216


@pytest.fixture(scope="module")
def old(new_director):
    """A microBOSH with Python 2.7 that setup has prepared, and the Run of that."""
    director = new_director("e2e-core216", base="bullseye", blobs=12)
    run = director.setup()
    assert run.status == 0, run.output
    return director, run


@pytest.fixture(scope="module")
def host(old):
    return old[0]


@pytest.fixture(scope="module")
def backups(host):
    """The Runs of a backup, of a second one with an archive, and of one that stopped nothing."""
    runs = [host.backup(), host.backup(microbosh_archive="{{ inventory_hostname }}_{id}.tar.gz")]
    runs.append(host.backup(microbosh_mode="online"))
    for run in runs:
        assert run.status == 0, run.output
    return runs


def report(host, number):
    """The backup.json of the backup with this number, from 0."""
    return json.loads((host.backups / host.ids[number] / "backup.json").read_text())


def test_this_is_the_oldest_there_is(host, backups):
    assert report(host, 0)["versions"]["ansible_core"].startswith("2.16.")
    pythons = host.shell("ls /usr/bin /usr/local/bin | grep -E '^python[0-9.]*$' || true").split()
    assert "python2.7" in pythons
    assert not [name for name in pythons if name.startswith("python3")]


def test_ansible_has_nothing_to_warn_of(old, backups):
    for run in (old[1], *backups):
        assert "[WARNING]" not in run.output
        assert "[DEPRECATION WARNING]" not in run.output


def test_setup_shows_what_monit_says(old):
    host, run = old
    assert "Connection test passed, monit 5." in run.told(host.name)


def test_a_second_setup_changes_nothing(host):
    run = host.setup()
    assert run.status == 0, run.output
    assert run.recap[host.name]["changed"] == 0


def test_every_backup_is_whole(host, backups):
    assert len(host.ids) == len(backups)
    for identity in host.ids:
        assert whole(host.backups / identity) is True
    assert host.latest.name == host.ids[-1]
    assert not host.partials
    assert host.wholly_up()


def test_the_first_one_holds_everything(host, backups):
    first = report(host, 0)
    assert first["mode"] == "offline"
    assert first["outage_seconds"] > 0
    assert first["previous"] is None
    assert first["new"]["bytes"] == first["all"]["bytes"] > 12 * 1024 * 1024
    assert first["proof"]["manifest"]["reused"] == 0
    assert first["proof"]["blobs"]["named"] > 0
    rows = {dump["database"]: sum(dump["rows"].values()) for dump in first["dumps"]}
    assert rows["bosh"] > 0


def test_the_second_one_links_to_what_is_there(host, backups):
    first, second = report(host, 0), report(host, 1)
    assert second["previous"] == first["id"]
    assert second["new"]["files"] < first["new"]["files"] / 10
    blobs = [path for path in (host.backups / second["id"] / "vcap/store/blobstore/store").rglob("*") if path.is_file()]
    assert blobs
    for blob in blobs:
        earlier = host.backups / first["id"] / blob.relative_to(host.backups / second["id"])
        assert blob.samefile(earlier)


def test_the_archive_holds_the_backup(host, backups):
    second = report(host, 1)
    archive = host.backups / "archives" / f"{host.name}_{second['id']}.tar.gz"
    with tarfile.open(archive, "r:gz") as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}
    assert {"backup.json", "SHA256SUMS", "dbs/bosh.sql", "dbs/globals.sql", "vcap/store/blobstore/store"} <= names


def test_online_stops_nothing(host, backups):
    online = report(host, 2)
    assert (online["mode"], online["outage_seconds"]) == ("online", 0)
    assert not list((host.backups / online["id"] / "vcap/store").glob("postgres*"))
    assert (online["online"]["verdict"], online["online"]["attempts"]) == ("still", 1)
    assert "Second pass" in backups[2].told(host.name)


def test_numbers_in_the_report_are_numbers(host, backups):
    second = report(host, 1)
    assert isinstance(second["outage_seconds"], float)
    assert isinstance(second["moved"].pop("seconds"), float)
    for part in ("moved", "new", "all"):
        assert {type(number) for number in second[part].values()} == {int}


def test_all_backups_are_told_and_nothing_is_wrong_with_them(host, backups):
    run = host.play("backups")
    assert run.status == 0, run.output
    assert all(re.search(rf"^  {name} .* (?:proven|still) ", run.output, re.MULTILINE) for name in host.ids), run.output
    run = host.play("health", "-e", '{"microbosh_health_off": ["rehearsed_age"]}')
    assert run.status == 0, run.output
    assert "1 director: 1 OK" in run


def test_a_stopped_director_is_refused_and_checkup_brings_it_up(host, backups):
    host.shell("/var/vcap/bosh/bin/monit stop powerdns")
    try:
        stopped = re.compile(r"powerdns +Not monitored +Process")
        wait_until(lambda: stopped.search(host.host.summary()), "monit has stopped powerdns")
        refused(host, "Not every service runs", "powerdns")
        host.shell("sv stop agent")
        run = host.play("checkup")
    finally:
        host.shell("sv start agent; /var/vcap/bosh/bin/monit start all")
        wait_until_up(host)
    assert run.status == 0, run.output
    assert "Started powerdns, started the agent" in run.told(host.name)
