# SPDX-License-Identifier: GPL-3.0-or-later
"""Which server a restore starts and stops, and that a lost data directory does not keep it from going on."""

from __future__ import annotations

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._postgres_server import ServerError, bring, find_server
from postgres_rig import run_command


@pytest.fixture
def bring_to(tmp_path):
    """A function that brings the server of a store to a state, with the packages that are there."""
    for name in ("store", "packages"):
        (tmp_path / name).mkdir()

    def act(state, pretend=False):
        places = [str(tmp_path / name) for name in ("store", "packages", "scratch")]
        return bring(find_server(*places, run_command), state, 15432, 5, pretend)

    return act


def test_where_the_data_is_lost_nothing_has_to_be_stopped(bring_to):
    assert bring_to("stopped")["changed"] is False


def test_where_the_data_is_lost_no_server_starts(bring_to):
    with pytest.raises(ServerError, match="no data directory of PostgreSQL"):
        bring_to("started")


@pytest.mark.parametrize("state", ["started", "stopped"])
def test_data_that_no_program_can_run_is_an_error_that_names_both(bring_to, tmp_path, state):
    (tmp_path / "store" / "postgres").mkdir()
    (tmp_path / "store" / "postgres" / "PG_VERSION").write_text("9.0\n")
    with pytest.raises(ServerError, match=r"data of 9\.0, programs of none"):
        bring_to(state)
