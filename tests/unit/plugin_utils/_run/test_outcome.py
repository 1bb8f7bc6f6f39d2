# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a run that failed, wherever it was: nothing is promised of what it never came to."""

from __future__ import annotations

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._run._outcome import backup_outcome, failure

RUN = {
    "id": "20261122T221326Z", "host": "director1", "lease": "", "published": "", "without": "", "limit": "1800",
    "online": {"verdict": ""},
    "failure": {"message": "Preflight: no", "reason": "error"},
}  # fmt: skip
STOPPED = {"changed": True, "seconds": 1.0}
NOTHING_STOPPED = "  Nothing was stopped on the director."
UP = "  The director is up, every service runs."
NOT_UP = (
    "  THE DIRECTOR IS NOT KNOWN TO BE UP: its lease starts it within 1800 s of its stop and goes on trying; the "
    "checkup playbook starts it now."
)


def test_a_failure_names_the_phase_and_what_the_task_says():
    told = failure({"failed": True, "msg": "Not every service runs on demo"}, "Preflight", "Every service runs")
    assert told == {"message": "Preflight: Not every service runs on demo", "reason": "error"}


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ({"stderr": "tar: no"}, "Archive: tar: no"),
        ({"msg": "", "stderr": "tar: no"}, "Archive: tar: no"),
        ({}, "Archive: the task 'Pack' failed and says no more"),
        ({"msg": "non-zero return code", "stderr": "no"}, "Archive: the task 'Pack' failed: non-zero return code"),
        ({"results": None}, "Archive: the task 'Pack' failed and says no more"),
        ({"msg": "all", "results": [{"msg": "fine"}, {"failed": True, "msg": "bad"}]}, "Archive: bad"),
        ({"msg": "all", "results": [{"failed": False, "msg": "fine"}]}, "Archive: all"),
        ({"msg": "The filter plugin 'microbosh.director.host_rules' failed: no rule"}, "Archive: no rule"),
        ({"msg": "An exception. Error was X, original message: no\nmore"}, "Archive: no\nmore"),
        ({"msg": ["a", "b"]}, "Archive: ['a', 'b']"),
    ],
)  # fmt: skip
def test_the_message_of_a_failure(result, message):
    assert failure(result, "Archive", "Pack")["message"] == message


def test_before_any_phase_it_is_the_settings():
    assert failure({"msg": "no"})["message"] == "Settings: no"


@pytest.mark.parametrize(
    ("result", "unreachable", "hint", "reason"),
    [
        ({"reason": "held"}, False, "", "held"),
        ({"reason": "busy"}, False, "", "busy"),
        ({}, True, "", "unreachable"),
        ({}, True, "The host key is not known.", "error"),
        ({}, False, "", "error"),
    ],
)
def test_the_reason_of_a_failure(result, unreachable, hint, reason):
    assert failure({"msg": "no", **result}, "Preflight", "x", unreachable, hint)["reason"] == reason


@pytest.mark.parametrize(
    ("agent_stop", "start", "said", "left_down"),
    [
        ({}, {}, NOTHING_STOPPED, False),
        ({}, {"services": []}, NOTHING_STOPPED, False),
        ({"failed": True, "msg": "no"}, {"services": []}, UP, False),
        (STOPPED, {"services": []}, UP, False),
        (STOPPED, {"services": [], "failed": False}, UP, False),
        (STOPPED, {}, NOT_UP, True),
        (STOPPED, {"services": [], "failed": True}, NOT_UP, True),
        (STOPPED, {"unreachable": True, "msg": "no route"}, NOT_UP, True),
    ],
)
def test_whether_the_director_is_up(agent_stop, start, said, left_down):
    outcome = backup_outcome({**RUN, "lease": "t1"}, agent_stop, start)
    assert (outcome["lines"][2], outcome["left_down"]) == (said, left_down)
    assert outcome["give_back"] is True


def test_a_failure_before_anything_was_held():
    outcome = backup_outcome(RUN, {}, {})
    assert outcome["lines"] == [
        "Backup 20261122T221326Z of director1 FAILED",
        "  Preflight: no",
        NOTHING_STOPPED,
        "  The earlier backups are as they were.",
    ]
    assert (outcome["give_back"], outcome["published"], outcome["unavailable"]) == (False, False, False)
    assert outcome["record"] == {
        "id": "20261122T221326Z", "host": "director1", "status": "failed", "reason": "error", "error": "Preflight: no",
    }  # fmt: skip


@pytest.mark.parametrize(("without", "is_what"), [("", "whole"), ("A DUMP", "whole BUT A DUMP")])
def test_a_failure_after_the_backup_was_published(without, is_what):
    run = {**RUN, "lease": "t1", "published": "/backups/director1/x", "without": without}
    outcome = backup_outcome(run, STOPPED, {"services": []})
    assert outcome["lines"][0] == (
        f"Backup 20261122T221326Z of director1 is {is_what} and published, what came after it FAILED"
    )
    assert (outcome["give_back"], outcome["published"], outcome["record"]["status"]) == (False, True, "published")


def test_what_is_published_and_moved_is_not_called_just_whole():
    run = {**RUN, "published": "/backups/x", "online": {"verdict": "moved"}}
    assert "is whole BUT ITS DATABASES MOVED" in backup_outcome(run, {}, {})["lines"][0]
    assert "is whole and published" in backup_outcome({**run, "online": {"verdict": "still"}}, {}, {})["lines"][0]


@pytest.mark.parametrize("reason", ["held", "busy", "unreachable"])
def test_for_want_of_a_director_a_run_may_be_tried_again(reason):
    outcome = backup_outcome({**RUN, "failure": {"message": "m", "reason": reason}}, {}, {})
    assert outcome["unavailable"] is True
    assert outcome["record"]["reason"] == reason
