# SPDX-License-Identifier: GPL-3.0-or-later
"""script/setup makes what is missing in its own tree, and empties nobody else's."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from places import REPOSITORY

UNPACKED = (".venv-promtool/bin/promtool", ".venv-sshd/usr/sbin/sshd")


@pytest.fixture
def tree(tmp_path):
    """A tree with the script, in which nothing is left to be downloaded but the Python tools."""
    tree = tmp_path / "tree"
    shutil.copytree(REPOSITORY / "script", tree / "script")
    for name in ("tests/requirements.txt", "tests/unit/requirements.txt"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, tree / name)
    for name in UNPACKED:
        (tree / name).parent.mkdir(parents=True)
        (tree / name).touch(mode=0o755)
    return tree


def test_a_link_to_the_tools_of_another_tree_is_refused_and_those_stay(tree, tmp_path):
    other = tmp_path / "other" / ".venv"
    (other / "bin").mkdir(parents=True)
    (other / "bin" / "python").write_text("theirs")
    (tree / ".venv").symlink_to(other)
    environment = {**os.environ, "PIP_NO_INDEX": "1"}
    command = [tree / "script" / "setup", "--tools"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode != 0
    assert f".venv is a link to {other}, and preparing it would empty that one" in run.stderr
    assert (other / "bin" / "python").read_text() == "theirs"
