# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bench's arithmetic: what it calls an outage, what it calls met, and when it has nothing to show."""

import importlib.util
import json
import re
import sys
from unittest.mock import MagicMock

import pytest
from places import REPOSITORY

BENCH = REPOSITORY / "tests" / "bench"


def loaded(name, known_as):
    specification = importlib.util.spec_from_file_location(known_as, BENCH / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def results():
    return loaded("results", "bench_results")


@pytest.fixture(scope="module")
def many(results):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "results", results)
        return loaded("many_results", "bench_many_results")


def took(seconds, cpu, mib, **outages):
    return {"seconds": seconds, "cpu_seconds": cpu, "peak": {"kib": mib * 1024}, "outages": outages}


def events(*those):
    return [{"at": at, "service": service, "event": event} for at, service, event in those]


def test_outage_lasts_from_the_first_gone_until_all_are_back(results):
    seen = events(
        (1.0, "nats", "gone"),
        (2.0, "postgres", "gone"),
        (3.0, "nats", "back"),
        (9.25, "postgres", "back"),
    )
    assert results.outage(["nats", "postgres"], seen) == 8.25


def test_services_that_come_and_go_in_between_are_one_outage(results):
    seen = events(
        (1.0, "postgres", "gone"), (2.0, "postgres", "back"), (3.0, "postgres", "gone"), (6.0, "postgres", "back")
    )
    assert results.outage(["postgres"], seen) == 5.0


@pytest.mark.parametrize(
    ("seen", "message"),
    [
        (events(), "no outage was observed"),
        (events((1.0, "nats", "gone"), (2.0, "nats", "back")), "never away.*postgres"),
        (
            events((1.0, "nats", "gone"), (1.5, "postgres", "gone"), (2.0, "nats", "back")),
            "did not come back: postgres",
        ),
    ],
)
def test_an_outage_that_cannot_be_compared_is_an_error(results, seen, message):
    with pytest.raises(results.BenchError, match=message):
        results.outage(["nats", "postgres"], seen)


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        ("begun_steps", [("stop", 0.5, 1.5), ("copy", 2.0, 5.0)]),
        ("ended_steps", [("stop", 0.0, 0.5), ("copy", 0.5, 1.5)]),
    ],
)
def test_steps_are_timed_by_their_beginning_or_their_end(results, which, expected):
    steps = getattr(results, which)([(0.5, "stop"), (2.0, "copy")], 7.0)
    assert [(step["step"], step["began"], step["seconds"]) for step in steps] == expected


def runs(results, ours, classic, floor):
    """Runs with these (outage, total), the same in both."""
    found = []
    for name, (outage, total) in {"ours": ours, "classic": classic, "floor": floor}.items():
        sizes = {} if name == "floor" else {"archive": 2.0, "moved": 1024 * 1024}
        found += [results.Run(name, run, outage, total, **sizes) for run in results.RUNS]
    return found


@pytest.mark.parametrize(
    ("ours", "met"),
    [((13.0, 30.0), [True, True, True]), ((13.01, 30.0), [False, True, True]), ((30.0, 51.0), [False, False, False])],
)
def test_aims_are_met_up_to_their_limit_and_not_beyond(results, ours, met):
    compared = results.comparisons(runs(results, ours, classic=(60.0, 100.0), floor=(10.0, 12.0)))
    assert [comparison.met for comparison in compared if comparison.aim is not None] == met


def test_one_run_beyond_the_limit_is_enough_to_miss_it_where_both_are_judged(results):
    first_slow = {"first": 0.6, "warm": 0.3}
    assert not results.Comparison("outage", first_slow, aim=0.4).met
    assert results.Comparison("total", first_slow, aim=0.5, judged=("warm",)).met


def restore(results, total):
    return results.Restore(
        total=total, push=9.0, stop=10.0, start=8.0, outage=25.0, copy=10.0, said=30.0, said_outage=20.0
    )


@pytest.mark.parametrize(("total", "said"), [(33.0, "met"), (33.1, "NOT MET")])
def test_a_restore_may_take_half_as_long_again_as_a_copy_and_what_stop_and_start_take(results, total, said):
    text = results.restore_table(restore(results, total))
    push, whole = [line.split() for line in text.splitlines()[-3:-1]]
    assert push == ["push", "/", "rsync", "0.90"]
    assert whole[-len(said.split()) - 3 :] == ["at", "most", "1.5", *said.split()]


@pytest.mark.parametrize(("total", "said"), [(23.0, "met"), (45.0, "met"), (22.0, "NOT MET"), (46.0, "NOT MET")])
def test_what_was_said_ahead_is_right_within_a_third(results, total, said):
    ahead = results.restore_table(restore(results, total)).splitlines()[-1]
    assert ahead.split()[-len(said.split()) - 3 :] == ["within", "a", "third", *said.split()]


def test_the_table_is_aligned_and_says_what_was_missed(results):
    text = results.table(runs(results, ours=(20.0, 30.0), classic=(60.0, 100.0), floor=(10.0, 12.0)))
    above, below = text.split("\n\n")
    assert [line.split()[:3] for line in above.splitlines()[1:3]] == [
        ["ours", "first", "20.00"],
        ["ours", "warm", "20.00"],
    ]
    assert len({line.index("s", 20) for line in above.splitlines()[1:]}) == 1
    assert [line.split()[-2:] for line in below.splitlines() if "floor" in line and "at most" in line] == [
        ["NOT", "MET"]
    ]


def test_the_parts_of_ours_stand_beside_those_of_the_floor(results, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "results", results)
    module = loaded("outage_parts", "bench_outage_parts")
    for name, seconds in (("20261122T221326Z", 1.5), ("20261122T231326Z", 1.25)):
        (tmp_path / name).mkdir()
        outage = [{"part": "stop", "seconds": seconds, "services": {}}, {"part": "between", "seconds": 2}]
        (tmp_path / name / "backup.json").write_text(json.dumps({"outage": outage}))
    steps = [
        {"step": name, "began": 0, "seconds": 0.5} for name in ("first pass", "stop services", "second pass", "start")
    ]
    runs = [results.Run("floor", run, 1.0, 2.0, steps=steps) for run in results.RUNS]
    lines = module.parts_table(tmp_path, runs).splitlines()
    assert lines[0].split() == [
        *("where", "an", "outage", "went"), *("ours,", "first", "floor,", "first", "ours,", "warm", "floor,", "warm"),
    ]  # fmt: skip
    assert {line.split()[0]: line.split()[1:] for line in lines[1:]} == {
        "stop": ["1.50", "s", "0.50", "s", "1.25", "s", "0.50", "s"],
        "between": ["2.00", "s", "-", "2.00", "s", "-"],
        "second_pass": ["-", "0.50", "s", "-", "0.50", "s"],
        "start": ["-", "0.50", "s", "-", "0.50", "s"],
    }


def test_every_step_of_the_floor_in_its_outage_is_one_of_its_parts(results, monkeypatch):
    monkeypatch.setitem(sys.modules, "results", results)
    module = loaded("outage_parts", "bench_outage_parts")
    steps = re.findall(r'step\("([^"]+)"\)', (BENCH / "on_host" / "floor.py").read_text(encoding="utf-8"))
    assert set(module.OF_FLOOR) == set(steps) - {"first pass"}


def test_every_warm_run_by_mode_has_blobs_of_its_own(results, monkeypatch):
    # What a seed makes cannot be there twice: the test host refuses it.
    for name in ("results", "bench_host", "contenders"):
        monkeypatch.setitem(sys.modules, name, results if name == "results" else MagicMock(HERE=BENCH))
    module = loaded("warm", "bench_warm")
    monkeypatch.setattr(module, "footprint", lambda _log, _command: {})
    host = MagicMock()
    assert len(module.measure_warm(host, MagicMock(), BENCH, 10)) == module.TIMES * len(module.MODES)
    seeds = [call.kwargs["seed"] for call in host.add.call_args_list]
    assert len(set(seeds)) == module.TIMES * len(module.MODES)


def test_many_are_compared_with_one_alone_and_as_many_times_one(many):
    alone = [took(30, 20, 90, m1=6.0), took(50, 22, 80, m1=8.0), took(40, 40, 85, m1=4.0)]
    measured = {"alone": alone, "together": took(90, 60, 300, m1=6.6, m2=12.0, m3=7.0), "serial": []}
    outage, wall, memory = many.judged(measured)
    assert (outage["value"], outage["met"]) == (2.0, False)
    assert (wall["value"], wall["met"]) == (0.75, False)
    assert (round(memory["value"]), memory["met"]) == (315, True)
    assert many.one_after_the_other(measured)["seconds"] == 120
    assert many.one_after_the_other(measured)["cpu_seconds"] == 66
    shown = many.as_table(measured)
    assert "one after the other (3 x one alone)" in shown
    assert "3 in one run" in shown
    assert shown.count("NOT MET") == 2


def test_many_are_compared_with_what_was_measured_one_after_the_other(many):
    alone = [took(30, 20, 90, m1=6.0)]
    serial = [took(50, 20, 90, m1=6.0), took(70, 25, 95, m2=7.0)]
    measured = {"alone": alone, "together": took(60, 40, 200, m1=6.0, m2=9.0), "serial": serial}
    assert [aim["met"] for aim in many.judged(measured)] == [True, True, True]
    assert many.one_after_the_other(measured)["bytes"] == 95 * 1024 * 1024
    assert "(measured)" in many.as_table(measured)


def test_many_without_one_alone_are_no_comparison(many, results):
    with pytest.raises(results.BenchError, match="one alone"):
        many.judged({"alone": [], "together": took(60, 40, 200, m1=6.0), "serial": []})
