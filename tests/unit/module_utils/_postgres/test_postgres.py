# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers and clients, through the conversations that are had with them."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres import (
    Database,
    PostgresError,
    Version,
    ask_server,
    choose_databases,
    find_clients,
    matching_client,
)
from postgres_programs import ENDPOINT, PG_DUMP, client, maker_of_packages, row, rows

REFUSED = (2, "", 'psql: error: connection to server at "127.0.0.1", port 5432 failed: Connection refused\n')


class Conversation:
    """Answers as a host would: what each command prints, by package and program."""

    def __init__(self, answers):
        self.answers = answers
        self.said = []

    def __call__(self, argv, environ_update, handle_exceptions):
        assert handle_exceptions is False
        package, program = Path(argv[0]).parts[-3], Path(argv[0]).name
        assert environ_update["LD_LIBRARY_PATH"] == str(Path(argv[0]).parent.parent / "lib")
        assert environ_update["PGCONNECT_TIMEOUT"] == "10"
        self.said.append([package, *argv[1:]])
        answer = self.answers[package, program]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def packages(tmp_path):
    return maker_of_packages(tmp_path)


# --- versions ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "text", "major"),
    [("90003", "9.0.3", (9, 0)), ("90426", "9.4.26", (9, 4)), ("100023", "10.23", (10,)), ("150018", "15.18", (15,))],
)
def test_a_servers_version(number, text, major):
    found = Version.of_server(number)
    assert (str(found), found.major) == (text, major)


@pytest.mark.parametrize(
    ("printed", "text"),
    [
        ("pg_dump (PostgreSQL) 9.0.3\n", "9.0.3"),
        ("pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n", "15.18"),
        ("pg_dump (PostgreSQL) 17beta1\n", "17"),
        ("pg_restore (PostgreSQL) 15.18\n", None),
        ("", None),
    ],
)
def test_a_clients_version(printed, text):
    found = Version.of_client(printed)
    assert (str(found) if found else None) == text


# --- clients ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("server", "installed", "chosen"),
    [
        ("150018", ["9.4.5", "10.23", "13.9", "15.2"], "15.2"),
        ("150018", ["15.2", "15.18", "16.1"], "15.18"),
        ("150018", ["13.9", "17.1", "16.1"], "16.1"),
        ("90003", ["9.0.3", "9.4.5"], "9.0.3"),
        ("90003", ["9.4.5", "10.23"], "9.4.5"),
        ("90003", ["14.3", "15.2"], "14.3"),
        ("90100", ["9.0.3", "15.2"], None),
        ("150018", ["9.4.5", "13.9"], None),
        ("100023", ["9.6.24"], None),
        ("90624", ["15.2"], "15.2"),
    ],
)
def test_the_client_that_matches_the_server_is_chosen(server, installed, chosen):
    clients = [client(number) for number in installed]
    if chosen:
        assert matching_client(Version.of_server(server), clients, []) == client(chosen)
    else:
        with pytest.raises(PostgresError) as raised:
            matching_client(Version.of_server(server), clients, ["/p/postgres-x (broken)"])
        said = str(raised.value)
        assert all(number in said for number in [*installed, str(Version.of_server(server)), "/p/postgres-x (broken)"])


def test_packages_that_do_not_work_are_passed_over_with_a_reason(packages):
    names = ["postgres", "postgres-10", "postgres-13", "postgres-15", "postgres-16"]
    top = packages(*names, "nginx")
    (Path(top) / "postgres-13" / "bin" / "psql").unlink()
    (Path(top) / "postgres-17").mkdir()
    (Path(top) / "postgres-18").mkdir()
    (Path(top) / "postgres-18" / "bin").touch()
    talk = Conversation(
        {
            ("postgres", "pg_dump"): (0, "pg_ctl: hello\n", ""),
            ("postgres-10", "pg_dump"): (127, "", "error while loading shared libraries: libpq.so.5\n"),
            ("postgres-15", "pg_dump"): (0, PG_DUMP + "\n", ""),
            ("postgres-16", "pg_dump"): OSError(8, "Exec format error"),
        }
    )
    clients, rejected = find_clients(top, talk)
    assert [found.package for found in clients] == [f"{top}/postgres-15"]
    assert rejected == [
        f"{top}/postgres (pg_dump --version: exit status 0, pg_ctl: hello)",
        f"{top}/postgres-10 (pg_dump --version: exit status 127, error while loading shared libraries: libpq.so.5)",
        f"{top}/postgres-13 (no psql that can be run)",
        f"{top}/postgres-16 (pg_dump --version: exit status 126, Exec format error)",
        f"{top}/postgres-17 (bin cannot be read: No such file or directory)",
        f"{top}/postgres-18 (bin cannot be read: Not a directory)",
    ]


def test_packages_that_are_not_there_are_an_error(tmp_path):
    with pytest.raises(PostgresError, match=r"No PostgreSQL client can be looked for in .*/none: No such file"):
        find_clients(str(tmp_path / "none"), Conversation({}))


# --- the server -------------------------------------------------------------------------------------------------------


def test_the_server_is_asked_for_what_can_be_dumped():
    odd = "it's | a\n\"name\" é"
    answer = rows("bosh", odd, "postgres") + row("closed", connectable="f")
    talk = Conversation({("postgres-15", "psql"): (0, answer, "")})
    server = ask_server(ENDPOINT, [client("15")], [], talk)
    assert str(server.version) == "15.18"
    assert server.databases == [Database(name, 8_000_000) for name in ("bosh", odd, "postgres")]
    assert talk.said[0][:-1] == [
        "postgres-15",
        "--no-psqlrc",
        "--no-align",
        "--tuples-only",
        "--dbname=postgres",
        "--no-password",
        "--host=127.0.0.1",
        "--port=5432",
        "--username=vcap",
    ]


def test_any_psql_that_works_will_do():
    talk = Conversation(
        {
            ("postgres-16", "psql"): (0, "all is well\n", ""),
            ("postgres-10", "psql"): OSError(13, "Permission denied"),
            ("postgres-9.4", "psql"): (0, rows("bosh", server="90426"), ""),
        }
    )
    server = ask_server(ENDPOINT, [client("9.4"), client("10"), client("16")], [], talk)
    assert str(server.version) == "9.4.26"
    assert [said[0] for said in talk.said] == ["postgres-16"] * 2 + ["postgres-10"] * 2 + ["postgres-9.4"]


def test_a_server_that_does_not_answer_is_an_error_that_says_so():
    with pytest.raises(PostgresError) as raised:
        ask_server(ENDPOINT, [client("15")], ["/p/postgres (broken)"], Conversation({("postgres-15", "psql"): REFUSED}))
    assert str(raised.value).startswith(
        "PostgreSQL does not answer on 127.0.0.1:5432 as role vcap. /p/postgres-15/bin/psql says: psql: error: "
    )
    assert "Connection refused" in str(raised.value)
    assert "Packages that do not work: /p/postgres (broken). Check that monit" in str(raised.value)


def test_no_client_is_an_error_that_names_those_that_do_not_work():
    with pytest.raises(PostgresError, match=r"No PostgreSQL client .* do not work: /p/postgres \(no psql\)\."):
        ask_server(ENDPOINT, [], ["/p/postgres (no psql)"], Conversation({}))


EXISTING = [Database("bosh", 3), Database("credhub", 2), Database("uaa", 1)]


@pytest.mark.parametrize(
    ("requested", "chosen"),
    [(["all"], ["bosh", "credhub", "uaa"]), (["uaa", "bosh", "uaa"], ["uaa", "bosh"]), (["bosh"], ["bosh"])],
)
def test_databases_are_chosen(requested, chosen):
    assert [database.name for database in choose_databases(requested, EXISTING)] == chosen


@pytest.mark.parametrize("requested", [["bosh", "bsh"], ["all", "bsh"], ["template1"], [""]])
def test_a_database_that_is_not_there_is_an_error_that_names_those_that_are(requested):
    with pytest.raises(PostgresError, match=r"No such database: .*The server has: bosh, credhub, uaa\."):
        choose_databases(requested, EXISTING)
