"""Faults in the middle of a restore, and the checks that hold after each."""

from __future__ import annotations

import time

import faults
from restoring import become, content, marker, psql, restore
from watching import LOOK_SECONDS, SETTLE_SECONDS, Watch, look, settle

LIMIT = 25  # the lease only tells: nothing depends on it but how soon it does
# The data is half written in these: no service may run.
HALF = ("swapping", "swapped", "loading", "proving", "rolling_back")
BACK = ("rolling_back", "rolled_back")
NOT_UP = "NOT EVERY SERVICE IS KNOWN TO RUN"
SETTLED = (None, "proven", "rolled_back")
# Files, metadata and rows that differ from the backup's; a backup of them is still whole.
CHANGE = r"""
cd /var/vcap/store
echo precious >director/precious
chmod 0750 director/tasks
blob=$(find blobstore/store -type f | sort | head -n 1)
cp -p "$blob" "$(dirname "$blob")/stray"
"""
NEW_UUID = "UPDATE director_attributes SET value = md5(random()::text) WHERE name = 'uuid'"


CHANGED = set()  # containers of directors that a failed cell has left different from their latest backup


def suffer(director, scratch, fault, task, way, after=0.0, **settings):
    """Cause a fault in a restore at a point, check all that has to hold, and return the Cell."""
    with faults.step("whole and changed"):
        settle(director)
        if director.host.container in CHANGED:
            remove_abandoned(director, faults.check_next_run(director))
        CHANGED.add(director.host.container)
        wanted = content(director)
        change(director)
        before = content(director)
        environment = fault.prepare(director, scratch)
        running = begin(director, scratch, environment, {**fault.settings, **settings})
    with Watch(director) as watch:
        try:
            with faults.step("until the point"):
                running.wait_for(task, after)
            moment = time.monotonic()
            with faults.step("until the run ended"):
                fault.inject(running)
                output = running.wait()
        finally:
            fault.mend(running)
        with faults.step("until it was decided"):
            outcome, expected = decide(director, watch, way, running.process.returncode, output, before, wanted)
    assert outcome != "restored" or running.process.returncode == 0, output
    assert running.process.returncode != 0 or outcome == "restored", output
    check_never_on_half_written(watch)
    with faults.step("next run"):
        next_run = faults.check_next_run(director)
    # Not before: as long as what a dead restore has left shares files with what is there, their links are counted.
    remove_abandoned(director, next_run)
    assert content(director) in expected, f"{outcome}, but its content is neither:\n{output}"
    CHANGED.discard(director.host.container)
    where = f"restore: {task}{f' + {after} s' if after else ''}"
    seconds = (watch.seconds_after(moment), watch.seconds_down)
    return faults.Cell(fault.name, where, *seconds, outcome, output, next_run)


def change(director):
    """Make the director differ from its latest backup."""
    director.shell(CHANGE)
    psql(director, "bosh", NEW_UUID)


def begin(director, scratch, environment, settings):
    settings = {"microbosh_outage_limit": LIMIT, "microbosh_restore_confirm": director.name, **settings}
    return faults.Running(director, scratch, environment, "restore", become(director), **settings)


def decide(director, watch, way, status, output, before, wanted):
    """Go on or back if the restore stopped in the middle; return what came of it, and the contents that it may have."""
    phase = (marker(director) or {"phase": None})["phase"]
    if phase in SETTLED:
        if NOT_UP in output:
            run = restore(director, microbosh_restore_unfinished="rollback")
            assert run.status == 0, run.output
            until_whole(director, watch, run.output)
            return "rolled back, and started when its cause was mended", [before]
        until_whole(director, watch, output)
        if status == 0:
            return "restored", [wanted]
        return "failed, the director is whole", [before, wanted]
    checkup = director.play("checkup")
    assert checkup.status != 0, checkup.output
    assert "microbosh_restore_unfinished=rollback" in checkup, checkup.output
    run = restore(director, microbosh_restore_unfinished=way)
    assert run.status == 0, run.output
    until_whole(director, watch, run.output)
    back = way == "rollback" or phase in BACK
    return f"stopped while {phase}, {way}", [before if back else wanted]


def remove_abandoned(director, told):
    """Remove what a restore has left that it needs no more, if the run told of it; then nothing is left."""
    if "is left in /var/vcap/store/microbosh-restore" in " ".join(told.split()):
        run = restore(director, microbosh_restore_unfinished="resume")
        assert run.status == 0, run.output
    director.shell("test ! -e /var/vcap/store/microbosh-restore")


def until_whole(director, watch, output):
    deadline = time.monotonic() + SETTLE_SECONDS
    while not watch.state.startswith("whole"):
        assert time.monotonic() < deadline, f"the director is not whole: {look(director)}\n{output}"
        time.sleep(LOOK_SECONDS)


def check_never_on_half_written(watch):
    ran = {phase: names for phase in HALF if (names := watch.seen_running.get(phase))}
    assert not ran, f"services ran on half-written data: {ran}"
