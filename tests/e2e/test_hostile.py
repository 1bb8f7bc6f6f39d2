"""A host that lies cannot make the controller write outside the backup, change an earlier one or fill its disk."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile

import pytest
from breakage import READER, replaced
from conftest import REPOSITORY
from standing import listing, refused, whole

pytestmark = pytest.mark.rotating

SENDER = (REPOSITORY / "tests/e2e/support/evil_sender.py").read_text()
MIB = 1024 * 1024
GROWTH = 40 * MIB
ARCHIVE = "{{ inventory_hostname }}_{id}.tar.gz"


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """A directory of the controller that no director has any business with."""
    directory = tmp_path_factory.mktemp("outside")
    (directory / "precious").write_text("precious")
    return directory


@pytest.fixture(scope="module")
def host(new_director, outside):
    """A microBOSH with one backup, in whose store are links to where they lead nowhere on it, but somewhere here."""
    director = new_director("e2e-hostile", blobs=4, tasks=5, database_mib=1)
    assert director.setup().status == 0
    store = "/var/vcap/store/blobstore/store"
    director.shell(
        f"ln -s {outside} {store}/out; ln -s {outside}/precious {store}/file; ln -s ../../../../../.. {store}/up"
    )
    run = director.backup()
    assert run.status == 0, run.output
    return director


@pytest.fixture(autouse=True)
def untouched(outside):
    """Whatever happens, nothing outside is read, written or removed."""
    before = listing(outside)
    yield
    assert listing(outside) == before
    assert (outside / "precious").read_text() == "precious"


ENTRIES = {
    "a name that climbs": "../escaped",
    "a name that climbs behind a directory": "store/../../escaped",
    "a name from the root": "OUTSIDE/escaped",
    "a name that is all climbing": "..",
}


def evil_sender(name):
    return SENDER.replace("ENTRIES = []", f"ENTRIES = {[('.', ''), (name, '')]!r}")


@pytest.mark.parametrize("name", ENTRIES.values(), ids=ENTRIES.keys())
def test_rsync_refuses_a_list_that_leads_out(outside, tmp_path, name):
    """Which is what keeps a backup in its directory, so it is shown with the rsync that is here."""
    sender = tmp_path / "sender"
    sender.write_text(evil_sender(name.replace("OUTSIDE", str(outside))))
    command = ["rsync", "-aH", "--numeric-ids", "-e", f"{sys.executable} {sender}", "host::vcap/", tmp_path / "a/b/"]
    (tmp_path / "a").mkdir()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "ABORTING due to" in done.stderr
    assert not [path for path in tmp_path.rglob("*") if path.name == "escaped"]


def test_a_run_ends_at_such_a_list(host):
    with replaced(host, READER, evil_sender("../escaped")):
        refused(host, "ABORTING due to", "Nothing was stopped on the director")
    assert not list(host.directory.rglob("escaped"))


def test_a_host_that_sends_without_end_is_stopped(host, outside):
    """What it announced was little; then it sends a file of 4 GiB, and a link in the place of a directory.

    The fourth copy is the first pass, after the trial, the blobs and the measure; one from which a file vanished is
    made again.
    """
    endless = f"""#!/bin/sh
[ "$1" = --server ] || exec {READER}.aside "$@"
n=$(($(cat /run/copies 2>/dev/null) + 1))
[ $n != 4 ] || {{ cd /var/vcap/store/blobstore && truncate -s 4G huge && ln -sfn {outside} swapped; }}
{READER}.aside "$@"
status=$?
[ $status = 24 ] || echo $n >/run/copies
exit $status
"""
    free = shutil.disk_usage(host.directory).free
    try:
        with replaced(host, READER, endless):
            run = refused(host, "was stopped", "sent more than", arguments=("-e", f"run_growth={GROWTH}"))
    finally:
        host.shell("rm -f /var/vcap/store/blobstore/huge /run/copies")
    assert "Nothing was stopped on the director" in run
    assert free - shutil.disk_usage(host.directory).free < 1024 * MIB


def test_a_backup_changes_no_earlier_one_whatever_changed_on_the_host(host, outside):
    """Content of the same size and time, more content, mode, owner, a directory for a link, a link for a file."""
    first = host.latest
    before = listing(first)
    # swapped is a link in what the run before has left, and becomes a directory with a file in it.
    host.shell(f"""
        cd /var/vcap/store && rm blobstore/swapped && mkdir blobstore/swapped && echo x >blobstore/swapped/escaped
        set -- $(find director -type f -size +1 | sort | head -n 4)
        touch -r $1 /run/time && printf changed | dd of=$1 conv=notrunc status=none && touch -r /run/time $1
        echo more >>$2; chmod 777 $3; chown root $3; rm $4; ln -s {outside}/precious $4
    """)
    run = host.backup(microbosh_archive=ARCHIVE)
    assert run.status == 0, run.output
    assert host.latest != first
    assert listing(first) == before
    assert whole(first) is True
    assert whole(host.latest) is True
    assert (host.latest / "vcap/store/blobstore/swapped/escaped").read_text() == "x\n"


def test_links_that_lead_out_are_kept_as_links_and_never_followed(host, outside):
    links = host.latest / "vcap/store/blobstore/store"
    assert os.readlink(links / "out") == str(outside)
    assert os.readlink(links / "file") == f"{outside}/precious"
    sums = (host.latest / "SHA256SUMS").read_text()
    assert "precious" not in sums
    assert "store/out" not in sums
    [archive] = (host.backups / "archives").glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        members = {
            member.name: member
            for member in packed
            if "/blobstore/store/out" in member.name or "precious" in member.name
        }
    assert [member.issym() for member in members.values()] == [True]


def test_removing_old_backups_removes_no_more_than_them(host, outside):
    run = host.backup(microbosh_keep={"last": 1})
    assert run.status == 0, run.output
    assert len(host.ids) == 1
    assert whole(host.latest) is True
