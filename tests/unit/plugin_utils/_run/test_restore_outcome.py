# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a director whose restore failed: what the expressions of the playbook said, and for every case."""

from __future__ import annotations

from itertools import product

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._run._restore_outcome import (
    back_kind,
    came_of,
    failed_restore,
    kind_of,
    not_rolled_back,
    rolled_back,
)

ENDS = {"not reached": {}, "skipped": {"skipped": True}, "failed": {"failed": True}, "done": {"changed": True}}
# (fresh, stopping, came of the mark): kind. A restore that was settled before is so in every case.
KINDS = {
    (True, False, "not reached"): "untouched",
    (False, False, "not reached"): "interrupted",
    (True, True, "not reached"): "restored",
    (False, True, "not reached"): "restored",
    (True, True, "skipped"): "rolled_back",
    (False, True, "skipped"): "rolled_back",
    (True, True, "failed"): "unmarked",
    (False, True, "failed"): "unmarked",
    (True, True, "done"): "restored",
    (False, True, "done"): "restored",
}
NAMES = ("fresh", "stopping", "settled", "exchanging")
EVERY = [dict(zip(NAMES, flags, strict=True)) for flags in product((False, True), repeat=4)]
TRUE, FALSE = ("True", True, "yes"), ("False", False, None, "", "no")
# (services may run, came of the rollback, of the start of all others, of the start of all): kind
BACK_KINDS = {
    (False, "not reached", "not reached", "not reached"): "stopped",
    (False, "failed", "not reached", "not reached"): "stopped",
    (False, "failed", "done", "done"): "stopped",
    (False, "done", "not reached", "not reached"): "back",
    (False, "done", "failed", "done"): "back",
    (False, "done", "done", "done"): "back",
    (True, "not reached", "not reached", "not reached"): "as_it_was",
    (True, "not reached", "failed", "not reached"): "as_it_was",
    (True, "not reached", "done", "failed"): "as_it_was",
    (True, "not reached", "done", "done"): "running",
    (True, "failed", "done", "done"): "running",
    (True, "done", "done", "done"): "back",
    # All but those that failed run: that is not every service. The expression of the playbook said that it was.
    (True, "not reached", "failed", "done"): "as_it_was",
}


@pytest.mark.parametrize("case", KINDS)
def test_how_things_stand_after_a_failure(case):
    fresh, stopping, mark = case
    state = {"fresh": fresh, "stopping": stopping, "proven_mark": ENDS[mark]}
    assert kind_of(state) == KINDS[case]
    assert kind_of({**state, "settled": True}) == "settled"


@pytest.mark.parametrize("state", EVERY)
@pytest.mark.parametrize("mark", ENDS)
def test_what_has_to_be_done(state, mark):
    found = failed_restore({}, {**state, "proven_mark": ENDS[mark], "holds_director": True, "unreachable": True})
    assert found["roll_back"] is (state["stopping"] and mark == "not reached")
    assert found["may_run"] is (state["fresh"] and not state["exchanging"])
    assert found["remove_ready"] is (state["fresh"] and not state["stopping"])
    assert found["unavailable"] is (state["fresh"] and not state["stopping"])


def test_only_who_holds_the_director_removes_what_was_made_ready():
    assert failed_restore({}, {"fresh": True, "holds_director": True})["remove_ready"] is True
    assert failed_restore({}, {"fresh": True, "holds_director": False})["remove_ready"] is False


FULL = {"msg": 'rsync: [receiver] write failed on "store/b": No space left on device (28)'}
QUOTA = {"results": [{"msg": "fine"}, {"failed": True, "msg": "[Errno 122] Disk quota exceeded: 'x'"}]}
CUT = {"msg": "Pushing /backups/d/1/vcap failed, rsync's exit status is 255: connection reset"}


UNFIT = {"msg": "The backup /backups/d/1 is not whole", "unfit": True}
GONE = [(FULL, True), (QUOTA, True), (UNFIT, True), (CUT, False), ({}, False)]


@pytest.mark.parametrize(("result", "gone"), GONE)
def test_what_was_pushed_goes_where_it_filled_the_disk_of_a_director_at_work_or_is_of_no_use(result, gone):
    """Elsewhere it stays, and saves the next run the way."""
    ready = {"fresh": True, "holds_director": True}
    assert failed_restore(result, ready)["remove_pushed"] is gone
    assert failed_restore(result, {**ready, "stopping": True})["remove_pushed"] is False
    assert failed_restore(result, {**ready, "holds_director": False})["remove_pushed"] is False


@pytest.mark.parametrize(
    ("result", "state", "unavailable"),
    [
        ({"reason": "held"}, {}, True),
        ({"reason": "busy"}, {}, False),
        ({}, {}, False),
        ({}, {"unreachable": True}, True),
        ({}, {"unreachable": True, "reach_hint": "The host key is not known."}, False),
        ({"reason": "held"}, {"fresh": False}, False),
        ({"reason": "held"}, {"stopping": True}, False),
    ],
)
def test_a_run_for_which_there_was_no_director_may_come_again(result, state, unavailable):
    assert failed_restore(result, {"fresh": True, **state})["unavailable"] is unavailable


@pytest.mark.parametrize("result", [{}, {"msg": None}, {"results": []}, {"results": [{"skipped": True}, None]}])
def test_nothing_known_is_no_error_and_stops_nothing(result):
    found = failed_restore(result, {})
    assert found["failure"] == "Settings: the task '' failed and says no more"
    assert [found[name] for name in ("roll_back", "may_run", "stranger", "remove_ready", "unavailable")] == [False] * 5
    assert not_rolled_back(result, {})["lost"] is False
    assert rolled_back({})["lease_released"] is True


@pytest.mark.parametrize("words", [TRUE, FALSE])
def test_words_for_true_and_false_count_as_what_they_say(words):
    """ansible-core 2.16 may hand over either."""
    for word in words:
        assert failed_restore({}, {"stopping": word})["roll_back"] is (words is TRUE)


def test_of_a_loop_the_first_item_that_failed_tells():
    items = [{"msg": "fine"}, {"failed": True, "msg": "not this one", "servers": [{"pid": 7}]}, {"failed": True}]
    found = failed_restore({"msg": "One or more items failed", "results": items}, {"phase": "Load"})
    assert found["failure"] == "Load: not this one"
    assert found["stranger"] is True


def test_what_stays_down_is_told():
    said = {}
    for kind, state in {
        "rolled_back": {"proven_mark": ENDS["skipped"]},
        "restored": {"proven_mark": ENDS["done"]},
        "unmarked": {"proven_mark": ENDS["failed"]},
    }.items():
        found = failed_restore({}, {"stopping": True, "but": " BUT uaa, down before the restore, too", **state})
        assert found["kind"] == kind
        said[kind] = found["outcome"]
    assert all(" BUT uaa, down before" in outcome for outcome in said.values())
    assert "microbosh_restore_unfinished=resume" in said["unmarked"]


def test_a_rollback_gives_the_director_back():
    found = rolled_back({"but": " BUT uaa"})
    assert found["outcome"] == "It was rolled back, every service runs on what was there before BUT uaa."
    assert found["lease_released"] is True


def test_services_on_whose_files_another_server_lives_are_named():
    found = rolled_back({"stranger": True, "not_started": ["postgres"], "but": " BUT uaa"})
    assert "before BUT postgres, as another server lives on its files" in found["outcome"]
    assert found["outcome"].endswith("run the checkup playbook. ALSO BUT uaa")
    assert found["lease_released"] is True


@pytest.mark.parametrize("case", BACK_KINDS)
def test_how_things_stand_after_a_rollback_that_failed(case):
    may_run, back, others, start = case
    ends = {"rolled_back": ENDS[back], "start_others": ENDS[others], "start": ENDS[start]}
    assert back_kind({"may_run": may_run, **ends}) == BACK_KINDS[case]


@pytest.mark.parametrize(
    ("ends", "begin"),
    [
        (("done", "failed", "failed"), "What was there before is in its place again, but NOT EVERY SERVICE IS KNOWN"),
        (("not reached", "done", "done"), "Nothing was exchanged and every service runs, but the host still says that"),
        (("not reached", "failed", "done"), "Nothing was exchanged, but NOT EVERY SERVICE IS KNOWN TO RUN: Start: it"),
    ],
)
def test_a_rollback_that_failed_says_what_to_do(ends, begin):
    state = dict(zip(("rolled_back", "start_others", "start"), (ENDS[end] for end in ends), strict=True))
    found = not_rolled_back({"msg": "it is dead"}, {"may_run": True, "phase": "Start", **state})
    assert found["outcome"].startswith(begin)
    assert "microbosh_restore_unfinished=rollback" in found["outcome"]
    assert found["lease_released"] is False


def test_services_stay_stopped_where_data_may_be_half_written():
    found = not_rolled_back({"msg": "no {answer}", "lost": True}, {"phase": "Stop"})
    assert found["outcome"].startswith("THE ROLLBACK FAILED TOO: Stop: no {answer} The services stay stopped.")
    assert found["lost"] is True


def test_what_a_task_came_to():
    assert {name: came_of(result) for name, result in ENDS.items()} == {name: name for name in ENDS}
    assert came_of(None) == "not reached"
