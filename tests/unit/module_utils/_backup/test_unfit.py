# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup that holds what none does ends no verification of the others, and takes no memory to speak of."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._backup import _snapshots as snapshots
from ansible_collections.microbosh.director.plugins.module_utils._backup._snapshots import read_report
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._tree import _mtree as mtree
from ansible_collections.microbosh.director.plugins.module_utils._tree import _sha256sums as sha256sums
from ansible_collections.microbosh.director.plugins.plugin_utils._source._verifying import Verifier, backups_meant
from director_backup import make_director_backup, pack

NAME = "20261122T221326Z"

REPORTS = {
    "lists without end": b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "dumps that are none": json.dumps({"dumps": 3}).encode(),
    "a dump without a name": json.dumps({"dumps": [{}]}).encode(),
    "a dump that is a word": json.dumps({"dumps": ["x"]}).encode(),
    "a database that is a number": json.dumps({"director_database": 7}).encode(),
    "attributes that are a list": json.dumps({"attributes": [], "elsewhere": [], "postgresql": "x"}).encode(),
    "no object": b"[]",
}


@pytest.mark.parametrize("report", REPORTS)
def test_one_that_is_unfit_does_not_end_the_verification_of_all(tmp_path, report):
    bad = make_director_backup(tmp_path)
    (bad / "backup.json").write_bytes(REPORTS[report])
    (tmp_path / "again").mkdir()
    good = make_director_backup(tmp_path / "again", "20261123T221326Z")
    good.rename(tmp_path / "20261123T221326Z")
    work = Verifier(tmp_path, tmp_path / "scratch/x", None, False)
    verdicts = {name: work.examine_in_turn(name) for name in backups_meant("all", tmp_path)}
    assert not verdicts[NAME]["good"]
    assert verdicts["20261123T221326Z"]["good"], verdicts["20261123T221326Z"]["findings"]


def test_an_unfit_archive_does_not_end_the_verification_of_all(tmp_path):
    backup = make_director_backup(tmp_path)
    archive = pack(backup, tmp_path / "archives/bosh-1.tar.gz")
    (tmp_path / f"archives/{archive.name}.sha256").write_bytes(b"0" * 10_000)
    work = Verifier(tmp_path, tmp_path / "scratch/x", None, False)
    verdicts = [work.examine_in_turn(name) for name in backups_meant("all", tmp_path)]
    assert [verdict["good"] for verdict in verdicts] == [True, False]


def test_a_report_of_more_values_than_any_has_is_not_read_into_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(snapshots, "MOST_REPORT_VALUES", 1000)
    (tmp_path / "backup.json").write_text(json.dumps({"x": [[]] * 2000}))
    with pytest.raises(DirectorError, match="more than any report"):
        read_report(str(tmp_path))
    (tmp_path / "backup.json").write_text(json.dumps({"x": [[]] * 400}))
    assert read_report(str(tmp_path))["x"]


@pytest.mark.parametrize("parse", [sha256sums.parse, mtree.parse])
def test_a_record_of_nothing_but_lines_takes_no_more_memory_than_it_has(parse):
    content = b"\n" * 500_000
    tracemalloc.start()
    try:
        entries, problems = parse(content)
        assert tracemalloc.get_traced_memory()[1] < 500_000
    finally:
        tracemalloc.stop()
    assert entries == {}
    assert "more such lines" in problems[-1]


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_lines_are_what_split_makes_of_them(end):
    content = b"a\n\nb\n\nc" + end
    assert b"".join(sha256sums.lines_of(content)) == content
    assert [line.rstrip(b"\n") for line in sha256sums.lines_of(content)] == [b"a", b"", b"b", b"", b"c"]
