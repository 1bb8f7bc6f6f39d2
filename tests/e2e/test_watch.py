# SPDX-License-Identifier: GPL-3.0-or-later
"""A person watches a backup of a real director at a terminal."""

from __future__ import annotations

import re

import pytest
from breakage import SECOND_PASS, gate
from conftest import ansible_environment
from terminal import Terminal

PHASES = {"ANSIBLE_STDOUT_CALLBACK": "microbosh.director.phases", "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}

OF_TASKS = ("TASK", "PLAY [", "ok:", "changed:", "skipping:", "fatal:", "...ignoring", "included:")


def away(line):
    """The seconds that a line says that the director is away, None if it says nothing of it."""
    found = re.search(r" away (\d+) s  ", line)
    return found and int(found.group(1))


@pytest.mark.long
def test_a_backup_is_watched_from_its_preflight_to_its_recap(micro):
    environment = ansible_environment(**PHASES)
    del environment["ANSIBLE_NOCOLOR"]
    with gate(micro) as barrier:
        barrier.hold(SECOND_PASS)
        with Terminal(micro.command("backup"), 100, 24, env=environment, cwd="/") as terminal:
            seen = set()

            def stands_still(dummy):
                line, colours = terminal.row(f"{micro.name} ")
                seen.update(re.findall(r"Settings|Preflight|Blobs|First pass|Outage", line))
                return away(line) is not None and away(line) >= 3 and "magenta" in colours

            terminal.until(stands_still)
            assert {"Preflight", "Outage"} <= seen
            barrier.release()
            assert terminal.end(300) == 0
            lines, whole = terminal.all_lines(), terminal.is_whole()
    assert whole
    outage = micro.report["outage_seconds"]
    (row,) = [line for line in lines if line.startswith("✓ ")]
    assert re.fullmatch(rf"✓ {micro.name} +done, was away {outage:.1f} s +\d:\d\d", row)
    told = [line for line in lines if line.startswith(f"{micro.name}: ")]
    assert told[0] == f"{micro.name}: Backup {micro.latest.name} of {micro.name} begins (offline)"
    assert f"{micro.name}: Backup {micro.latest.name} of {micro.name} is whole" in told
    assert sum(line.startswith("PLAY RECAP") for line in lines) == 1
    assert not [line for line in lines if line.startswith(OF_TASKS)]


@pytest.mark.long
def test_a_backup_that_fails_says_why_and_only_once(micro):
    environment = ansible_environment(**PHASES)
    command = micro.command("backup", microbosh_databases=["gone"])
    with Terminal(command, 200, 50, env=environment, cwd="/") as terminal:
        assert terminal.end(300) == 2
        lines, whole = terminal.all_lines(), terminal.is_whole()
    assert whole
    failures = [line for line in lines if "gone" in line and line.startswith(f"{micro.name}: ")]
    assert len(failures) == 1, lines
    assert [line for line in lines if line.startswith(f"✗ {micro.name} ")]
    assert [line for line in lines if line.startswith(f"{micro.name}: The log is ")]
    assert not [line for line in lines if line.startswith(OF_TASKS)]
