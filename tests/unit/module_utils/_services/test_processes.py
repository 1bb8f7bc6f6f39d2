# SPDX-License-Identifier: GPL-3.0-or-later
"""Live processes are found by the program that root runs, and judged together with monit's status."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._host import Host
from ansible_collections.microbosh.director.plugins.module_utils._services._monit import parse_status
from ansible_collections.microbosh.director.plugins.module_utils._services._processes import (
    judge,
    parse_records,
    postgres_services,
)
from ansible_collections.microbosh.director.plugins.module_utils._services._services import Monit, look
from monit_rig import FakeHost, SerialMonit, status_text
from places import REPOSITORY

SCRIPT = REPOSITORY / "roles/setup/files/microbosh-processes"


def works(python):
    """Return whether it is a Python that runs; a version manager also puts names there that do not."""
    return python is not None and subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0


PYTHONS = [sys.executable, *filter(works, map(shutil.which, ("python2.7", "python3.6")))]


class Machine:
    """A place with a configuration of monit, and the program that reads it."""

    def __init__(self, top):
        self.top = top
        self.script = top / "microbosh-processes"
        text = SCRIPT.read_text(encoding="ascii")
        assert '"/var/vcap/bosh/etc/monitrc"' in text
        self.script.write_text(text.replace("/var/vcap/bosh/etc/monitrc", str(top / "monitrc")), encoding="ascii")
        self.script.chmod(0o755)

    def configure(self, text, name="monitrc"):
        (self.top / name).parent.mkdir(exist_ok=True)
        (self.top / name).write_text(text.replace("@", str(self.top)), encoding="utf-8")

    def records(self, command=(), **environment):
        argv = [*(command or [sys.executable]), str(self.script)] if command is not None else [str(self.script)]
        done = subprocess.run(argv, capture_output=True, text=True, check=True, env=dict(os.environ, **environment))
        return parse_records(done.stdout)


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


@pytest.fixture
def process():
    """A living process whose program is not the director's."""
    child = subprocess.Popen(["/bin/sleep", "60"], cwd="/")
    yield child.pid
    child.kill()
    child.wait()


CONFIGURATION = """
set daemon 10  # check process not_this with pidfile "/x.pid"
set httpd port 2822 and use address 127.0.0.1
include @/job/*.monitrc
check process nats
  with pidfile "@/nats.pid"
  start program "/bin/start pidfile" with timeout 60 seconds
  if failed port 4222 then restart
CHECK PROCESS "director nginx" PIDFILE @/nginx.pid
check process gone with pidfile '@/gone.pid' depends on nats
check process words pidfile @/words.pid
check process plain matching "sleep 59[9]"
check system vm if loadavg (1min) > 4 then alert
check file other with path @/nats.pid
"""


@pytest.mark.parametrize("python", PYTHONS)
def test_reads_monits_configuration_and_its_pid_files(machine, process, python):
    machine.configure(CONFIGURATION)
    machine.configure("check process included with pidfile @/nats.pid\n", "job/1.monitrc")
    machine.configure(f"{process}\n", "nats.pid")
    machine.configure("999999999\n", "nginx.pid")
    machine.configure("none\n", "words.pid")
    other = subprocess.Popen(["/bin/sleep", "599"])
    try:
        records = machine.records([python])
    finally:
        other.kill()
        other.wait()
    assert set(records) == {"included", "nats", "director nginx", "gone", "words", "plain"}
    nats = records["nats"]
    assert (nats["pid"], nats["alive"], nats["ticks"]) == (process, True, Host().birth(process))
    assert nats["executable"] == os.path.realpath("/bin/sleep")
    assert nats["pidfile"] == str(machine.top / "nats.pid")
    assert records["included"]["pid"] == process
    assert (records["plain"]["pid"], records["plain"]["alive"]) == (other.pid, True)
    assert [records[name]["alive"] for name in ("director nginx", "gone", "words")] == [False] * 3


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("wrapped", [False, True])
def test_tells_which_service_is_a_postgres_whatever_it_is_called(machine, tmp_path, process, python, wrapped):
    """Under bpm the process that monit knows is only its init, which has started the program."""
    server = shutil.copy("/bin/sleep", tmp_path / "postgres")
    argv = ["/bin/sh", "-c", f"{server} 60; true"] if wrapped else [server, "60"]
    child = subprocess.Popen(argv, start_new_session=True)
    try:
        machine.configure("check process pg pidfile @/pg.pid\ncheck process postgres pidfile @/other.pid\n")
        machine.configure(f"{child.pid}\n", "pg.pid")
        machine.configure(f"{process}\n", "other.pid")
        deadline = time.monotonic() + 20
        while postgres_services(machine.records([python])) != ["pg"]:
            assert time.monotonic() < deadline
        before = {name: {**record, "programs": None} for name, record in machine.records([python]).items()}
        assert postgres_services(before) == ([] if wrapped else ["pg"])
    finally:
        os.killpg(child.pid, 9)
        child.wait()
    assert postgres_services(machine.records([python])) == postgres_services(None) == []


def test_finds_its_interpreter_and_hears_nothing_of_its_caller(machine, tmp_path, process):
    machine.configure("check process nats with pidfile @/nats.pid\n")
    machine.configure(f"{process}\n", "nats.pid")
    (tmp_path / "planted").mkdir()
    for name in ("json.py", "python3", "env", "sitecustomize.py"):
        (tmp_path / "planted" / name).write_text("#!/bin/sh\nexit 9\n", encoding="ascii")
        (tmp_path / "planted" / name).chmod(0o755)
    (tmp_path / "json.py").write_text("raise SystemExit(9)\n", encoding="ascii")
    planted = str(tmp_path / "planted")
    records = machine.records(None, PATH=planted, PYTHONPATH=planted, PYTHONHOME=planted, PYTHONSTARTUP="/dev/null")
    assert records["nats"]["alive"]


def test_takes_no_argument(machine):
    machine.configure("check process nats with pidfile @/nats.pid\n")
    assert subprocess.run([sys.executable, machine.script, "x"], capture_output=True, check=False).returncode == 2


def test_follows_no_planted_link_and_waits_for_no_pipe(machine, process):
    machine.configure("check process link with pidfile @/link.pid\ncheck process pipe with pidfile @/pipe.pid\n")
    machine.configure(f"{process}\n", "secret")
    (machine.top / "link.pid").symlink_to(machine.top / "secret")
    os.mkfifo(machine.top / "pipe.pid")
    assert [record["pid"] for record in machine.records().values()] == [None, None]


def test_a_stale_pid_file_is_told_from_a_service_that_lives_on(machine, process):
    """The process began after the file was written, and nothing in it is of the director."""
    machine.configure("check process nats with pidfile @/nats.pid\n")
    machine.configure(f"{process}\n", "nats.pid")
    assert machine.records()["nats"]["alive"]
    before = time.time() - 3600
    os.utime(machine.top / "nats.pid", (before, before))
    record = machine.records()["nats"]
    assert (record["alive"], record["foreign"], record["pid"]) == (False, True, process)
    assert Host().is_somebody_elses(str(machine.top / "nats.pid"), process)


def test_a_clock_that_was_set_makes_no_service_of_the_director_a_stranger(machine):
    child = subprocess.Popen(["/bin/sh", "-c", "read x # /var/vcap/jobs/nats/bin/ctl"], stdin=subprocess.PIPE)
    machine.configure("check process nats with pidfile @/nats.pid\n")
    machine.configure(f"{child.pid}\n", "nats.pid")
    os.utime(machine.top / "nats.pid", (1, 1))
    assert machine.records()["nats"]["alive"]
    assert not Host().is_somebody_elses(str(machine.top / "nats.pid"), child.pid)
    child.communicate(b"\n")
    assert not machine.records()["nats"]["alive"]


def test_configurations_that_include_each_other_end(machine):
    machine.configure("include @/monitrc\ncheck process nats with pidfile @/nats.pid\n")
    assert list(machine.records()) == ["nats"]


@pytest.mark.parametrize("text", ["", "no json", "[]", "{}", '{"processes": [1]}', '{"processes": [{"pid": 1}]}'])
def test_what_is_no_answer(text):
    assert parse_records(text) is None


def load():
    loader = SourceFileLoader("microbosh_processes", str(SCRIPT))
    module = module_from_spec(spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


# What is thought of a service whose status and pid are these, with and without the eyes of root.


def judged(status, pid=None, alive=(), record=None, pidfiles=()):
    host = FakeHost(births=dict.fromkeys(alive, 7), pidfile_list=list(pidfiles))
    report = parse_status(status_text("5.2.5", [("Process", "nats", status, pid)]))
    return judge(report, host, record).services[0]


def rooted(pid, alive=True):
    return {"nats": {"pid": pid, "ticks": 7 if alive else None, "alive": alive}}


@pytest.mark.parametrize("status", ["running", "Execution failed", "Resource limit matched", "PPID changed"])
def test_monits_pid_lives_or_not(status):
    assert judged(status, 5, alive=[5]).lives is True
    assert judged(status, 5).lives is False
    assert judged(status, 5, record=rooted(5, alive=False)).lives is False
    assert judged(status, 5, alive=[5], record={}).lives is True


def test_a_pid_of_somebody_else_is_none():
    record = {"nats": {"pid": 5, "ticks": 7, "alive": False, "foreign": True}}
    assert judged("running", 5, alive=[5], record=record).lives is False


def test_not_monitored_says_nothing():
    assert judged("not monitored").lives is None
    assert judged("not monitored", record={}).lives is False
    assert judged("not monitored", alive=[6], record=rooted(6)).lives is True
    assert judged("not monitored", alive=[6], pidfiles=[("/var/vcap/sys/run/nats/nats.pid", 6)]).lives is True
    assert judged("not monitored", pidfiles=[("/var/vcap/sys/run/nats/nats.pid", 6)]).lives is False


def test_initializing_is_not_known_until_it_is_seen():
    assert judged("initializing").lives is None
    assert judged("initializing", record=rooted(6, alive=False)).lives is None
    assert judged("initializing", alive=[6], record=rooted(6)).lives is True


def test_monit_gives_the_pid_of_no_dead_process():
    assert judged("Does not exist").lives is False
    assert judged("Execution failed").lives is False
    assert judged("running").lives is True


# Preflight.


def monit(host, **options):
    run_command = SerialMonit(host, ["director", "nats", "system_mb1", "store_fs"], **options)
    run_command.kinds.update(system_mb1="System", store_fs="Filesystem")
    run_command.records = run_command.seen_by_root
    return run_command


def test_all_that_lives_runs():
    host = FakeHost()
    run_command = monit(host)
    run_command.words.update(director="Execution failed", store_fs="Resource limit matched")
    run_command.services["nats"].monitored = run_command.services["system_mb1"].monitored = False
    facts = look(Monit(run_command), host)
    assert (facts["all_running"], facts["processes"], facts["processes_running"]) == (True, 2, 2)
    assert facts["alarms"] == [
        {"name": "director", "type": "Process", "alarm": "Execution failed"},
        {"name": "store_fs", "type": "Filesystem", "alarm": "Resource limit matched"},
    ]
    assert facts["unmonitored"] == ["nats", "system_mb1"]


def test_who_was_stopped_does_not_run():
    host = FakeHost()
    run_command = monit(host)
    run_command.stop("nats", run_command.services["nats"])
    facts = look(Monit(run_command), host)
    assert (facts["not_running"], facts["processes_running"], facts["unseen"]) == (["nats"], 1, [])
    assert (facts["unmonitored"], facts["postgres"]) == ([], [])
    run_command.records = None
    assert look(Monit(run_command), host)["unseen"] == ["nats"]


def test_initializing_is_waited_for_and_then_judged():
    host = FakeHost()
    run_command = monit(host)
    run_command.services["nats"].initializing_until = host.clock + 8
    facts = look(Monit(run_command), host, 25)
    assert facts["all_running"]
    assert 8 <= host.clock - 1000 < 9
    run_command.services["nats"].initializing_until = host.clock + 800
    assert look(Monit(run_command), host, 25)["all_running"]
    assert host.clock - 1000 < 36
    run_command.records = None
    facts = look(Monit(run_command), host, 25)
    assert (facts["not_running"], facts["unseen"]) == (["nats"], ["nats"])


def test_what_is_pending_is_waited_for():
    host = FakeHost()
    run_command = monit(host, seconds=5)
    run_command.act("stop", "nats")
    assert look(Monit(run_command), host, 25)["not_running"] == ["nats"]
    assert host.clock - 1000 < 7


def test_a_required_check_has_to_be_well():
    host = FakeHost()
    run_command = monit(host)
    assert look(Monit(run_command), host, 0, ["store_fs"])["all_running"]
    run_command.words["store_fs"] = "Resource limit matched"
    assert look(Monit(run_command), host, 0, ["store_fs"])["not_running"] == ["store_fs"]
    with pytest.raises(DirectorError, match="monit knows no store, which microbosh_required_checks names, only"):
        look(Monit(run_command), host, 0, ["store"])


def test_the_program_is_asked_for_by_one_fixed_line():
    asked = []

    def run_command(argv):
        asked.append(argv)
        return 0, json.dumps({"processes": [{"service": "nats", "pid": 1}]}), ""

    assert Monit(run_command).processes() == {"nats": {"service": "nats", "pid": 1}}
    assert asked == [["sudo", "-n", "/usr/local/sbin/microbosh-processes"]]


@pytest.mark.parametrize("answer", [(1, "", "sudo: a password is required\n"), (1, "", ""), (0, "x", "")])
def test_an_older_setup_is_asked_once(answer):
    asked = []

    def run_command(argv):
        asked.append(argv)
        return answer

    asking = Monit(run_command)
    assert [asking.processes(), asking.processes(), len(asked)] == [None, None, 1]
