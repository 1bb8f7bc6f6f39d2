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


def test_a_link_stays_one_and_what_it_leads_to_is_written(tmp_path):
    (tmp_path / "there").mkdir()
    for link, target in (("one", "two"), ("two", "there/x")):
        (tmp_path / link).symlink_to(target)
    for text in ("new", "again"):
        write_beside(str(tmp_path / "one"), text, 0o600)
        assert (tmp_path / "there" / "x").read_text() == text
    assert [(tmp_path / link).is_symlink() for link in ("one", "two")] == [True, True]
    assert [one.name for one in (tmp_path / "there").iterdir()] == ["x"]


def link_to(target):
    return lambda path: os.symlink(target, path)


@pytest.mark.parametrize(
    "make",
    [os.mkfifo, os.mkdir, link_to("/dev/null"), link_to("/dev/stdout"), link_to("/proc/self/fd/1"), link_to("x")],
)
def test_what_is_no_file_is_refused_and_stays(tmp_path, make):
    make(tmp_path / "x")
    before = os.lstat(tmp_path / "x")
    with pytest.raises(OSError, match=r"no regular file|name a file|Too many"):
        write_beside(str(tmp_path / "x"), "a", 0o600)
    assert os.lstat(tmp_path / "x") == before
    assert [one.name for one in tmp_path.iterdir()] == ["x"]


def test_what_a_process_has_open_is_refused_even_if_it_is_a_file(tmp_path):
    with open(tmp_path / "x", "w") as file, pytest.raises(OSError, match="name a file"):
        write_beside(f"/dev/fd/{file.fileno()}", "a", 0o600)
    assert (tmp_path / "x").read_text() == ""


def test_no_mode_is_taken_over_that_lets_everybody_write(tmp_path):
    (tmp_path / "x").touch()
    (tmp_path / "x").chmod(0o666)
    write_beside(str(tmp_path / "x"), "a", 0o600)
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o664
