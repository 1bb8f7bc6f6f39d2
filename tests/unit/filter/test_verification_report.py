# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a verification names each backup, and what it is not good for."""

from __future__ import annotations

from ansible_collections.microbosh.director.plugins.filter.unverified_lines import unverified_lines
from ansible_collections.microbosh.director.plugins.filter.verified_lines import verified_lines

GOOD = {
    "name": "20261122T221326Z",
    "good": True,
    "files": 5120,
    "read_bytes": 1572864,
    "without": "",
    "unrestorable_by_files": None,
    "verdict": "/backups/d/20261122T221326Z/verdict.json",
}
ONLY_DUMPS = {
    **GOOD,
    "name": "20261123T221326Z",
    "without": "no dump of the director",
    "unrestorable_by_files": "a tablespace",
}


def test_whole_backups():
    assert verified_lines([GOOD, ONLY_DUMPS], "d") == [
        "2 of 2 backups of d are whole",
        "  20261122T221326Z     5120 files, 1.50 MB read",
        "  20261123T221326Z     5120 files, 1.50 MB read, BUT no dump of the director",
        "                       databases come back from dumps only: a tablespace",
        f"  verdicts {GOOD['verdict']}, {GOOD['verdict']}",
    ]


def test_loaded_dumps_are_told():
    assert verified_lines([GOOD], "d", True)[0] == "1 of 1 backups of d are whole, and their dumps can be loaded"


def test_a_backup_that_is_not_good():
    assert unverified_lines([GOOD, {**ONLY_DUMPS, "good": False}], "d", "1 is not good") == [
        "Verification of d FAILED",
        "  not good  20261123T221326Z",
        "  good      20261122T221326Z",
        "  Do not restore from what is not good. Make a new backup, and look at the disk.",
    ]


def test_none_is_good():
    assert "  good      none" in unverified_lines([{**GOOD, "good": False}], "d", "")


def test_no_backup_was_looked_at():
    assert unverified_lines([], "d", "there is none") == [
        "Verification of d FAILED",
        "  there is none",
        "  Nothing was looked at.",
    ]
    assert unverified_lines([], "d", "")[1] == "  no message"
