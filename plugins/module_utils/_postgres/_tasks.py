# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tasks that a director works on, told from the rows that dead workers left behind.

A worker sets a task to ``processing`` and writes ``checkpoint_time`` when it takes it, and again every 30 seconds. A
director counts a task as dead after 180 seconds without, but only when it is asked about that very task.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import re
from collections import namedtuple

from ansible.module_utils.common.text.converters import to_text
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres import (
    ask_server,
    find_clients,
    matching_client,
)
from ansible_collections.microbosh.director.plugins.module_utils._postgres._psql import (
    Psql,
    hexadecimal,
    literal,
    plain_table,
    select,
)

STATES = ("processing", "cancelling")
# Seconds since a worker was last heard of.
ALIVE = 180
DAY = 86400
# Seconds between two looks: while tasks run, and while it is seen whether one that waits is taken.
PACE = 2.0
QUICK_PACE = 0.3
# A lock on the table must not hold up a director that is away.
ANSWER_SECONDS = 15
DESCRIPTION_LENGTH = 100
# A director may have hundreds of rows of dead workers.
SHOWN = 5
_CONTROL = re.compile(u"[\\x00-\\x1f\\x7f-\\x9f]")

COLUMNS = select(
    [hexadecimal("attname")],
    "pg_catalog.pg_attribute WHERE attrelid =%s::pg_catalog.regclass AND attnum > 0 AND NOT attisdropped",
)
# When a worker was last heard of, from the best that a schema has to the least; and when the task began.
SIGNS = ("checkpoint_time", "started_at", "timestamp")
BEGINNINGS = ("started_at", "timestamp")


class TasksUnknown(DirectorError):
    """The tasks of the director cannot be read."""


class Busy(DirectorError):
    """The director works on something."""


Task = namedtuple("Task", "id state description age began checkpoints")
Tasks = namedtuple("Tasks", "running dead queued")


def question(columns, table="public.tasks"):
    """Given the columns that the table has, return the query for all tasks that run, or wait, or seem to."""
    missing = [name for name in ("id", "state", "description", "timestamp") if name not in columns]
    if missing:
        raise TasksUnknown("Its table of tasks has no column %s" % ", ".join(missing))
    fields = ["id", hexadecimal("state"), hexadecimal("substr(description, 1, 400)")]
    fields += [_seconds_since(SIGNS, columns), _seconds_since(BEGINNINGS, columns)]
    states = ", ".join("'%s'" % state for state in STATES + ("queued",))
    return select(fields, "%s WHERE state IN (%s) ORDER BY id" % (table, states))


def _seconds_since(names, columns):
    there = ", ".join('"%s"' % name for name in names if name in columns)
    # The director writes UTC, whatever the server's own time zone is.
    return "extract(epoch FROM (now() AT TIME ZONE 'utc') - coalesce(%s))" % there


def read_tasks(rows, columns):
    """Given what ``question`` answered, return the tasks."""
    checkpoints = "checkpoint_time" in columns
    return [
        Task(int(row[0]), row[1], plain(row[2]), _seconds(row[3]), _seconds(row[4]), checkpoints) for row in rows
    ]


def _seconds(text):
    return float(text) if text else None


def plain(text):
    """Return a description as one short line, without what a terminal would obey."""
    words = " ".join(_CONTROL.sub(" ", to_text(text, errors="replace")).split())
    return words if len(words) <= DESCRIPTION_LENGTH else words[: DESCRIPTION_LENGTH - 3] + "..."


def lives(task):
    """Return whether a worker is at a task. One just taken counts, and one whose clock is somewhat ahead."""
    if task.age is None:
        return False
    # Before there were checkpoints, nothing tells a worker that died from one that takes its time.
    return -DAY < task.age < (ALIVE if task.checkpoints else DAY)


def sort_out(tasks):
    """Return the Tasks that run, those that dead workers left, and those that wait for a worker."""
    begun = [task for task in tasks if task.state in STATES]
    return Tasks(
        [task for task in begun if lives(task)],
        [task for task in begun if not lives(task)],
        [task for task in tasks if task.state not in STATES],
    )


class TaskTable(object):
    """The tasks of a director, as its database knows them."""

    def __init__(self, endpoint, database, packages, run_command):
        clients, rejected = find_clients(packages, run_command)
        server = ask_server(endpoint, clients, rejected, run_command, database)
        if database not in [found.name for found in server.databases]:
            raise TasksUnknown("%s has no database %s" % (endpoint, database))
        client = matching_client(server.version, clients, rejected)
        self._psql = Psql(client.at(endpoint), endpoint, run_command)
        self._database = database
        self._table = plain_table(self._psql, database, "tasks")
        if not self._table:
            raise TasksUnknown("The database %s has no table of tasks" % database)
        self._columns = [row[0] for row in self._ask(COLUMNS % literal(self._table))]

    def look(self):
        """Return the Tasks of this moment."""
        rows = self._ask(question(self._columns, self._table))
        return sort_out(read_tasks(rows, self._columns))

    def _ask(self, query):
        return self._psql.ask(self._database, "SET statement_timeout = %d; %s" % (ANSWER_SECONDS * 1000, query))


class Patience(namedtuple("Patience", "wait settle")):
    """Seconds to wait until no task runs, and until one that was just queued is taken or clearly is not."""

    __slots__ = ()

    def watch(self, look, clock, sleep):
        """Wait until no task runs, or the time is over; return the Tasks of the last look."""
        began = clock()
        while True:
            tasks = look()
            spent = clock() - began
            if tasks.running and spent < self.wait:
                sleep(min(PACE, self.wait - spent))
            elif not tasks.running and self._unsettled(tasks) and spent < self.settle:
                sleep(QUICK_PACE)
            else:
                return tasks

    def _unsettled(self, tasks):
        """Return whether a task was queued so recently that an idle worker may be about to take it."""
        return any(task.began is not None and abs(task.began) < self.settle for task in tasks.queued)


def facts_of(task):
    """Return what a playbook sees of a task."""
    rounded = [None if seconds is None else round(seconds, 1) for seconds in (task.age, task.began)]
    return {
        "id": task.id,
        "state": task.state,
        "description": task.description,
        "age": rounded[0],
        "began": rounded[1],
        "words": in_words(task),
    }


def in_words(task):
    """Return a task as a person would name it."""
    return "%d '%s' (%s for %s, a sign of its worker %s ago)" % (
        task.id, task.description, task.state, _duration(task.began), _duration(task.age)
    )  # fmt: skip


def _duration(seconds):
    if seconds is None:
        return "an unknown time"
    return "%d days" % (seconds / DAY) if seconds >= 2 * DAY else "%d s" % max(0, seconds)


def told(tasks):
    """Return the lines that tell of tasks."""
    lines = []
    if tasks.running:
        lines.append("%s: %s" % (_count(tasks.running, "runs", "run"), _all_in_words(tasks.running)))
    if tasks.dead:
        what = _count(tasks.dead, "is left of a worker that died, and is not waited for",
                      "are left of workers that died, and are not waited for")  # fmt: skip
        lines.append("%s: %s. `bosh task %d` settles it." % (what, _all_in_words(tasks.dead), tasks.dead[-1].id))
    return lines


def _count(tasks, one, more):
    return "1 task %s" % one if len(tasks) == 1 else "%d tasks %s" % (len(tasks), more)


def _all_in_words(tasks):
    """Return the newest tasks in words."""
    newest = [in_words(task) for task in tasks[-SHOWN:]]
    return ", ".join(newest + ["and %d more" % (len(tasks) - SHOWN)] * (len(tasks) > SHOWN))


def require_idle(tasks):
    """Raise Busy if a task runs."""
    if tasks.running:
        raise Busy(
            "The director is busy, and an outage would kill what it works on: %s. Run the backup again when it has "
            "ended, give it more time with microbosh_timeout, or let it be killed with microbosh_running_tasks=stop."
            % _all_in_words(tasks.running),
            reason="busy",
            running=[facts_of(task) for task in tasks.running],
        )
