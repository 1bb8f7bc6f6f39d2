# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be scheduled, what is written into units and lines of cron, and when a job is late."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import subprocess
import sys
import time

import pytest
from ansible_collections.microbosh.director.plugins.action import schedule_info
from ansible_collections.microbosh.director.plugins.plugin_utils._run import _no_outage
from ansible_collections.microbosh.director.plugins.plugin_utils._run import _schedule_place as place
from ansible_collections.microbosh.director.plugins.plugin_utils._run._schedule import (
    ScheduleError,
    exec_line,
    jobs_of,
    longest_gap,
    require_cron,
    sees_homes,
    shell_line,
    word,
    writable,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._run._schedule_record import (
    PATIENCE,
    missed,
    missed_of,
    record,
)

PLAYBOOKS = ("backup", "verify", "checkup", "setup", "restore", "schedule", "directors")
GROUPS = ("microbosh", "prod", "all")
BACKUP = {"name": "backup", "playbook": "backup", "calendar": "daily", "cron": "17 2 * * *"}
START = {
    "program": "/opt/venv/bin/ansible-playbook", "python": "/opt/venv/bin/python3", "inventory": ["/srv/my inventory"],
    "vault": ["prod@/srv/pass"], "config": "/srv/ansible.cfg", "collections": ["/usr/share/ansible/collections"],
    "directory": "/srv",
}  # fmt: skip
NOW = 1_780_000_000.0
DAY = 86400


def jobs(*entries, scheduler="systemd"):
    return jobs_of(list(entries), scheduler, PLAYBOOKS, GROUPS)


def test_a_job_is_started_as_this_run_was():
    job = jobs({**BACKUP, "group": "prod", "forks": 20, "vars": {"microbosh_mode": "online"}})[0]
    assert job.argv(START) == [
        "/opt/venv/bin/ansible-playbook", "--inventory", "/srv/my inventory", "--vault-id", "prod@/srv/pass",
        "--limit", "prod", "--forks", "20", "--extra-vars", '{"microbosh_mode": "online"}', "microbosh.director.backup",
    ]  # fmt: skip
    assert jobs(BACKUP)[0].argv({**START, "vault": []})[1:] == [
        "--inventory",
        "/srv/my inventory",
        "microbosh.director.backup",
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": None}, "number 1 of microbosh_schedule has no name"),
        ({"name": "Backup!"}, "A job is called 'Backup!'"),
        ({"name": "../x"}, "A job is called '../x'"),
        ({"playbook": None}, "backup of microbosh_schedule has no playbook"),
        ({"playbook": "restore"}, "has the playbook 'restore'. By itself may run backup, checkup, verify."),
        ({"playbook": "setup"}, "'setup'"),
        ({"playbook": "schedule"}, "'schedule'"),
        ({"group": "test"}, "is for the group test, which is not in the inventory"),
        ({"when": "daily"}, "There is no when in backup"),
        ({"delay": -1}, "delay of backup of microbosh_schedule is -1. Expected a number that is not negative."),
        ({"delay": True}, "delay of backup"),
        ({"calendar": "daily\nUser=root"}, "Expected a text in one line"),
        ({"calendar": ["daily"]}, "Expected a text in one line"),
        ({"vars": "x=1"}, "Expected names and values"),
        ({"calendar": None}, "has no calendar, and systemd would not know when"),
    ],
)
def test_what_cannot_be_scheduled_is_told(change, said):
    with pytest.raises(ScheduleError) as caught:
        jobs({**BACKUP, **change})
    assert said in str(caught.value)


def test_no_two_have_one_name_and_each_is_names_and_values():
    with pytest.raises(ScheduleError, match="backup twice"):
        jobs(BACKUP, BACKUP)
    with pytest.raises(ScheduleError, match="Number 1 of microbosh_schedule is 'backup'"):
        jobs("backup")


@pytest.mark.parametrize("when", ["17 2 * * *", "*/5 0-6 1,15 jan-mar mon", "0 0 1 1 7", "@daily", "17  2 * * *"])
def test_what_cron_takes(when):
    require_cron("x", when)


@pytest.mark.parametrize("when", ["17 2 * *", "60 2 * * *", "17 24 * * *", "17 2 0 * *", "17 2 * 13 *", "17 2 * * 8",
                                  "17 2 * * * root", "*/0 * * * *", "x", "@reboot", "1- * * * *", "17 2 * * *\n"]
)  # fmt: skip
def test_what_cron_would_leave_unread_is_told(when):
    with pytest.raises(ScheduleError, match="Expected minute, hour, day"):
        jobs({**BACKUP, "cron": when.strip("\n") + (" *" if when.endswith("\n") else "")}, scheduler="cron")


@pytest.mark.parametrize(
    "text", ["plain", "/a/b c", "100 %", "$HOME ${X} $$", 'a "b" \\ c', "it's", "é", "", "a;b", "#"]
)
def test_a_word_of_a_unit_is_one(text):
    said = word(text, command=True)
    assert "\n" not in said
    unescaped = said.replace("%%", "%").replace("$$", "$")
    assert shlex.split(unescaped.replace("'", "'") if said.startswith('"') else unescaped) == [text]


@pytest.mark.parametrize("text", ["a\nExecStart=/bin/sh", "a\0b"])
def test_no_text_becomes_a_line_of_a_unit(text):
    with pytest.raises(ScheduleError):
        exec_line(["/bin/true", text])


def test_a_line_for_the_shell_is_what_was_meant():
    argv = ["printf", "%s|", "it's $HOME", "100 %"]
    done = subprocess.run(["sh", "-c", shell_line(argv, {"A": "b c"})], capture_output=True, text=True, check=True)
    assert done.stdout == "it's $HOME|100 %|"


def test_the_longest_time_between_two_is_read_from_what_systemd_says():
    said = (
        "  Original form: Sun,Wed\n    Next elapse: Sun 2026-11-29 04:47:00 UTC\n       From now: 1 day left\n"
        "   Iteration #2: Wed 2026-12-02 04:47:00 UTC\n   Iteration #3: Sun 2026-12-06 04:47:00 UTC\n"
    )
    assert longest_gap(said) == 4 * DAY
    assert longest_gap("    Next elapse: never\n") == 0


@pytest.mark.parametrize(
    ("calendar", "days"),
    [("*-*-* 02:17:00", 1), ("Sun *-*-* 06:17:00", 7), ("*-*-01 07:17:00", 31), ("Mon..Fri 02:00", 3)],
)
def test_systemd_says_how_long_a_job_may_stay_away(calendar, days):
    pytest.importorskip("ansible")
    if not any(os.access(os.path.join(one, "systemd-analyze"), os.X_OK) for one in os.environ["PATH"].split(":")):
        pytest.skip("there is no systemd-analyze")
    assert place.gap_of("x", calendar) == days * DAY
    with pytest.raises(
        ScheduleError, match="calendar of x in microbosh_schedule is 'at night', which systemd does not take"
    ):
        place.gap_of("x", "at night")


def directors(*directories, **more):
    return [{"directory": one, "rehearse_dir": "/var/tmp", "sign_key": "", **more} for one in directories]


def test_a_run_may_write_where_backups_are_and_no_further():
    many = directors("/backups/a", "/backups/b", "/data/x/c", "/srv/d", sign_key="/etc/keys/sign")
    assert writable(many, "/home/op") == [
        "/backups", "/data/x", "/etc/keys", "/home/op/.ansible", "/srv/d", "/tmp", "/var/tmp",
    ]  # fmt: skip


def test_homes_are_shown_where_something_of_the_run_lies_there():
    assert sees_homes(["/opt/venv", "/root/.ssh/key"])
    assert not sees_homes(["/opt/venv", "/homestead", "/var/lib/microbosh"])


def told(**more):
    found = {"name": "backup", "unit": "microbosh-backup.timer", "playbook": "backup", "group": "microbosh",
             "hosts": ["d1"], "when": "daily", "longest_seconds": DAY}  # fmt: skip
    return {**found, **more}


def test_since_when_a_job_is_expected_stays_while_it_stays_the_same():
    first = record([told()], {}, NOW)
    assert record([told()], first, NOW + DAY) == first
    assert record([told(hosts=["d1", "d2"])], first, NOW + DAY)["jobs"][0]["since"] == first["jobs"][0]["since"]
    assert record([told(when="weekly")], first, NOW + DAY)["jobs"][0]["since"] != first["jobs"][0]["since"]
    assert record([told()], {"jobs": ["x", {}]}, NOW)["jobs"] == first["jobs"]


def test_a_job_that_did_not_begin_is_missed():
    written = record([told(), told(name="verify", playbook="verify", longest_seconds=7 * DAY)], {}, NOW)
    late = NOW + DAY + PATIENCE + 1
    assert missed(written, "d1", {}, late - 2) == []
    assert [one["name"] for one in missed(written, "d1", {}, late)] == ["backup"]
    assert missed(written, "d1", {"backup": [NOW + DAY]}, late) == []
    assert [one["name"] for one in missed(written, "d1", {"backup": [NOW + DAY]}, NOW + 9 * DAY)] == [
        "backup",
        "verify",
    ]
    assert missed(written, "another", {}, NOW + 99 * DAY) == []
    assert missed(record([told(longest_seconds=0)], {}, NOW), "d1", {}, NOW + 99 * DAY) == []


def test_all_schedules_of_a_controller_are_looked_at_and_nothing_else(tmp_path):
    for prefix in ("microbosh", "other"):
        (tmp_path / f"{prefix}-schedule.json").write_text(
            json.dumps(record([told(unit=f"{prefix}-backup.timer")], {}, NOW))
        )
    for number, content in enumerate(["", "[]", '{"jobs": [1]}', '{"jobs": [{}]}', "\xff"]):
        (tmp_path / f"bad{number}-schedule.json").write_text(content)
    late = missed_of("d1", {}, NOW + 9 * DAY, tmp_path)
    assert [one["unit"] for one in late] == ["microbosh-backup.timer", "other-backup.timer"]
    assert missed_of("d1", {}, NOW, tmp_path / "none") == []


SETTINGS = {"schedule": [BACKUP], "state": "present", "scheduler": "cron", "user": "", "prefix": "microbosh",
            "directory": "~/backups/d1", "private_key": "~/.ssh/key", "sign_key": "", "rehearse_dir": "/var/tmp",
}  # fmt: skip


@pytest.fixture
def controller(tmp_path, monkeypatch):
    for name in ("UNITS", "CRONTABS", "RECORDS"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(place, name, tmp_path / name)
    monkeypatch.setattr(place, "start", lambda: START)
    places = (tmp_path / "UNITS", tmp_path / "CRONTABS", tmp_path / "RECORDS")
    before = place.made_before
    monkeypatch.setattr(place, "made_before", lambda prefix, inventory: before(prefix, inventory, places))
    return tmp_path


def plan(directors=None, **settings):
    directors = directors or {"d1": {**SETTINGS, **settings}}
    return schedule_info.plan(directors, {"microbosh": list(directors), "prod": []}, NOW)


def test_what_was_made_before_and_is_in_the_settings_no_more_goes(controller):
    mark = place.mark("microbosh", START["inventory"])
    for path in (
        "UNITS/microbosh-old.timer",
        "UNITS/microbosh-old.service",
        "CRONTABS/microbosh-backup",
        "RECORDS/microbosh-backup",
    ):
        (controller / path).write_text(f"#!/bin/sh\n{mark}\n")
    (controller / "UNITS/microbosh-mine.timer").write_text("[Timer]\n")
    (controller / "UNITS/microbosh-prod-old.timer").write_text(place.mark("microbosh-prod", ["/elsewhere"]) + "\n")
    found = plan()
    assert found["stale_timers"] == ["microbosh-old.timer"]
    assert {os.path.basename(path) for path in found["stale"]} == {"microbosh-old.timer", "microbosh-old.service"}
    (controller / "RECORDS/microbosh-schedule.json").write_text(found["written"])
    absent = plan(state="absent")
    names = {"microbosh-old.timer", "microbosh-old.service", "microbosh-backup", "microbosh-schedule.json"}
    assert {os.path.basename(path) for path in absent["stale"]} == names
    assert (absent["jobs"], absent["missing"]) == ([], [])


def test_another_inventorys_are_left_alone_and_told(controller):
    (controller / "CRONTABS/microbosh-backup").write_text(place.mark("microbosh", ["/elsewhere"]) + "\n")
    with pytest.raises(ScheduleError, match=r"was made for the inventory .*microbosh_schedule_prefix keeps them apart"):
        plan()


def test_a_schedule_is_one_for_all_directors(controller):
    other = {**SETTINGS, "schedule": []}
    with pytest.raises(ScheduleError, match="microbosh_schedule is not the same for d1 and d2"):
        plan({"d1": SETTINGS, "d2": other})
    with pytest.raises(ScheduleError, match="The settings of d2 could not be collected"):
        plan({"d1": SETTINGS, "d2": {}})


def test_paths_are_those_of_the_account(controller, monkeypatch):
    account = {"user": "op", "group": "op", "home": "/home/op", "new": True, "other": True, "root": False}
    monkeypatch.setattr(place, "account", lambda name: dict(account))
    found = plan(user="op", writable=["~/out", "/var/lib/metrics", ""], readable=["~/password", ""])
    assert {"-/home/op/backups", "-/home/op/out", "-/var/lib/metrics"} <= set(found["writable"].split())
    assert found["sees_homes"]
    assert found["trial"][:3] == ["runuser", "-u", "op"]
    assert "/home/op/.ssh/key" in found["trial"][-1]
    assert "[ -r /home/op/password ]" in found["trial"][-1]
    assert "HOME=/home/op" in found["listing"]
    assert json.loads(found["written"])["jobs"][0]["hosts"] == ["d1"]


def is_locked(path):
    with open(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def until(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_stop_waits_for_the_outages_there_are_and_lets_no_other_begin(tmp_path):
    slots = tmp_path / f"microbosh-{os.geteuid()}"
    slots.mkdir()
    for number in range(2):
        (slots / f"outage-{number}").touch()
    (slots / "outage-0.back").touch()
    with open(slots / "outage-1") as away:
        fcntl.flock(away, fcntl.LOCK_EX)
        waiting = subprocess.Popen([sys.executable, "-I", "-S", _no_outage.__file__, str(tmp_path)])
        until(lambda: is_locked(slots / "outage-0"))
        assert waiting.poll() is None
    assert waiting.wait(10) == 0
    assert _no_outage.wait((str(tmp_path),)) == 2
    assert _no_outage.wait((str(tmp_path / "nothing"),)) == 0
