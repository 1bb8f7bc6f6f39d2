# SPDX-License-Identifier: GPL-3.0-or-later
"""What is due of all backups: everything within the days, whatever runs are late, killed or too many."""

from __future__ import annotations

import json
import random

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._source._reread_share import (
    CIRCLE,
    DAY,
    PIECE,
    Progress,
    Share,
    remember,
    remembered,
    stamp,
)

BEGAN = 1_780_000_000.0


def run(progress, days, now, pieces=None):
    """Let a run read all that is due, or so many pieces of it; return how far it is then, and what was read."""
    due = progress.due(days, now)
    left, read = due.width, []
    for piece in list(due.pieces())[:pieces]:
        left -= piece.width
        progress = progress.gone(piece, left, now)
        read.append(piece)
    return progress, read


def longest_unread(days, times, seed=1):
    """Return the longest time in days that one of many files waited to be read, with runs at such times."""
    chance = random.Random(seed)
    files = {f"{chance.randrange(CIRCLE):012x}{'0' * 52}": times[0] for dummy in range(200)}
    progress, longest = Progress(), 0
    for now in times:
        progress, read = run(progress, days, now)
        for digest, at in files.items():
            longest = max(longest, now - at)
            if any(piece.has(digest) for piece in read):
                files[digest] = now
    return longest / DAY


@pytest.mark.parametrize("days", [1, 2, 3, 7, 30, 90])
@pytest.mark.parametrize("seed", range(3))
def test_nothing_waits_for_longer_than_the_days(days, seed):
    chance = random.Random(f"{days} {seed}")
    # Each night, within an hour.
    times = [BEGAN + night * DAY + chance.randrange(3600) for night in range(3 * days + 3)]
    assert longest_unread(days, times, seed) <= days + 0.1


@pytest.mark.parametrize("gap", [0.25, 1, 3, 7, 14, 29])
def test_nor_with_any_other_time_between_two_runs(gap):
    times = [BEGAN + number * gap * DAY for number in range(int(100 / gap))]
    assert longest_unread(30, times) <= 30.01


def test_a_night_reads_its_part_and_no_more():
    progress, dummy = run(Progress(), 30, BEGAN)
    assert progress.due(30, BEGAN + DAY).width == pytest.approx(CIRCLE / 29, rel=1e-6)
    assert progress.due(30, BEGAN + 1).width < CIRCLE / 100_000


def test_nights_without_a_run_are_made_up_for():
    progress, dummy = run(Progress(), 30, BEGAN)
    assert progress.due(30, BEGAN + 5 * DAY).width == pytest.approx(CIRCLE / 5, rel=1e-6)
    assert progress.due(30, BEGAN + 400 * DAY).width == CIRCLE


def test_a_clock_that_was_set_back_is_a_day():
    progress, dummy = run(Progress(), 30, BEGAN)
    assert progress.due(30, BEGAN - 1000 * DAY).width == pytest.approx(CIRCLE / 29, rel=1e-6)


def test_what_a_killed_run_did_not_read_is_read_by_the_next():
    whole = Progress().due(30, BEGAN)
    progress, read = run(Progress(), 30, BEGAN, pieces=1)
    assert [piece.width for piece in read] == [PIECE]
    again = progress.due(30, BEGAN + 1)
    assert again.start == whole.start + PIECE
    assert whole.width - PIECE <= again.width < whole.width
    assert run(progress, 30, BEGAN + 1)[0].owed == 0


def test_since_when_everything_was_read_is_known_once_it_was():
    progress = Progress()
    for night in range(28):
        progress, dummy = run(progress, 30, BEGAN + night * DAY)
    assert progress.since() is None
    for night in range(28, 100):
        progress, dummy = run(progress, 30, BEGAN + night * DAY)
    assert BEGAN + 69 * DAY <= progress.since() <= BEGAN + 72 * DAY
    assert len(progress.passes) < 35


def test_runs_every_minute_do_not_make_the_file_grow():
    progress = Progress()
    for minute in range(5000):
        progress, dummy = run(progress, 30, BEGAN + 60 * minute)
    assert len(progress.passes) <= 5


def test_a_share_wraps_round():
    share = Share(CIRCLE - 1, 2)
    assert share.has("f" * 64)
    assert share.has(b"0" * 64)
    assert not share.has(f"{1:012x}" + "0" * 52)
    assert not Share(0, 0).has("0" * 64)
    assert Share(5, CIRCLE).has("f" * 64)
    assert sum(piece.width for piece in Share(7, CIRCLE).pieces()) == CIRCLE


def test_what_is_remembered_is_what_was(tmp_path):
    progress = Progress()
    for night in range(40):
        progress, dummy = run(progress, 30, BEGAN + night * DAY)
    remember(tmp_path / "reread.json", progress)
    assert remembered(tmp_path / "reread.json") == progress
    said = json.loads((tmp_path / "reread.json").read_text())
    assert said["since"] == stamp(progress.since()) == "2026-06-08T20:26:40Z"
    assert [path.name for path in tmp_path.iterdir()] == ["reread.json"]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\xff", b'{"passes": 1}', b"[" * 100_000,
                b'{"next": "0", "at": "2026-01-01T00:00:00Z", "owed": -1, "passes": []}',
                b'{"next": "x", "at": "2026-01-01T00:00:00Z", "owed": 0, "passes": []}'],
)  # fmt: skip
def test_of_what_is_no_such_file_nothing_is_believed(tmp_path, content):
    (tmp_path / "reread.json").write_bytes(content)
    assert remembered(tmp_path / "reread.json") == Progress()
