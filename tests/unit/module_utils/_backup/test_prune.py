# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which backups are removed, which stay, and why."""

from __future__ import annotations

import datetime
import itertools
import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._backup._manifest_verification import verify
from ansible_collections.microbosh.director.plugins.module_utils._backup._retention import choose, difference, prune
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from backup_trees import NOBODY, acting_as, every_death, make_backup, make_store, snapshot

IDS = ["20261119T020000Z", "20261120T020000Z", "20261121T020000Z", "20261122T020000Z"]
LAST_ONE = {"last": 1}


def make(directory, name, **changes):
    """A backup as small as prune will take it for one."""
    path = directory / name
    (path / "vcap" / "store").mkdir(parents=True)
    (path / "vcap" / "store" / "blob").write_bytes(b"x" * 1000)
    report = {"id": name, "status": "published", "proof": {"whole": True}, **changes}
    (path / "backup.json").write_text(json.dumps(report))
    return path


@pytest.fixture
def backups(tmp_path):
    for name in IDS:
        make(tmp_path, name)
    os.symlink(IDS[-1], tmp_path / "latest")
    return tmp_path


def because(result):
    return {item["id"]: item["because"] for item in result["kept"]}


class TestLostBlobs:
    """A backup that holds blobs the director has lost stays until an operator decides."""

    @staticmethod
    def lose(backups, name, *holders):
        blobs = {"newly_lost": [{"id": f"blob-{number}", "backup": holder} for number, holder in enumerate(holders)]}
        report = {"id": name, "status": "published", "proof": {"whole": True, "blobs": blobs}}
        (backups / name / "backup.json").write_text(json.dumps(report))

    def test_the_backup_that_holds_it_stays(self, backups):
        self.lose(backups, IDS[3], IDS[0], IDS[0], "20200101T000000Z")
        result = prune(str(backups), LAST_ONE)
        assert because(result)[IDS[0]] == ["holds 2 blobs that the director has lost"]
        assert result["removed"] == IDS[1:3]

    def test_only_the_newest_backup_knows(self, backups):
        self.lose(backups, IDS[2], IDS[0])
        assert prune(str(backups), LAST_ONE)["removed"] == IDS[:3]


class TestRules:
    """Grandfather, father, son."""

    def test_last(self):
        assert choose(IDS, {"last": 2}) == {IDS[3]: ["last 1 of 2"], IDS[2]: ["last 2 of 2"]}

    def test_daily_keeps_the_newest_of_a_day(self):
        ids = ["20261121T000000Z", "20261121T235959Z", "20261122T000000Z", "20261122T010000Z"]
        assert choose(ids, {"daily": 2}) == {
            "20261121T235959Z": ["daily 2026-11-21"],
            "20261122T010000Z": ["daily 2026-11-22"],
        }

    def test_weeks_are_those_of_iso_8601(self):
        # Monday 2026-12-28 to Sunday 2027-01-03 is the week 53 of 2026.
        ids = ["20261227T120000Z", "20261228T120000Z", "20270103T120000Z", "20270104T120000Z"]
        assert choose(ids, {"weekly": 9}) == {
            "20261227T120000Z": ["weekly 2026-W52"],
            "20270103T120000Z": ["weekly 2026-W53"],
            "20270104T120000Z": ["weekly 2027-W01"],
        }

    def test_monthly(self):
        ids = ["20260930T235959Z", "20261001T000000Z", "20261031T000000Z", "20261101T000000Z"]
        assert set(choose(ids, {"monthly": 2})) == {"20261031T000000Z", "20261101T000000Z"}

    def test_periods_without_a_backup_do_not_count(self):
        ids = ["20250101T000000Z", "20260601T000000Z", "20261122T000000Z"]
        assert set(choose(ids, {"daily": 3})) == set(ids)

    def test_one_backup_serves_several_rules(self):
        reasons = choose(IDS, {"last": 1, "daily": 1, "weekly": 1, "monthly": 1})
        assert reasons == {IDS[3]: ["last 1 of 1", "daily 2026-11-22", "weekly 2026-W47", "monthly 2026-11"]}

    def test_a_year_of_backups_twice_a_day(self):
        """What stays after each day's prune is what a single prune at the end would keep."""
        keep = {"last": 3, "daily": 7, "weekly": 4, "monthly": 6}
        begin = datetime.datetime(2026, 1, 1, 2, tzinfo=datetime.timezone.utc)
        every = [(begin + datetime.timedelta(hours=12 * n)).strftime("%Y%m%dT%H%M%SZ") for n in range(730)]
        kept = []
        for name in every:
            kept = sorted(choose([*kept, name], keep))
        assert kept == sorted(choose(every, keep))
        assert len(kept) == 1 + 7 + 2 + 5


class TestPrune:
    """Which backups are removed, and which never are."""

    def test_removes_what_no_rule_keeps(self, backups):
        result = prune(str(backups), LAST_ONE)
        assert result["removed"] == IDS[:3]
        assert because(result) == {IDS[3]: ["last 1 of 1", "newest whole", "latest"]}
        assert result["bytes"] == sum((3 * 1000, 3 * len((backups / IDS[3] / "backup.json").read_bytes())))
        assert result["changed"] is True
        assert sorted(os.listdir(backups)) == [IDS[3], "latest"]

    def test_again_it_changes_nothing(self, backups):
        prune(str(backups), LAST_ONE)
        before = snapshot(backups)
        result = prune(str(backups), LAST_ONE)
        assert (result["changed"], result["removed"], result["bytes"]) == (False, [], 0)
        assert snapshot(backups) == before

    @pytest.mark.parametrize("keep", [{}, {"last": 0, "daily": 0, "weekly": 0, "monthly": 0}])
    def test_without_a_rule_everything_stays(self, backups, keep):
        result = prune(str(backups), keep)
        assert result["changed"] is False
        assert because(result)[IDS[0]] == ["no rule is set"]

    def test_a_negative_number_is_refused(self, backups):
        with pytest.raises(DirectorError, match=r"keep\.daily is -1"):
            prune(str(backups), {"daily": -1})
        assert len(os.listdir(backups)) == 5

    def test_a_directory_that_is_not_there_is_refused(self, tmp_path):
        with pytest.raises(DirectorError, match="is no directory"):
            prune(str(tmp_path / "none"), LAST_ONE)

    def test_check_mode_changes_nothing(self, backups):
        (backups / "latest").unlink()
        before = snapshot(backups)
        result = prune(str(backups), LAST_ONE, dry_run=True)
        assert snapshot(backups) == before
        assert prune(str(backups), LAST_ONE) == result

    def test_the_difference_tells_why(self, backups):
        shown = difference(str(backups), prune(str(backups), {"last": 2}, dry_run=True))
        assert shown["before"].splitlines() == [
            f"{IDS[0]}  no rule keeps it",
            f"{IDS[1]}  no rule keeps it",
            f"{IDS[2]}  last 2 of 2",
            f"{IDS[3]}  last 1 of 2, newest whole, latest",
        ]
        assert shown["after"].splitlines() == shown["before"].splitlines()[2:]

    def test_pins(self, backups):
        (backups / IDS[0] / "pinned").touch()
        result = prune(str(backups), LAST_ONE, pins=[IDS[1], "20200101T000000Z"])
        assert result["removed"] == [IDS[2]]
        assert because(result)[IDS[0]] == because(result)[IDS[1]] == ["pinned"]
        assert "20200101T000000Z" in result["warnings"][0]

    def test_what_latest_points_to(self, backups):
        (backups / "latest").unlink()
        os.symlink(IDS[1], backups / "latest")
        result = prune(str(backups), LAST_ONE)
        assert because(result)[IDS[1]] == ["latest"]
        assert result["removed"] == [IDS[0], IDS[2]]
        assert os.readlink(backups / "latest") == IDS[1]

    def test_the_newest_whole_one_stays_though_newer_ones_are_torn(self, backups):
        for name in IDS[2:]:
            shutil.rmtree(backups / name)
            make(backups, name, proof={"whole": False})
        result = prune(str(backups), {"monthly": 1})
        assert because(result)[IDS[1]] == ["monthly 2026-11", "newest whole"]
        assert because(result)[IDS[2]] == ["not understood: it was not proven whole"]
        assert result["removed"] == [IDS[0]]

    def test_what_it_does_not_understand_stays(self, backups):
        (backups / "archives").mkdir()
        (backups / "logs").mkdir()
        (backups / "20261001T020000Z.partial").mkdir()
        (backups / "20261001T020000Z-before-upgrade").mkdir()
        (backups / "20261399T020000Z").mkdir()
        (backups / "20261002T020000Z").mkdir()
        (backups / "20261003T020000Z").write_text("a file")
        os.symlink(IDS[0], backups / "20261004T020000Z")
        make(backups, "20261005T020000Z", status="failed")
        make(backups, "20261006T020000Z")
        (backups / "20261006T020000Z" / "backup.json").write_text("[]")
        before = set(os.listdir(backups))
        result = prune(str(backups), LAST_ONE)
        assert before - set(os.listdir(backups)) == set(IDS[:3])
        assert result["removed"] == IDS[:3]
        assert "backup.json cannot be read" in because(result)["20261002T020000Z"][0]
        assert "status is 'failed'" in because(result)["20261005T020000Z"][0]

    def test_archives_go_with_their_backup(self, backups):
        archives = backups / "archives"
        archives.mkdir()
        for name in [*IDS, "20200101T000000Z"]:
            (archives / f"bosh-1_{name}.tar.zst").write_bytes(b"y" * 100)
            (archives / f"bosh-1_{name}.tar.zst.sha256").write_bytes(b"z")
        kept = snapshot(archives)
        assert prune(str(backups), {"last": 3}, archives=False)["archives"] == []
        assert snapshot(archives) == kept
        result = prune(str(backups), LAST_ONE)
        assert result["archives"] == [
            f"bosh-1_{name}.tar.zst{ending}" for name in IDS[1:3] for ending in ("", ".sha256")
        ]
        assert result["bytes"] > 2 * (1000 + 101)
        assert not set(result["archives"]) & set(os.listdir(archives))
        assert len(os.listdir(archives)) == 6

    def test_an_interrupted_removal_is_finished(self, backups):
        (backups / "archives").mkdir()
        (backups / "archives" / f"bosh-1_{IDS[0]}.tar").touch()
        (backups / IDS[0]).rename(backups / f"{IDS[0]}.removing")
        result = prune(str(backups), {"last": 9})
        assert result["leftovers"] == [IDS[0]]
        assert result["removed"] == []
        assert result["changed"] is True
        assert sorted(os.listdir(backups)) == [*IDS[1:], "archives", "latest"]
        assert os.listdir(backups / "archives") == []

    def test_latest_is_repaired(self, backups):
        (backups / "latest").unlink()
        os.symlink("20990101T000000Z", backups / "latest")
        assert prune(str(backups), {})["latest"] == IDS[3]
        assert os.readlink(backups / "latest") == IDS[3]

    def test_only_bytes_that_no_other_backup_has_are_counted(self, backups):
        for name in IDS[1:]:
            (backups / name / "vcap/store/blob").unlink()
            os.link(backups / IDS[0] / "vcap/store/blob", backups / name / "vcap/store/blob")
        reports = len((backups / IDS[0] / "backup.json").read_bytes())
        assert prune(str(backups), {"last": 2}, dry_run=True)["bytes"] == 2 * reports
        os.unlink(backups / IDS[2] / "vcap/store/blob")
        os.unlink(backups / IDS[3] / "vcap/store/blob")
        assert prune(str(backups), {"last": 2})["bytes"] == 2 * reports + 1000

    def test_the_others_stay_whole(self, tmp_path):
        backups = tmp_path / "real"
        source = make_store(tmp_path / "host")
        previous = None
        for name in IDS:
            (source / "store" / name).write_text(name)
            previous = make_backup(backups, name, source, previous)
        assert prune(str(backups), {"last": 2})["removed"] == IDS[:2]
        assert verify(str(backups / IDS[2]))["whole"]
        assert verify(str(backups / IDS[3]))["whole"]

    def test_directories_that_are_read_only_do_not_stop_it(self):
        with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
            backups = Path(directory)
            backups.chmod(0o777)
            with acting_as(NOBODY):
                for name in IDS:
                    make(backups, name)
                    (backups / name / "vcap" / "store").chmod(0o555)
                    (backups / name / "vcap").chmod(0o500)
                assert prune(str(backups), LAST_ONE)["removed"] == IDS[:3]
            assert sorted(os.listdir(backups)) == [IDS[3], "latest"]

    def test_dies_anywhere_and_no_backup_is_half_there(self, tmp_path):
        numbers = itertools.count()

        def prepare():
            backups = tmp_path / f"backups{next(numbers)}"
            for name in IDS[:3]:
                make(backups, name)
            (backups / "archives").mkdir()
            (backups / "archives" / f"bosh-1_{IDS[0]}.tar").touch()
            return backups

        def action(backups):
            prune(str(backups), LAST_ONE)

        def check(backups):
            for name in IDS[:3]:
                if (backups / name).exists():
                    assert (backups / name / "vcap/store/blob").stat().st_size == 1000
                    assert (backups / name / "backup.json").exists()
            assert (backups / IDS[2]).exists()
            action(backups)
            assert sorted(os.listdir(backups)) == [IDS[2], "archives", "latest"]
            assert os.listdir(backups / "archives") == []

        assert every_death(action, prepare, check) > 12
