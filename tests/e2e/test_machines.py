# SPDX-License-Identifier: GPL-3.0-or-later
"""One job in slices on several machines, as AWX does it; they share nothing but the volume of the backups."""

from __future__ import annotations

import concurrent.futures
import contextlib

import faults
import pytest
from breakage import SECOND_PASS, gate, wait_until
from conftest import PLAYBOOK_SECONDS, Director, playbook_command, run_ansible, write_inventory
from machines import Job, slices
from standing import unharmed, whole
from testhost import PASSWORD
from watching import Watch

pytestmark = pytest.mark.rotating

FIRST_PASS = "4"
# microbosh_outage_limit of the machine that loses its power: on a busy one it takes a while to the middle of an outage.
LIMIT = 90


@pytest.fixture(scope="module", params=[3, pytest.param(6, marks=pytest.mark.long)])
def directors(request, new_director, tmp_path_factory):
    """Directors by their names, prepared by an operator; they have one key, and no backup yet."""
    place = tmp_path_factory.mktemp("operator")
    made = [new_director(f"e2e-slice{number}", **faults.SMALL) for number in range(request.param)]
    found = {each.name: Director(each.host, place) for each in made}
    password = place / "password"
    password.write_text(PASSWORD)
    password.chmod(0o600)
    inventory = write_inventory(place / "hosts.yml", {name: each.variables() for name, each in found.items()})
    passwords = ("--connection-password-file", str(password), "--become-password-file", str(password))
    run = run_ansible(playbook_command(inventory, "microbosh.director.setup", "--forks", "6", *passwords))
    assert run.status == 0, run.output
    return found


@pytest.fixture
def begin(directors, tmp_path):
    """A function that gives a slice of the inventory to a machine, and returns the job."""
    (volume := next(iter(directors.values())).directory / "backups").mkdir(exist_ok=True)
    jobs = []

    def begin_on(machine, names, **settings):
        job = Job(tmp_path / f"job{len(jobs)}", [directors[name] for name in names], **settings)
        job.begin(machine, volume, hidden=tmp_path)
        jobs.append(job)
        return job

    yield begin_on
    for job in jobs:
        if job.process.poll() is None:
            job.unplug()


def wait_for(job, condition, what):
    """Wait until something is so while a job runs; three backups at once take their time."""
    wait_until(lambda: condition() or job.process.poll() is not None, what, PLAYBOOK_SECONDS)
    assert job.process.poll() is None, job.end().output


def test_a_machine_loses_its_power_and_another_one_mends_what_it_left(directors, begin, record_property):
    first, second = slices(directors, 2)
    stopped, copied, *done = [directors[name] for name in first]
    with contextlib.ExitStack() as stack:
        gates = [stack.enter_context(gate(each)) for each in (stopped, copied)]
        watches = [stack.enter_context(Watch(directors[name])) for name in first]
        for each, copy in zip(gates, (SECOND_PASS, FIRST_PASS), strict=True):
            each.hold(copy)
        doomed = begin("machine-a", first, microbosh_outage_limit=LIMIT)
        other = begin("machine-b", second)
        wait_for(doomed, lambda: all(each.is_holding() for each in gates), "two directors are in the middle")
        wait_for(doomed, lambda: all(each.ids for each in done), "the rest of the slice is backed up")
        doomed.unplug()
        for each in gates:
            each.release()
        seen = other.end()
        wait_until(lambda: all(watch.state == "whole free" for watch in watches), "all of the slice are up again")
    # AWX sees that it failed, and nothing of the machine goes on.
    lost = doomed.end()
    assert lost.status != 0, lost.output
    assert lost.output.endswith("error\n")
    assert watches[0].seconds_down <= LIMIT + faults.START_SECONDS
    assert watches[1].seconds_down == 0
    assert (stopped.ids, copied.ids) == ([], [])

    # What the other machine did is whole, and so is what this one had published.
    assert seen.status == 0, seen.output
    assert {name: found["outcome"] for name, found in other.artifact.items()} == dict.fromkeys(second, "succeeded")
    for each in [directors[name] for name in second] + done:
        assert len(each.ids) == 1
        faults.check_whole(each.latest)
    measured = f"{len(other.events) / len(second):.0f} events and {other.size / len(second) / 1024:.0f} KiB a backup"
    record_property("measured", f"A job of AWX has {measured}")

    with contextlib.ExitStack() as stack:
        for name in second:
            stack.enter_context(unharmed(directors[name]))
        mending = begin("machine-b", first)
        mended = mending.end()
    assert mended.status == 0, mended.output
    assert "left the director stopped; it was started at" in mended
    assert "is dead, its lease is taken over" in mended  # of the other one: nobody had to wait for it
    assert {name: found["outcome"] for name, found in mending.artifact.items()} == dict.fromkeys(first, "succeeded")
    for each in (stopped, copied):
        assert each.report["resumed_from"], each.report
        assert each.partials == []
        assert len(each.ids) == 1
        assert whole(each.latest) is True
        faults.check_whole(each.latest)
        assert each.wholly_up()


def test_slices_of_one_controller_run_beside_each_other(directors):
    """Two ansible-playbook with a limit each, from one home: neither waits for the other, nor harms it."""
    place = next(iter(directors.values())).directory
    inventory = place / "hosts.yml"
    before = {name: each.ids for name, each in directors.items()}
    commands = [
        playbook_command(inventory, "microbosh.director.backup", "--limit", ",".join(names))
        for names in slices(directors, 2)
    ]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        runs = list(pool.map(run_ansible, commands))
    assert [run.status for run in runs] == [0, 0], "\n".join(run.output for run in runs)
    for name, each in directors.items():
        assert len(each.ids) == len(before[name]) + 1
        assert whole(each.latest) is True
