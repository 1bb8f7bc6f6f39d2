# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs begin by themselves on a controller whose first process is systemd: in their sandbox, as their own user."""

from __future__ import annotations

import json
import time

import faults
import pytest
from controllers import PLACE, Controller

pytestmark = pytest.mark.long
USER = "backup-operator"
OWN = {"microbosh_schedule_user": USER}

PROBE = f"""
import json, os, subprocess, sys, tempfile
sys.path.insert(0, "/usr/share/ansible/collections")
from ansible_collections.microbosh.director.plugins.module_utils._postgres._containment import find_containment

def can_write(place):
    try:
        tempfile.TemporaryFile(dir=place).close()
    except OSError:
        return False
    return True

places = ["/etc", "/usr", "/opt", "/srv", "/home", "/root", "/run", "/sys", "/var/lib", "/", "/backups",
          "/var/lib/{USER}", "/var/lib/{USER}/.ansible", "/tmp", "/var/tmp", "/dev/shm"]
status = dict(line.split(None, 1) for line in open("/proc/self/status") if ":" in line)
print("PROBE", json.dumps({{
    "written": [place for place in places if can_write(place)],
    "means": find_containment("/usr/lib/postgresql/17", "/var/tmp", None).means,
    "sudo": subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode,
    "nice": os.nice(0), "capabilities": status["CapBnd:"].strip(),
}}))
"""


@pytest.fixture(scope="module")
def controller(new_director):
    director = new_director("e2e-schedule", **faults.SMALL)
    run = director.setup()
    assert run.status == 0, run.output
    made = Controller(director).up()
    yield made
    made.down()


def schedule(controller, *arguments, **settings):
    controller.inventory(**{**OWN, **settings})
    return controller.play("schedule", *arguments)


@pytest.fixture(scope="module")
def scheduled(controller):
    """Its account is made at the first try, which tells what it lacks; it gets that, and the jobs are scheduled."""
    status, said = schedule(controller)
    assert status == 2, said
    assert f"{PLACE}/key cannot be read." in said
    assert "microbosh" not in controller.output(
        "ls /etc/systemd/system /etc/microbosh 2>&1 | grep -v ^ls: | grep -v :$; true"
    )
    controller.shell(f"chown {USER} {PLACE}/key")
    status, said = schedule(controller)
    assert status == 0, said
    return controller


def timers(controller):
    rows = json.loads(controller.output("systemctl list-timers --all --output=json 'microbosh-*'"))
    return {row["unit"]: row["activates"] for row in rows}


def properties(controller, unit, *names):
    said = controller.output(f"systemctl show {unit} " + " ".join(f"--property={name}" for name in names))
    return dict(line.split("=", 1) for line in said.splitlines())


def started(controller, unit, seconds=240):
    """Start a service as its timer would, and return how it ended and what it said."""
    controller.shell(f"systemctl start {unit}")
    deadline = time.monotonic() + seconds
    while properties(controller, unit, "ActiveState")["ActiveState"] in ("active", "activating", "deactivating"):
        assert time.monotonic() < deadline, controller.output(f"journalctl --no-pager -u {unit}")
        time.sleep(0.5)
    return properties(controller, unit, "Result", "ExecMainStatus"), controller.output(
        f"journalctl --no-pager -u {unit}"
    )


def test_timers_wait_for_their_time_and_a_second_run_changes_nothing(scheduled):
    names = ("backup", "reread", "rehearsal", "verify")
    assert timers(scheduled) == {f"microbosh-{name}.timer": f"microbosh-{name}.service" for name in names}
    status, said = schedule(scheduled)
    assert status == 0, said
    assert "changed=0" in said.rpartition("localhost")[2]
    enabled = scheduled.output("systemctl is-enabled microbosh-backup.timer").strip()
    assert enabled == "enabled"
    units = "/etc/systemd/system/microbosh-*.service"
    assert scheduled.shell(f"systemd-analyze verify --man=no {units}").stdout == ""


def test_a_calendar_that_is_none_is_refused_before_anything_is_touched(scheduled):
    before = scheduled.output("ls -l --full-time /etc/systemd/system /etc/microbosh")
    jobs = [{"name": "new", "playbook": "backup", "calendar": "at night"}]
    status, said = schedule(scheduled, microbosh_schedule=jobs)
    assert status == 2
    assert "calendar of new in microbosh_schedule is 'at night', which systemd does not take" in said
    assert scheduled.output("ls -l --full-time /etc/systemd/system /etc/microbosh") == before


def test_a_backup_a_share_and_a_rehearsal_run_in_their_sandbox(scheduled):
    """The first makes a proven backup; the last contains its server by namespaces, Landlock and a filter of its own."""
    for name in ("backup", "reread", "rehearsal"):
        ended, said = started(scheduled, f"microbosh-{name}.service")
        assert ended == {"Result": "success", "ExecMainStatus": "0"}, said
    directory = f"/backups/{scheduled.director.name}"
    assert scheduled.output(f"stat -c %U {directory} {directory}/latest/backup.json").split() == [USER, USER]
    report = json.loads(scheduled.output(f"cat {directory}/latest/backup.json"))
    assert report["proof"]["whole"] is True
    verdict = json.loads(scheduled.output(f"cat {directory}/latest/verdict.json"))
    assert verdict["rehearsed"]["good"]
    assert json.loads(scheduled.output(f"cat {directory}/reread.json"))["passes"]
    assert scheduled.director.wholly_up()


def test_it_can_write_nowhere_else(scheduled):
    """Something else in the service's sandbox, and the strongest means to contain a rehearsal are there."""
    scheduled.write("probe.py", PROBE)
    unit = "/etc/systemd/system/microbosh-rehearsal.service"
    change = f"s#^ExecStart=.*#ExecStart=/usr/bin/python3 {PLACE}/probe.py#; /^Restart/d"
    scheduled.shell(f"sed '{change}' {unit} >/run/systemd/system/probe.service; systemctl daemon-reload")
    ended, said = started(scheduled, "probe.service")
    assert ended["Result"] == "success", said
    (found,) = [json.loads(line.partition("PROBE ")[2]) for line in said.splitlines() if "PROBE " in line]
    assert found["written"] == ["/backups", f"/var/lib/{USER}/.ansible", "/tmp", "/var/tmp", "/dev/shm"]
    assert found["means"] == ["namespaces of users", "Landlock", "a filter for system calls"]
    assert (found["sudo"], found["nice"], found["capabilities"]) == (1, 10, "0000000000000000")


def test_a_run_that_is_stopped_in_an_outage_leaves_no_director_down(scheduled):
    unit = "microbosh-backup.service"
    scheduled.shell(f"systemctl start {unit}")
    free = f"for slot in /tmp/microbosh-$(id -u {USER})/outage-?; do flock --nonblock $slot true || exit 1; done"
    scheduled.wait(f"! ({free}) || ! systemctl is-active --quiet {unit}", seconds=180)
    assert properties(scheduled, unit, "ActiveState")["ActiveState"] == "active"
    scheduled.shell(f"systemctl stop {unit}")
    assert scheduled.director.wholly_up()
    ended = properties(scheduled, unit, "ActiveState", "NRestarts", "Result")
    assert ended["ActiveState"] in ("inactive", "failed")
    assert ended["NRestarts"] == "0"
    ended, said = started(scheduled, unit)
    assert ended["Result"] == "success", said
    assert scheduled.director.wholly_up()


def test_root_can_rehearse_in_its_sandbox_too(scheduled):
    """Its server runs as another account, which root may become only as long as systemd leaves it that right."""
    status, said = schedule(scheduled, microbosh_schedule_user="root")
    assert status == 0, said
    ended, said = started(scheduled, "microbosh-rehearsal.service")
    assert ended["Result"] == "success", said
    assert "was rehearsed" in said


def test_what_is_scheduled_no_more_is_gone(scheduled):
    jobs = [{"name": "backup", "playbook": "backup", "calendar": "*-*-* 03:00", "cron": "0 3 * * *"}]
    status, said = schedule(scheduled, microbosh_schedule=jobs)
    assert status == 0, said
    assert set(timers(scheduled)) == {"microbosh-backup.timer"}
    assert "03:00" in scheduled.output("systemctl show microbosh-backup.timer --property=TimersCalendar")
    status, said = schedule(scheduled, "-e", "microbosh_schedule_state=absent", microbosh_schedule=jobs)
    assert status == 0, said
    assert timers(scheduled) == {}
    assert scheduled.output("ls -d /etc/systemd/system/microbosh-* /etc/microbosh/* 2>/dev/null; true") == ""
    status, said = schedule(scheduled, "-e", "microbosh_schedule_state=absent", microbosh_schedule=jobs)
    assert "changed=0" in said.rpartition("localhost")[2], said


def test_cron_starts_it_where_it_has_to(scheduled):
    """A real cron, a line for each minute."""
    every = {"calendar": "minutely", "cron": "* * * * *", "delay": 0}
    jobs = [
        {
            "name": "share",
            "playbook": "verify",
            "vars": {"microbosh_verify": "share", "microbosh_reread_days": 1},
            **every,
        }
    ]
    state = f"/backups/{scheduled.director.name}/reread.json"
    scheduled.shell(f"rm -f {state}")
    settings = {"microbosh_schedule": jobs, "microbosh_schedule_with": "cron"}
    status, said = schedule(scheduled, **settings)
    assert status == 0, said
    assert schedule(scheduled, **settings)[1].rpartition("localhost")[2].count("changed=0") == 1
    scheduled.wait(f"[ -e {state} ]", seconds=120)
    assert scheduled.output(f"stat -c %U {state}").strip() == USER
    assert schedule(scheduled, "-e", "microbosh_schedule_state=absent", **settings)[0] == 0
    assert scheduled.output("ls -d /etc/cron.d/microbosh-* /etc/microbosh/* 2>/dev/null; true") == ""
