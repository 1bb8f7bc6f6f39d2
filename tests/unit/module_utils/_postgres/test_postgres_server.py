# SPDX-License-Identifier: GPL-3.0-or-later
"""A restore starts and stops the right server, none beside another, and a failure tells its cause."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._postgres import _postgres_living as living
from ansible_collections.microbosh.director.plugins.module_utils._postgres import _postgres_server
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres_living import (
    LivingServer,
    living_servers,
)
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres_server import (
    ServerError,
    bring,
    cause_in,
    find_server,
    is_ready,
)
from ansible_collections.microbosh.director.plugins.module_utils._postgres._scratch_postgres import unprivileged
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_databases import HostDatabases
from postgres_rig import newest_binaries, run_command

NAMESPACE = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]


@pytest.fixture
def bring_to(tmp_path):
    """A function that brings the server of a store to a state, with the packages that are there."""
    for name in ("store", "packages"):
        (tmp_path / name).mkdir()

    def act(state, pretend=False):
        places = [str(tmp_path / name) for name in ("store", "packages", "scratch")]
        return bring(find_server(*places, run_command), state, 15432, 5, pretend)

    return act


def test_where_the_data_is_lost_nothing_has_to_be_stopped(bring_to):
    assert bring_to("stopped")["changed"] is False


def test_where_the_data_is_lost_no_server_starts(bring_to):
    with pytest.raises(ServerError, match="no data directory of PostgreSQL"):
        bring_to("started")


@pytest.mark.parametrize("state", ["started", "stopped"])
def test_data_that_no_program_can_run_is_an_error_that_names_both(bring_to, tmp_path, state):
    (tmp_path / "store" / "postgres").mkdir()
    (tmp_path / "store" / "postgres" / "PG_VERSION").write_text("9.0\n")
    with pytest.raises(ServerError, match=r"data of 9\.0, programs of none"):
        bring_to(state)


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def wait_until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


class Rig:
    """A store with a data directory of the deeper layout, and the programs for it."""

    def __init__(self, top, template):
        self.top, self.binaries = top, newest_binaries()
        self.store, self.packages, self.scratch = top / "store", top / "packages", top / "scratch"
        self.data = self.store / "postgres" / f"postgres-{self.binaries.version.numbers[0]}"
        self.data.parent.mkdir(parents=True)
        self.packages.mkdir()
        (self.packages / "postgres-1").symlink_to(self.binaries.package)
        subprocess.run(["cp", "-a", template, self.data], check=True)
        self.port = free_port()
        self.account = unprivileged(None)
        self.sockets = top / "sockets"
        self.sockets.mkdir()
        if self.account:
            os.chown(self.sockets, *self.account)
        self.others = []

    def bring(self, state, timeout=20):
        server = find_server(str(self.store), str(self.packages), str(self.scratch), run_command)
        return bring(server, state, self.port, timeout, False)

    def living(self):
        return living_servers([str(self.data)])

    def somebody_starts(self, *before):
        """Start a second server by hand, as bpm would; return the port that it answers on."""
        port = free_port()
        words = [self.binaries.command("postgres"), "-D", self.data, "-p", port, "-k", self.sockets, "-h", "127.0.0.1"]
        if self.account:
            uid, gid = self.account
            words = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", *words]
        with (self.top / "other.log").open("wb") as log:
            process = subprocess.Popen([str(word) for word in [*before, *words]], stdout=log, stderr=log, cwd="/")
        self.others.append(process)
        wait_until(lambda: is_ready("127.0.0.1", port))
        return port


@pytest.fixture(scope="module")
def template():
    """A data directory that every test copies."""
    binaries, account = newest_binaries(), unprivileged(None)
    top = Path(tempfile.mkdtemp(dir="/var/tmp"))
    top.chmod(0o755)
    (top / "data").mkdir(mode=0o700)
    as_whom = {}
    if account:
        os.chown(top / "data", *account)
        as_whom = {"user": account[0], "group": account[1], "extra_groups": []}
    command = [binaries.command("initdb"), "-D", str(top / "data"), "-U", "vcap", "--auth=trust", "--no-locale"]
    subprocess.run(command, check=True, capture_output=True, cwd="/", **as_whom)
    yield top / "data"
    shutil.rmtree(top)


@pytest.fixture
def rig(template, monkeypatch):
    monkeypatch.setattr(_postgres_server, "STRANGER_SECONDS", 0)
    top = Path(tempfile.mkdtemp(dir="/var/tmp"))
    top.chmod(0o755)
    made = Rig(top, template)
    yield made
    monkeypatch.undo()
    for server in made.living():
        with contextlib.suppress(ProcessLookupError):
            os.kill(server.pid, signal.SIGQUIT)
    for process in made.others:
        process.kill()
        process.wait()
    wait_until(lambda: not made.living())
    shutil.rmtree(top)


def test_the_server_starts_and_stops_alone_and_is_known_as_its_own(rig):
    assert rig.bring("started")["changed"] is True
    assert rig.bring("started")["changed"] is False
    (server,) = rig.living()
    assert rig.port in server.ports
    assert rig.bring("stopped")["changed"] is True
    assert rig.living() == []
    assert rig.bring("stopped")["changed"] is False


@pytest.mark.skipif(os.geteuid() != 0, reason="namespaces are made by root")
def test_no_server_starts_beside_one_of_another_namespace(rig):
    """PostgreSQL itself does not notice: the pid that it reads means nothing here."""
    port = rig.somebody_starts(*NAMESPACE)
    inner = int((rig.data / "postmaster.pid").read_text().splitlines()[0])
    assert not any(server.pid == inner for server in rig.living())
    for state in ("started", "stopped"):
        with pytest.raises(LivingServer, match=rf"process \d+, port {port} on {rig.data}") as refused:
            rig.bring(state)
    assert refused.value.facts["servers"][0]["ports"] == [port]
    assert is_ready("127.0.0.1", port)


def test_no_server_starts_beside_one_that_was_started_by_hand(rig):
    rig.somebody_starts()
    with pytest.raises(LivingServer, match="kill -INT"):
        rig.bring("started")


def test_one_that_only_answers_is_a_living_one(rig, monkeypatch):
    """A process that cannot be seen at all, in a namespace beside this one, say."""
    port = rig.somebody_starts()
    monkeypatch.setattr(living.Processes, "pids", lambda self: [])
    assert [(server.pid, server.ports) for server in rig.living()] == [(None, (port,))]


def test_a_pid_file_that_names_somebody_else_is_no_server(rig):
    """Its port is somebody else's by now, too."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        sleeper = subprocess.Popen(["sleep", "60"], **({"user": rig.account[0]} if rig.account else {}))
        rig.others.append(sleeper)
        lines = [str(sleeper.pid), str(rig.data), "1", str(port), "/tmp", "127.0.0.1", ""]
        (rig.data / "postmaster.pid").write_text("\n".join(lines))
        assert rig.living() == []
        assert rig.bring("stopped")["changed"] is False
        assert sleeper.poll() is None
        assert rig.bring("started")["changed"] is True
        assert sleeper.poll() is None


def test_a_worker_that_ends_while_it_is_looked_at_is_no_server(rig, monkeypatch):
    """Autovacuum's end every few seconds, and leave nobody who could be asked for a parent."""
    rig.somebody_starts()
    (server,) = rig.living()
    ended = subprocess.Popen(["true"])
    ended.wait()
    where = living.Processes.directory
    monkeypatch.setattr(living.Processes, "pids", lambda self: [server.pid, ended.pid])
    monkeypatch.setattr(living.Processes, "is_postgres", lambda self, pid: True)
    monkeypatch.setattr(living.Processes, "directory", lambda self, pid: where(self, server.pid))
    assert [found.pid for found in rig.living()] == [server.pid]


def test_a_server_whose_files_somebody_removed_still_lives(rig):
    """What a restore brings would come under it."""
    rig.somebody_starts()
    (rig.data / "PG_VERSION").unlink()
    with pytest.raises(LivingServer, match=str(rig.data)):
        rig.bring("stopped")
    host = HostDatabases(str(rig.top), str(rig.packages), str(rig.scratch), run_command)
    assert [server.directory for server in host.living()] == [str(rig.data)]
    assert host.facts()["live"] is None


def test_a_server_that_no_pid_file_of_a_job_names_is_a_stranger(rig):
    """It is met before anything is stopped, since nothing would stop it."""
    host = HostDatabases(str(rig.top), str(rig.packages), str(rig.scratch), run_command)
    rig.somebody_starts(*NAMESPACE[: 5 * (os.geteuid() == 0)])
    (server,) = host.living()
    if os.geteuid() == 0:
        with pytest.raises(LivingServer, match="Nothing was touched"):
            host.require_sole()
    pidfile = rig.top / "sys/run/bpm/postgres/postgres.pid"
    pidfile.parent.mkdir(parents=True)
    pidfile.write_text(f"{server.pid}\n")
    host.require_sole()
    assert host.facts()["live"] == f"postgres/{rig.data.name}"


@pytest.mark.parametrize("files", ["whole", "without a version", "gone"])
def test_a_server_names_its_directory_whatever_that_is_called(rig, files):
    data = rig.store / "pgdata" / "15"
    data.parent.mkdir()
    rig.data = rig.data.rename(data)
    rig.somebody_starts()
    if files != "whole":
        (rig.data / "PG_VERSION").unlink()
    if files == "gone":
        shutil.rmtree(rig.data)
    host = HostDatabases(str(rig.top), str(rig.packages), str(rig.scratch), run_command)
    assert host.facts()["live"] == ("pgdata/15" if files == "whole" else None)
    assert [server.directory for server in host.living()] == [str(data)]
    with pytest.raises(LivingServer, match="Nothing was exchanged"):
        host.require_none("Nothing was exchanged.")
    with pytest.raises(LivingServer, match=str(data)):
        rig.bring("stopped")
    for process in rig.others:
        process.send_signal(signal.SIGQUIT)
        process.wait()
    wait_until(lambda: not host.living())


def test_a_directory_of_any_name_is_run_if_it_was_one_of_a_server(rig):
    """A base backup that somebody keeps beside is none: nobody ever started it."""
    data = rig.store / "pgdata" / "15"
    data.parent.mkdir()
    rig.data = rig.data.rename(data)
    with pytest.raises(ServerError, match="no data directory"):
        rig.bring("started")
    (rig.data / "postmaster.opts").write_text(f'/usr/bin/postgres "-D" "{rig.data}"\n')
    shutil.chown(rig.data / "postmaster.opts", rig.data.stat().st_uid)
    assert rig.bring("started")["changed"] is True
    assert rig.bring("stopped")["changed"] is True


def test_somebody_who_only_stands_in_the_directory_is_no_server(rig):
    rig.others.append(subprocess.Popen(["sleep", "60"], cwd=rig.data))
    assert rig.living() == []


@pytest.mark.parametrize(
    ("spoil", "cause"),
    [
        (lambda data: (data / "global/pg_control").unlink(), "could not find the database system|could not open file"),
        (lambda data: shutil.rmtree(data / "pg_wal"), "pg_wal"),
        (lambda data: (data / "postgresql.conf").write_text("nonsense = 1\n"), "nonsense"),
        (lambda data: [path.unlink() for path in (data / "pg_wal").iterdir() if path.is_file()], "PANIC.*checkpoint"),
    ],
)
def test_a_server_that_dies_is_not_waited_for_and_its_cause_is_told(rig, spoil, cause):
    spoil(rig.data)
    began = time.monotonic()
    with pytest.raises(ServerError, match=cause):
        rig.bring("started", timeout=300)
    assert time.monotonic() - began < 30


def test_a_port_that_is_taken_is_the_cause(rig):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", rig.port))
        taken.listen()
        with pytest.raises(ServerError, match="could not bind"):
            rig.bring("started")


def test_the_cause_is_the_line_that_ended_the_server():
    log = (
        "2026-11-26 LOG:  starting PostgreSQL\n2026-11-26 FATAL:  the database system is starting up\n"
        "2026-11-26 LOG:  invalid checkpoint record\n2026-11-26 PANIC:  could not locate a valid checkpoint record\n"
        "2026-11-26 HINT:  look at it\n2026-11-26 LOG:  startup process was terminated by signal 6: Aborted\n"
        "2026-11-26 LOG:  aborting startup\n2026-11-26 LOG:  database system is shut down\n"
    )
    assert cause_in(log) == (
        "2026-11-26 PANIC:  could not locate a valid checkpoint record / 2026-11-26 HINT:  look at it"
    )
    assert cause_in("") == "it left no log"
    assert cause_in("one\ntwo\nthree\nfour\n") == "two / three / four"
