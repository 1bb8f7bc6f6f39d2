# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture has the jobs of this controller's schedule that did not begin, by what runs and backups say."""

from __future__ import annotations

import json

from ansible_collections.microbosh.director.plugins.plugin_utils._look import _picture
from ansible_collections.microbosh.director.plugins.plugin_utils._run import _schedule_record
from director_backup import make_director_backup

JOB = {"name": "backup", "unit": "microbosh-backup.timer", "playbook": "backup", "group": "microbosh", "hosts": ["d1"],
       "when": "daily", "longest_seconds": 86400, "since": "2026-11-01T00:00:00Z"}  # fmt: skip
# A day after the backup that is there.
NOW = 1_795_472_006.0


def test_a_backup_that_is_there_counts_as_a_run_and_without_one_it_is_missed(tmp_path, monkeypatch):
    (tmp_path / "microbosh-schedule.json").write_text(json.dumps({"format": 1, "jobs": [JOB]}))
    looks = _schedule_record.missed_of
    monkeypatch.setattr(_picture, "missed_of", lambda name, began, now: looks(name, began, now, tmp_path))
    given = {"name": "d1", "directory": str(tmp_path), "rules": {}}
    [director] = _picture.picture([given], NOW)["directors"]
    assert director["missed"] == [
        {"name": "backup", "unit": "microbosh-backup.timer", "playbook": "backup", "last": JOB["since"]}
    ]
    assert "missed" in {one["rule"] for one in director["health"]["problems"]}
    make_director_backup(tmp_path)
    [director] = _picture.picture([given], NOW)["directors"]
    assert director["missed"] == []
    [director] = _picture.picture([given], NOW + 7200 + 86400)["directors"]
    assert director["missed"][0]["last"] == "2026-11-22T22:13:26Z"
