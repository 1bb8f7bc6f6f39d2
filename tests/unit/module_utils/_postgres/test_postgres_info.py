# SPDX-License-Identifier: GPL-3.0-or-later
"""A real server tells its facts, and MySQL is recognised."""

from __future__ import annotations

import socket
import threading

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres import (
    Endpoint,
    PostgresError,
    ask_server,
)
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres_info import (
    DIRECTOR_TABLES,
    PostgresInfo,
    ask,
    choose_director,
    is_mysql,
    listening_ports,
    port_there,
)
from ansible_collections.microbosh.director.plugins.module_utils._postgres._psql import Psql
from postgres_rig import let_in, run_command, running_server

# As MySQL 8 greets, before it is asked anything.
GREETING = b"\x4a\x00\x00\x00\x0a8.0.36\x00\x08\x00\x00\x00"
# As it does where this host may not connect.
REFUSAL = b"\x45\x00\x00\x00\xffj\x04Host is not allowed to connect to this MySQL server"
TABLES = "".join(f'CREATE TABLE "{table}" (id int);' for table in DIRECTOR_TABLES)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with a director's database of another name, one that is nearly one, and one that is closed."""
    parent = tmp_path_factory.mktemp("server")
    let_in(parent)
    with running_server(parent) as running:
        psql = Psql(running.binaries, running.endpoint, run_command)
        for name in ("prod|bosh's", "uaa", "nearly", "closed", "dropped", "for nobody"):
            psql.ask("postgres", f'CREATE DATABASE "{name}"')
        psql.load("prod|bosh's", [TABLES.encode()])
        psql.load("nearly", [TABLES.encode(), b"CREATE SCHEMA s; ALTER TABLE stemcells SET SCHEMA s;"])
        psql.ask("postgres", "CREATE ROLE guest LOGIN")
        psql.ask("postgres", 'REVOKE CONNECT ON DATABASE "prod|bosh\'s" FROM PUBLIC')
        psql.ask("postgres", "UPDATE pg_database SET datallowconn = false WHERE datname = 'closed'")
        # What DROP DATABASE leaves if it is interrupted, and a limit that only superusers do not have.
        psql.ask("postgres", "UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'dropped'")
        psql.ask("postgres", "UPDATE pg_database SET datconnlimit = 0 WHERE datname = 'for nobody'")
        yield running


def facts_as(server, user):
    return PostgresInfo(server.endpoint._replace(user=user), "", run_command).facts()


def test_a_superuser_learns_everything(server):
    facts = facts_as(server, server.endpoint.user)
    assert facts["answers"] is True
    assert facts["superuser"] is True
    assert facts["port"] == 5432
    assert facts["data_directory"] == f"{server.directory}/data"
    databases = {item["name"]: item for item in facts["databases"]}
    assert databases["prod|bosh's"]["director"] is True
    assert databases["prod|bosh's"]["size"] > 5_000_000
    assert (databases["uaa"]["encoding"], databases["uaa"]["owner"]) == ("UTF8", server.endpoint.user)
    assert [name for name, item in databases.items() if not item["connectable"]] == ["closed", "dropped", "template0"]
    assert [name for name, item in databases.items() if item["template"]] == ["template0", "template1"]


def test_what_lets_nobody_in_is_not_dumped(server):
    """A backup of all databases was refused for each of them, night after night."""

    def dumped(user):
        endpoint = server.endpoint._replace(user=user)
        return {found.name for found in ask_server(endpoint, [server.binaries], [], run_command).databases}

    assert dumped(server.endpoint.user) == {"prod|bosh's", "uaa", "nearly", "for nobody", "postgres"}
    assert dumped("guest") == {"uaa", "nearly", "postgres"}
    assert {item["name"] for item in facts_as(server, "guest")["databases"] if item["connectable"]} == {
        "uaa", "nearly", "postgres", "template1",
    }  # fmt: skip


def test_the_directors_database_is_found_by_all_of_its_tables_in_one_schema(server):
    facts = facts_as(server, server.endpoint.user)
    assert (facts["directors"], facts["director_database"]) == (["prod|bosh's"], "prod|bosh's")


def test_what_a_plain_role_may_not_see_is_null(server):
    facts = facts_as(server, "guest")
    assert (facts["superuser"], facts["data_directory"], facts["director_database"]) == (False, None, None)
    closed = next(item for item in facts["databases"] if item["name"] == "prod|bosh's")
    assert (closed["connectable"], closed["size"], closed["mine"]) == (False, 0, False)


def test_no_server_is_an_error_that_does_not_speak_of_mysql(tmp_path):
    with pytest.raises(PostgresError) as raised:
        ask(Endpoint("127.0.0.1", free_port(), "vcap"), "", run_command)
    assert "PostgreSQL does not answer" in str(raised.value)
    assert "MySQL" not in str(raised.value)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def talker():
    """A function that listens, says something to the first who comes, and returns its port."""
    listeners = []

    def listen(words, wait_first=False):
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def serve():
            while True:
                try:
                    connection, dummy = listener.accept()
                except OSError:
                    return
                if wait_first:
                    connection.recv(8)
                connection.sendall(words)
                connection.close()

        threading.Thread(target=serve, daemon=True).start()
        return listener.getsockname()[1]

    yield listen
    for listener in listeners:
        listener.close()


@pytest.mark.parametrize(
    ("words", "mysql"),
    [(GREETING, True), (REFUSAL, True), (b"S", False), (b"N", False), (b"", False), (b"SSH-2.0-x", False)],
)
def test_mysql_is_known_by_its_greeting(talker, words, mysql):
    assert is_mysql("127.0.0.1", talker(words, wait_first=not mysql)) is mysql


def test_mysql_is_refused_by_name(talker):
    with pytest.raises(PostgresError, match=r"What listens on 127\.0\.0\.1:\d+ is MySQL") as raised:
        ask(Endpoint("127.0.0.1", talker(GREETING), "vcap"), "", run_command)
    assert raised.value.facts["mysql"] is True


def test_the_servers_of_a_host_are_known_by_their_sockets(tmp_path):
    table = tmp_path / "unix"
    table.write_text(
        "Num       RefCount Protocol Flags    Type St Inode Path\n"
        "0000000000000000: 00000002 00000000 00010000 0001 01 21 /var/vcap/data/postgres/.s.PGSQL.5433\n"
        "0000000000000000: 00000002 00000000 00010000 0001 01 22 @/tmp/dbus\n"
        "0000000000000000: 00000002 00000000 00010000 0001 01 23 /tmp/.s.PGSQL.5433\n"
    )
    assert listening_ports(str(table)) == [5433]
    assert listening_ports(str(tmp_path / "none")) == []


@pytest.mark.parametrize(
    ("wanted", "ports", "port"), [(6000, [5433], 6000), (0, [5433], 5433), (0, [], 5432), (0, [5433, 5432], 5432)]
)
def test_the_port_to_ask(wanted, ports, port):
    assert port_there(wanted, ports) == port


def test_none_is_chosen_where_there_is_none():
    assert choose_director([]) == ([], None)
