# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the seconds of an outage went: the parts make the whole, whatever a run left out."""

from __future__ import annotations

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._run._outage import WORDS, outage_parts, outage_said

SKIPPED = {"changed": False, "skipped": True}


def took(**seconds):
    return [{"name": name, "seconds": value} for name, value in seconds.items()]


MADE = {
    "outage": 6.5,
    "agent": {"seconds": 0.31, "began": 99.0, "ended": 99.31},
    "intake": SKIPPED,
    "tasks": SKIPPED,
    "stop": {
        "seconds": 1.9, "began": 100.0, "ended": 101.9, "acted": ["director", "nats"],
        "took": took(worker_1=0.01, director=0.4, nats=1.2),
    },
    "dumps": [{"seconds": 0.5}, {"seconds": 0.25}],
    "stop_postgresql": {"seconds": 0.4, "began": 103.0, "acted": ["postgres"], "took": took(nats=0.1, postgres=0.3)},
    "second_pass": {"seconds": 0.9},
    "postgresql_files": {"results": [{"seconds": 0.5}, {"seconds": 0.1}]},
    "owners": SKIPPED,
    "restarted": {"seconds": 0.6, "began": 104.5, "acted": ["director", "nats"], "took": took(nats=0.55)},
    "start": {"seconds": 2.6, "began": 105.5, "up_at": 106.5, "acted": [], "took": took(nats=0.05, director=0.95)},
}  # fmt: skip


def parts(**changes):
    return outage_parts({**MADE, **changes})


def test_the_parts_are_told_in_their_order_with_the_seconds_of_each_service():
    assert parts() == [
        {"part": "agent", "seconds": 0.31},
        {"part": "stop", "seconds": 1.9, "services": {"director": 0.4, "nats": 1.2}},
        {"part": "dumps", "seconds": 0.75},
        {"part": "stop_postgresql", "seconds": 0.4, "services": {"postgres": 0.3}},
        {"part": "second_pass", "seconds": 0.9},
        {"part": "postgresql_files", "seconds": 0.6},
        {"part": "start", "seconds": 2.0, "services": {"nats": 0.55, "director": 1.95}},
        {"part": "between", "seconds": 0},
    ]


@pytest.mark.parametrize("outage", [9.99, "9.99"])
def test_without_the_agent_they_make_the_outage(outage):
    found = parts(outage=outage)
    assert sum(part["seconds"] for part in found if part["part"] != "agent") == pytest.approx(9.99)
    assert found[-1]["part"] == "between"
    assert found[-1]["seconds"] == pytest.approx(9.99 - 6.55)


@pytest.mark.parametrize("outage", [0, "0", "", None, 0.0])
def test_without_an_outage_there_are_none(outage):
    nothing = {name: {} for name in MADE}
    assert outage_parts({**nothing, "dumps": [{}, {}], "outage": outage}) == []
    assert outage_said([]) == []


def test_every_part_that_can_be_has_words():
    all_of_them = parts(intake={"seconds": 0.2, "acted": []}, tasks={"waited": 0.0}, owners={"seconds": 0.7}, outage=20)
    assert [part["part"] for part in all_of_them] == list(WORDS)


def test_an_outage_without_a_database_has_no_part_for_it():
    names = [p["part"] for p in parts(dumps=[{}, SKIPPED], stop_postgresql=SKIPPED, postgresql_files={"results": []})]
    assert names == ["agent", "stop", "second_pass", "start", "between"]


def test_a_director_of_an_earlier_setup_or_a_start_that_the_lease_did_has_less():
    """What a task did not say is not made up."""
    assert "start" not in [part["part"] for part in parts(restarted={}, start={})]
    assert parts(stop={"seconds": 1.0, "acted": ["nats"]})[1] == {"part": "stop", "seconds": 1.0, "services": {}}


def test_what_a_person_is_told():
    assert outage_said(parts(outage=8.0)) == [
        "  of that stopping the agent before it 0.31 s, stopping services 1.9 s, dumps 0.75 s, "
        "stopping PostgreSQL 0.4 s, second pass 0.9 s, PostgreSQL's files 0.6 s, starting services 2.0 s, "
        "between them 1.45 s",
        "  slowest of stopping services: nats 1.2 s, director 0.4 s",
        "  slowest of starting services: director 1.95 s, nats 0.55 s",
    ]
