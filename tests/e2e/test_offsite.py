# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies elsewhere, by real restic over real SFTP and S3: director and controller are lost, and both come back."""

from __future__ import annotations

import json
import re
import shutil
import time
from dataclasses import dataclass

import faults
import pytest
from offsite import S3, Sftp, serving
from restoring import files, marker, psql, restore, tables
from standing import whole

pytestmark = pytest.mark.rotating

NAME = "e2e-offsite"
AWAY = re.compile(r"The director was away for ([\d.]+) s")


@dataclass
class Returned:
    """A director that came back on a new machine, its new controller, and what was known of it before."""

    director: object
    server: object
    backup: str
    before: dict
    run: object
    measured: str

    @property
    def offsite(self):
        """What the controller knows of the copies."""
        return json.loads((self.director.backups / "offsite.json").read_text())

    @property
    def copies(self):
        return [one["id"] for one in self.offsite["copies"]]


def data(director):
    """What a director holds; of its machine, which is another one, nothing."""
    return {"files": [line for line in files(director) if "store/" in line], "tables": tables(director)}


def timed(act):
    began = time.monotonic()
    run = act()
    assert run.status == 0, run.output
    return run, time.monotonic() - began


def machine(new_director, seed, server, password):
    """A machine with a director on it that nobody has backed up, and a controller that has nothing but an inventory."""
    made = new_director(NAME, generation="director", seed=seed, **faults.SMALL)
    made.settings = {"microbosh_offsite": server.setting(NAME, password_file=str(password))}
    return made


@pytest.fixture(scope="module", params=[Sftp, pytest.param(S3, marks=pytest.mark.long)])
def returned(request, new_director, tmp_path_factory):
    """Back up a director, lose it and its controller, and restore it on a new machine from a new controller."""
    password = tmp_path_factory.mktemp("safe") / "password"
    password.write_text("correct horse\n")
    with serving(request.param) as server:
        lost = machine(new_director, 1, server, password)
        timed(lost.setup)
        run, backup_seconds = timed(lost.backup)
        before, backup = data(lost), lost.latest.name
        assert f"Copied {backup} to" in run
        lost.host.down()
        shutil.rmtree(lost.directory)

        fresh = machine(new_director, 2, server, password)
        assert data(fresh)["tables"] != before["tables"]
        setup_seconds = timed(fresh.setup)[1]
        assert not fresh.backups.exists() or not fresh.ids
        run, restore_seconds = timed(lambda: restore(fresh, microbosh_restore_from="offsite:latest"))
        away = AWAY.search(run.flat).group(1)
        measured = (
            f"From {request.param.__name__} alone a director came back in {setup_seconds:.0f} s of setup and "
            f"{restore_seconds:.0f} s of restore, away for {away} s; backup and copy had taken {backup_seconds:.0f} s"
        )
        yield Returned(fresh, server, backup, before, run, measured)


def test_a_director_comes_back_from_the_repository_alone(returned, record_property):
    record_property("measured", returned.measured)
    director = returned.director
    assert data(director) == returned.before
    assert director.wholly_up()
    assert marker(director) is None
    uuid = psql(director, "bosh", "SELECT value FROM director_attributes WHERE name = 'uuid'")
    assert f"the director UUID is {uuid}" in returned.run
    # What was brought here is gone again, and what is elsewhere is known.
    assert director.ids == []
    assert not (director.backups / "restore").exists()
    assert returned.copies == [returned.backup]


def test_a_copy_is_read_whole_where_no_backup_is(returned):
    run = returned.director.play("verify", microbosh_verify="offsite:latest")
    assert run.status == 0, run.output
    assert "1 of 1 backups" in run


@pytest.mark.long
def test_the_next_controller_goes_on_with_the_copies_of_the_one_before(returned):
    director = returned.director
    run = director.backup()
    assert run.status == 0, run.output
    assert returned.copies == [director.latest.name, returned.backup]
    shown = director.play("backups")
    assert shown.status == 0, shown.output
    assert f"only elsewhere: {returned.backup}" in shown


@pytest.mark.long
def test_a_backup_is_whole_though_nobody_reaches_the_repository_and_the_next_run_copies_it(returned):
    director = returned.director
    known = returned.copies
    with returned.server.out_of_reach():
        run = director.backup()
    missing = director.latest.name
    assert run.status == 2, run.output
    assert f"NO COPY ELSEWHERE of {missing}, which is published here" in run.told(director.name)
    assert missing not in known
    assert whole(director.latest) is True
    assert director.report["status"] == "published"
    assert director.wholly_up()
    assert returned.offsite["failed"]["missing"] == [missing]

    run = director.backup()
    assert run.status == 0, run.output
    assert returned.copies == [director.latest.name, missing, *known]
    assert returned.offsite["failed"] is None
