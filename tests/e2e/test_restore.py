"""A director comes back as it was: whatever was destroyed, and wherever the restore itself is interrupted."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import faults
import points
import pytest
import restoring
from breakage import wait_until
from conftest import prepared
from restoring import (
    LISTED,
    attributes,
    destroy,
    files,
    is_down,
    killed_at,
    marker,
    meddled_at,
    pack_as_the_old_tool,
    psql,
    restore,
    restore_at_terminal,
    tables,
)

PIDFILES = "find /var/vcap/sys/run/ -name '*.pid'"
PIDS = f"{PIDFILES} -exec grep -H . {{}} +"
NEWEST_PIDFILE = f"{PIDFILES} -printf '%T@ %p\\n' | sort -n | tail -n 1"
EXCHANGE = points.EXCHANGE
PROOF = points.COUNT_ROWS
LOAD = points.LOAD
START = points.START_BUT_HEALTH_MONITOR
# The task at whose begin the controller is killed, and how far the host then says that the restore is: its last task
# may go on without it.
BOUNDARIES = {
    points.RESTORE_LEASE: ["stopping"],
    points.STOP_AGENT: ["stopping"],
    points.RESTORE_STOP: ["stopping"],
    EXCHANGE: ["stopping", "swapping", "swapped"],
    points.MARK_PROVING: ["swapped", "proving"],
    PROOF: ["proving"],
    points.MARK_STARTING: ["proving", "starting"],
    START: ["starting"],
    points.RUNS: ["starting"],
    points.MARK_PROVEN: ["starting", "proven"],
}
LOADING = {
    points.MARK_LOADING: ["swapped", "loading"],
    LOAD: ["loading"],
    points.MARK_PROVING: ["loading", "proving"],
}
ROLLING_BACK = {
    points.RESTORE_STOP: ["proving"],
    points.ROLL_BACK: ["proving", "rolling_back", "rolled_back"],
    START: ["rolled_back"],
}
WAYS = ("resume", "rollback")
USUAL = [("files", EXCHANGE, "resume"), ("dump", LOAD, "rollback")]
KILLS = [
    pytest.param(way_of_database, task, way, marks=() if (way_of_database, task, way) in USUAL else pytest.mark.long)
    for way_of_database, boundaries in (("files", BOUNDARIES), ("dump", LOADING))
    for task in boundaries
    for way in WAYS
]
SWAPPING = Path(__file__).parent / "support" / "swapping.py"
# A list for another group on a file, one for what will be made in a directory, and somebody's note.
BESIDES = [
    ("director/tasks/2/debug", "system.posix_acl_access", LISTED),
    ("director/tasks", "system.posix_acl_default", LISTED),
    ("director/tasks/1/event", "user.note", "6b657074"),
]
HOLE = "/var/vcap/store/director/tasks/1/hole"  # a file that is nothing but a hole
SHORT = 15  # microbosh_outage_limit of what is killed: the lease's deadline passes soon after


def nothing_is_left(director):
    """Neither of the director's data nor of what was pushed."""
    found = director.shell("ls -A /var/vcap/store /var/vcap/store/microbosh-backup").split()
    return marker(director) is None and not [name for name in found if "restore" in name]


def content(director):
    """All that a restore has to bring back, and what files have besides."""
    return {**restoring.content(director), "besides": attributes(director)}


def with_lists(director):
    """A director whose files have access control lists and attributes when it is backed up."""
    assert director.setup().status == 0
    assert len(attributes(director, *BESIDES)) == len(BESIDES)
    director.shell(f"truncate -s 8M {HOLE}")
    run = director.backup()
    assert run.status == 0, run.output
    assert f"{len(BESIDES)} names have access control lists or extended attributes, which are kept" in run
    assert "does not keep" not in run
    assert sorted(director.report["attributes"]["kept"]) == sorted(f"store/{path}" for path, *_ in BESIDES)
    return director


@pytest.fixture(scope="session")
def victim(new_director):
    """A microBOSH with a backup, that is destroyed again and again."""
    return with_lists(new_director("e2e-restore", generation="micro", **faults.SMALL))


@pytest.fixture(scope="session")
def backed_up(victim):
    """Return the director's data at the time of the backup."""
    return content(victim)


@pytest.fixture
def precious(victim, backed_up):
    """Return the director's data before a restore, which a rollback has to bring back."""
    victim.shell("date >/var/vcap/store/director/precious")
    psql(victim, "bosh", "UPDATE director_attributes SET value = value || '-later'")
    before = content(victim)
    assert before != backed_up
    return before


def rolled_back(director, run, before):
    """A restore has failed, and left everything as it was."""
    assert run.status != 0, run.output
    assert "It was rolled back, every service runs on what was there before." in run, run.output
    assert content(director) == before
    assert director.wholly_up()
    assert nothing_is_left(director)
    return True


def test_what_was_destroyed_comes_back(victim, backed_up):
    destroy(victim)
    assert content(victim) != backed_up
    run = restore(victim)
    assert run.status == 0, run.output
    assert content(victim) == backed_up
    assert victim.shell(f"stat -c '%s %b' {HOLE}") == f"{8 << 20} 0\n"
    assert victim.wholly_up()
    assert nothing_is_left(victim)
    # What is left to a person is said with the real values.
    uuid = psql(victim, "bosh", "SELECT value FROM director_attributes WHERE name = 'uuid'")
    assert f"the director UUID is {uuid} and was x: put it into director_uuid" in run
    deployments = psql(victim, "bosh", "SELECT name FROM deployments ORDER BY name").split()
    assert all(f"bosh cloud-check of {name}" in run for name in deployments)
    assert "log in as admin: the passwords are those of the backup" in run
    last = victim.shell(NEWEST_PIDFILE)
    assert "health_monitor" in last


@pytest.mark.rotating_alone
def test_dumps_are_loaded_into_the_server_that_is_there(victim, backed_up):
    destroy(victim)
    psql(victim, "postgres", "CREATE DATABASE bystander")
    psql(victim, "postgres", "CREATE ROLE bystander LOGIN PASSWORD 'theirs'")
    role = "SELECT * FROM pg_authid WHERE rolname = 'bystander'"
    before = psql(victim, "postgres", role)
    dump = (victim.latest / "dbs/bosh.sql").read_text()
    uuid = re.search(r"\buuid\t([0-9a-f-]{36})", dump).group(1)
    run = restore(victim, microbosh_restore_database="dump", microbosh_restore_rewrite={uuid: "another"})
    assert run.status == 0, run.output
    assert psql(victim, "postgres", role) == before
    assert psql(victim, "postgres", "SELECT count(*) FROM pg_database WHERE datname = 'bystander'") == "1"
    assert psql(victim, "bosh", "SELECT value FROM director_attributes WHERE name = 'uuid'") == "another"
    assert "the director UUID is another and was x" in run
    psql(victim, "postgres", "DROP DATABASE bystander")
    psql(victim, "postgres", "DROP ROLE bystander")
    psql(victim, "bosh", f"UPDATE director_attributes SET value = '{uuid}' WHERE name = 'uuid'")
    assert content(victim) == backed_up
    assert victim.wholly_up()
    assert nothing_is_left(victim)


@pytest.mark.rotating_alone
def test_a_director_that_is_half_down_is_restored_from_a_terminal(victim, backed_up):
    victim.shell("rm -r /var/vcap/store/director /var/vcap/store/blobstore/store")
    victim.shell("/var/vcap/bosh/bin/monit stop postgres; /var/vcap/bosh/bin/monit unmonitor $(hostname)")
    run = restore_at_terminal(victim, victim.name)
    assert run.status == 0, run.output
    assert content(victim) == backed_up
    assert victim.wholly_up()  # also the row of the system itself


def test_check_says_what_would_change_and_touches_nothing(victim):
    victim.shell("echo new >/var/vcap/store/director/new; rm -r /var/vcap/store/director/tasks/2")
    before = content(victim)
    run = restore(victim, "--check", "--diff", microbosh_restore_confirm="")
    assert run.status == 0, run.output
    for line in ("- store/director/new", "+ store/director/tasks/2", "~ store/postgres/global/pg_control"):
        assert line in run.output
    assert re.search(r"Would change: \d+ added, \d+ replaced, .* files with [\d.]+ \wi?B to push", run.flat)
    assert "Databases: bosh as files" in run
    assert content(victim) == before
    assert victim.wholly_up()
    assert nothing_is_left(victim)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"microbosh_restore_confirm": ""}, "Add -e microbosh_restore_confirm=e2e-restore"),
        ({"microbosh_restore_confirm": "another"}, "the name that was confirmed is another"),
        ({"microbosh_restore_from": "20010101T000000Z"}, "There is no backup 20010101T000000Z"),
        ({"microbosh_restore_unfinished": "resume"}, "nothing to resume"),
        (
            {"microbosh_restore_rewrite": {"i-1": "i-2"}, "microbosh_restore_database": "files"},
            "so it needs -e microbosh_restore_database=dump",
        ),
        (
            {"microbosh_restore_rewrite": {"i-nowhere": "i-2"}, "microbosh_restore_database": "dump"},
            "i-nowhere occurs in no column",
        ),
    ],
)
def test_refuses_before_anything_is_touched(victim, settings, words):
    before = content(victim)
    run = restore(victim, **settings)
    assert run.status != 0
    assert words in run
    assert content(victim) == before
    assert victim.wholly_up()
    assert nothing_is_left(victim)


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


@pytest.mark.rotating_alone
def test_files_of_another_postgresql_are_refused(victim, tmp_path):
    version = next((victim.latest / "vcap/store").glob("postgres*/PG_VERSION")).relative_to(victim.latest)
    archive = pack_as_the_old_tool(victim.latest, tmp_path / "cache.tgz", replaced={str(version): "9.0\n"})
    asked = {"microbosh_restore_from": str(archive), "microbosh_restore_unproven": True}
    run = restore(victim, microbosh_restore_database="files", **asked)
    assert run.status != 0
    assert "Load the dumps instead: add -e microbosh_restore_database=dump" in run
    run = restore(victim, "--check", **asked)
    assert run.status == 0, run.output
    assert "loaded from their dumps, as the files of the backup do not serve here" in run
    assert "it has the files of PostgreSQL 9.0" in run
    assert victim.wholly_up()
    assert nothing_is_left(victim)


NAMESPACE = "unshare --pid --ipc --fork --kill-child --mount-proc"
SECOND = r"""
. /etc/testhost
found=$(ls /var/vcap/store/postgres*/PG_VERSION /var/vcap/store/postgres/postgres-*/PG_VERSION 2>/dev/null | head -n 1)
mkdir -p /run/second
chown vcap /run/second
setsid {before} setpriv --reuid=vcap --regid=vcap --clear-groups "$POSTGRES/bin/postgres" -D "${{found%/*}}" \
    -p 15999 -k /run/second -h 127.0.0.1 </dev/null >/run/second/log 2>&1 &
for _ in $(seq 100); do
    ! "$POSTGRES/bin/psql" -h 127.0.0.1 -p 15999 -U vcap -l postgres >/dev/null 2>&1 || exit 0
    sleep 0.2
done
cat /run/second/log
exit 1
"""
END_SECOND = """
for pid in $(pgrep -f -- '-p 1599[9]' | sort -rn); do kill -INT "$pid" 2>/dev/null || true; done
for _ in $(seq 100); do pgrep -f -- '-p 1599[9]' >/dev/null || exit 0; sleep 0.2; done
exit 1
"""


@pytest.mark.rotating_alone
def test_a_second_server_is_met_before_anything_is_stopped(victim, precious):
    """In a pid namespace of its own, as under bpm: its pid file says nothing, and no job knows it."""
    victim.shell("/var/vcap/bosh/bin/monit stop postgres")
    wait_until(lambda: not victim.shell("pgrep -x postgres || true"), "PostgreSQL to stop", 60)
    pids = victim.shell("cat /var/vcap/sys/run/*/*.pid")
    victim.shell(SECOND.format(before=NAMESPACE))
    run = restore(victim)
    assert run.status != 0
    assert re.search(r"A PostgreSQL server still lives: process \d+, port 15999 on /var/vcap/store/postgres", run.flat)
    assert "Nothing was touched." in run
    assert victim.shell("cat /var/vcap/sys/run/*/*.pid") == pids
    victim.shell(END_SECOND)
    assert victim.play("checkup").status == 0
    assert content(victim) == precious
    assert victim.wholly_up()
    assert nothing_is_left(victim)


@pytest.mark.long
def test_a_second_server_that_comes_late_is_met_before_the_exchange(victim, precious):
    """Nothing is exchanged under it, and no other one is started beside it."""
    script = SECOND.format(before=NAMESPACE)
    run = meddled_at(victim, points.LOOK_FOR_SERVERS, script)
    assert run.status != 0
    assert "port 15999 on /var/vcap/store/postgres" in run
    assert "-p 5432" not in victim.shell("pgrep -xa postgres")
    victim.shell(END_SECOND)
    if marker(victim):
        assert restore(victim, microbosh_restore_unfinished="rollback").status == 0
    assert victim.play("checkup").status == 0
    assert content(victim) == precious
    assert victim.wholly_up()
    assert nothing_is_left(victim)


@pytest.mark.rotating_alone
def test_an_online_backup_comes_back_from_its_dumps(victim, backed_up, tmp_path):
    """Nobody has to know that it has no files of PostgreSQL; it says so itself."""
    before = tables(victim)
    elsewhere = {"microbosh_backup_dir": str(tmp_path / "backups")}
    run = victim.backup(microbosh_mode="online", **elsewhere)
    assert run.status == 0, run.output
    assert "come back from their dumps, not by files: it was made online" in run
    source = tmp_path / "backups/latest"
    assert "online" in json.loads((source / "backup.json").read_text())["unrestorable_by_files"]
    destroy(victim)
    run = restore(victim, microbosh_restore_from=str(source.resolve()))
    assert run.status == 0, run.output
    assert "loaded from their dumps, as the files of the backup do not serve here, as it was made online" in run
    assert tables(victim) == before
    assert victim.wholly_up()
    assert nothing_is_left(victim)
    assert restore(victim).status == 0
    assert content(victim) == backed_up


@pytest.mark.rotating_alone
def test_a_store_without_space_is_refused(small):
    """What is there and what is brought have to fit beside each other."""
    small.shell("fallocate -l $(($(df --output=avail -B1 /var/vcap/store | tail -1) - 1048576)) /var/vcap/store/full")
    run = restore(small)
    small.shell("rm /var/vcap/store/full")
    assert run.status != 0
    assert "what is there stays until the restore is proven. Nothing was touched." in run
    assert small.wholly_up()
    assert nothing_is_left(small)


@pytest.mark.rotating_alone
def test_a_director_that_another_run_holds_is_refused(victim, tmp_path):
    # Elsewhere, since the other tests restore the latest one.
    elsewhere = {"microbosh_backup_dir": str(tmp_path / "backups")}
    first = faults.Running(victim, tmp_path, microbosh_outage_limit=180, **elsewhere)
    first.wait_for(points.COPIED)
    run = restore(victim)
    assert run.status != 0
    assert "The director is held by" in run
    assert "Nothing was touched." in run
    first.wait()
    assert first.process.returncode == 0, first.output
    assert victim.wholly_up()


def test_what_cannot_be_proven_is_rolled_back(victim, tmp_path, precious):
    archive = pack_as_the_old_tool(
        victim.latest, tmp_path / "cache.tgz",
        edit=lambda text: re.sub(r"(COPY public\.deployments .*?;\n)[^\n]*\n", r"\1", text),
    )  # fmt: skip
    run = restore(victim, microbosh_restore_from=str(archive))
    assert run.status != 0
    assert "microbosh_restore_unproven=true" in run
    run = restore(victim, microbosh_restore_from=str(archive), microbosh_restore_unproven=True)
    assert "public.deployments in bosh has" in run
    assert rolled_back(victim, run, precious)


@pytest.mark.rotating_alone
def test_what_cannot_be_pushed_stops_nothing(victim, precious):
    incoming = "/var/vcap/store/microbosh-backup/restore"
    victim.shell(f"mkdir -m 0700 {incoming}")
    pids = victim.shell(PIDS)
    run = restore(victim)
    victim.shell(f"rm -r {incoming}")
    assert run.status != 0
    assert "Nothing was touched." in run
    assert victim.shell(PIDS) == pids
    assert content(victim) == precious
    assert nothing_is_left(victim)


@pytest.mark.rotating_alone
def test_a_blob_that_is_altered_on_its_way_stops_nothing(victim, precious):
    blob = victim.shell("find /var/vcap/store/blobstore/store -type f | sort | head -n 1").strip()
    alter = f"cp -p {blob} /run/blob; touch -r {blob} /run/time; printf X | dd of={blob} bs=1 seek=9 conv=notrunc"
    pids = victim.shell(PIDS)
    run = meddled_at(victim, points.PUSH, f"{alter}; touch -r /run/time {blob}")
    victim.shell(f"cp -p /run/blob {blob}")
    assert run.status != 0
    assert "The blobstore is not whole" in run
    assert "Nothing was touched." in run
    assert victim.shell(PIDS) == pids
    assert content(victim)["tables"] == precious["tables"]
    assert "microbosh-restore" not in victim.shell("ls /var/vcap/store").split()


@pytest.mark.rotating_alone
def test_an_exchange_that_fails_is_rolled_back(victim, precious):
    spoil = "rm /var/vcap/store/microbosh-restore/new/store/redis/dump.rdb"
    run = meddled_at(victim, points.RESTORE_STOP, spoil)
    assert "store/redis/dump.rdb is not in its place" in run
    assert rolled_back(victim, run, precious)


@pytest.mark.rotating_alone
def test_a_load_that_fails_is_rolled_back(victim, precious):
    spoil = "echo 'DROP TABLE deployments;' >>/var/vcap/store/microbosh-backup/restore-dbs/bosh.sql"
    run = meddled_at(victim, points.RESTORE_STOP, spoil, microbosh_restore_database="dump")
    assert "its SHA-256 is" in run
    assert rolled_back(victim, run, precious)


@pytest.mark.rotating_alone
def test_a_service_that_does_not_start_is_rolled_back(victim, backed_up):
    """It starts on what is there, and not on what is restored."""
    victim.shell("rm -r /var/vcap/store/director/tasks/1")
    before = content(victim)
    victim.shell("ln -s /var/vcap/store/director/tasks/1 /var/vcap/jobs/powerdns/no_start")
    run = restore(victim, microbosh_timeout=15)
    victim.shell("rm /var/vcap/jobs/powerdns/no_start")
    assert "powerdns" in run
    assert rolled_back(victim, run, before)


@pytest.mark.rotating_alone
@pytest.mark.parametrize(("database", "task", "way"), KILLS)
def test_a_restore_that_was_killed_goes_on_or_back(victim, backed_up, precious, database, task, way):
    killed_at(victim, task, microbosh_restore_database=database, microbosh_outage_limit=SHORT)
    phase = marker(victim)["phase"]
    assert phase in (BOUNDARIES if database == "files" else LOADING)[task]
    if way == "resume" and phase != "proven":
        checkup = victim.play("checkup")
        assert checkup.status != 0
        for word in WAYS:
            assert f"microbosh_restore_unfinished={word}" in checkup
    run = restore(victim, microbosh_restore_unfinished=way)
    assert run.status == 0, run.output
    went_on = way == "resume" or (task == points.MARK_PROVEN and "is restored from" in run)
    assert content(victim) == (backed_up if went_on else precious)
    assert victim.wholly_up()
    assert nothing_is_left(victim)


@pytest.mark.parametrize(
    "task", [pytest.param(task, marks=() if task == START else pytest.mark.long) for task in ROLLING_BACK]
)
@pytest.mark.parametrize("way", [pytest.param("resume", marks=pytest.mark.long), "rollback"])
@pytest.mark.rotating_alone
def test_a_rollback_that_was_killed_goes_back(victim, backed_up, precious, task, way):
    """Unless it has not begun: then it may still go on."""
    killed_at(victim, PROOF, microbosh_outage_limit=SHORT)
    killed_at(victim, task, microbosh_restore_unfinished="rollback", microbosh_outage_limit=SHORT)
    assert marker(victim)["phase"] in ROLLING_BACK[task]
    run = restore(victim, microbosh_restore_unfinished=way)
    assert run.status == 0, run.output
    went_on = "is restored from" in run
    assert not went_on or (way == "resume" and task == points.RESTORE_STOP)
    assert content(victim) == (backed_up if went_on else precious)
    assert victim.wholly_up()
    assert nothing_is_left(victim)


@pytest.mark.rotating_alone
def test_nothing_starts_on_data_that_is_not_proven(victim, backed_up, precious):
    """Not at the lease's deadline, not after a reboot, and neither by a checkup nor by a backup."""
    killed_at(victim, PROOF, microbosh_outage_limit=SHORT)
    assert is_down(victim)
    victim.host.restart(hard=True)
    victim.shell("/usr/local/sbin/microbosh-comeback")
    assert is_down(victim)
    for playbook in ("checkup", "backup"):
        run = victim.play(playbook)
        assert run.status != 0
        for word in WAYS:
            assert f"microbosh_restore_unfinished={word}" in run
    killed_at(victim, PROOF, microbosh_restore_unfinished="resume", microbosh_outage_limit=SHORT)
    wait_until(lambda: not victim.shell(f"ls {faults.STAGING}/lease-armed || true"), "the lease's deadline", 2 * SHORT)
    assert is_down(victim)
    run = restore(victim, microbosh_restore_unfinished="resume")
    assert run.status == 0, run.output
    assert content(victim) == backed_up
    assert victim.wholly_up()
    assert nothing_is_left(victim)


@pytest.mark.long
@pytest.mark.parametrize("seconds", [20, 90])
def test_a_network_that_is_cut_in_the_middle(victim, backed_up, precious, seconds):
    """For some seconds the restore waits; for longer, it rolls back as soon as the director can be reached again."""
    cut = "iptables -I INPUT -p tcp --dport 22 -j DROP; iptables -I OUTPUT -p tcp --sport 22 -j DROP"
    script = f"{cut}; (sleep {seconds}; iptables -F) >/dev/null 2>&1 &"
    run = meddled_at(victim, EXCHANGE, script, microbosh_outage_limit=300)
    if run.status == 0:
        assert content(victim) == backed_up
        assert victim.wholly_up()
        assert nothing_is_left(victim)
    else:
        assert rolled_back(victim, run, precious)


def without_identity(lines):
    """The machine's own settings stay on the machine."""
    return [line for line in lines if not line.startswith("bosh") and "  bosh/" not in line]


@pytest.mark.long
def test_a_freshly_made_director_takes_the_place_of_a_lost_one(new_director):
    """Its PostgreSQL has its files where an operator chose to have them."""
    small = {**faults.SMALL, "postgres_layout": "chosen"}
    lost = prepared(new_director("e2e-lost", generation="director", **small))
    assert json.loads((lost.latest / "backup.json").read_text())["unrestorable_by_files"] is None
    expected = content(lost)
    source = str(lost.latest)
    lost.host.down()
    fresh = new_director("e2e-fresh", generation="director", **{**small, "blobs": 1, "seed": 7})
    identity = [line for line in files(fresh) if "bosh/settings.json" in line]
    assert fresh.setup().status == 0
    run = restore(fresh, microbosh_restore_from=source)
    assert run.status == 0, run.output
    assert "can use PostgreSQL's files as they are" in run.flat
    assert without_identity(files(fresh)) == without_identity(expected["files"])
    assert tables(fresh) == expected["tables"]
    assert [line for line in files(fresh) if "bosh/settings.json" in line] == identity
    assert "put it into director_uuid of every deployment manifest" in run
    assert "must have been deployed with credhub's encryption password of the backup (it is not in the backup)" in run
    assert fresh.wholly_up()


ATTACK = """
setsid $(command -v python3 || command -v python2.7) /run/swapping.py >/run/attack.log 2>&1 </dev/null &
echo $! >/run/attack.pid
"""
END_ATTACK = """
kill $(cat /run/attack.pid)
while kill -0 $(cat /run/attack.pid) 2>/dev/null; do sleep 0.1; done
cat /run/attack.log
"""
OUTSIDE = "find /etc/profile.d -printf '%p %u %g %m %s %l\\n'; find /etc/profile.d -type f -exec sha256sum {} +"


@pytest.mark.long
@pytest.mark.parametrize("database", ["files", "dump"])
def test_what_vcap_and_the_backup_user_swap_meanwhile_leads_root_nowhere(victim, backed_up, database):
    victim.execute("sh", "-c", 'printf %s "$1" >/run/swapping.py', "sh", SWAPPING.read_text())
    outside = victim.shell(OUTSIDE)
    destroy(victim)
    victim.shell("echo >>/var/vcap/bosh/settings.json")  # so that it has to be pushed
    victim.shell(ATTACK)
    run = restore(victim, microbosh_restore_database=database)
    counts = victim.shell(END_ATTACK).split()
    print(f"the restore ended with {run.status}; swaps and writes: {counts}")
    swaps, writes = (sum(int(count) for count in counts[column::2]) for column in (0, 1))
    assert swaps > 1000
    assert writes > 0
    assert victim.shell(OUTSIDE) == outside
    assert "attacker" not in victim.shell("cat /var/vcap/bosh/settings.json")
    assert victim.shell("stat -c '%U %a' /var/vcap/bosh/settings.json") == "root 600\n"
    forged = "grep -rl https://attacker /var/vcap/store --exclude-dir=microbosh-backup || true"
    assert victim.shell(forged) == ""
    # Without him it ends well, whatever came of it under his hands.
    victim.shell("cd /var/vcap/store/director; [ ! -h tasks ] || rm tasks; rm -rf tasks.away")
    if marker(victim):
        run = restore(victim, microbosh_restore_unfinished="rollback")
        assert run.status == 0, run.output
    run = restore(victim)
    assert run.status == 0, run.output
    assert content(victim) == backed_up
    assert victim.wholly_up()


@pytest.mark.core216
def test_a_host_with_python_27_is_restored_and_a_newer_postgresql_takes_its_dump(new_director):
    old = with_lists(new_director("e2e-old", generation="micro", base="bullseye", **faults.SMALL))
    expected = content(old)
    destroy(old)
    run = restore(old)
    assert run.status == 0, run.output
    assert content(old) == expected
    assert old.wholly_up()
    source = str(old.latest)
    old.host.down()
    newer = new_director("e2e-newer", generation="micro", base="bookworm", **{**faults.SMALL, "blobs": 1})
    assert newer.setup().status == 0
    run = restore(newer, microbosh_restore_from=source, microbosh_restore_database="files")
    assert run.status != 0
    assert "microbosh_restore_database=dump" in run
    run = restore(newer, microbosh_restore_from=source)
    assert run.status == 0, run.output
    assert "loaded from their dumps" in run
    assert tables(newer) == expected["tables"]
    assert newer.wholly_up()
