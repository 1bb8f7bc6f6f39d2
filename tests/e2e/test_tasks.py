# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup never kills what the director works on, unless that is wanted, and never waits for what is long dead."""

from __future__ import annotations

import re

import faults
import points
import pytest
import yaml
from restoring import psql
from standing import refused, standing

pytestmark = pytest.mark.long

NOT_TO_BE_HAD = 4
SECRETS = ("credhub_encryption_password", "nats_ca", "uaa_jwt_signing_key", "uaa_encryption_key_1")
WAIT = points.WAIT_FOR_TASKS
SHOW_STATS = {"ANSIBLE_SHOW_CUSTOM_STATS": "1"}
NOW = "now() AT TIME ZONE 'utc'"
INSERT = """INSERT INTO tasks (state, "timestamp", checkpoint_time, description, type) VALUES
    ('{state}', {now}, {now}, 'e2e create deployment', 'update_deployment') RETURNING id"""
# As a worker does while it is at a task, which is every 30 s there.
WORKER = r"""
cat >/run/worker <<'END'
. /etc/testhost
ask() { $POSTGRES/bin/psql -qAtX -h 127.0.0.1 -U vcap -d bosh -c "$1"; }
at_work="id = $1 AND state IN ('processing', 'cancelling')"
while [ "$(ask "UPDATE tasks SET checkpoint_time = now() AT TIME ZONE 'utc' WHERE $at_work RETURNING 1")" ]; do
    sleep 1
done
END
setsid sh /run/worker %d >/dev/null 2>&1 </dev/null &
"""
# As a director that is given a task in its last moment: it is queued when nothing can come in any more, and taken then.
IN_THE_GAP = r"""
cat >/run/in-the-gap <<'END'
. /etc/testhost
ask() { $POSTGRES/bin/psql -qAtX -h 127.0.0.1 -U vcap -d bosh -c "$1"; }
pid=$(pgrep -o -f '^nginx: master process .*/director(_nginx|/config/nginx)[.]conf')
while kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
id=$(ask "%s")
sleep 1
ask "UPDATE tasks SET state = 'processing', checkpoint_time = now() AT TIME ZONE 'utc' WHERE id = $id"
END
setsid sh /run/in-the-gap >/run/in-the-gap.log 2>&1 </dev/null &
"""


def row(director, state="processing", now=NOW):
    """Make a row of a task of that time; return its id."""
    return int(psql(director, "bosh", INSERT.format(state=state, now=now)))


def begun(director, state="processing"):
    """Let a worker take a task; return its id."""
    task = row(director, state)
    director.shell(WORKER % task)
    return task


def ended(director, task):
    psql(director, "bosh", f"UPDATE tasks SET state = 'done' WHERE id = {task}")


@pytest.fixture(autouse=True)
def no_task_stays(director):
    yield
    psql(director, "bosh", "DELETE FROM tasks WHERE description = 'e2e create deployment'")


def workers(director):
    """The processes of all workers, by their pid files."""
    return [line for line in standing(director)["processes"] if "worker" in line]


def busy(director, *words, restarted=False, **settings):
    """Back up a director that works on something: nothing is lost, and who started the run can tell why it ended."""
    run = refused(
        director, "The director is busy", "'e2e create deployment' (", *words,
        restarted=restarted, environment=SHOW_STATS, **settings,
    )  # fmt: skip
    assert run.status == NOT_TO_BE_HAD
    assert '"reason": "busy"' in run.output.partition("CUSTOM STATS:")[2]
    return run


def test_a_running_task_is_waited_for_and_dead_ones_are_told(director, tmp_path):
    dead = row(director, now="timestamp '2022-03-04 05:06:07'")
    unmarked = row(director, now="timestamp '2013-03-04 05:06:07'")
    psql(director, "bosh", f"UPDATE tasks SET checkpoint_time = NULL WHERE id = {unmarked}")
    task = begun(director)
    running = faults.Running(director, tmp_path, microbosh_outage_limit=600)
    running.wait_for(WAIT)
    ended(director, task)
    output = " ".join(running.wait().split())
    assert running.process.returncode == 0, running.output
    assert re.search(rf"Waiting, 600 s at most \(microbosh_timeout\), for {task} 'e2e create deployment'", output)
    assert output.count(f"{dead} 'e2e create deployment' (processing for ") == 1
    assert output.count("and are not waited for") == 1
    assert {dead, unmarked} <= {found["id"] for found in director.report["tasks"]["dead"]}
    assert director.report["tasks"]["killed"] == []
    assert "No file in microbosh_extra_files looks like a vars store" in output


def test_a_task_that_goes_on_ends_the_run(director):
    begun(director)
    run = busy(director, "Nothing was stopped", microbosh_timeout=2)
    assert "Waiting, 2 s at most" in run


def test_refuse_copies_nothing(director):
    task = begun(director, "cancelling")
    run = busy(director, f"1 task runs: {task} ", "Nothing was stopped", microbosh_running_tasks="refuse")
    assert "First pass" not in run


def test_a_task_that_begins_while_the_director_is_stopped_keeps_its_worker(director):
    before = workers(director)
    director.shell(IN_THE_GAP % INSERT.format(state="queued", now=NOW).replace('"', r"\""))
    run = busy(director, "The director is up, every service runs", restarted=True)
    assert "TASK [No task has begun whose worker would be stopped]" in run.output
    assert workers(director) == before


def test_stop_kills_it_and_says_so_and_a_vars_store_is_no_reason_to_warn(director):
    task = begun(director)
    creds = director.directory / "creds.yml"
    creds.write_text(yaml.safe_dump(dict.fromkeys(SECRETS, "s3cret")))
    run = director.backup(microbosh_running_tasks="stop", microbosh_extra_files=[str(creds)])
    assert run.status == 0, run.output
    assert f"The outage kills, as microbosh_running_tasks says: {task} 'e2e create deployment'" in run
    assert [found["id"] for found in director.report["tasks"]["killed"]] == [task]
    assert "vars store" not in run
    assert "s3cret" not in run
    assert (director.latest / "extra/creds.yml").read_text() == creds.read_text()
