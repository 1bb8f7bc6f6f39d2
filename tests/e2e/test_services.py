"""An alarm is not a dead process: what monit complains about is told, and what does not live is refused."""

from __future__ import annotations

import contextlib
import re

import points
import pytest
from breakage import READER, SLOWED, replaced, wait_until, wait_until_up
from restoring import content, killed_at, marker, meddled_at, restore

pytestmark = pytest.mark.rotating

MONIT = "/var/vcap/bosh/bin/monit"
DEAD = "director_scheduler"
ALARM = "Connection failed"
# Checks that are no processes and that alarm, and a process that works and alarms: nobody listens on that port.
CHECKS = """\
check filesystem store_fs with path /var/vcap/store
  if space usage > 0% then alert
check file passwd with path /etc/passwd
  if size < 100 MB then alert
"""
JOBS = "/var/vcap/monit/job"
REDIS = f"$(grep -l 'check process redis$' {JOBS}/*.monitrc)"
# Makes a large file and others for the first copy after the services were stopped, slows it, removes the others once
# its sender has it open. It stands before the reader, as rsync itself may write nothing.
REMOVING = r"""#!/bin/sh
if [ "$2" = --daemon ] && [ -e /var/vcap/store/microbosh-backup/lease-armed ] && [ ! -e /run/removed ]; then
    touch /run/removed
    tasks=/var/vcap/store/director/tasks
    head -c 3000000 /dev/urandom >$tasks/0_large
    mkdir $tasks/zz_gone
    touch $tasks/zz_gone/below $tasks/zz_file
    (
        exec >/dev/null 2>&1 </dev/null
        until ls -l /proc/[0-9]*/fd | grep -q 0_large; do sleep 0.05; done
        rm -rf $tasks/zz_gone $tasks/zz_file
    ) &
    echo 1000 >/run/gate/speed
fi
exec READER.aside "$@"
""".replace("READER", READER)


def status(director, name):
    """Return monit's status of a service."""
    said = re.search(rf"'{name}'\n +status +(.*)$", director.shell(f"{MONIT} status"), re.MULTILINE)
    return said and said.group(1).strip()


def look_now(director):
    director.execute("pkill", "-USR1", "-x", "monit(-actual)?", check=False)


@contextlib.contextmanager
def alarming(director):
    """monit complains about a process that works and two checks, and does not watch powerdns, which lives."""
    director.execute("sh", "-c", f'printf %s "$1" >{JOBS}/9998_checks.monitrc', "sh", CHECKS)
    director.shell(f"cp {REDIS} /run/redis.monitrc; echo '  if failed port 59999 then alert' >>{REDIS}; {MONIT} reload")
    try:

        def complains():
            look_now(director)
            told = status(director, "store_fs") or "Initializing"
            return status(director, "redis") == ALARM and told not in ("Initializing", "OK")

        wait_until(complains, "monit complains")
        director.shell(f"{MONIT} unmonitor powerdns")
        wait_until(lambda: status(director, "powerdns") == "Not monitored", "powerdns is not watched")
        yield
    finally:
        director.shell(f"cat /run/redis.monitrc >{REDIS}; rm {JOBS}/9998_checks.monitrc; {MONIT} reload")
        wait_until(lambda: status(director, "store_fs") is None, "monit has read its configuration")
        director.shell(f"{MONIT} monitor powerdns")
        wait_until_up(director)


def as_it_was(director):
    """Return whether it alarms as before once monit has looked, and powerdns lives unwatched."""

    def looked():
        look_now(director)
        return status(director, "redis") == ALARM

    wait_until(looked, "monit complains again")
    return status(director, "powerdns") == "Not monitored"


@contextlib.contextmanager
def dead(director, name):
    """A service does not live, for a reason that has nothing to do with the data: its start fails."""
    switch = f"/var/vcap/jobs/{name.partition('_')[0]}/no_start.{name}"
    pid = f"/var/vcap/sys/run/*/{name}.pid"
    director.shell(f"touch {switch}; kill -KILL $(cat {pid})")
    try:

        def missed():
            look_now(director)
            # After each start that fails monit says Initializing, until its next cycle.
            return not lives(director, name) and status(director, name) != "OK"

        wait_until(missed, f"monit misses {name}")
        yield
    finally:
        director.shell(f"rm -f {switch}; {MONIT} start {name}")


def lives(director, name):
    """Return whether the process in its pid file does."""
    return director.execute("sh", "-c", f"kill -0 $(cat /var/vcap/sys/run/*/{name}.pid)", check=False).returncode == 0


def standing(director):
    """Return whether the one that may be dead lives, and whether health monitor and agent do."""
    return lives(director, DEAD), lives(director, "health_monitor"), director.host.agent_runs()


@pytest.fixture(scope="module")
def alarmed(micro):
    """A backup and a restore while monit complains, the restore while a service is dead, too."""
    with alarming(micro):
        before = content(micro)
        backup = micro.backup()
        after_backup = as_it_was(micro)
        report = micro.report
        micro.shell("rm -rf /var/vcap/store/director/tasks")
        with dead(micro, DEAD):
            restored = restore(micro)
            after_restore = (as_it_was(micro), *standing(micro))
        return backup, after_backup, report, restored, after_restore, before, content(micro)


def test_an_alarm_is_told_and_refuses_no_backup(micro, alarmed):
    backup, after, report, *_ = alarmed
    assert backup.status == 0, backup.output
    told = backup.told(micro.name)
    assert f"redis: {ALARM}" in told
    assert "monit does not watch powerdns" in told
    assert {(alarm["name"], alarm["type"]) for alarm in report["services"]["alarms"]} == {
        ("redis", "Process"), ("store_fs", "Filesystem"), ("passwd", "File"),
    }  # fmt: skip
    assert report["services"]["unmonitored"] == ["powerdns"]
    assert after, "an unwatched service is watched, or the alarm is gone"


def test_an_alarm_that_comes_up_in_the_middle_rolls_back_no_restore(micro, alarmed):
    _, _, _, run, after, before, now = alarmed
    assert run.status == 0, run.output
    assert "monit complains of store_fs" in run.told(micro.name)
    assert "was rolled back" not in run
    assert now == before
    assert after[0]


def test_one_that_was_dead_before_a_restore_is_told_and_throws_nothing_away(alarmed, micro):
    _, _, _, run, after, *_ = alarmed
    assert run.status == 0, run.output
    assert f"Down already: {DEAD}" in run
    assert f"every service runs BUT {DEAD}, down before the restore, too" in run
    assert after[1:] == (False, True, True)


@pytest.mark.long
def test_a_required_check_refuses(micro):
    with alarming(micro):
        run = micro.backup(microbosh_required_checks=["store_fs"])
        checkup = micro.play("checkup")
    assert run.status != 0
    assert re.search(r"12 of 12 run, .*store_fs is '", run.told(micro.name))
    assert checkup.status == 0
    assert "monit complains of store_fs" in checkup.told(micro.name)


def test_a_process_that_does_not_live_refuses_though_its_pid_file_names_another(micro):
    pidfile = micro.shell("ls /var/vcap/sys/run/powerdns/*.pid").strip()
    ids = micro.ids
    # monit reads the file only when the process that it knows is gone.
    micro.shell(f"""
        process=$(cat {pidfile})
        setsid sleep 3600 >/dev/null 2>&1 </dev/null & echo $! >{pidfile}; touch -d '1 hour ago' {pidfile}
        kill -KILL $process""")
    stranger = micro.shell(f"cat {pidfile}").strip()

    def mistaken():
        look_now(micro)
        return re.search(rf"'powerdns'\n(?: .*\n)*? +pid +{stranger}\n", micro.shell(f"{MONIT} status"))

    try:
        wait_until(mistaken, "monit takes the stranger for powerdns")
        run = micro.backup(microbosh_timeout=20)
    finally:
        micro.shell(f"kill {stranger}")
        wait_until_up(micro)
    assert run.status != 0
    told = run.told(micro.name)
    assert re.search(r"11 of 12 run, .*powerdns is 'OK', but its process is gone or somebody else's", told)
    assert micro.ids == ids


def test_what_vanishes_in_the_second_pass_is_told_and_left_out(micro):
    micro.shell("rm -rf /run/removed /run/gate; mkdir -m 0755 /run/gate")
    with replaced(micro, READER, REMOVING), replaced(micro, "/usr/bin/rsync", SLOWED):
        run = micro.backup()
    micro.shell("rm -f /var/vcap/store/director/tasks/0_large /run/removed")
    assert run.status == 0, run.output
    assert "Left out " in run.told(micro.name)
    left_out = micro.report["left_out"]
    assert "store/director/tasks/zz_file" in left_out
    assert not (micro.latest / "vcap/store/director/tasks/zz_file").exists()
    assert micro.play("verify").status == 0


@pytest.mark.long
def test_one_that_is_refused_does_not_keep_the_others_down(micro):
    """monit says no to its start; checkup starts all the others, and says which does not live."""
    before = set(micro.shell("ls -d /var/vcap/sys/run/*/*.pid").split())
    micro.shell(f"touch /var/vcap/jobs/powerdns/no_start; {MONIT} stop all")
    wait_until(lambda: not micro.shell("find /var/vcap/sys/run/ -name '*.pid'"), "every process has ended")
    try:
        run = micro.play("checkup", microbosh_timeout=60)
        others = set(micro.shell("ls -d /var/vcap/sys/run/*/*.pid").split())
    finally:
        micro.shell("rm /var/vcap/jobs/powerdns/no_start")
        micro.shell(f"{MONIT} start all")
        wait_until_up(micro)
    assert run.status != 0
    assert before - others == {path for path in before if "powerdns" in path} != set()
    assert "powerdns" in run.told(micro.name)


@pytest.mark.long
def test_one_that_was_dead_before_is_no_reason_to_fail_a_rollback(micro):
    """By another controller, too: what did not run before is kept on the host."""
    with dead(micro, DEAD):
        killed_at(micro, points.EXCHANGE, microbosh_outage_limit=15)
        run = restore(micro, microbosh_restore_unfinished="rollback")
        after = (*standing(micro), marker(micro))
    wait_until_up(micro)
    assert run.status == 0, run.output
    assert f"every service runs on what was there before BUT {DEAD}, down before the restore" in run
    assert after == (False, True, True, None)


@pytest.mark.long
def test_one_that_ran_before_and_stays_down_keeps_agent_and_health_monitor_from_nothing(micro):
    switch = "/var/vcap/jobs/redis/no_start"
    try:
        run = meddled_at(micro, points.MARK_PROVING, f"touch {switch}", microbosh_timeout=60)
        after = (*standing(micro), marker(micro)["phase"])
    finally:
        micro.shell(f"rm -f {switch}")
    again = restore(micro, microbosh_restore_unfinished="rollback")
    wait_until_up(micro)
    assert run.status != 0
    assert "What was there before is in its place again, but NOT EVERY SERVICE IS KNOWN TO RUN" in run
    assert after == (True, True, True, "rolled_back")
    assert again.status == 0, again.output


@pytest.mark.long
def test_what_bpm_runs_is_stopped_though_monit_does_not_watch_it(director):
    """Its pid file lies where only root reads."""
    pid = "cat /var/vcap/sys/run/bpm/credhub/credhub.pid"
    before = director.shell(pid)
    director.shell(f"{MONIT} unmonitor credhub")
    wait_until(lambda: status(director, "credhub") == "Not monitored", "credhub is not watched")
    try:
        run = director.backup()
        after, unwatched = director.shell(pid), status(director, "credhub")
    finally:
        director.shell(f"{MONIT} monitor credhub")
        wait_until_up(director)
    assert run.status == 0, run.output
    assert "monit does not watch credhub" in run.told(director.name)
    assert after != before
    assert unwatched == "Not monitored"
    director.shell(f"kill -0 {after}")


@pytest.mark.long
def test_a_setup_without_the_rights_for_it_is_told_before_anything_stops(director):
    sudoers = "/etc/sudoers.d/backup"
    director.shell(f"cp -p {sudoers} /run/sudoers; sed -i 's/ unmonitor credhub/ validate credhub/' {sudoers}")
    director.shell(f"{MONIT} unmonitor credhub")
    wait_until(lambda: status(director, "credhub") == "Not monitored", "credhub is not watched")
    try:
        run = director.backup()
    finally:
        director.shell(f"cat /run/sudoers >{sudoers}; {MONIT} monitor credhub")
        wait_until_up(director)
    assert run.status != 0
    assert "sudo does not allow" in run
    assert "Run the setup playbook for it again" in run
    assert "Nothing was stopped on the director" in run
