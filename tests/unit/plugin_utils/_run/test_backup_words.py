# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup says what it is: never whole without what it lacks."""

from __future__ import annotations

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._run._attributes_words import (
    attributes_of,
    attributes_said,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._run._backup_words import (
    backup_said,
    blobs_said,
    proof_said,
)

BLOBS = {"named": 9, "made_again": 2, "lost": [], "damaged": [], "external": False}
EXTERNAL = {**BLOBS, "external": True}
REPORT = {
    "id": "20261122T221326Z", "host": "director1", "mode": "offline", "without": "", "outage_seconds": 11.9,
    "new": {"files": 3, "bytes": 2048}, "all": {"files": 8, "bytes": 4096}, "moved": {"files": 3, "bytes": 100},
    "dumps": [{"database": "bosh", "size": 1048576, "rows": {"a": 2, "b": 3}}, {"database": "uaa", "size": 10}],
    "online": None, "identity": {"taken": "2026-11-20"}, "proof": {"blobs": BLOBS},
}  # fmt: skip


def said(**changed):
    return backup_said({**REPORT, **changed}, "94.52", "/backups/x")


def test_what_is_said_of_a_backup():
    assert said() == [
        "Backup 20261122T221326Z of director1 is whole",
        "  outage   11.9 s of 94.5 s in all (offline)",
        "  new      3 files, 2.00 KB; 100.00 Bytes copied",
        "  in all   8 files, 4.00 KB",
        "  dumps    bosh 1.00 MB with 5 rows, uaa 10.00 Bytes",
        "  proof    manifest, dumps and 7 blobs whole",
        "  identity as setup or a restore brought it on 2026-11-20",
        "  path     /backups/x",
    ]


def test_one_whose_databases_moved_is_never_just_whole():
    moved = {"verdict": "moved", "attempts": 3, "moved": [{"database": "uaa", "table": "public.users", "what": "rows"}]}
    lines = said(mode="online", outage_seconds=0.0, online=moved)
    assert lines[0].endswith("is whole BUT ITS DATABASES MOVED WHILE IT WAS COPIED")
    assert lines[1:3] == [
        "  outage   0.0 s of 94.5 s in all (online)", "  online   MOVED in 3 attempts: uaa: public.users (rows)",
    ]  # fmt: skip
    assert said(mode="online", online={**moved, "verdict": "still", "harmless": []})[0].endswith("is whole")
    both = said(without="WITHOUT THE DIRECTOR'S DATABASE", online=moved)[0]
    assert "whole BUT WITHOUT THE DIRECTOR'S DATABASE AND ITS DATABASES MOVED" in both


def test_what_it_lacks_stands_in_the_first_line():
    gone = {**BLOBS, "lost": ["a"], "damaged": ["b", "c"]}
    lines = said(without="WITHOUT A DUMP", proof={"blobs": gone})
    assert lines[0].endswith("is whole BUT WITHOUT A DUMP, but for 3 blobs that the director has lost")
    assert lines[5] == "  proof    manifest, dumps and 4 blobs whole"


@pytest.mark.parametrize(
    ("dumps", "blobs", "proof"),
    [
        ([], None, "manifest whole"),
        (REPORT["dumps"], None, "manifest and dumps whole"),
        (REPORT["dumps"], EXTERNAL, "manifest and dumps whole, the blobs are in an external blobstore"),
    ],
)  # fmt: skip
def test_what_was_proven(dumps, blobs, proof):
    lines = said(dumps=dumps, proof={"blobs": blobs})
    assert lines[5] == f"  proof    {proof}"
    assert (lines[4] == "  dumps    none") == (not dumps)


def test_the_identity_is_told_where_there_is_something_to_tell():
    assert backup_said(REPORT, 1, "/x", "older than the director")[6] == "  identity older than the director"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, "all there and right"),
        ({"lost": ["a"]}, "all there and right but for 1 more that the director has lost"),
        ({"external": True, "lost": ["a"]}, "all of them in an external blobstore"),
    ],
)
def test_how_many_blobs_there_are(changed, words):
    assert blobs_said({**BLOBS, **changed, "made_again": 0}) == words
    assert blobs_said({**BLOBS, **changed}) == f"{words}, besides 2 rendered templates that are made again on demand"


def test_the_proof_in_a_line():
    manifest = {"files": 8, "read": 3}
    assert proof_said(manifest, {**BLOBS, "made_again": 0}) == (
        "Proof: 8 files in the manifest, 3 of them read; 9 blobs named by the database, all there and right"
    )
    assert proof_said(manifest, {"skipped": True}).endswith("; no dump of the director to check blobs against")


def test_attributes_that_rsync_does_not_know():
    known = attributes_of({"failed": True, "rc": 1})
    assert known == {"known": False, "access_lists": [], "extended": [], "kept": [], "lost": []}
    assert attributes_said(known) == [
        "Whether files have access control lists or extended attributes cannot be told, rsync on one side does not "
        "know them"
    ]


def test_attributes_that_are_kept_and_lost():
    names = [f"f{number}" for number in range(7)]
    known = attributes_of(
        {
            "attributes": {
                "kept": [*names, "both"],
                "access_lists": ["acl", "both"],
                "extended": ["x"],
                "lost": ["x", "both"],
            }
        }
    )
    assert attributes_said(known) == [
        "7 names have access control lists or extended attributes, which are kept: f0, f1, f2, f3, f4, ...",
        "1 names have access control lists, which this backup does not keep whole: both. A restore gives a group no "
        "right there, rather than one too many",
        "1 names have extended attributes, which this backup does not keep whole: x",
    ]


def test_nothing_is_told_where_no_file_has_any():
    none = {"kept": [], "access_lists": [], "extended": [], "lost": []}
    assert attributes_said(attributes_of({"attributes": none})) == []
