# SPDX-License-Identifier: GPL-3.0-or-later
"""What a marker means, of this version or an earlier one."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_state import state_of
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_workspace import PHASES
from ansible_collections.microbosh.director.plugins.modules import restore_tree, restore_tree_info

NAMES = ("unfinished", "settled", "rolling_back", "loaded", "started", "may_have_loaded")
# What the playbooks read from lists of phases before the module told it, in the order of NAMES.
STATES = {
    None: "------",
    "stopping": "u-----",
    "swapping": "u-----",
    "swapped": "u-----",
    "loading": "u----m",
    "proving": "u--l-m",
    "starting": "u--lsm",
    "proven": "-S-ls-",
    "rolling_back": "u-r--m",
    "rolled_back": "-Sr---",
}


@pytest.mark.parametrize("phase", STATES)
def test_each_phase_says_what_it_always_said(phase):
    found = state_of(phase and {"phase": phase})
    assert found == dict(zip(NAMES, (sign != "-" for sign in STATES[phase]), strict=True))


def test_no_phase_is_forgotten():
    assert set(STATES) == {None, *PHASES}


@pytest.mark.parametrize("module", [restore_tree, restore_tree_info])
def test_the_modules_document_each(module):
    documented = yaml.safe_load(module.RETURN)
    assert [name for name in NAMES if documented.get(name, {}).get("type") != "bool"] == []
