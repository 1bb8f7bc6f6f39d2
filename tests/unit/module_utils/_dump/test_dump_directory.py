# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dumps as they are made, with programs that are really run."""

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
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump_running import (
    dump_command,
    globals_command,
)
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres import (
    PostgresError,
    conninfo,
)
from places import DUMPS
from postgres_programs import ENDPOINT, PG_DUMP, client, maker_of_packages, row, rows

SMALL = DUMPS / "small.sql"


@pytest.fixture
def packages(tmp_path):
    return maker_of_packages(tmp_path)


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
