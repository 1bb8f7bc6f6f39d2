# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Root on the controller is not always root on the volume of the backups: a share may squash it, a namespace may have no others."""

from __future__ import annotations

import os

import pytest
from conftest import run_ansible
from standing import whole
from trees import recorded_tree

pytestmark = [
    pytest.mark.rotating_alone,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can be squashed"),
]

# Every chown is refused, as by a server that squashes root.
SQUASHED = ["setpriv", "--bounding-set=-chown", "--inh-caps=-chown"]


def test_a_root_that_may_not_give_files_away_makes_whole_backups(micro, tmp_path):
    volume = {"microbosh_backup_dir": f"{tmp_path}/{{{{ inventory_hostname }}}}"}
    for _twice in range(2):
        run = run_ansible([*SQUASHED, *micro.command("backup", **volume)])
        assert run.status == 0, run.output
    first, second = sorted((tmp_path / micro.name).glob("2*Z"))
    assert {path.lstat().st_uid for path in second.rglob("*")} == {0}
    owners = {row[1:3] for row in recorded_tree(second)[0].values()}
    assert len(owners) > 1, "the manifest has the owners of the director"
    shared = [path for path in (first / "vcap/store/blobstore").rglob("*") if path.is_file() and path.stat().st_nlink > 1]
    assert shared
    assert whole(second) is True
    run = micro.play("verify", microbosh_verify="all", **volume)
    assert run.status == 0, run.output
