# SPDX-License-Identifier: GPL-3.0-or-later
"""The reader on the director runs rsync's sender for a backup and refuses everything else, decided by its own text."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import jinja2
import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._rules import guard

TEMPLATE = Path(__file__).parents[2] / "roles" / "setup" / "templates" / "microbosh-read.j2"
RULES = ["+ bosh/settings.json", "+ it's/**", "- **"]
GOOD = ["--server", "--sender", "-lHogtpre.iLsfxCIvu", "--timeout=600", "--numeric-ids", ".", "/var/vcap/"]


@pytest.fixture
def reader(tmp_path):
    """The reader with /var/vcap in a scratch directory and an rsync that only prints its arguments."""
    environment = jinja2.Environment(trim_blocks=True, keep_trailing_newline=True, autoescape=False)
    environment.filters.update({
        "microbosh.director.host_rules": guard,
        "ansible.builtin.quote": shlex.quote,
        "hash": lambda text, dummy: f"<{text}>",
    })
    vcap, rsync, script = tmp_path / "var/vcap", tmp_path / "rsync", tmp_path / "reader"
    (vcap / "store" / "postgres-15").mkdir(parents=True)
    (vcap / "store" / "postgres-link").symlink_to("/etc")
    rsync.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    rsync.chmod(0o755)
    text = environment.from_string(TEMPLATE.read_text()).render(microbosh_filter=RULES)
    script.write_text(text.replace("exec rsync", f"exec {rsync}").replace("/var/vcap", str(vcap)))

    def run(*arguments):
        moved = [argument.replace("/var/vcap", str(vcap)) for argument in arguments]
        answer = subprocess.run(["sh", script, *moved], capture_output=True, text=True, check=False)
        return answer.returncode, answer.stdout.replace(str(vcap), "/var/vcap").splitlines(), answer.stderr

    return run


def test_the_sender_of_a_backup_runs_with_the_hosts_rules_first(reader):
    status, arguments, dummy = reader(*GOOD)
    assert status == 0
    assert arguments == [
        "--server", "--sender", "-lHogtpre.iLsfxCIvu", "--timeout=600", "--numeric-ids",
        *(f"--filter={rule}" for rule in guard(RULES)), ".", "/var/vcap/",
    ]  # fmt: skip


@pytest.mark.parametrize("letters", ["-vvlHogtpre.iLsf", "-nlHogtpre.iLsfxCIvu", "-lHogtprcRe.LsfxC"])
def test_what_other_versions_of_rsync_send_is_understood(reader, letters):
    assert reader("--server", "--sender", letters, "--numeric-ids", ".", "/var/vcap/")[0] == 0


def test_the_directory_of_postgresql_may_be_read_alone(reader):
    assert reader(*GOOD[:-1], "/var/vcap/./store/postgres-15/")[0] == 0


REFUSED = {
    "nothing": [],
    "a shell": ["-c", "id"],
    "the receiving side": ["--server", *GOOD[2:]],
    "a daemon": ["--server", "--daemon", "."],
    "following links": [*GOOD[:2], "-LlHogtpre.iLsfxCIvu", *GOOD[3:]],
    "following links to directories": [*GOOD[:2], "-klHogtpre.iLsfxCIvu", *GOOD[3:]],
    "hidden arguments": [*GOOD[:2], "-slHogtpre.iLsfxCIvu", *GOOD[3:]],
    "a remote shell": [*GOOD[:2], "-e/bin/sh", *GOOD[3:]],
    "a log file": [*GOOD[:4], "--log-file=/etc/cron.d/x", *GOOD[4:]],
    "a log file for the timeout": [*GOOD[:3], "--log-file=/etc/cron.d/x", *GOOD[4:]],
    "a log file after the path": [*GOOD, "--log-file=/etc/cron.d/x"],
    "a log file in place of the path": [*GOOD[:-1], "--log-file=/etc/cron.d/x"],
    "a timeout with more in it": [*GOOD[:3], "--timeout=6 --log-file=x", *GOOD[4:]],
    "files-from": [*GOOD[:4], "--files-from=-", *GOOD[4:]],
    "another root": [*GOOD[:-1], "/"],
    "a file elsewhere": [*GOOD[:-1], "/etc/shadow"],
    "a path that climbs": [*GOOD[:-1], "/var/vcap/../../etc/"],
    "a climbing postgres": [*GOOD[:-1], "/var/vcap/./store/postgres-/../../"],
    "a second path": [*GOOD, "/etc/"],
    "a directory below": [*GOOD[:-1], "/var/vcap/./store/postgres-15/base/"],
    "a link": [*GOOD[:-1], "/var/vcap/./store/postgres-link/"],
    "a path that is an option": [*GOOD[:-1], "-e"],
    "removing files": [*GOOD[:4], "--remove-source-files", *GOOD[4:]],
    "no options": [*GOOD[:2], "", *GOOD[3:]],
}


@pytest.mark.parametrize("arguments", REFUSED.values(), ids=REFUSED.keys())
def test_everything_else_is_refused(reader, arguments):
    status, output, error = reader(*arguments)
    assert (status, output) == (126, [])
    assert "microbosh-read: refused" in error


def test_the_reader_tells_its_rules(reader):
    assert reader("--version")[1] == [f"microbosh-read 1 <{' '.join(guard(RULES))}>"]
