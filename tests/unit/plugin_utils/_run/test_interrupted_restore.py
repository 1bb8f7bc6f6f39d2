# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run has to do with a restore that was interrupted, by how far that had come and what the operator wants."""

from __future__ import annotations

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_state import state_of
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_workspace import PHASES
from ansible_collections.microbosh.director.plugins.plugin_utils._run._interrupted_restore import interrupted_restore

FLAGS = ("settled", "rolling_back", "loaded", "started", "may_have_loaded")
# By phase, what holds with refuse, resume and rollback; "fresh" is a run that begins a restore of its own.
GOES_ON = {
    "stopping": ("", "", "rolling_back"),
    "swapping": ("", "", "rolling_back"),
    "swapped": ("", "", "rolling_back"),
    "loading": ("may_have_loaded", "may_have_loaded", "rolling_back may_have_loaded"),
    "proving": ("loaded may_have_loaded", "loaded may_have_loaded", "rolling_back loaded may_have_loaded"),
    "starting": ("loaded started may_have_loaded",) * 2 + ("rolling_back loaded started may_have_loaded",),
    "proven": ("fresh", "settled loaded started", "settled loaded started"),
    "rolling_back": ("rolling_back may_have_loaded",) * 3,
    "rolled_back": ("fresh", "settled rolling_back", "settled rolling_back"),
}
WAYS = ("refuse", "resume", "rollback")


def found_with(phase, abandoned=False):
    marker = {"phase": phase, "about": {"backup": "b1"}} if phase else None
    return {"marker": marker, "abandoned": abandoned, **state_of(marker)}


@pytest.mark.parametrize(("phase", "way"), [(phase, way) for phase in GOES_ON for way in WAYS])
def test_it_goes_on_from_every_phase(phase, way):
    found = interrupted_restore(found_with(phase, abandoned=phase in ("proven", "rolled_back")), way)
    holds = GOES_ON[phase][WAYS.index(way)].split()
    assert {name: found[name] for name in FLAGS} == {name: name in holds for name in FLAGS}
    assert found["fresh"] is ("fresh" in holds)
    assert found["marker"] == ({} if "fresh" in holds else {"phase": phase, "about": {"backup": "b1"}})
    assert found["only_remains"] is False


def test_no_phase_is_forgotten():
    assert set(GOES_ON) == set(PHASES)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("found", [{}, {"failed": True, "msg": "lost"}, found_with(None)])
def test_a_host_that_says_nothing_has_none_under_way(found, way):
    state = interrupted_restore(found, way)
    assert state.pop("fresh") is True
    assert not any(state.values())


@pytest.mark.parametrize("way", ["resume", "rollback"])
def test_what_is_only_left_is_removed(way):
    found = interrupted_restore(found_with(None, abandoned=True), way)
    assert found["marker"]["about"]["backup"] == "an unknown backup"
    assert (found["fresh"], found["only_remains"], found["settled"], found["rolling_back"]) == (False, True, True, True)
    assert interrupted_restore(found_with(None, abandoned=True), "refuse")["fresh"] is True


def test_a_host_without_a_marker_is_in_no_state():
    """A host that lies says nothing that anybody would go by."""
    state = interrupted_restore({"marker": None, **dict.fromkeys(FLAGS, True)}, "rollback")
    assert state["fresh"] is True
    assert not any(state[name] for name in FLAGS)
