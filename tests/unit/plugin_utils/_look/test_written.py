# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that others read is there whole at any moment, and whoever could read it still can."""

from __future__ import annotations

import os
import threading

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._look._written import write_beside


def test_a_new_one_has_the_mode_that_is_given(tmp_path):
    write_beside(str(tmp_path / "x"), "a", 0o600)
    assert ((tmp_path / "x").read_text(), (tmp_path / "x").stat().st_mode & 0o777) == ("a", 0o600)


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files to another group")
def test_one_that_is_there_keeps_its_mode_and_its_group(tmp_path):
    path = tmp_path / "x"
    path.write_text("before")
    os.chown(path, -1, 4711)
    path.chmod(0o640)
    write_beside(str(path), "after", 0o600)
    status = path.stat()
    assert (path.read_text(), status.st_mode & 0o777, status.st_gid) == ("after", 0o640, 4711)


def test_a_reader_never_sees_a_part_of_it(tmp_path):
    path, texts, seen, end = tmp_path / "x", ["a" * 100_000, "b" * 200_000], set(), threading.Event()
    write_beside(str(path), texts[0], 0o600)

    def read():
        while not end.is_set():
            seen.add(path.read_text())

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(50):
        write_beside(str(path), texts[number % 2], 0o600)
    end.set()
    reader.join()
    assert seen <= set(texts)
    assert [one.name for one in tmp_path.iterdir()] == ["x"]
