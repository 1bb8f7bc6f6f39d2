# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers, clients and dumps, through the conversations that are had with them."""

from __future__ import annotations

import hashlib
import os
import resource
import shlex
import shutil
import subprocess
import threading
import time
from collections import namedtuple
from pathlib import Path

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._dump import _dump_directory
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump_directory import DumpDirectory, DumpJob
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres import (
    Client,
    Database,
    Endpoint,
    PostgresError,
    Version,
    ask_server,
    choose_databases,
    conninfo,
    dump_command,
    find_clients,
    globals_command,
    matching_client,
)
from places import DUMPS

SMALL = DUMPS / "small.sql"
ENDPOINT = Endpoint("127.0.0.1", 5432, "vcap")
REFUSED = (2, "", 'psql: error: connection to server at "127.0.0.1", port 5432 failed: Connection refused\n')


def row(name, size=8_000_000, server="150018", template="f", connectable="t"):
    return f"{server}|{size}|{template}|{connectable}|{name.encode().hex()}\n"


def rows(*names, server="150018"):
    template = row("template0", server=server, template="t", connectable="f")
    return template + "".join(row(name, server=server) for name in names)


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


PG_DUMP = "pg_dump (PostgreSQL) 15.18"


@pytest.fixture
def packages(tmp_path):
    """Makes packages with scripts for programs; a script may do anything."""

    def make(*names, **scripts):
        top = tmp_path / "packages"
        for name in names:
            (top / name / "bin").mkdir(parents=True)
            for program in ("pg_dump", "pg_dumpall", "psql"):
                path = top / name / "bin" / program
                path.write_text("#!/bin/sh\n" + scripts.get(program, "exit 9"), encoding="utf-8")
                path.chmod(0o755)
        top.mkdir(exist_ok=True)
        return str(top)

    return make


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


def client(number):
    return Client(f"/p/postgres-{number}", Version(tuple(int(part) for part in number.split("."))))


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


@pytest.mark.parametrize(
    ("name", "info"),
    [
        ("bosh", "dbname='bosh'"),
        ("host=evil.example dbname=x", "dbname='host=evil.example dbname=x'"),
        ("x' host='evil", r"dbname='x\' host=\'evil'"),
        ("back\\", r"dbname='back\\'"),
        ("--file=/etc/passwd", "dbname='--file=/etc/passwd'"),
        ("postgresql://evil/x", "dbname='postgresql://evil/x'"),
    ],
)
def test_the_name_of_a_database_stays_a_name(name, info):
    assert conninfo(name) == info
    assert dump_command(client("15"), ENDPOINT, name)[-1] == info


def test_what_is_run():
    assert dump_command(client("15"), ENDPOINT, "bosh") == [
        "/p/postgres-15/bin/pg_dump",
        "--format=plain",
        "--lock-wait-timeout=60000",
        "--no-password",
        "--host=127.0.0.1",
        "--port=5432",
        "--username=vcap",
        "dbname='bosh'",
    ]
    assert globals_command(client("15"), ENDPOINT)[:2] == ["/p/postgres-15/bin/pg_dumpall", "--globals-only"]


# --- dumping, with programs that are really run -----------------------------------------------------------------------


def print_file(path):
    return f"cat {shlex.quote(str(path))}"


GLOBALS = b"""--
-- PostgreSQL database cluster dump
--

CREATE ROLE vcap;

--
-- PostgreSQL database cluster dump complete
--

"""


def run(argv, environ_update, handle_exceptions):
    """What AnsibleModule.run_command does, as far as it is used."""
    done = subprocess.run(argv, env={**os.environ, **environ_update}, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


PROPERTIES = _dump_directory.PROPERTIES_HEADER + b"\n"
Host = namedtuple("Host", "job dest packages")


@pytest.fixture
def host(packages, tmp_path, monkeypatch):
    """Makes a host whose pg_dump and server do as told, and a job to dump it."""
    # What the server says of its databases is asked of a real one in test_database_properties.py.
    monkeypatch.setattr(_dump_directory.Preflight, "properties", lambda self, database: (PROPERTIES, None))

    def make(pg_dump=None, pg_dumpall=None, answer=None, **job):
        globals_file = tmp_path / "whole-globals"
        globals_file.write_bytes(GLOBALS)
        answer_file = tmp_path / "answer"
        answer_file.write_text(answer or rows("bosh", "uaa"), encoding="utf-8")
        top = packages(
            "postgres-15",
            pg_dump=f'[ "$1" != --version ] || exec echo "{PG_DUMP}"\n{pg_dump or print_file(SMALL)}\n',
            pg_dumpall=pg_dumpall or print_file(globals_file),
            psql=print_file(answer_file),
        )
        dest = tmp_path / "staging" / "dbs"
        dest.parent.mkdir()
        options = {"databases": ["all"], "with_globals": True, **job}
        return Host(DumpJob(DumpDirectory(str(dest)), ENDPOINT, top, **options), dest, Path(top))

    return make


def names(directory):
    return sorted(path.name for path in directory.iterdir()) if directory.exists() else []


def test_dumps_are_made_complete_private_and_described(host):
    made = host()
    result = made.job.dump(run)
    assert names(made.dest) == ["bosh.properties", "bosh.sql", "globals.sql", "uaa.properties", "uaa.sql"]
    assert {path.stat().st_mode & 0o777 for path in made.dest.iterdir()} == {0o600}
    assert made.dest.stat().st_mode & 0o777 == 0o700
    text = SMALL.read_bytes()
    assert (made.dest / "bosh.sql").read_bytes() == text
    assert [dump["database"] for dump in result["dumps"]] == ["bosh", "uaa"]
    dump = result["dumps"][0]
    assert dump["seconds"] < 5
    assert {name: dump[name] for name in ("path", "size", "sha256", "rows")} == {
        "path": str(made.dest / "bosh.sql"),
        "size": len(text),
        "sha256": hashlib.sha256(text).hexdigest(),
        "rows": {"public.lines": 4, "public.notes": 3},
    }
    assert dump["properties"] == {
        "path": str(made.dest / "bosh.properties"),
        "size": len(PROPERTIES),
        "sha256": hashlib.sha256(PROPERTIES).hexdigest(),
    }
    assert result["globals"]["sha256"] == hashlib.sha256(GLOBALS).hexdigest()
    assert (result["changed"], result["server_version"], result["bytes_estimate"]) == (True, "15.18", 16_000_000)
    assert result["client"] == str(made.packages / "postgres-15" / "bin" / "pg_dump")


def test_the_dump_runs_in_an_environment_of_its_own(host, monkeypatch):
    monkeypatch.setenv("PGHOSTADDR", "192.0.2.1")
    monkeypatch.setenv("PGPASSWORD", "secret")
    made = host(pg_dump=f"env > ${{0%/bin/*}}/environment\n{print_file(SMALL)}")
    made.job.dump(run)
    lines = (made.packages / "postgres-15" / "environment").read_text(encoding="utf-8").splitlines()
    found = dict(line.split("=", 1) for line in lines if "=" in line)
    assert {name: value for name, value in found.items() if name.startswith("PG")} == {"PGCONNECT_TIMEOUT": "10"}
    assert found["LD_LIBRARY_PATH"] == str(made.packages / "postgres-15" / "lib")
    assert found["LC_ALL"] == "C"


def test_what_a_killed_run_left_is_gone_and_what_is_not_ours_stays(host):
    made = host(databases=["bosh"])
    made.dest.mkdir()
    (made.dest / "old.sql").write_bytes(SMALL.read_bytes())
    (made.dest / "bosh.sql.part").write_bytes(SMALL.read_bytes()[:20])
    (made.dest / "empty.sql.part").touch()
    (made.dest / "notes.sql").write_text("SELECT 1;\n", encoding="utf-8")
    (made.dest / "link.sql").symlink_to(SMALL)
    made.job.dump(run)
    assert names(made.dest) == ["bosh.properties", "bosh.sql", "globals.sql", "link.sql", "notes.sql"]


def test_dumps_are_removed(host):
    made = host()
    made.job.dump(run)
    (made.dest / "uaa.sql.part").write_bytes(b"--\n-- Pos")
    (made.dest / "kept.txt").touch()
    parts = ["bosh.properties", "bosh.sql", "globals.sql", "uaa.properties", "uaa.sql", "uaa.sql.part"]
    removed = [str(made.dest / name) for name in parts]
    pretended = made.job.remove(pretend=True)
    assert (pretended["changed"], pretended["removed"]) == (True, removed)
    assert names(made.dest) == sorted([*parts, "kept.txt"])
    assert made.job.remove()["removed"] == removed
    assert names(made.dest) == ["kept.txt"]
    assert made.job.remove()["changed"] is False


def test_there_may_be_nothing_to_remove(tmp_path):
    job = DumpJob(DumpDirectory(str(tmp_path / "a" / "b")), ENDPOINT, "/none", [], False)
    assert (job.remove()["changed"], job.remove()["removed"]) == (False, [])


def test_no_databases_is_nothing_and_needs_no_server(host):
    made = host(databases=[])
    shutil.rmtree(made.packages)
    for result in (made.job.dump(run), made.job.check(run)):
        assert (result["changed"], result["dumps"], result["globals"], result["client"]) == (False, [], None, None)
    assert names(made.dest) == []


def test_a_check_writes_nothing(host):
    made = host()
    result = made.job.check(run)
    assert (result["changed"], result["dumps"], result["bytes_estimate"]) == (False, [], 16_000_000)
    assert result["databases"] == [{"name": "bosh", "bytes": 8_000_000}, {"name": "uaa", "bytes": 8_000_000}]
    assert result["free_bytes"] > 0
    assert not made.dest.exists()


CUT = f"head -c 700 {shlex.quote(str(SMALL))}"


@pytest.mark.parametrize(
    ("scripts", "said"),
    [
        ({"pg_dump": CUT}, "The dump of database bosh failed, nothing is left of it. .* its output is no whole dump"),
        ({"pg_dump": "exit 0"}, "no whole dump: it is empty"),
        ({"pg_dump": f"{CUT}; echo 'error: gone' >&2; exit 1"}, "failed with exit status 1: error: gone"),
        ({"pg_dump": f"{print_file(SMALL)}; exit 3"}, "failed with exit status 3: it printed no message"),
        ({"pg_dump": f"{CUT}; kill -9 $$"}, "failed with exit status -9"),
        ({"pg_dumpall": "exit 1"}, "The dump of roles and tablespaces failed"),
        ({"pg_dump": f'case "$*" in *uaa*) exit 1;; esac; {print_file(SMALL)}'}, "The dump of database uaa failed"),
    ],
)
def test_if_one_dump_fails_none_is_left(host, scripts, said):
    made = host(**scripts)
    with pytest.raises(PostgresError, match=said):
        made.job.dump(run)
    assert names(made.dest) == []


def test_a_client_that_cannot_be_run_is_said(host):
    made = host(databases=["bosh"])
    (made.packages / "postgres-15" / "bin" / "pg_dumpall").write_bytes(b"\x7fELF of another machine")
    with pytest.raises(PostgresError, match=r"tablespaces failed.*/pg_dumpall cannot be run: Exec format error"):
        made.job.dump(run)
    assert names(made.dest) == []


def test_messages_without_end_do_not_stop_a_dump(host):
    made = host(pg_dump=f"seq 200000 >&2; {print_file(SMALL)}")
    assert len(made.job.dump(run)["dumps"]) == 2


@pytest.fixture
def small_files():
    """No file may grow beyond a mebibyte: the write that would do it fails, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


ENDLESS = f"echo $$ > ${{0%/bin/*}}/pid\n{CUT}\nexec yes 'COPY;'"


@pytest.mark.usefixtures("small_files")
def test_a_write_that_fails_ends_pg_dump_and_leaves_nothing(host):
    made = host(pg_dump=ENDLESS)
    with pytest.raises(DirectorError, match=r"database bosh could not be written to .*/bosh\.sql: File too large \("):
        made.job.dump(run)
    assert names(made.dest) == []
    pid = int((made.packages / "postgres-15" / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_too_little_space_is_refused_with_numbers_before_anything_is_written(host):
    made = host(answer=row("bosh", size=10**18))
    for action in (made.job.check, made.job.dump):
        with pytest.raises(DirectorError) as raised:
            action(run)
        assert "have 1000000000000000000 bytes, so 1100000000000000000 have to be free, but " in str(raised.value)
        assert raised.value.facts["bytes_estimate"] == 10**18
        assert raised.value.facts["free_bytes"] > 0
    assert names(made.dest) == []


def test_the_margin_is_a_tenth(host, monkeypatch):
    made = host(answer=row("bosh", size=1000))
    monkeypatch.setattr(DumpDirectory, "free_bytes", lambda _self: 1100)
    assert made.job.check(run)["free_bytes"] == 1100
    monkeypatch.setattr(DumpDirectory, "free_bytes", lambda _self: 1099)
    with pytest.raises(DirectorError, match="so 1100 have to be free, but 1099 are"):
        made.job.check(run)


@pytest.mark.parametrize("name", ["a/b", "../bosh", ".", ".hidden", "new\nline", "tab\t"])
def test_a_name_that_is_no_safe_file_name_is_refused(host, name):
    made = host(answer=rows("bosh", name))
    with pytest.raises(DirectorError, match="its name does not make a safe file name"):
        made.job.dump(run)
    assert names(made.dest) == []


@pytest.mark.parametrize("name", ["it's = odd", "-e", "a b; c", "é ☃", 'q"uote', "back\\slash", "host=evil"])
def test_other_names_are_passed_as_they_are(host, name):
    note_last = 'for last; do :; done; printf %s "$last" > ${0%/bin/*}/asked'
    made = host(pg_dump=f"{note_last}\n{print_file(SMALL)}", answer=rows(name))
    assert made.job.dump(run)["dumps"][0]["path"] == str(made.dest / f"{name}.sql")
    assert (made.packages / "postgres-15" / "asked").read_text(encoding="utf-8") == conninfo(name)
    assert names(made.dest) == sorted([f"{name}.sql", f"{name}.properties", "globals.sql"])


def test_a_database_called_globals_does_not_take_the_place_of_the_roles(host):
    with pytest.raises(DirectorError, match="would have the name of the file for roles"):
        host(answer=rows("bosh", "globals")).job.dump(run)


def test_a_directory_that_cannot_be_made_is_an_error(host):
    made = host()
    made.dest.parent.rmdir()
    for action in (made.job.check, made.job.dump):
        with pytest.raises(DirectorError, match=r"Dumps cannot be written to .*dbs: .*staging is not a directory"):
            action(run)


def test_a_dump_waits_for_the_one_before_it(host, monkeypatch):
    """A run whose connection was lost may still be writing when the next begins."""
    made = host()
    made.dest.mkdir()
    waiting = threading.Event()
    real = _dump_directory.fcntl.flock

    def flock(descriptor, kind):
        waiting.set()
        real(descriptor, kind)

    first = DumpDirectory(str(made.dest))
    second = threading.Thread(target=made.job.dump, args=(run,))
    with first.locked():
        monkeypatch.setattr(_dump_directory.fcntl, "flock", flock)
        second.start()
        assert waiting.wait(20)
        assert names(made.dest) == []
    second.join(20)
    assert names(made.dest) == ["bosh.properties", "bosh.sql", "globals.sql", "uaa.properties", "uaa.sql"]


def test_reading_a_dump_takes_little_of_the_processor(host, tmp_path):
    head, rest = SMALL.read_bytes().split(b"1\t--", 1)
    big = tmp_path / "big.sql"
    big.write_bytes(head + b"1\tsome row of some table\n" * 4_000_000 + b"1\t--" + rest)
    made = host(pg_dump=print_file(big), databases=["bosh"], answer=rows("bosh"), with_globals=False)
    began = time.process_time()
    result = made.job.dump(run)
    spent = time.process_time() - began
    assert result["dumps"][0]["rows"]["public.notes"] == 4_000_003
    assert result["dumps"][0]["size"] / spent > 50e6
