# SPDX-License-Identifier: GPL-3.0-or-later
"""The script that root runs after a reboot: what it starts, and what it does not let itself be tricked into."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._core import _arguments
from ansible_collections.microbosh.director.plugins.module_utils._core._clock import uptime
from ansible_collections.microbosh.director.plugins.module_utils._lease import _lease_holder
from ansible_collections.microbosh.director.plugins.module_utils._lease._lease import Lease, LeaseHeld
from ansible_collections.microbosh.director.plugins.module_utils._lease._lease_staging import LeaseStaging
from ansible_collections.microbosh.director.plugins.module_utils._services import _agent, _monit, _processes, _services
from ansible_collections.microbosh.director.plugins.module_utils._services._monit import (
    MonitUnreadable,
    parse_status,
    parse_summary,
)
from ansible_collections.microbosh.director.plugins.module_utils._services._processes import judge, parse_records
from ansible_collections.microbosh.director.plugins.module_utils._services._services import Start
from ansible_collections.microbosh.director.plugins.plugin_utils._run._gate import admitted
from monit_rig import VERSIONS, FakeHost, status_text, transcript
from places import REPOSITORY

SCRIPT = REPOSITORY / "roles/setup/files/microbosh-comeback"


def works(python):
    """Return whether it is a Python that runs; a version manager also puts names there that do not."""
    return python is not None and subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0


PYTHONS = [sys.executable, *filter(works, map(shutil.which, ("python2.7", "python3.6")))]

MONIT = """#!/bin/sh
cd "$(dirname "$0")" || exit 1
echo "$*" >>commands
show() { if [ -e "$1" ]; then echo running; else echo "not monitored"; fi; }
case "$1 $2" in
"status ")
    echo "The Monit daemon 5.2.5 uptime: 10m"
    echo
    for name in nats director; do printf "Process '%s'\\n  status         %s\\n\\n" $name "$(show $name)"; done
    printf "System 'system_vm'\\n  status         %s\\n\\n" "$(show system_vm)"
    ;;
start*) [ ! -e "$2.refused" ] || { echo "refused" >&2; exit 1; }; touch "$2" ;;
unmonitor*) rm "$2" ;;
*) exit 1 ;;
esac
"""
AGENT = """#!/bin/sh
cd "$(dirname "$0")" || exit 1
echo "agent $*" >>commands
"""


class Host:
    """A host after its reboot: a script with the host's paths in it, and what a lease left."""

    def __init__(self, top):
        self.staging = top / "staging"
        self.staging.mkdir(mode=0o700)
        self.programs = top / "bin"
        self.programs.mkdir()
        for name, text in (("monit", MONIT), ("systemctl", AGENT)):
            (self.programs / name).write_text(text, encoding="utf-8")
            (self.programs / name).chmod(0o755)
        self.script = top / "microbosh-comeback"
        places = {
            "/var/vcap/store/microbosh-backup": self.staging,
            "/var/vcap/bosh/bin/monit": self.programs / "monit",
            "/usr/bin/sv": self.programs / "sv",
            "/bin/systemctl": self.programs / "systemctl",
            "/usr/local/sbin/microbosh-processes": self.programs / "microbosh-processes",
        }
        text = SCRIPT.read_text(encoding="ascii").replace("PAUSE_SECONDS = 10", "PAUSE_SECONDS = 0")
        for fixed, here in places.items():
            assert f'"{fixed}"' in text
            text = text.replace(f'"{fixed}"', f'"{here}"')
        self.script.write_text(text, encoding="ascii")

    def leave_armed(self, action="start", lease=None):
        (self.staging / "lease.lock").write_text("{}", encoding="ascii")
        (self.staging / "lease.sock").touch()
        (self.staging / "lease-armed").write_text(f"{action}\n{json.dumps(lease or {})}\n", encoding="ascii")

    def run(self, python=sys.executable):
        return subprocess.run([python, self.script], check=False, timeout=60).returncode

    def commands(self):
        log = self.programs / "commands"
        return log.read_text(encoding="ascii").splitlines() if log.exists() else []

    def running(self):
        return [name for name in ("nats", "director", "system_vm") if (self.programs / name).exists()]

    def record(self):
        return json.loads((self.staging / "lease-fired.json").read_text(encoding="ascii"))


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


@pytest.mark.parametrize("python", PYTHONS)
def test_starts_all_that_a_lease_left_stopped(host, python):
    host.leave_armed()
    assert host.run(python) == 0
    assert host.running() == ["nats", "director", "system_vm"]
    assert "agent start bosh-agent.service" in host.commands()
    assert {path.name for path in host.staging.iterdir()} == {"lease-fired.json"}
    record = host.record()
    assert (record["whole"], record["error"], record["on_deadline"]) == (True, "", "start")
    assert (host.staging / "lease-fired.json").stat().st_mode & 0o777 == 0o600


def test_finds_its_interpreter_by_itself(host):
    host.leave_armed()
    host.script.chmod(0o755)
    assert subprocess.run([host.script], check=False, timeout=60).returncode == 0
    assert host.running() == ["nats", "director", "system_vm"]


def test_each_is_asked_for_by_its_name(host):
    host.leave_armed()
    host.run()
    starts = [command for command in host.commands() if command.startswith("start")]
    assert starts == ["start nats", "start director", "start system_vm"]


def test_one_that_is_refused_does_not_keep_the_others_down(host):
    host.leave_armed()
    (host.programs / "nats.refused").touch()
    host.script.write_text(host.script.read_text().replace("GIVE_UP_SECONDS = 3600", "GIVE_UP_SECONDS = 1"))
    host.run()
    assert host.running() == ["director", "system_vm"]
    assert host.record()["whole"] is False
    assert "nats: refused" in host.record()["error"]


def test_a_check_that_cannot_be_mended_is_not_waited_for(host):
    host.leave_armed()
    (host.programs / "system_vm.refused").touch()
    host.run()
    assert host.running() == ["nats", "director"]
    assert host.record()["whole"] is True


def test_what_monit_did_not_watch_it_does_not_watch_afterwards(host):
    host.leave_armed(lease={"unmonitored": ["director", "system_vm", "of nobody"]})
    host.run()
    assert [command for command in host.commands() if "unmonitor" in command] == ["unmonitor director"]
    assert "start system_vm" not in host.commands()


@pytest.mark.parametrize("left", [None, "tell", "started", ""])
def test_starts_nothing_else(host, left):
    if left is not None:
        host.leave_armed(left)
    assert host.run() == 0
    assert host.commands() == []
    assert (host.staging / "lease-armed").exists() == (left is not None)


def test_no_staging_directory_is_nothing_to_do(host):
    host.staging.rmdir()
    assert host.run() == 0


def test_a_living_lease_is_left_alone(host):
    host.leave_armed()
    with (host.staging / "lease.lock").open(encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert host.run() == 0
    assert host.commands() == []
    assert (host.staging / "lease-armed").exists()


def test_others_may_not_write_to_the_directory(host):
    host.leave_armed()
    host.staging.chmod(0o777)
    assert host.run() == 1
    assert host.commands() == []


def test_the_directory_is_not_a_link(host):
    host.leave_armed()
    host.staging.rename(host.staging.parent / "elsewhere")
    host.staging.symlink_to(host.staging.parent / "elsewhere")
    assert host.run() == 1
    assert host.commands() == []


@pytest.mark.parametrize("name", ["lease-armed", "lease.lock"])
def test_a_planted_link_is_not_followed(host, name):
    host.leave_armed()
    precious = host.staging.parent / "precious"
    precious.write_text("start\n", encoding="ascii")
    (host.staging / name).unlink()
    (host.staging / name).symlink_to(precious)
    host.run()
    assert host.commands() == []
    assert precious.read_text(encoding="ascii") == "start\n"


@pytest.mark.parametrize("name", ["lease-armed", "lease.lock"])
def test_a_planted_pipe_does_not_hold_it_up(host, name):
    host.leave_armed()
    (host.staging / name).unlink()
    os.mkfifo(host.staging / name)
    assert host.run() == 1
    assert host.commands() == []


def test_a_link_in_the_way_of_the_record_is_replaced_not_followed(host):
    host.leave_armed()
    precious = host.staging.parent / "precious"
    precious.write_text("precious", encoding="ascii")
    for name in ("lease-fired.json", "lease-fired.json.new"):
        (host.staging / name).symlink_to(precious)
    assert host.run() == 0
    assert precious.read_text(encoding="ascii") == "precious"
    assert host.record()["whole"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
class TestAsRoot:
    """Root acts with the rights of the directory's owner."""

    @pytest.fixture
    def given_away(self, host):
        host.leave_armed()
        for path in (host.staging, *host.staging.iterdir()):
            os.chown(path, 65534, 65534)
        return host

    def test_the_record_belongs_to_the_owner(self, given_away):
        assert given_away.run() == 0
        assert (given_away.staging / "lease-fired.json").stat().st_uid == 65534

    def test_a_marker_of_somebody_else_is_refused(self, given_away):
        os.chown(given_away.staging / "lease-armed", 0, 0)
        (given_away.staging / "lease-armed").chmod(0o644)
        assert given_away.run() == 1
        assert given_away.commands() == []


def load():
    loader = SourceFileLoader("microbosh_comeback", str(SCRIPT))
    module = module_from_spec(spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def comeback():
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    yield load()
    sys.dont_write_bytecode = before


STATUSES = [
    pytest.param(version, e.out, id=f"{version} {e.note or e.at}")
    for version in VERSIONS
    for e in transcript(version)
    if e.command == "monit status" and not e.rc and e.out
]
# Every state that a process and a check can be in, in the words of each version.
STATES = [
    "running", "OK", "Running", "not monitored", "Not monitored", "initializing", "Initializing", "Does not exist",
    "Execution failed", "Resource limit matched", "Connection failed", "Timeout", "PPID changed",
    "running - stop pending", "running - start pending", "Not monitored - start pending",
    "Does not exist - restart pending", "not monitored - monitor pending", "Execution failed - restart pending",
]  # fmt: skip


def verdicts(comeback, monkeypatch, version, text, alive):
    """Return the modules' and the script's judgement of each service: (not up, may be asked to start)."""
    host = FakeHost(births=dict.fromkeys(alive, 7))
    start = Start(None, host)
    start.accepted.clear()
    report = judge(parse_status(text), host, {})
    modules = {
        s.name: (s.has_process and not (s.running and not s.pending), bool(start.may_ask(s))) for s in report.services
    }
    monkeypatch.setattr(comeback, "run", lambda argv: (0, text if argv[-1] == "status" else "{}"))
    monkeypatch.setattr(comeback, "age", lambda pid: 1000.0 if pid in alive else None)
    script = {s["name"]: (comeback.is_amiss(s), comeback.may_ask(s)) for s in comeback.look()}
    return modules, script


@pytest.mark.parametrize("some_live", [True, False])
@pytest.mark.parametrize(("version", "text"), STATUSES)
def test_it_judges_as_the_modules_do(comeback, monkeypatch, version, text, some_live):
    pids = {service.pid for service in parse_status(text).services if service.pid}
    modules, script = verdicts(comeback, monkeypatch, version, text, pids if some_live else set())
    assert script == modules
    assert len(script) == 13


@pytest.mark.parametrize("status", STATES)
@pytest.mark.parametrize("version", ["5.2.5", "5.33.0"])
def test_it_judges_every_word_as_the_modules_do(comeback, monkeypatch, version, status):
    rows = [("Process", "lives", status, 11), ("Process", "dead", status, 12), ("Process", "unseen", status, None)]
    rows += [("System", "system_vm", status, None), ("File", "file", status, None)]
    text = status_text(version, rows)
    modules, script = verdicts(comeback, monkeypatch, version, text, {11})
    assert script == modules
    assert modules["lives"][0] == ("pending" in status)
    assert modules["dead"][0]
    assert not modules["file"][0]


# --- one contract: what both read, they read alike; what one writes, the other reads --------------------------------


def read_by_modules(text):
    """What the modules read in the text of monit status: (type, name, status, pending action, pid) of each service."""
    try:
        services = parse_status(text).services
    except MonitUnreadable:
        return []
    return [(s.type, s.name, s.status.lower(), s.pending, s.pid) for s in services]


def read_by_script(comeback, text):
    return [tuple(s[key] for key in ("type", "name", "status", "pending", "pid")) for s in comeback.parse_status(text)]


# With what it says on stderr, which the script does not tell apart.
SAID = [
    pytest.param(e.out + e.err, len(e.out), id=f"{version} {e.note or e.at}")
    for version in VERSIONS
    for e in transcript(version)
    if e.command == "monit status"
]


@pytest.mark.parametrize(("text", "length"), SAID)
def test_it_reads_every_status_as_the_modules_do(comeback, text, length):
    assert read_by_script(comeback, text) == read_by_modules(text)
    assert len(read_by_modules(text)) == (13 if length else 0)


@pytest.mark.parametrize("version", VERSIONS)
def test_it_reads_every_state_of_a_transcript_as_the_modules_do(comeback, version):
    """In whatever a service was at a moment of it, as monit status would have put that."""
    summaries = [parse_summary(e.out) for e in transcript(version) if e.command == "monit summary" and e.out.strip()]
    seen = {(s.type, s.name, s.status, s.pending) for report in summaries if not report.cut for s in report.services}
    rows = [
        (kind, name, status + (f" - {pending} pending" if pending else ""), number)
        for number, (kind, name, status, pending) in enumerate(sorted(seen, key=str), 1)
    ]
    text = status_text(version, rows)
    assert read_by_script(comeback, text) == read_by_modules(text)
    assert len(read_by_modules(text)) == len(rows)
    assert len(rows) > 30


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "sudo: a password is required",
        '{"processes": 1}',
        '{"processes": []}',
        '{"processes": [{"pid": 1}]}',
        '{"processes": [{"service": "nats", "pid": 11, "alive": true}, {"service": "redis", "alive": false}]}',
    ],
)
def test_it_reads_the_pid_files_as_the_modules_do(comeback, monkeypatch, text):
    monkeypatch.setattr(comeback, "run", lambda argv: (0, text))
    assert comeback.read_records() == (parse_records(text) or {})


def test_both_have_the_same_words_places_and_times(comeback):
    assert set(comeback.WELL) == _monit._WELL
    assert comeback.UNMONITORED == _monit._NOT_MONITORED
    assert set(comeback.INITIALIZING) == _monit._INITIALIZING
    assert _arguments.STAGING["staging"]["default"] == comeback.STAGING
    assert comeback.MONIT == _arguments.MONIT_PROGRAM
    assert comeback.PROCESSES == _processes.PROGRAM
    assert comeback.STEADY == _services.STEADY
    assert (comeback.SV, comeback.SYSTEMCTL) == (_agent.SV, _agent.SYSTEMCTL)
    assert comeback.SV_DIRECTORIES == _agent.SERVICE_DIRECTORIES
    assert comeback.GIVE_UP_SECONDS == _lease_holder.GIVE_UP_SECONDS
    assert comeback.COMMAND_SECONDS == _lease_holder.COMMAND_SECONDS


@pytest.mark.parametrize("there", [(), ("/usr/bin/sv",), ("/usr/bin/sv", "/etc/sv/agent"), ("/etc/service/agent",)])
def test_both_find_the_same_agent(comeback, monkeypatch, there):
    monkeypatch.setattr(comeback.os.path, "exists", lambda path: path in there)
    loaded = (0, "LoadState=loaded\n", "")
    agent = _agent.find_agent("auto", lambda argv: loaded, lambda path: path in (*there, _agent.SYSTEMCTL))
    commands = {"runit": [_agent.SV, "start", "agent"], "systemd": [_agent.SYSTEMCTL, "start", _agent.UNIT]}
    assert comeback.agent_command() == commands[agent.name]


ARMED = {
    "holder": "backup@controller",
    "purpose": "backup",
    "run": "20261122T221326Z",
    "token": "6f1d",
    "boot_id": "an earlier one",
    "armed": True,
    "armed_at": 1.5,
    "deadline": 1801.5,
    "on_deadline": "start",
    "unmonitored": ["director", "caf\u00e9"],
}
WANTED = {"holder": "next", "purpose": "backup", "run": "2", "limit": 60, "controller": ""}


def staging_of(host):
    return LeaseStaging(str(host.staging))


def gated(**answer):
    """What of an answer of director_lease comes through the gate."""
    return admitted("director_lease", {"stdout": json.dumps({"changed": False, **answer}), "rc": 0})


@pytest.mark.parametrize("python", PYTHONS)
def test_it_acts_on_what_the_module_writes_and_the_module_reads_what_it_did(host, python):
    staging = staging_of(host)
    staging.mark(ARMED)
    staging.unlock()
    assert host.run(python) == 0
    assert [command for command in host.commands() if "unmonitor" in command] == ["unmonitor director"]
    assert (staging.marked(), staging.is_locked(), staging.signed()) == (None, False, {})
    record = Lease(staging, None).check()["previous_fired"]
    assert (record["whole"], record["on_deadline"], record["error"]) == (True, "start", "")
    assert gated(previous_fired=record) == {"changed": False, "previous_fired": record}
    assert staging.report() == record
    assert staging.recorded() is None


def test_a_lease_that_only_tells_is_left_to_the_module(host):
    staging = staging_of(host)
    staging.mark({**ARMED, "on_deadline": "tell"})
    assert host.run() == 0
    assert host.commands() == []
    assert Lease(staging, None).check()["left_armed"]["on_deadline"] == "tell"


def test_what_the_script_reads_of_a_lease_is_what_the_module_reads(host, comeback, monkeypatch):
    staging = staging_of(host)
    staging.mark(ARMED)
    monkeypatch.chdir(host.staging)
    owner = (os.geteuid(), os.getegid())
    assert comeback.armed_action(owner).decode() == staging.marked()["on_deadline"]
    assert comeback.left_unmonitored(owner) == frozenset(staging.marked()["unmonitored"])


def test_whoever_wants_the_director_meanwhile_is_told_that_it_is_being_started(host, comeback):
    staging = staging_of(host)
    lock = staging.lock()
    comeback.sign(lock, uptime())
    try:
        with pytest.raises(LeaseHeld, match="microbosh-comeback for starting the serv") as refused:
            Lease(staging, None).hold(WANTED)
        assert "the director is being started" in str(refused.value)
        held = Lease(staging, None).check()
    finally:
        os.close(lock)
    assert (held["held"], held["armed"]) == (True, True)
    for lease in (held["lease"], refused.value.facts["lease"]):
        assert gated(lease=lease) == {"changed": False, "lease": lease}
