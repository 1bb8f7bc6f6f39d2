# SPDX-License-Identifier: GPL-3.0-or-later
"""Between the oldest and the newest there is ansible-core 2.19, the first with data tagging and another templating."""

from __future__ import annotations

import pytest
from standing import whole

pytestmark = pytest.mark.core219


@pytest.fixture(scope="module")
def host(new_director):
    return new_director("e2e-core219", blobs=8)


@pytest.fixture(scope="module")
def runs(host):
    """The Runs of setup, a backup, and the reading of it again."""
    made = [host.setup(), host.backup(microbosh_archive="{{ inventory_hostname }}_{id}.tar.zst"), host.play("verify")]
    for run in made:
        assert run.status == 0, run.output
    return made


def test_this_is_2_19(host, runs):
    assert host.report["versions"]["ansible_core"].startswith("2.19.")


def test_ansible_has_nothing_to_warn_of(runs):
    for run in runs:
        assert "[WARNING]" not in run.output
        assert "[DEPRECATION WARNING]" not in run.output


def test_the_backup_is_whole_and_the_director_is_back(host, runs):
    assert whole(host.latest) is True
    assert host.report["outage_seconds"] > 0
    assert host.report["dumps"]
    assert host.wholly_up()
    assert not host.partials


def test_the_archive_is_there(host, runs):
    assert (host.backups / "archives" / f"{host.name}_{host.latest.name}.tar.zst").stat().st_size > 1024 * 1024
