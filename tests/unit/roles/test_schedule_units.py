# SPDX-License-Identifier: GPL-3.0-or-later
"""The units and scripts of a schedule: what systemd, its own security review, and a shell say of them."""

from __future__ import annotations

import fcntl
import json
import re
import shutil
import subprocess

import jinja2
import pytest
from ansible.plugins.filter.core import FilterModule
from ansible_collections.microbosh.director.plugins.action import schedule_info
from ansible_collections.microbosh.director.plugins.plugin_utils._run import _schedule_place as place
from places import REPOSITORY

TEMPLATES = REPOSITORY / "roles" / "schedule" / "templates"
# As systemd-analyze security sees it: 10 is a service without any of it, and one that may be root's has 9.6.
WORST = {"daemon": 3.0, "root": 4.4}
SETTINGS = {
    "schedule": [
        {"name": "backup", "playbook": "backup", "calendar": "*-*-* 02:17:00", "cron": "17 2 * * *"},
        {"name": "odd", "playbook": "verify", "calendar": "Sun *-*-* 06:17:00", "cron": "17 6 * * 0", "nice": 10,
         "vars": {"microbosh_verify": "it's $HOME 100 % \"x\" \\"}},
    ],
    "state": "present", "scheduler": "systemd", "user": "", "prefix": "microbosh",
    "directory": "/backups/d1", "private_key": "~/.ssh/key", "sign_key": "", "rehearse_dir": "/var/tmp",
}  # fmt: skip


def needs(program):
    return pytest.mark.skipif(not shutil.which(program), reason=f"there is no {program}")


@pytest.fixture
def start(tmp_path, monkeypatch):
    """A run that was started from a directory with a blank and a percent sign in its name."""
    directory = tmp_path / "100 % of it"
    directory.mkdir()
    shutil.copy("/bin/true", directory / "ansible-playbook")
    found = {
        "program": str(directory / "ansible-playbook"), "python": "/usr/bin/python3",
        "inventory": [str(directory / "hosts.yml")],
        "vault": [], "config": "", "collections": ["/usr/share/ansible/collections"], "directory": str(directory),
    }  # fmt: skip
    monkeypatch.setattr(place, "start", lambda: found)
    monkeypatch.setattr(place, "made_before", lambda prefix, inventory: [])
    return found


def planned(**settings):
    return schedule_info.plan({"d1": {**SETTINGS, **settings}}, {"microbosh": ["d1"]}, 1_780_000_000.0)


def rendered(template, plan, job):
    environment = jinja2.Environment(trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined)
    environment.filters["quote"] = FilterModule().filters()["quote"]
    source = environment.from_string((TEMPLATES / template).read_text())
    return source.render(schedule_found={"plan": plan}, item=job)


def units(directory, plan):
    paths = []
    for job in plan["jobs"]:
        for ending in ("service", "timer"):
            path = directory / f"{job['called']}.{ending}"
            path.write_text(rendered(f"{ending}.j2", plan, job))
            paths.append(path)
    return paths


@needs("systemd-analyze")
@pytest.mark.parametrize("user", ["daemon", "root"])
def test_systemd_has_nothing_to_say_about_the_units(start, tmp_path, user):
    paths = units(tmp_path, planned(user=user))
    command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_root_is_not_named_which_would_take_the_right_to_become_another(start):
    """With User=root and a filter of system calls, systemd 257 drops CAP_SETUID: no rehearsal's server could start."""
    for user, named in (("root", False), ("daemon", True)):
        plan = planned(user=user)
        said = rendered("service.j2", plan, plan["jobs"][0]).splitlines()
        assert (f"User={user}" in said) is named
        assert any(line.startswith("Environment=HOME=/root ") for line in said) is not named


@needs("sh")
def test_a_script_says_what_failed_and_no_two_run(start, tmp_path):
    plan = planned(scheduler="cron")
    program = tmp_path / "100 % of it" / "ansible-playbook"
    script = tmp_path / "script"
    for body, expected in (("echo well", (0, "")), ('printf "%s " "$@"; exit 4', (4, "status 4\n"))):
        program.unlink()
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)
        script.write_text(rendered("script.j2", plan, plan["jobs"][1]))
        done = subprocess.run(["sh", script, "now"], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout[:9]) == expected
    given = done.stdout.partition("--extra-vars ")[2].rpartition(" microbosh.")[0]
    assert json.loads(given) == SETTINGS["schedule"][1]["vars"]
    with open(script) as running:
        fcntl.flock(running, fcntl.LOCK_EX)
        done = subprocess.run(["sh", script, "now"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@needs("systemd-analyze")
@pytest.mark.parametrize("user", ["daemon", "root"])
def test_a_service_is_exposed_to_no_more_than_it_needs(start, tmp_path, user):
    for path in units(tmp_path, planned(user=user))[::2]:
        command = ["systemd-analyze", "security", "--no-pager", "--offline=yes"]
        done = subprocess.run(
            [*command, f"--threshold={int(WORST[user] * 10)}", str(path)], capture_output=True, text=True, check=False
        )
        exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
        assert exposure, done.stderr
        assert done.returncode == 0, done.stdout
        assert float(exposure.group(1)) <= WORST[user]
