# SPDX-License-Identifier: GPL-3.0-or-later
"""Controllers with a repository beside them."""

from __future__ import annotations

import pytest
from offsite_controller import Beside

FIRST = "20261122T221326Z"


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A controller whose first backup has a copy: each command of restic takes its time."""
    path = tmp_path_factory.mktemp("made")
    controller = Beside(path / "controller", path / "repository")
    controller.backup(FIRST)
    outcome = controller.copy()
    assert (outcome.problem, outcome.copied, outcome.copies, outcome.missing) == ("", [FIRST], [FIRST], [])
    assert min(outcome.bytes, outcome.new_bytes) > 50_000
    return path


@pytest.fixture
def controller(made, tmp_path):
    return Beside.copied(made, tmp_path / "made")


@pytest.fixture
def new(tmp_path):
    return Beside(tmp_path / "controller", tmp_path / "repository")
