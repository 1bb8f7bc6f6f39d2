# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks that run are told from those that dead workers left, in the schemas of all years, by a real server."""

from __future__ import annotations

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._postgres._psql import identifier
from ansible_collections.microbosh.director.plugins.module_utils._postgres._tasks import (
    DAY,
    Busy,
    Patience,
    Task,
    Tasks,
    TasksUnknown,
    TaskTable,
    facts_of,
    lives,
    plain,
    question,
    require_idle,
    sort_out,
    told,
)
from postgres_rig import run_command, running_server

FIRST = "id serial, state text NOT NULL, timestamp timestamp NOT NULL, description text NOT NULL, result text"
OF_2014 = FIRST + ", checkpoint_time timestamp, type text, username text"
OF_TODAY = OF_2014 + ", started_at timestamp, event_output text"


def task(identity=31, state="processing", age=12.0, began=754.0, checkpoints=True):
    return Task(identity, state, "create deployment", age, began, checkpoints)


class Postgres:
    """A running server with a director's database of its own."""

    def __init__(self, scratch, packages):
        self.scratch = scratch
        self.packages = packages
        (packages / "postgres-1").symlink_to(scratch.binaries.package)

    def sql(self, database, command):
        argv = [self.scratch.binaries.command("psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", *self.scratch.endpoint.options]
        code, out, error = run_command([*argv, "-d", database, "-c", command])
        assert code == 0, error
        return out.strip()

    def director(self, columns, *rows, database="bosh"):
        """Make a database with these rows of tasks, each as SQL; return what is found there."""
        self.sql("postgres", f"CREATE DATABASE {identifier(database)}")
        self.sql(database, f"CREATE TABLE tasks ({columns})")
        for row in rows:
            self.sql(database, f"INSERT INTO tasks ({', '.join(row)}) VALUES ({', '.join(row.values())})")
        return self.look(database)

    def look(self, database="bosh"):
        return TaskTable(self.scratch.endpoint, database, str(self.packages), run_command).look()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_server("/var/tmp") as scratch:
        yield Postgres(scratch, tmp_path_factory.mktemp("packages"))


@pytest.fixture
def postgres(server):
    yield server
    server.sql("postgres", "ALTER ROLE ALL RESET ALL")
    for name in server.sql("postgres", "SELECT datname FROM pg_database WHERE NOT datistemplate").splitlines():
        if name != "postgres":
            server.sql("postgres", f"DROP DATABASE {identifier(name)}")


def ago(seconds):
    return f"(now() AT TIME ZONE 'utc') - interval '{seconds} s'"


def row(state="'processing'", **values):
    return {"state": state, "timestamp": ago(3600), "description": "'create deployment'", **values}


def ids(tasks):
    return [task.id for task in tasks]


def test_a_worker_of_the_last_three_minutes_lives_and_one_of_2022_does_not(postgres):
    found = postgres.director(
        OF_TODAY,
        row(checkpoint_time=ago(170), started_at=ago(3000)),
        row(checkpoint_time=ago(185), started_at=ago(10)),
        row("'cancelling'", checkpoint_time=ago(1)),
        row(checkpoint_time="'2022-03-04 06:07:08.9'"),
        row("'queued'", checkpoint_time=ago(1)),
        row("'done'", checkpoint_time=ago(1)),
        row("'timeout'", checkpoint_time=ago(1)),
    )
    assert (ids(found.running), ids(found.dead), ids(found.queued)) == ([1, 3], [2, 4], [5])
    assert 169 < found.running[0].age < 180
    assert 2999 < found.running[0].began < 3010


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Los_Angeles", "UTC"])
def test_the_age_does_not_depend_on_the_servers_time_zone(postgres, zone):
    postgres.sql("postgres", f"ALTER ROLE ALL SET timezone = '{zone}'")
    found = postgres.director(OF_TODAY, row(checkpoint_time=ago(20)), row(checkpoint_time=ago(200)))
    assert (ids(found.running), ids(found.dead)) == ([1], [2])


def test_without_a_checkpoint_it_counts_when_the_task_was_taken(postgres):
    found = postgres.director(
        OF_TODAY,
        row(started_at=ago(5)),
        row(timestamp=ago(5)),
        row(started_at=ago(500), timestamp=ago(5)),
        row(timestamp="'2013-05-04 05:06:07'"),
    )
    assert (ids(found.running), ids(found.dead)) == ([1, 2], [3, 4])


def test_the_schema_of_2014_has_no_start(postgres):
    found = postgres.director(OF_2014, row(checkpoint_time=ago(5)), row(timestamp=ago(5)), row())
    assert (ids(found.running), ids(found.dead)) == ([1, 2], [3])


def test_where_nothing_tells_the_dead_a_task_runs_for_a_day(postgres):
    found = postgres.director(FIRST, row(timestamp=ago(3600)), row(timestamp=ago(DAY + 60)))
    assert (ids(found.running), ids(found.dead)) == ([1], [2])


def test_any_name_of_a_database_and_any_text_will_do(postgres):
    text = r"E'run \t\n errand \\. \u2603 | \x1b[2J\u0085x''y'"
    found = postgres.director(OF_TODAY, row(description=text, checkpoint_time=ago(1)), database="it's a \"bosh\" db")
    assert found.running[0].description == r"run errand \. ☃ | [2J x'y"
    assert found.running[0].state == "processing"


def test_what_is_no_directors_database_is_said(postgres):
    with pytest.raises(TasksUnknown, match="has no database bosh"):
        postgres.look()
    postgres.sql("postgres", "CREATE DATABASE bosh")
    with pytest.raises(TasksUnknown, match="The database bosh has no table of tasks"):
        postgres.look()
    postgres.sql("bosh", "CREATE TABLE tasks (id serial)")
    with pytest.raises(TasksUnknown, match="no column state, description, timestamp"):
        postgres.look()


def test_a_lock_on_the_table_ends_as_an_error_and_not_never(postgres, monkeypatch):
    module = "ansible_collections.microbosh.director.plugins.module_utils._postgres._tasks.ANSWER_SECONDS"
    monkeypatch.setattr(module, 0.2)
    postgres.director(OF_TODAY)
    table = TaskTable(postgres.scratch.endpoint, "bosh", str(postgres.packages), run_command)
    with pytest.raises(DirectorError, match="statement timeout"):
        table._ask("SELECT 1 FROM pg_sleep(30)")


@pytest.mark.parametrize(
    ("age", "checkpoints", "alive"),
    [
        (0, True, True), (179.9, True, True), (180, True, False), (-20, True, True), (-3600, True, True),
        (-2 * DAY, True, False), (None, True, False), (179.9, False, True), (DAY - 1, False, True), (DAY, False, False),
    ],
)  # fmt: skip
def test_who_lives(age, checkpoints, alive):
    assert lives(task(age=age, checkpoints=checkpoints)) is alive


def test_the_question_names_only_columns_that_are_there():
    assert "checkpoint_time" not in question(["id", "state", "description", "timestamp"])
    assert 'coalesce("checkpoint_time", "timestamp")' in question(
        ["id", "state", "description", "timestamp", "checkpoint_time"]
    )


def test_a_long_description_is_cut():
    assert plain("x" * 300) == "x" * 97 + "..."


def test_what_is_told():
    running, dead = task(), task(4, "cancelling", age=1700 * DAY, began=1700.5 * DAY)
    assert told(Tasks([running], [dead], [])) == [
        "1 task runs: 31 'create deployment' (processing for 754 s, a sign of its worker 12 s ago)",
        "1 task is left of a worker that died, and is not waited for: 4 'create deployment' (cancelling for 1700 days, "
        "a sign of its worker 1700 days ago). `bosh task 4` settles it.",
    ]
    assert told(Tasks([], [], [task()])) == []
    (line,) = told(Tasks([], [task(number) for number in range(100, 140)], []))
    assert line.startswith("40 tasks are left of workers that died, and are not waited for: 135 'create")
    assert line.endswith(", and 35 more. `bosh task 139` settles it.")
    assert facts_of(dead)["age"] == 1700 * DAY


def test_a_busy_director_is_an_error_that_names_what_runs():
    require_idle(Tasks([], [task()], [task()]))
    words = r"31 'create deployment' \(processing for 754 s.*microbosh_running_tasks=stop"
    with pytest.raises(Busy, match=words) as error:
        require_idle(Tasks([task()], [], []))
    assert error.value.facts["reason"] == "busy"
    assert [fact["id"] for fact in error.value.facts["running"]] == [31]


class Clock:
    """Time that passes only when somebody sleeps; what is seen changes with it."""

    def __init__(self, *seen):
        self.now, self.seen, self.slept = 100.0, list(seen), []

    def look(self):
        return sort_out(self.seen.pop(0) if len(self.seen) > 1 else self.seen[0])

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds

    def watch(self, wait=0, settle=0):
        return Patience(wait, settle).watch(self.look, lambda: self.now, self.sleep)


def test_without_patience_it_is_one_look():
    clock = Clock([task()])
    assert ids(clock.watch().running) == [31]
    assert clock.slept == []


def test_it_waits_until_the_last_task_has_ended():
    clock = Clock([task(), task(32)], [task(32)], [task(33, "queued", began=0.5)])
    assert ids(clock.watch(wait=60).queued) == [33]
    assert clock.slept == [2, 2]


def test_it_waits_no_longer_than_it_may():
    clock = Clock([task()])
    assert ids(clock.watch(wait=5).running) == [31]
    assert sum(clock.slept) == pytest.approx(5)


def test_a_task_that_was_just_queued_is_watched_until_it_is_taken():
    clock = Clock([task(33, "queued", age=0.2, began=0.2)], [task(33, age=0.1, began=0.1)])
    assert ids(clock.watch(settle=3).running) == [33]
    assert sum(clock.slept) == pytest.approx(0.3)


def test_a_queue_that_rests_is_not_waited_for():
    assert Clock([task(33, "queued", age=900, began=900)]).watch(settle=3).running == []
    clock = Clock([task(33, "queued", age=0.2, began=0.2)])
    assert clock.watch(settle=3).running == []
    assert 3 <= sum(clock.slept) < 3.5
