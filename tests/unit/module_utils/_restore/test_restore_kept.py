# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A database that a role which is nobody replaces: it comes back or goes, whenever and however often that is asked."""

from __future__ import annotations

import contextlib
import subprocess

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump_directory import DumpDirectory, DumpJob
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump_file import DumpFile
from ansible_collections.microbosh.director.plugins.module_utils._postgres._psql import Psql
from ansible_collections.microbosh.director.plugins.module_utils._restore import _restore, _restore_kept
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore import (
    DatabaseServer,
    restore_database,
    working_names,
)
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_kept import end_load
from postgres_rig import let_in, run_command, running_server

BOSH = "director"
NEW, OLD, KEPT, ABSENT = working_names(BOSH)


class Killed(BaseException):
    """A run is stopped between two steps."""


class Elsewhere:
    """A server, the provider's role that may everything there, and one that has a database and no other right."""

    def __init__(self, scratch):
        self._scratch = scratch
        self.packages = str(scratch.binaries.package).rsplit("/", 1)[0]
        self._all = Psql(scratch.binaries, scratch.endpoint, run_command)
        self.endpoint = scratch.endpoint._replace(user="bosh")

    def provide(self, *queries):
        for query in queries:
            self._all.ask("postgres", query)

    def change(self, *statements):
        self._all.load(BOSH, [f"{statement};\n".encode() for statement in statements])

    def rows(self, database=BOSH):
        return [row[0] for row in self._all.ask(database, "SELECT name FROM public.deployments ORDER BY name")]

    def write(self, *names):
        rows = [f"INSERT INTO public.deployments VALUES ('{name}')" for name in names]
        self.change("DELETE FROM public.deployments", *rows)

    def names(self):
        query = "SELECT datname FROM pg_database WHERE datname LIKE 'microbosh%' ORDER BY 1"
        return [row[0] for row in self._all.ask("postgres", query)]

    def server(self):
        clients = _restore.find_clients("", run_command)
        found = _restore.ask_server(self.endpoint, *clients, run_command)
        client = _restore.matching_client(found.version, *clients).at(self.endpoint)
        databases = [one.name for one in found.databases]
        return DatabaseServer(found.version, databases, Psql(client, self.endpoint, run_command))

    @contextlib.contextmanager
    def session(self, user):
        """Keep a session connected to the database."""
        endpoint = self._scratch.endpoint._replace(user=user)
        command = [self._scratch.binaries.command("psql"), "-XqAt", *endpoint.options, "-d", BOSH]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            process.stdin.write("SELECT 1;\n")
            process.stdin.flush()
            assert process.stdout.readline() == "1\n"
            yield
            process.stdin.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    directory = tmp_path_factory.mktemp("kept")
    let_in(directory)
    with running_server(directory) as scratch:
        elsewhere = Elsewhere(scratch)
        elsewhere.provide("CREATE ROLE bosh LOGIN CREATEDB", "CREATE ROLE monitoring LOGIN")
        yield elsewhere


@pytest.fixture
def elsewhere(running):
    """The database as it was at the backup."""
    running.provide("ALTER ROLE bosh CREATEDB", *[f'DROP DATABASE IF EXISTS "{n}"' for n in [BOSH, *running.names()]])
    running.provide(f"CREATE DATABASE {BOSH} OWNER bosh")
    running.change("SET ROLE bosh", "CREATE TABLE public.deployments (name text)")
    running.write("backed up")
    return running


@pytest.fixture
def dump(elsewhere, tmp_path):
    """Its dump; since then the database has changed."""
    DumpJob(DumpDirectory(str(tmp_path / "dbs")), elsewhere.endpoint, "", [BOSH], False).dump(run_command)
    elsewhere.write("of today")
    return tmp_path / "dbs" / f"{BOSH}.sql"


def load(elsewhere, dump, keep=True, asked=False):
    wanted = {"database": BOSH, "target": BOSH, "replace": True, "rewrite": {}, "keep_replaced": keep, "asked": asked}
    source = DumpFile(str(dump), None, None)
    return restore_database(source, elsewhere.server(), wanted, asked)


def end(elsewhere, state, **options):
    return end_load(elsewhere.server(), BOSH, state, **options)


def test_what_is_replaced_comes_back(elsewhere, dump):
    assert load(elsewhere, dump, asked=True)["replaced"] is True
    assert load(elsewhere, dump)["replaced"] is True
    assert (elsewhere.rows(), elsewhere.rows(KEPT), elsewhere.names()) == (["backed up"], ["of today"], [KEPT])
    assert end(elsewhere, "put_back", pretend=True)["changed"] is True
    assert elsewhere.rows() == ["backed up"]
    found = end(elsewhere, "put_back")
    assert (found["changed"], found["kept"], found["warnings"]) == (True, True, [])
    again = end(elsewhere, "put_back")
    assert (again["changed"], again["kept"]) == (False, False)
    assert (elsewhere.rows(), elsewhere.names()) == (["of today"], [])


def test_what_is_replaced_goes_when_it_is_settled(elsewhere, dump):
    load(elsewhere, dump)
    assert end(elsewhere, "settled", pretend=True)["kept"] is True
    assert [end(elsewhere, "settled")["changed"] for dummy in range(2)] == [True, False]
    assert end(elsewhere, "put_back")["changed"] is False
    assert (elsewhere.rows(), elsewhere.names()) == (["backed up"], [])


def test_a_second_load_keeps_what_was_there_before_the_first(elsewhere, dump):
    load(elsewhere, dump)
    elsewhere.write("half a proof")
    load(elsewhere, dump)
    assert (elsewhere.rows(), elsewhere.rows(KEPT), elsewhere.names()) == (["backed up"], ["of today"], [KEPT])
    end(elsewhere, "put_back")
    assert elsewhere.rows() == ["of today"]


def test_another_restore_does_not_begin_while_one_is_kept(elsewhere, dump):
    load(elsewhere, dump)
    with pytest.raises(DirectorError, match=f"still there as {KEPT}.*microbosh_restore_unfinished=resume"):
        load(elsewhere, dump, asked=True)


def test_without_keeping_nothing_is_kept_and_what_is_kept_stays(elsewhere, dump):
    load(elsewhere, dump, keep=False)
    assert elsewhere.names() == []
    elsewhere.write("of today")
    load(elsewhere, dump)
    load(elsewhere, dump, keep=False)
    assert (elsewhere.rows(KEPT), elsewhere.names()) == (["of today"], [KEPT])


def test_where_there_was_none_there_is_none_again(elsewhere, dump):
    elsewhere.provide(f"DROP DATABASE {BOSH}")
    assert load(elsewhere, dump)["replaced"] is False
    assert (elsewhere.rows(), elsewhere.names()) == (["backed up"], [ABSENT])
    with pytest.raises(DirectorError, match=f"still there as {ABSENT}.*there was none"):
        load(elsewhere, dump, asked=True)
    assert load(elsewhere, dump)["replaced"] is True  # a run whose end was lost is done again
    assert end(elsewhere, "put_back")["changed"] is True
    assert (elsewhere.server().has(BOSH), elsewhere.names()) == (False, [])
    assert end(elsewhere, "put_back")["changed"] is False


def test_where_there_was_none_what_came_stays_when_it_is_settled(elsewhere, dump):
    elsewhere.provide(f"DROP DATABASE {BOSH}")
    load(elsewhere, dump)
    assert [end(elsewhere, "settled")["changed"] for dummy in range(2)] == [True, False]
    assert (elsewhere.rows(), elsewhere.names()) == (["backed up"], [])


# Every call that changes the server, at which a run may die.
@pytest.mark.parametrize(
    ("step", "before", "end_of_it"),
    [
        ("load", True, "put_back"),
        ("load", False, "settled"),
        ("rename", True, "put_back"),
        ("rename", False, "put_back"),
        ("rename", False, "settled"),
    ],
)
def test_a_run_that_dies_between_two_steps_is_done_again(elsewhere, dump, monkeypatch, step, before, end_of_it):
    die(monkeypatch, step, before, lambda: load(elsewhere, dump))
    wanted = ["of today"]
    if end_of_it == "settled":
        load(elsewhere, dump)
        wanted = ["backed up"]
    end(elsewhere, end_of_it)
    assert (elsewhere.rows(), elsewhere.names()) == (wanted, [])


@pytest.mark.parametrize(
    ("step", "before", "state"),
    [
        ("rename", True, "put_back"),
        ("rename", False, "put_back"),
        ("drop", False, "put_back"),
        ("drop", False, "settled"),
    ],
)
def test_an_end_that_dies_between_two_steps_is_done_again(elsewhere, dump, monkeypatch, step, before, state):
    load(elsewhere, dump)
    die(monkeypatch, step, before, lambda: end(elsewhere, state))
    end(elsewhere, state)
    assert elsewhere.rows() == (["of today"] if state == "put_back" else ["backed up"])
    assert elsewhere.names() == []


def die(monkeypatch, step, before, act):
    """Do something whose process is gone before, or after, a step of it: nothing is cleaned up."""
    real = getattr(DatabaseServer, step)

    def dying(self, *arguments):
        if not before:
            real(self, *arguments)
        for name in ("drop", "rename", "create", "load"):
            patch.setattr(DatabaseServer, name, gone)
        raise Killed

    def gone(self, *dummy):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(DatabaseServer, step, dying)
        with contextlib.suppress(Killed):
            act()


@pytest.mark.parametrize("user", ["bosh", "monitoring"])
def test_who_is_connected_is_named_and_nothing_happens(elsewhere, dump, monkeypatch, user):
    monkeypatch.setattr(_restore, "PATIENCE", 0)
    monkeypatch.setattr(_restore_kept, "PATIENCE", 0)
    with elsewhere.session(user):
        assert load(elsewhere, dump, asked=True)["replaced"] is True
        with pytest.raises(DirectorError, match=f"director is in use.*role {user}"):
            load(elsewhere, dump)
    assert (elsewhere.rows(), elsewhere.names()) == (["of today"], [])
    load(elsewhere, dump)
    with elsewhere.session(user), pytest.raises(DirectorError, match=f"director is in use.*role {user}"):
        end(elsewhere, "put_back")
    assert (elsewhere.rows(), elsewhere.names()) == (["backed up"], [KEPT])


def test_who_goes_is_waited_for(elsewhere, dump, monkeypatch):
    found = [["one"], ["one"], []]
    monkeypatch.setattr(DatabaseServer, "connections", lambda self, database: found.pop(0) if found else [])
    assert load(elsewhere, dump)["replaced"] is True


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("ALTER ROLE bosh NOCREATEDB", "may not make and rename databases \\(CREATEDB\\)"),
        (f"ALTER DATABASE {BOSH} OWNER TO monitoring", "may not rename the database director.*monitoring's, nor make"),
    ],
)
def test_what_the_role_may_not_is_told_before_anything_is_touched(elsewhere, dump, change, said):
    elsewhere.provide(change)
    dump.with_suffix(".properties").unlink()
    for asked in (True, False):
        with pytest.raises(DirectorError, match=said + ".*microbosh_restore_elsewhere=left"):
            load(elsewhere, dump, asked=asked)
    assert elsewhere.names() == []
