"""Wrong input is named, the exit status is not 0, nothing is harmed, and nothing is published."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
import testhost
from breakage import SECOND_PASS, gate, missing, replaced, wait_until, wait_until_up
from conftest import ANSIBLE, Director, finish, playbook_command, run_ansible, write_inventory
from faults import fill_up
from standing import refused, standing, unharmed, whole

pytestmark = pytest.mark.rotating_alone

MIB = 1 << 20
MONIT = "/var/vcap/bosh/bin/monit"
PG_DUMP = "/var/vcap/packages/postgres/bin/pg_dump"
PSQL = "/var/vcap/packages/postgres/bin/psql -h 127.0.0.1 -U vcap -AtqX -d bosh -c"
STORE = "/var/vcap/store"

# Setting or variable of a host that is wrong, and what has to be said about it.
BAD_SETTINGS = {
    "type-of-keep": ({"microbosh_keep": "seven"}, ["microbosh_keep", "unable to convert to dict"]),
    "type-of-timeout": ({"microbosh_timeout": "soon"}, ["microbosh_timeout", "unable to convert to int"]),
    "type-of-files": ({"microbosh_extra_files": {"a": 1}}, ["microbosh_extra_files", "unable to convert to list"]),
    "unknown-mode": ({"microbosh_mode": "sometimes"}, ["microbosh_mode must be one of: offline, online"]),
    "misspelt": ({"microbosh_arcive": ""}, ["no setting microbosh_arcive: did you mean microbosh_archive?"]),
    "empty-filter": ({"microbosh_filter": []}, ["Settings: microbosh_filter is empty: name at least one path"]),
    "filter-rule": ({"microbosh_filter": ["store"]}, ["has the rule 'store': a rule is '+ pattern' or '- pattern'"]),
    "archive-name": ({"microbosh_archive": "same.tar.zst"}, ["a file name is expected that holds {id}"]),
    "archive-ending": ({"microbosh_archive": "{id}.zip"}, ["ends in .tar.zst, .tar.gz, .tar.xz or .tar"]),
    "no-timeout": ({"microbosh_timeout": 0}, ["microbosh_timeout (0)", "seconds above 0"]),
    "extra-file": ({"microbosh_extra_files": ["/nowhere/state.json"]}, ["/nowhere/state.json, which is not a file"]),
    "extra-twice": ({"microbosh_extra_files": ["/a/creds.yml", "/b/creds.yml"]}, ["/b/creds.yml", "no two may have"]),
    "no-directory": ({"microbosh_backup_dir": "/dev/null/backups"}, ["/dev/null", "Not a directory"]),
}
TRY_AGAIN = ("unknown-host", "closed-port")  # the rest of these has to be mended by a person
UNREACHABLE = {
    "unknown-host": ({"ansible_host": "no-such-host.invalid"}, ["cannot be reached", "Could not resolve hostname"]),
    "closed-port": ({"ansible_port": 1}, ["cannot be reached", "Check the address, the port and the network"]),
    "changed-host-key": ({"known_hosts": "changed"}, ["The host key is not the one that was pinned"]),
    "unknown-host-key": ({"known_hosts": "empty"}, ["The host key is not known"]),
    "refused-key": ({"microbosh_private_key": "other"}, ["The director refuses the key", "Run the setup playbook"]),
    "wrong-password": (
        {"microbosh_private_key": "", "ansible_password": "wrong", "ansible_ssh_private_key_file": ""},
        ["The director refuses the key or the password"],
    ),
}


@pytest.fixture(scope="module")
def bad_hosts(small, tmp_path_factory):
    """One run over hosts that are all the same one, each with something wrong of its own."""
    directory = tmp_path_factory.mktemp("bad")
    hosts = {name: small.variables(**wrong) for name, (wrong, _words) in BAD_SETTINGS.items()}
    hosts |= {name: unreachable(small, directory, wrong) for name, (wrong, _words) in UNREACHABLE.items()}
    inventory = write_inventory(directory / "hosts.yml", hosts)
    with unharmed(small):
        run = run_ansible(playbook_command(inventory, "microbosh.director.backup", "--forks", "4"))
    assert run.status != 0
    return run


def unreachable(small, directory, wrong):
    """Return the variables of a host by another address: what is kept of connections to the real one is not used."""
    port = small.host.facts["port"]
    key = directory / "other"
    if not key.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    pinned = small.host.known_hosts.read_text().replace("[127.0.0.1]", "[localhost]")
    files = {
        "right": pinned,
        "changed": f"[localhost]:{port} {' '.join(key.with_suffix('.pub').read_text().split()[:2])}\n",
        "empty": "",
    }
    for name, text in files.items():
        (directory / name).write_text(text)
    given = dict(wrong)
    known_hosts = directory / given.pop("known_hosts", "right")
    if given.get("microbosh_private_key") == "other":
        given["microbosh_private_key"] = str(key)
    options = f"-o UserKnownHostsFile={known_hosts} -o StrictHostKeyChecking=yes"
    return small.variables(**{"ansible_host": "localhost", "ansible_ssh_common_args": options, **given})


@pytest.mark.parametrize(
    ("host", "words"), [(name, words) for name, (_, words) in (BAD_SETTINGS | UNREACHABLE).items()]
)
def test_it_says_what_is_wrong_with_the_settings_of(bad_hosts, host, words):
    assert bad_hosts.recap[host]["unreachable" if host in TRY_AGAIN else "failed"] == 1
    told = bad_hosts.told(host)
    for word in words:
        assert word in told, told


def test_setup_with_a_wrong_password_changes_nothing(small):
    before = small.shell("cat /etc/sudoers.d/backup; ls -l /etc/sudoers.d /usr/local/sbin")
    wrong = small.directory / "wrong"
    wrong.write_text("not the password")
    wrong.chmod(0o600)
    right = small.directory / "password"
    alone = {"ANSIBLE_SSH_ARGS": "-o ControlMaster=no -o ControlPath=none"}  # no session of an earlier run helps
    for login, become in ((wrong, right), (right, wrong)):
        passwords = ("--connection-password-file", str(login), "--become-password-file", str(become))
        run = small.play("setup", *passwords, environment=alone)
        assert run.status != 0
        assert "Permission denied" in run or "Incorrect sudo password" in run or "incorrect password" in run, run.output
    assert small.shell("cat /etc/sudoers.d/backup; ls -l /etc/sudoers.d /usr/local/sbin") == before


def test_a_service_that_does_not_run_is_named(small):
    small.shell(f"{MONIT} stop powerdns")
    wait_until(lambda: re.search("powerdns +Not monitored *Process", small.host.summary()), "powerdns is stopped")
    try:
        refused(small, "Not every service runs", "powerdns is 'Not monitored'", "checkup playbook")
    finally:
        small.shell(f"{MONIT} start powerdns")
        wait_until_up(small)


def test_a_dead_monit_daemon_is_an_error(small):
    small.shell("sv -w 30 stop monit")
    try:
        refused(small, "The monit daemon of this director does not answer", "Nothing was stopped")
    finally:
        small.shell("sv -w 30 start monit")
        wait_until_up(small)


def test_a_host_without_an_agent_is_no_director(small):
    with missing(small, "/usr/bin/sv"):
        refused(small, "No BOSH agent on this host", "Nothing was stopped")


def test_a_database_that_is_not_there_is_named(small):
    refused(small, "No such database: bosch. The server has: bosh,", microbosh_databases=["bosch"])


def test_a_client_that_is_older_than_the_server_is_not_used(small):
    with replaced(small, PG_DUMP, "#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.4.26'\n"):
        refused(small, "No pg_dump on this host can dump its PostgreSQL 15", "9.4.26", "Nothing was stopped")


def test_a_director_without_rsync_is_said_to_have_none(small):
    with missing(small, "/usr/bin/rsync"):
        refused(small, "has no rsync program")


def test_a_controller_without_rsync_is_said_to_have_none(small, tmp_path):
    for directory in reversed(os.environ["PATH"].split(":")):
        for program in Path(directory).glob("*"):
            if program.name != "rsync":
                (tmp_path / program.name).unlink(missing_ok=True)
                (tmp_path / program.name).symlink_to(program)
    refused(
        small,
        "The controller needs rsync 3.1.3 or later and has none",
        environment={"PATH": f"{ANSIBLE}/bin:{tmp_path}"},
    )


def test_too_little_space_for_the_dumps_is_said_before_anything_is_stopped(small):
    free = int(small.shell(f"df -Pk {STORE} | awk 'END {{ print $4 }}'")) // 1024
    small.shell(f"fallocate -l {free - 6}M {STORE}/director/filler")
    try:
        refused(small, "Not enough space for the dumps", "have to be free", "Nothing was stopped")
    finally:
        small.shell(f"rm {STORE}/director/filler")


def as_root(*command):
    subprocess.run([*([] if os.geteuid() == 0 else ["sudo", "-n"]), *command], check=True)


def test_a_backup_directory_that_cannot_be_written_is_named(small):
    as_root("mount", "--bind", str(small.backups), str(small.backups))
    try:
        as_root("mount", "-o", "remount,bind,ro", str(small.backups))
        refused(small, str(small.backups), "Read-only file system")
    finally:
        as_root("umount", str(small.backups))


@contextlib.contextmanager
def bulk(director):
    """So much in the store that has not been backed up yet that a slow pass takes a while."""
    path = f"{STORE}/director/tasks/bulk"
    director.shell(
        f"mkdir {path}; for i in $(seq 64); do head -c 524288 /dev/urandom >{path}/$i; done; chown -R vcap: {path}"
    )
    try:
        yield
    finally:
        director.shell(f"rm -r {path}")


@pytest.fixture
def small_disk(small, tmp_path):
    """The same host, backed up to a disk of its own that has room for 40 MiB besides the earlier backup."""
    elsewhere = Director(small.host, tmp_path, {"microbosh_private_key": str(small.directory / "key")})
    elsewhere.backups.mkdir(parents=True)
    as_root("mount", "-t", "tmpfs", "-o", f"mode=0700,uid={os.geteuid()}", "backups", str(elsewhere.backups))
    try:
        subprocess.run(
            ["cp", "-a", str(small.latest), str(small.backups / "latest"), str(elsewhere.backups)], check=True
        )
        resize(elsewhere, 40)
        yield elsewhere
    finally:
        as_root("umount", "--lazy", str(elsewhere.backups))


def resize(director, free):
    used = shutil.disk_usage(director.backups).used
    as_root("mount", "-o", f"remount,size={used + free * MIB}", str(director.backups))


def test_too_little_space_for_the_backup_is_said_before_anything_is_stopped(small_disk):
    refused(small_disk, "free and this backup needs about", "microbosh_keep", "Nothing was stopped")


def check_full_disk(run, director, *words):
    assert run.status != 0
    told = run.told(director.name)
    assert "FAILED" in told
    assert re.search(r"No space left on device|was stopped: only .* free in", told), run.output
    for word in words:
        assert word in told, run.output


def test_a_disk_that_gets_full_in_the_middle_of_the_first_pass(small_disk):
    resize(small_disk, 256)
    with bulk(small_disk), unharmed(small_disk), gate(small_disk) as barrier:
        barrier.slow(2500)
        process = small_disk.start("backup")
        arrived = "*.partial/.work/vcap/store/director/tasks/bulk/*"
        wait_until(lambda: list(small_disk.backups.glob(arrived)) or process.poll() is not None, "a file is copied")
        assert process.poll() is None, process.communicate()[0]
        fill_up(small_disk.backups)
        run = finish(process)
        (small_disk.backups / "filler").unlink()
        check_full_disk(
            run, small_disk, "First pass: ", "Nothing was stopped on the director"
        )


def test_a_disk_that_gets_full_in_the_middle_of_the_outage(small_disk):
    resize(small_disk, 256)
    with unharmed(small_disk, restarted=True), gate(small_disk) as barrier:
        barrier.hold(SECOND_PASS)
        process = small_disk.start("backup")
        barrier.wait(process)
        fill_up(small_disk.backups)
        barrier.release()
        run = finish(process)
        (small_disk.backups / "filler").unlink()
        check_full_disk(
            run, small_disk, "Outage: ", "The director is up, every service runs"
        )


def test_a_dump_that_ends_early_is_no_dump(small):
    script = f"""#!/bin/sh
case "$*" in *--version*) exec {PG_DUMP}.aside "$@" ;; esac
{PG_DUMP}.aside "$@" | head -c 30000
"""
    with replaced(small, PG_DUMP, script):
        # Known before anything is stopped, as the databases are dumped once while the director works.
        refused(
            small, "The dump of database bosh failed, nothing is left of it", "is no whole dump",
            "Nothing was stopped on the director",
        )  # fmt: skip


def test_a_dump_that_no_restore_would_load_is_told_before_the_outage(small):
    script = f"""#!/bin/sh
case "$*" in *--version*) exec {PG_DUMP}.aside "$@" ;; esac
{PG_DUMP}.aside "$@" | sed "s,^SET statement_timeout = 0;,&\\nSELECT pg_read_file('/etc/passwd');,"
"""
    with replaced(small, PG_DUMP, script):
        refused(
            small, "No restore would load the dump of bosh", "SELECT pg_read_file",
            "leave the database out of microbosh_databases", "Nothing was stopped on the director",
        )  # fmt: skip


def test_a_dump_that_is_cut_short_before_it_is_copied_is_named(small):
    with unharmed(small, restarted=True), gate(small) as barrier:
        barrier.hold(SECOND_PASS)
        process = small.start("backup")
        barrier.wait(process)
        small.shell(f"truncate -s 30000 {STORE}/microbosh-backup/dbs/bosh.sql")
        barrier.release()
        run = finish(process)
        assert run.status != 0
        for word in ("bosh.sql is not what was dumped", "has 30000", "The director is up, every service runs"):
            assert word in run.told(small.name), run.output


def test_blobs_that_are_missing_or_altered_are_named(small):
    names = small.shell(f"{PSQL} 'SELECT blobstore_id FROM packages WHERE blobstore_id IS NOT NULL LIMIT 2'").split()
    gone, altered = (small.shell(f"find {STORE}/blobstore/store -name {name}").strip() for name in names)
    small.shell(f"cp -p {altered} /root/blob; printf x | dd of={altered} bs=1 count=1 conv=notrunc status=none")
    try:
        with missing(small, gone):
            # Out of the store: a blob of another name would be one that nothing refers to.
            refused(small, names[0], "FAILED", "NEWLY LOST", "Nothing was stopped")
        refused(small, names[1], "FAILED", "has damaged 1 of", "Nothing was stopped")
    finally:
        small.shell(f"cp -p /root/blob {altered}; rm /root/blob")


@pytest.fixture(scope="module")
def killed(small):
    """A run that was killed in its first pass, what it had copied by then, and the run after it."""
    before = standing(small)
    with bulk(small):
        with gate(small) as barrier:
            barrier.slow(2500)
            process = small.start("backup")
            told = []
            for line in process.stdout:
                told.append(line)
                if re.match(rf"{small.name}: copied ", line):
                    break
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        (partial,) = small.partials
        copied = {path: path.stat() for path in (partial / ".work/vcap").rglob("*") if path.is_file()}
        afterwards = standing(small)
        run = small.backup()
    return before, "".join(told), partial, copied, afterwards, run


def test_a_long_first_pass_shows_how_far_it_is(small, killed):
    assert re.search(
        rf"^{small.name}: copied \S+ MiB of \S+ MiB \(\d+ %\), \d+ files, 1\d\.\d s$", killed[1], re.MULTILINE
    )


def test_a_run_that_was_killed_publishes_nothing_and_harms_nothing(killed):
    before, _, _, _, afterwards, _ = killed
    for part in ("services", "agent", "processes", "latest", "backups", "archives"):
        assert afterwards[part] == before[part], part


def test_a_run_that_was_killed_is_known_later(small, killed):
    """It could not say so: its record says that it began, and its process is gone."""
    file = small.directory / "backups.json"
    run = small.play("backups", "-e", f"microbosh_backups_json={file}")
    assert run.status == 0, run.output
    [director] = json.loads(file.read_text())["directors"]
    runs = {one["id"]: one for one in director["runs"]}
    dead = runs[killed[2].name.removesuffix(".partial")]
    assert (dead["outcome"], dead["known_by"], dead["ended"]) == ("killed", "record", None)
    assert any("First pass" in line or "Rehearsed" in line for line in dead["log_end"]), dead
    assert (runs[small.latest.name]["outcome"], director["state"]) == ("succeeded", "ok")


def test_the_next_run_sends_hardly_anything_again(small, killed):
    *_, partial, copied, _, run = killed
    assert run.status == 0, run.output
    assert small.report["resumed_from"] == partial.name.removesuffix(".partial")
    assert whole(small.latest) is True
    assert not small.partials
    moved = kept = 0
    for path, seen in copied.items():
        now = small.latest / "vcap" / path.relative_to(partial / ".work/vcap")
        # What PostgreSQL wrote or removed between the two runs had to be sent.
        if now.exists() and (now.stat().st_size, now.stat().st_mtime_ns) == (seen.st_size, seen.st_mtime_ns):
            moved += seen.st_size
            kept += seen.st_size if now.stat().st_ino == seen.st_ino else 0
    assert moved > 10 * MIB
    assert kept > 0.95 * moved


def test_the_run_after_a_dead_one_needs_no_hand(small, killed):
    run = killed[-1]
    told = run.told(small.name)
    assert "is dead, its lease is taken over" in told
    assert re.search(r"First pass: .* resumed from \d+T\d+Z", told)
    assert testhost.PASSWORD not in run.output
