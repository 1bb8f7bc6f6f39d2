# SPDX-License-Identifier: GPL-3.0-or-later
"""A database that only the director reaches: the way there, TLS with its own name, and a role that is nobody."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump_directory import DumpDirectory, DumpJob
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump_file import DumpFile
from ansible_collections.microbosh.director.plugins.module_utils._postgres import _scratch_postgres as scratch
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres import Endpoint
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres_info import DIRECTOR_TABLES, ask
from ansible_collections.microbosh.director.plugins.module_utils._postgres._psql import Psql
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore import (
    DatabaseServer,
    restore_database,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._run import _database_action as action
from ansible_collections.microbosh.director.plugins.plugin_utils._run._forward import Forward, failure, through
from postgres_rig import let_in, run_command, running_server

NAME = "db.example.test"
PASSWORD = "not:a\\secret of 'anybody' %$@/"
# What an ssh -W does, with the target that follows as where to connect to.
RELAY = """
import os, socket, sys, threading
target = sys.argv[sys.argv.index("-W") + 1]
host, port = target.rsplit(":", 1)
try:
    far = socket.create_connection((os.environ.get("REALLY", host), int(port)), 5)
except OSError as error:
    sys.exit("channel 0: open failed: connect failed: %s\\nstdio forwarding failed" % error.strerror)
def send():
    while True:
        data = os.read(0, 65536)
        if not data:
            break
        far.sendall(data)
    far.shutdown(socket.SHUT_WR)
threading.Thread(target=send, daemon=True).start()
while True:
    data = far.recv(65536)
    if not data:
        break
    os.write(1, data)
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def certify(directory):
    """Make an authority, and a certificate of it for the server's name."""
    new = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    openssl(*new, "-subj", "/CN=made-up", "-keyout", directory / "ca.key", "-out", directory / "ca.pem")
    openssl(*new, "-subj", "/CN=other", "-keyout", directory / "other.key", "-out", directory / "other.pem")
    request = ["req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={NAME}", "-keyout", directory / "server.key"]
    openssl(*request, "-out", directory / "server.csr")
    names = directory / "names"
    names.write_text(f"subjectAltName=DNS:{NAME}\n")
    sign = ["x509", "-req", "-in", directory / "server.csr", "-CA", directory / "ca.pem", "-CAcreateserial"]
    sign += ["-CAkey", directory / "ca.key", "-days", "2"]
    openssl(*sign, "-extfile", names, "-out", directory / "server.pem")


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """A server with TLS and passwords as a provider has it: the role is no superuser, one database is not its own."""
    directory = tmp_path_factory.mktemp("elsewhere")
    let_in(directory)
    certify(directory)
    hba = directory / "hba.conf"
    hba.write_text("local all all trust\nhostssl rdsadmin all all reject\nhostssl all all all scram-sha-256\n")
    account = scratch.unprivileged(None)
    key = directory / "server.key"
    key.chmod(0o600)
    if account:
        shutil.chown(key, *account)
    settings = {
        **scratch.SETTINGS,
        "listen_addresses": "127.0.0.1",
        "port": str(free_port()),
        "ssl": "on",
        "ssl_cert_file": str(directory / "server.pem"),
        "ssl_key_file": str(key),
        "hba_file": str(hba),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scratch, "SETTINGS", settings)
        with running_server(directory) as server:
            local = server.endpoint._replace(port=int(settings["port"]))
            psql = Psql(server.binaries, local, run_command)
            psql.ask("postgres", f"CREATE ROLE bosh LOGIN CREATEDB PASSWORD E'{sql(PASSWORD)}'")
            psql.ask("postgres", "CREATE DATABASE director OWNER bosh")
            psql.ask("postgres", "CREATE DATABASE rdsadmin")
            tables = "".join(f"CREATE TABLE {name} (id int);" for name in DIRECTOR_TABLES)
            psql.load("director", [f"SET ROLE bosh;{tables}".encode()])
            yield directory, int(settings["port"])


def sql(text):
    return text.replace("\\", "\\\\").replace("'", "\\'")


@pytest.fixture
def relay(tmp_path, monkeypatch):
    """Something that does what ssh -W does."""
    monkeypatch.setenv("REALLY", "127.0.0.1")
    program = tmp_path / "relay"
    program.write_text(f"#!{sys.executable}\n{RELAY}")
    program.chmod(0o755)
    return [str(program).encode(), b"director1"]


@pytest.fixture
def endpoint(elsewhere, relay):
    """How the server is asked, by a way that is there as long as the test."""
    directory, port = elsewhere
    with action._passfile(PASSWORD) as passfile, Forward(relay, f"{NAME}:{port}", "director1") as forward:
        yield Endpoint(NAME, forward.port, "bosh", "127.0.0.1", str(directory / "ca.pem"), passfile)


def test_the_server_is_asked_by_its_own_name(endpoint):
    facts = ask(endpoint, "", run_command)
    assert (facts["director_database"], facts["superuser"], facts["data_directory"]) == ("director", False, None)
    mine = [item["name"] for item in facts["databases"] if item["mine"]]
    assert mine == ["director"]


def test_its_databases_and_roles_are_dumped_without_any_right_to_passwords(endpoint, tmp_path):
    written = DumpJob(DumpDirectory(str(tmp_path / "dbs")), endpoint, "", ["director"], True).dump(run_command)
    assert written["dumps"][0]["rows"] == {f"public.{name}": 0 for name in DIRECTOR_TABLES}
    roles = (tmp_path / "dbs" / "globals.sql").read_text()
    assert "CREATE ROLE bosh;" in roles
    assert "PASSWORD" not in roles


def test_a_dump_comes_back_beside_the_database_without_a_superuser(endpoint, tmp_path):
    DumpJob(DumpDirectory(str(tmp_path / "dbs")), endpoint, "", ["director"], True).dump(run_command)
    server = DatabaseServer.find(endpoint, "", run_command)
    wanted = {"database": "director", "target": "director_restored", "replace": False, "rewrite": {}}
    restore_database(DumpFile(str(tmp_path / "dbs" / "director.sql"), None, None), server, wanted)
    found = {item["name"]: item for item in ask(endpoint, "", run_command)["databases"]}
    assert found["director_restored"]["director"] is True
    assert found["director_restored"]["owner"] == "bosh"
    server.drop("director_restored")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"host": "other.example.test"}, 'does not match host name "other.example.test"'),
        ({"ca": "other.pem"}, "certificate verify failed"),
        ({"passfile": ""}, "no password supplied"),
        ({"user": "nobody"}, 'password authentication failed for user "nobody"'),
    ],
)
def test_what_is_not_right_is_said_by_the_client(endpoint, elsewhere, change, said):
    if "ca" in change:
        change = {"ca": str(elsewhere[0] / change["ca"])}
    with pytest.raises(DirectorError) as raised:
        ask(endpoint._replace(**change), "", run_command)
    assert said in str(raised.value)
    assert "microbosh_director_database_host, _port, _user, _password and _ca" in str(raised.value)
    assert PASSWORD not in str(raised.value)


def test_without_tls_it_does_not_let_in_who_verifies_nobody_elses(endpoint):
    assert ask(endpoint._replace(ca=""), "", run_command)["answers"] is True


def test_the_password_is_in_no_argument(endpoint):
    said = []

    def listen(argv, environ_update=None, handle_exceptions=True):
        said.extend([*argv, *(environ_update or {}).values()])
        return run_command(argv, environ_update, handle_exceptions)

    ask(endpoint, "", listen)
    assert said
    assert [text for text in said if PASSWORD in text] == []


def test_the_file_with_the_password_is_ours_alone_and_gone_afterwards():
    with action._passfile(PASSWORD) as name:
        path = Path(name)
        assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
        assert path.read_text() == "*:*:*:*:" + PASSWORD.replace("\\", "\\\\").replace(":", "\\:") + "\n"
    assert not path.parent.exists()


def test_nothing_is_left_of_the_way(relay):
    with Forward(relay, f"{NAME}:{free_port()}", "director1") as forward:
        port = forward.port
        with socket.create_connection(("127.0.0.1", port)) as connection:
            assert connection.recv(1) == b""
        assert forward.problem() == f"director1 cannot connect to {forward._target}: Connection refused."
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_a_shared_connection_from_before_setup_is_passed_by(elsewhere, relay, tmp_path):
    refusing = tmp_path / "refusing"
    refusing.write_text(
        "#!/bin/sh\necho A banner. >&2\n"
        'case "$*" in *ControlMaster=no*) echo Session open refused by peer >&2; exit 255;; esac\n'
        f'exec {relay[0].decode()} "$@"\n'
    )
    refusing.chmod(0o755)
    directory, port = elsewhere
    with action._passfile(PASSWORD) as passfile, Forward([str(refusing).encode()], f"{NAME}:{port}", "d1") as forward:
        way = Endpoint(NAME, forward.port, "bosh", "127.0.0.1", str(directory / "ca.pem"), passfile)
        assert ask(way, "", run_command)["answers"] is True
        with pytest.raises(DirectorError, match="no password supplied"):
            ask(way._replace(passfile=""), "", run_command)
        assert forward.problem() == ""


def test_ssh_goes_by_the_options_of_the_connection():
    command = [b"/usr/bin/ssh", b"-o", b"Port=22", b"director1"]
    assert through(command, ["-o", "ControlMaster=no"], "db:5432") == [
        b"/usr/bin/ssh", b"-o", b"ControlMaster=no", b"-W", b"db:5432", b"-o", b"Port=22", b"director1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("", ""),
        (
            "channel 0: open failed: administratively prohibited: open failed\nstdio forwarding failed\n",
            "director1 does not let the backup key connect to db:5432. Run the setup playbook for it again",
        ),
        (
            "channel 0: open failed: connect failed: Name or service not known\n",
            "director1 cannot connect to db:5432: Name or service not known.",
        ),
        ("Permission denied (publickey).\n", "No connection through director1 to db:5432: Permission denied"),
    ],
)
def test_why_there_is_no_way_is_told(said, told):
    assert failure(said, "db:5432", "director1").startswith(told)
    assert bool(failure(said, "db:5432", "director1")) is bool(told)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, ""),
        ({"ca": "none"}, ""),
        ({"port": 3306}, "which is MySQL's"),
        ({"password": ""}, "set microbosh_director_database_password, in a vault"),
        ({"password": "two\nlines"}, "more than one line"),
        ({"ca": ""}, "set microbosh_director_database_ca to the file"),
        ({"ca": "/nowhere/ca.pem"}, "there is no file /nowhere/ca.pem"),
    ],
)
def test_settings_that_cannot_be_used_are_named(change, said):
    settings = {"host": "db", "port": 5432, "user": "bosh", "password": "p", "ca": __file__, **change}
    found = action.unusable(settings)
    assert said in found
    assert bool(found) is bool(said)


def test_a_result_speaks_of_the_server_and_not_of_the_way_to_it():
    result = {"failed": True, "msg": "No pg_dump on this host: db:40001", "invocation": {"x": 1}, "databases": []}
    told = action.told(result, "db:40001", "db:5432", lambda: "")
    assert told == {"failed": True, "msg": "No pg_dump on this controller: db:5432", "databases": []}
    assert action.told(result, "db:40001", "db:5432", lambda: "The way.")["msg"] == "The way."
