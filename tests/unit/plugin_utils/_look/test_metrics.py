# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics: each known thing once, in the form that Prometheus reads, whatever the director is called."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._look import _metrics as metrics
from ansible_collections.microbosh.director.plugins.plugin_utils._look._picture import director_at
from ansible_collections.microbosh.director.plugins.plugin_utils._look._rules import ALL
from backup_place import DAY, HOUR, NOW, BackupPlace

AT = "2026-11-28T02:00:00Z"
VERDICT = {
    "verified": {"whole": True, "at": "2026-11-27T03:00:00Z", "findings": []},
    "rehearsed": {"good": True, "at": "2026-11-27T03:00:05Z", "seconds": 5, "problems": []},
    "restore": {"seconds": 58.3, "away_seconds": 14.9},
}
SAMPLE = re.compile(r'^(\w+)\{((?:\w+="(?:[^"\\\n]|\\.)*",?)+)\} (-?[0-9.e+-]+)$')


@pytest.fixture
def place(tmp_path):
    return BackupPlace(tmp_path / "director1")


def text(place, name="director1", offsite=False):
    given = {"name": name, "directory": str(place.path), "rules": {}, "offsite": offsite}
    return metrics.text_of(director_at(given, NOW), AT)


def samples(told):
    return {f"{name}{{{labels}}}": float(value) for name, labels, value in parsed(told)}


def parsed(told):
    return [SAMPLE.match(line).groups() for line in told.splitlines() if not line.startswith("#")]


def test_what_is_known_is_told(place):
    place.backup(HOUR)
    place.backup(DAY, verdict=VERDICT)
    place.record(HOUR, seconds=21.5)
    place.record(HOUR / 2, "verify", outcome="failed")
    found = samples(text(place))
    of = '{director="director1"'
    expected = {
        f"microbosh_look_timestamp_seconds{of}}}": NOW,
        f"microbosh_backup_timestamp_seconds{of}}}": NOW - HOUR,
        f"microbosh_backup_proven_timestamp_seconds{of}}}": NOW - HOUR,
        f"microbosh_backup_verified_timestamp_seconds{of}}}": 1_795_748_400,
        f"microbosh_backup_rehearsed_timestamp_seconds{of}}}": 1_795_748_405,
        f'microbosh_backups{of},verdict="proven"}}': 2,
        f'microbosh_backups{of},verdict="damaged"}}': 0,
        f"microbosh_backup_outage_seconds{of}}}": 7.1,
        f"microbosh_backup_duration_seconds{of}}}": 4,
        f"microbosh_backup_size_bytes{of}}}": 284_010_000,
        f"microbosh_backup_new_bytes{of}}}": 48_040_000,
        f"microbosh_backup_files{of}}}": 1648,
        f"microbosh_restore_estimate_seconds{of}}}": 58.3,
        f'microbosh_run_timestamp_seconds{of},playbook="verify"}}': NOW - HOUR / 2,
        f'microbosh_run_success{of},playbook="backup"}}': 1,
        f'microbosh_run_success{of},playbook="verify"}}': 0,
        f'microbosh_run_duration_seconds{of},playbook="backup"}}': 21.5,
        f"microbosh_restore_open{of}}}": 0,
        f"microbosh_health_status{of}}}": 1,
        f'microbosh_health_rule_status{of},rule="last_run"}}': 1,
        f'microbosh_health_rule_status{of},rule="no_backup"}}': 0,
    }
    assert {name: found[name] for name in expected} == expected
    assert len([name for name in found if name.startswith("microbosh_health_rule_status")]) == len(ALL)


def test_each_metric_has_its_help_and_type_once_and_all_of_a_name_stand_together(place):
    place.backup(HOUR, verdict=VERDICT)
    for kind in ("backup", "verify", "restore", "checkup"):
        place.record(HOUR, kind)
    place.offsite(DAY)
    told = text(place, offsite=True)
    names = [line.split()[2] for line in told.splitlines() if line.startswith("# TYPE")]
    assert sorted(names) == sorted(metrics.HELP)
    assert [line.split()[2] for line in told.splitlines() if line.startswith("# HELP")] == names
    in_order = [name for name, dummy, dummy in parsed(told)]
    assert list(dict.fromkeys(in_order)) == names
    assert in_order == sorted(in_order, key=names.index)


def test_what_is_not_known_is_not_there(place):
    found = samples(text(place))
    assert "microbosh_backup_timestamp_seconds" not in " ".join(found)
    assert "microbosh_run_success" not in " ".join(found)
    assert found['microbosh_health_rule_status{director="director1",rule="no_backup"}'] == 2
    place.backup(HOUR, {"outage_seconds": None, "new": None})
    assert "microbosh_backup_outage_seconds" not in text(place)


OF_COPIES = ("copy_timestamp_seconds", "copies", "checked_timestamp_seconds", "healthy")
BAD_CHECK = {"checked": {"at": "2026-11-28T01:03:09Z", "good": False, "said": "x"}}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({}, [NOW - DAY, 2, 1_795_827_789, 1]),
        (BAD_CHECK, [NOW - DAY, 2, 1_795_827_789, 0]),
        ({"failed": {"at": "x", "step": "reach"}}, [NOW - DAY, 2, 1_795_827_789, 0]),
        ({"checked": None, "copies": []}, [None, 0, None, 1]),
        (None, [None, 0, None, None]),
    ],
)
def test_what_is_known_of_copies_elsewhere(place, content, expected):
    place.backup(DAY)
    if content is not None:
        place.offsite(DAY, 90 * DAY, **content)
    found = samples(text(place, offsite=True))
    assert [found.get(f'microbosh_offsite_{name}{{director="director1"}}') for name in OF_COPIES] == expected
    assert "microbosh_offsite" not in text(place)


@pytest.mark.parametrize("name", ['a"} 1\nevil{x="', "back\\slash", "d.example.com", "ä"])
def test_a_name_stays_a_name(place, name, tmp_path):
    place.backup(HOUR)
    director = director_at({"name": name, "directory": str(place.path), "rules": {}}, NOW)
    told = metrics.text_of(director, AT)
    escaped = name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    assert all(f'director="{escaped}"' in labels for dummy, labels, dummy in parsed(told))
    path = Path(metrics.write_metrics(str(tmp_path), director, AT))
    assert (path.parent, path.suffix) == (tmp_path, ".prom")
    assert path.read_text(encoding="utf-8") == told


def test_the_file_is_whole_and_everybody_reads_it(place, tmp_path, monkeypatch):
    director = director_at({"name": "d", "directory": str(place.path), "rules": {}}, NOW)
    path = Path(metrics.write_metrics(str(tmp_path), director, AT))
    assert path.stat().st_mode & 0o777 == 0o644
    before = path.read_text(encoding="utf-8")
    monkeypatch.setattr("os.replace", failing)
    with pytest.raises(OSError, match="No space left"):
        metrics.write_metrics(str(tmp_path), {**director, "restore_open": {"since": "x"}}, AT)
    assert path.read_text(encoding="utf-8") == before
    assert sorted(one.name for one in tmp_path.iterdir()) == ["director1", path.name]


def failing(*dummies):
    raise OSError(28, "No space left on device")


def test_a_run_that_another_one_kept_out_is_no_failure(place):
    place.record(2 * HOUR, seconds=21.5)
    place.record(HOUR, outcome="refused", reason="held", seconds=0.5)
    found = samples(text(place))
    assert found['microbosh_run_success{director="director1",playbook="backup"}'] == 1
    assert found['microbosh_run_duration_seconds{director="director1",playbook="backup"}'] == 21.5
    assert all("was not kept out" in metrics.HELP[f"microbosh_run_{name}"] for name in ("success", "duration_seconds"))


def test_two_names_have_two_files(place, tmp_path):
    names = ("a b", "a_b", "a/b", "a\udc80b")
    directors = [director_at({"name": name, "directory": str(place.path), "rules": {}}, NOW) for name in names]
    paths = [metrics.write_metrics(str(tmp_path), director, AT) for director in directors]
    assert len(set(paths)) == len(names)
    assert paths[1] == str(tmp_path / "microbosh_a_b.prom")
