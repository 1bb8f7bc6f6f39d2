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


def test_of_a_share_no_backup_is_called_good():
    damaged = {**GOOD, "good": False, "whole": False, "findings": [{"kind": "altered"}]}
    assert unverified_lines([damaged], "d", "1 is not good", True) == [
        "Verification of d FAILED",
        "  not good  20261122T221326Z",
        "  Do not restore from what is not good. Make a new backup, and look at the disk.",
    ]


def test_none_is_good():
    assert "  good      none" in unverified_lines([{**GOOD, "good": False}], "d", "")


def test_what_the_controller_cannot_look_at_is_not_called_damaged():
    unloaded = {**GOOD, "good": False, "whole": True, "rehearsed": {"good": False, "possible": False}}
    closed = {**GOOD, "name": "a.age", "good": False, "whole": False, "findings": [{"kind": "key"}]}
    last = "  What is unknown was not found damaged: this controller cannot look, for the reason above."
    told = ["Verification of d FAILED", "  unknown   20261122T221326Z, a.age", "  good      none", last]
    assert unverified_lines([unloaded, closed], "d", "") == told


def test_what_was_loaded_with_other_rows_or_is_altered_is_not_good():
    loaded = {**GOOD, "good": False, "whole": True, "rehearsed": {"good": False}}
    altered = {**GOOD, "good": False, "whole": False, "findings": [{"kind": "key"}, {"kind": "altered"}]}
    for verdict in (loaded, altered):
        lines = unverified_lines([verdict], "d", "")
        assert "  not good  20261122T221326Z" in lines
        assert not [line for line in lines if "unknown" in line]


def test_no_backup_was_looked_at():
    assert unverified_lines([], "d", "there is none") == [
        "Verification of d FAILED",
        "  there is none",
        "  Nothing was looked at.",
    ]
    assert unverified_lines([], "d", "")[1] == "  no message"
