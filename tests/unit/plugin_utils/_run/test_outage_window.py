# SPDX-License-Identifier: GPL-3.0-or-later
"""An outage begins only in the times of day that the operator gave, by the controller's clock."""

from __future__ import annotations

import time
from datetime import datetime

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._run._outage_window import (
    WindowError,
    outage_window,
    spans_of,
)


@pytest.fixture(autouse=True)
def berlin(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def at(clock, day="2026-11-27"):
    return datetime.fromisoformat(f"{day}T{clock}").timestamp()


def refusal(text, clock, day="2026-11-27"):
    found = outage_window(text, at(clock, day))
    assert found["open"] is (found["refusal"] == "")
    return found["refusal"]


@pytest.mark.parametrize("text", ["", None, " ", ","])
def test_without_a_window_any_time_is_fine(text):
    assert outage_window(text, at("12:00")) == {"open": True, "words": "", "refusal": ""}


@pytest.mark.parametrize(
    ("text", "within", "outside"),
    [
        ("01:00-04:00", ["01:00:00", "03:59:59"], ["00:59:59", "04:00:00", "12:00:00"]),
        ("22:30-00:30", ["22:30:00", "23:59:59", "00:00:00", "00:29:59"], ["22:29:59", "00:30:00"]),
        ("1:00-2:00,13:00-13:15", ["01:30:00", "13:14:59"], ["02:00:00", "12:59:59", "13:15:00"]),
        ("20:00-24:00", ["20:00:00", "23:59:59"], ["00:00:00", "19:59:59"]),
        ("20:00-00:00", ["20:00:00", "23:59:59"], ["00:00:00"]),
        ("00:00-24:00", ["00:00:00", "12:00:00", "23:59:59"], []),
    ],
)
def test_when_an_outage_may_begin(text, within, outside):
    assert [refusal(text, clock) == "" for clock in within] == [True] * len(within)
    assert [refusal(text, clock) == "" for clock in outside] == [False] * len(outside)


def test_a_refusal_says_when_the_window_opens_and_by_whose_clock():
    assert refusal("01:00-04:00, 22:30-00:30", "12:00") == (
        "No outage may begin now, at 12:00 CET on this controller, as microbosh_outage_window is "
        "01:00-04:00, 22:30-00:30 CET. It opens at 22:30 CET, in 10 h 30 min"
    )


@pytest.mark.parametrize(
    ("text", "clock", "opens"),
    [
        ("01:00-04:00", "23:30:30", "01:00 CET, in 1 h 30 min"),
        ("01:00-04:00", "04:00:00", "01:00 CET, in 21 h 0 min"),
        ("12:00-12:10", "11:59:50", "12:00 CET, in 1 min"),
    ],
)
def test_when_it_opens(text, clock, opens):
    assert refusal(text, clock).endswith(f"It opens at {opens}")


def test_a_night_in_which_the_clock_is_changed():
    """On 28 March 2027 it goes from 02:00 to 03:00 CEST."""
    assert "06:00 CEST, in 6 h 0 min" in refusal("06:00-07:00", "23:00", "2027-03-27")


@pytest.mark.parametrize(
    "text",
    ["1-4", "01:00", "01:00-04:60", "24:00-01:00", "25:00-26:00", "03:00-03:00", "01:00-24:01", "always"],
)
def test_what_is_no_window_is_refused_with_one_that_is(text):
    with pytest.raises(WindowError, match=r"is no window\. Write from when to when, as in 01:00-04:00"):
        spans_of(text)
