# SPDX-License-Identifier: GPL-3.0-or-later
"""Dumps come back onto a store that was lost: the director's job makes the data directory, a rollback removes it."""

from __future__ import annotations

import os
import shutil

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._postgres._empty_directory import NotMade
from ansible_collections.microbosh.director.plugins.module_utils._postgres._file_layout import NoWayBack
from ansible_collections.microbosh.director.plugins.module_utils._restore import _restore_databases as databases
from ansible_collections.microbosh.director.plugins.module_utils._restore import _restore_empty as empty
from ansible_collections.microbosh.director.plugins.module_utils._restore import _restore_steps as steps
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_tree import RestoreError
from restored_tree import Rig, describe, write

DUMPS = [{"database": "bosh", "size": 10, "server_version": "15.18"}]
ONLINE = {"dumps": DUMPS, "postgres": [], "live": None, "unrestorable": "it was made online"}
MAKE = """#!/bin/sh
echo called >>{calls}
[ ! -e {full} ] || {{ echo is not empty; exit 1; }}
mkdir {full} && echo {major} >{full}/PG_VERSION && echo rows >{full}/base
echo 2.36 >{store}/made-beside
"""


@pytest.fixture(autouse=True)
def no_server(monkeypatch):
    """Whether a server lives is asked for real in test_postgres_server."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    monkeypatch.setattr(databases, "living_servers", lambda directories, ports: [])
    monkeypatch.setattr(databases, "inhabited", lambda store: [])
    monkeypatch.setattr(databases.HostDatabases, "_majors", lambda self: ["15"])
    for module in (steps, empty):
        monkeypatch.setattr(module, "wait_for_makers", lambda: None)


@pytest.fixture
def rig(tmp_path):
    """A director whose store lost its data directory, and a job that makes one."""
    rig = Rig(tmp_path)
    shutil.rmtree(rig.vcap / "store/postgres")
    make(rig)
    rig.before = describe(rig.vcap)
    return rig


def make(rig, major=15, in_an_empty_one=False):
    store = rig.vcap / "store"
    full = store / "postgres"
    script = MAKE.format(calls=rig.vcap.parent / "calls", full=full, store=store, major=major)
    if in_an_empty_one:  # as initdb, which takes that
        script = script.replace(f"[ ! -e {full} ]", f'[ -z "$(ls -A {full})" ]').replace(f"mkdir {full}", "true")
    write(rig.vcap / "jobs/postgres/bin/pre-start", script, 0o755)
    write(rig.vcap / "jobs/postgres/config/postgresql.conf", f"data_directory = '{store}/postgres'\n")


def calls(rig):
    path = rig.vcap.parent / "calls"
    return len(path.read_text().split()) if path.exists() else 0


def exchanged(rig):
    """Come as far as dumps are loaded."""
    way = {"database": "dump", "data_directory": "postgres", "source": ONLINE}
    maker = str(rig.vcap / "jobs/postgres/bin/pre-start")
    rig.stage(**way, about={"data_directory": "postgres", "maker": maker, "dumps": DUMPS})
    rig.restore("swapped")
    rig.restore("marked", phase="loading")


def test_it_is_told_ahead_what_makes_the_directory(rig):
    found = rig.restore("compared", database="auto", source=ONLINE)
    assert (found["database"], found["data_directory"]) == ("dump", "postgres")
    assert found["maker"] == str(rig.vcap / "jobs/postgres/bin/pre-start")
    assert f"into an empty data directory that {found['maker']} makes" in found["why"]
    assert "store/postgres" in found["left_out"]
    assert calls(rig) == 0
    assert describe(rig.vcap) == rig.before


@pytest.mark.parametrize("copy", ["postgres-13", "kept/by-hand"])
def test_nothing_is_made_where_another_data_directory_is(rig, copy):
    write(rig.vcap / "store" / copy / "PG_VERSION", "13\n")
    write(rig.vcap / "store" / copy / "global/pg_control", "x")
    if copy == "postgres-13":  # it counts as the director's own, whose programs are not there
        words = "no programs on the director can run PostgreSQL 13"
    else:
        words = "kept/by-hand looks like one: move it away"
    with pytest.raises(NoWayBack, match=words):
        rig.restore("compared", database="auto", source=ONLINE)


def test_a_director_that_can_make_none_is_refused_with_the_way_out(rig):
    (rig.vcap / "jobs/postgres/bin/pre-start").unlink()
    with pytest.raises(NoWayBack, match=r"Deploy the director again \(bosh create-env --recreate\)"):
        rig.restore("compared", database="auto", source=ONLINE)


def test_files_of_a_backup_need_no_such_program(rig):
    found = rig.restore("compared", database="files", source={**ONLINE, "live": "postgres", "unrestorable": None,
                        "postgres": [{"name": "postgres", "major": "15"}]})  # fmt: skip
    assert (found["database"], found["maker"]) == ("files", "")


def test_it_is_made_once_and_stays(rig):
    exchanged(rig)
    assert rig.restore("initialized")["changed"] is True
    assert rig.restore("initialized")["changed"] is False
    assert calls(rig) == 1
    rig.restore("marked", phase="proving")
    with pytest.raises(RestoreError, match="at 'proving', not at 'loading'"):
        rig.restore("initialized")
    rig.settle()
    assert (rig.vcap / "store/postgres/base").read_text() == "rows\n"
    assert describe(rig.vcap)["store/redis/dump.rdb"] == rig.wanted["store/redis/dump.rdb"]


def test_what_a_killed_try_left_is_made_anew(rig):
    exchanged(rig)
    write(rig.vcap / "store/postgres/postgresql.conf", "half")
    write(rig.vcap / "store/postgres/PG_VERSION", "15\n")
    assert rig.restore("initialized")["changed"] is True
    assert not (rig.vcap / "store/postgres/postgresql.conf").exists()


@pytest.mark.parametrize("come", ["swapped", "half", "loaded", "started"])
def test_a_rollback_takes_it_away(rig, come):
    exchanged(rig)
    if come == "half":
        write(rig.vcap / "store/postgres/PG_VERSION", "15\n")
    if come in ("loaded", "started"):
        rig.restore("initialized")
        write(rig.vcap / "store/postgres/deep/er", "loaded")
    if come == "started":
        rig.restore("marked", phase="proving")
        rig.restore("marked", phase="starting")
    rig.restore("rolled_back")
    rig.settle("rolled_back")
    assert describe(rig.vcap) == rig.before


def test_an_empty_directory_that_was_there_stays_through_a_rollback(rig):
    """It may be a disk of its own."""
    (rig.vcap / "store/postgres").mkdir(mode=0o700)
    before = os.stat(rig.vcap / "store/postgres").st_ino
    exchanged(rig)
    write(rig.vcap / "store/postgres/PG_VERSION", "15\n")
    rig.restore("rolled_back")
    rig.settle("rolled_back")
    assert os.stat(rig.vcap / "store/postgres").st_ino == before
    assert list((rig.vcap / "store/postgres").iterdir()) == []


@pytest.fixture
def started_in_vain(rig):
    """What bpm and the job leave when monit starts PostgreSQL without a data directory."""
    write(rig.vcap / "store/postgres/postgresql.conf", "the job's")
    rig.before = described(rig)
    return rig


def described(rig):
    """The tree, but for the time of a directory that something was put back into, and the job."""
    found = {path: entry for path, entry in describe(rig.vcap).items() if not path.startswith("jobs")}
    kind, uid, gid, mode, dummy, *rest = found["store/postgres"]
    return {**found, "store/postgres": (kind, uid, gid, mode, *rest)}


def test_what_a_start_in_vain_left_is_no_data_directory(started_in_vain):
    found = started_in_vain.restore("compared", database="auto", source=ONLINE)
    assert (found["database"], found["data_directory"], found["postgres"]) == ("dump", "postgres", [])
    make(started_in_vain, in_an_empty_one=True)
    exchanged(started_in_vain)
    assert started_in_vain.restore("initialized")["changed"] is True
    assert not (started_in_vain.vcap / "store/postgres/postgresql.conf").exists()


@pytest.mark.parametrize("come", ["swapped", "failed", "loaded"])
def test_what_a_start_in_vain_left_is_put_back(started_in_vain, come):
    rig = started_in_vain
    make(rig, in_an_empty_one=come != "failed")
    exchanged(rig)
    if come == "failed":
        with pytest.raises(NotMade, match="is not empty"):
            rig.restore("initialized")
    if come == "loaded":
        rig.restore("initialized")
        write(rig.vcap / "store/postgres/postgresql.conf", "initdb's")
    rig.restore("rolled_back")
    rig.settle("rolled_back")
    assert described(rig) == rig.before


@pytest.mark.parametrize("at", ["note", "move"])
def test_killed_at_any_step_it_is_neither_lost_nor_taken_for_a_data_directory(started_in_vain, monkeypatch, at):
    rig = started_in_vain
    make(rig, in_an_empty_one=True)
    with monkeypatch.context() as patch:
        patch.setattr(*{"note": (empty, "move"), "move": (steps, "Swap")}[at], killed)
        with pytest.raises(Killed):
            exchanged(rig)
    rig.restore("rolled_back")
    assert (rig.vcap / "store/postgres/postgresql.conf").read_text() == "the job's"
    rig.settle("rolled_back")
    exchanged(rig)
    rig.restore("initialized")
    with monkeypatch.context() as patch:
        patch.setattr(*{"note": (empty, "move"), "move": (steps, "Swap")}[at], killed)
        with pytest.raises(Killed):
            rig.restore("rolled_back")
    rig.restore("rolled_back")
    rig.settle("rolled_back")
    assert described(rig) == rig.before


class Killed(BaseException):
    """The process is gone: nothing catches this."""


def killed(*dummy):
    raise Killed


@pytest.mark.parametrize(
    ("text", "words"),
    [("echo no room; exit 1", "it ended with 1: no room"), (None, "newer than the 9.4 of the director")],
)
def test_what_makes_none_that_will_do_fails_and_can_be_rolled_back(rig, text, words):
    exchanged(rig)
    if text:
        write(rig.vcap / "jobs/postgres/bin/pre-start", f"#!/bin/sh\n{text}\n", 0o755)
    else:
        make(rig, "9.4")
    before = {**rig.before, **{path: entry for path, entry in describe(rig.vcap).items() if path.startswith("jobs")}}
    with pytest.raises(NotMade, match=words):
        rig.restore("initialized")
    rig.restore("rolled_back")
    rig.settle("rolled_back")
    assert describe(rig.vcap) == before


def test_one_that_came_up_meanwhile_is_kept_and_not_made_anew(rig):
    """The ctl of an older director makes one whenever monit starts it: what is in it is not thrown away."""
    write(rig.vcap / "store/postgres/PG_VERSION", "15\n")
    write(rig.vcap / "store/postgres/base", "rows of monit's")
    come_up = describe(rig.vcap)
    shutil.move(rig.vcap / "store/postgres", rig.vcap.parent / "meanwhile")
    way = {"database": "dump", "data_directory": "postgres", "source": ONLINE}
    rig.stage(**way, about={"data_directory": "postgres", "maker": "any", "dumps": DUMPS})
    shutil.move(rig.vcap.parent / "meanwhile", rig.vcap / "store/postgres")
    rig.restore("swapped")
    rig.restore("marked", phase="loading")
    assert rig.restore("initialized")["changed"] is False
    write(rig.vcap / "store/postgres/base", "half loaded")
    rig.restore("rolled_back")
    rig.settle("rolled_back")
    assert describe(rig.vcap) == come_up


def test_one_that_is_half_there_when_all_is_stopped_stops_the_exchange(rig):
    way = {"database": "dump", "data_directory": "postgres", "source": ONLINE}
    rig.stage(**way, about={"data_directory": "postgres", "maker": "any", "dumps": DUMPS})
    write(rig.vcap / "store/postgres/half", "x")
    with pytest.raises(RestoreError, match=r"has something in it.*Nothing was exchanged"):
        rig.restore("swapped")
    rig.restore("rolled_back")
    rig.settle("rolled_back")
    assert (rig.vcap / "store/postgres/half").read_text() == "x"


def test_a_restore_that_an_earlier_version_began_has_nothing_to_make(rig):
    write(rig.vcap / "store/postgres/PG_VERSION", "15\n")
    rig.stage(database="dump", data_directory="postgres")
    rig.restore("swapped")
    rig.restore("marked", phase="loading")
    assert rig.restore("initialized")["changed"] is False
    assert calls(rig) == 0
