# SPDX-License-Identifier: GPL-3.0-or-later
"""Each playbook, run in each way in which people run it; what it came to is a cell of build/ways.md."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import faults
import pytest
import shares
import way_cells
import ways
from standing import whole

pytestmark = pytest.mark.long

NOTHING = "tags"
WAYS = {
    "at a terminal": ways.Terminal,
    "by cron": ways.Cron,
    "ansible-runner, uid 1000660000": ways.StrangeUser,
    "ansible-runner, root": ways.Runner,
    "ansible-navigator": ways.Navigator,
    "JSON callback": ways.JsonCallback,
    "--check": ways.Check,
    NOTHING: ways.Tags,
    "become in the inventory": ways.BecomeInInventory,
    "requiretty": ways.Requiretty,
    "a HOME of 54 characters": ways.LongHome,
    "an agent with four keys": ways.FourKeys,
    "a jump host": ways.JumpHost,
    "IPv6": ways.IPv6,
}
# Of these, each run of script/test has one.
BY_TURNS = ["ansible-runner, uid 1000660000", NOTHING]
TODAY = BY_TURNS[shares.SEED % len(BY_TURNS)]
REHEARSAL = "verify with rehearsal"


@pytest.fixture(scope="module")
def host(new_director):
    """A director that every way is tried on, one after the other, each with a key and backups of its own."""
    return new_director("e2e-ways", generation="director", **faults.SMALL)


@pytest.fixture
def directory():
    """A directory whose path is short, since ssh's socket is below it where it is a home, and that others may enter."""
    with tempfile.TemporaryDirectory(prefix="mb", dir="/var/tmp", ignore_cleanup_errors=True) as made:
        os.chmod(made, 0o755)
        yield Path(made)


def backed_up(director):
    assert whole(director.latest) is True


def verified(director):
    assert json.loads((director.latest / "verdict.json").read_text())["verified"]["whole"]


def rehearsed(director):
    assert json.loads((director.latest / "verdict.json").read_text())["rehearsed"]["good"]


def up(director):
    assert director.wholly_up()


# Playbook, settings, and what has to be so after it.
STEPS = {
    "setup": ("setup", {}, up),
    "backup": ("backup", {}, backed_up),
    "verify": ("verify", {}, verified),
    REHEARSAL: ("verify", {"microbosh_rehearse": True}, rehearsed),
    "checkup": ("checkup", {}, up),
    "restore": ("restore", {"microbosh_restore_confirm": "e2e-ways"}, up),
}


def step(way, name, check=True):
    """Run a playbook in some way; return whether all is as it has to be, why not, and the seconds it took."""
    playbook, settings, expected = STEPS[name]
    began = time.monotonic()
    why = ""
    try:
        run = way.play(playbook, **settings)
        assert run.status == 0, run.output[-4000:]
        if check:
            expected(way)
    except (AssertionError, OSError, KeyError, ValueError, subprocess.TimeoutExpired) as error:
        why = f"{name}: {error}"
    return why, time.monotonic() - began


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.share) if name == TODAY and not shares.LONG else name for name in WAYS],
)
def test_every_playbook_runs(host, directory, name, record_property):
    way = WAYS[name](host.host, directory)
    plain = ways.Way(host.host, directory)
    if isinstance(way, (ways.Check, ways.Tags)):  # neither makes what the next playbook needs
        for first in ("setup", "backup"):
            assert step(plain, first)[0] == ""
    failed = []
    with way.ready():
        for playbook in STEPS:
            why, seconds = step(way, playbook, check=not isinstance(way, (ways.Check, ways.Tags)))
            record_property("way", asdict(way_cells.Cell(name, playbook, "FAILED" if why else "passed", seconds)))
            failed += [why] if why else []
    assert not failed, "\n\n".join(failed)
