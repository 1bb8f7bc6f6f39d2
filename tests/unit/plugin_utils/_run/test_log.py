# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of a run is UTF-8 whatever the locale is, and is named only where it is."""

from __future__ import annotations

import os
import stat
import subprocess
import sys

import pytest
from ansible_collections.microbosh.director.plugins.action.run_log import timed
from ansible_collections.microbosh.director.plugins.plugin_utils._run import _log as log

WRITES = """
import sys
from ansible_collections.microbosh.director.plugins.plugin_utils._run import _log
assert _log.append(sys.argv[1], ['caf\\u00e9 \\u2603 \\udcff'], 'd\\u00e9tail') == ''
"""


@pytest.mark.parametrize("locale", ["C", "POSIX", "C.UTF-8", "en_US.ISO-8859-1"])
def test_any_locale(tmp_path, locale):
    path = tmp_path / "run.log"
    environment = {**os.environ, "LC_ALL": locale, "LANG": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0",
                   "PYTHONPATH": os.pathsep.join(sys.path)}  # fmt: skip
    subprocess.run([sys.executable, "-c", WRITES, path], env=environment, check=True)
    written = path.read_text(encoding="utf-8")
    assert "café ☃ \\udcff\n    détail\n" in written
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_directory_no_log(tmp_path):
    assert log.append(str(tmp_path / "no" / "run.log"), ["a"]) == ""
    assert not log.is_there(str(tmp_path / "no" / "run.log"))
    assert log.append(None, ["a"]) == ""
    assert not log.is_there(None)


def test_one_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "run.log").mkdir()
    problem = log.append(str(tmp_path / "run.log"), ["a"])
    assert problem.startswith(f"The run's log {tmp_path}/run.log cannot be written: ")
    assert not log.is_there(str(tmp_path / "run.log"))


def test_a_copy_is_whole_and_private(tmp_path):
    (tmp_path / "run.log").write_text("a\n")
    (tmp_path / "backup.log").write_text("of an earlier run\n")
    assert log.copy(str(tmp_path / "run.log"), str(tmp_path / "backup.log")) == ""
    assert (tmp_path / "backup.log").read_text() == "a\n"
    assert stat.S_IMODE((tmp_path / "backup.log").stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.log", "run.log"]


def test_a_copy_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "run.log").write_text("a\n")
    problem = log.copy(str(tmp_path / "run.log"), str(tmp_path / "no" / "backup.log"))
    assert problem.startswith(f"The run's log {tmp_path}/run.log cannot be copied to {tmp_path}/no/backup.log: ")


@pytest.mark.parametrize(("lines", "told"), [
    ([], []),
    (["a"], ["a (2 s)"]),
    (["a", "b"], ["a", "b (2 s)"]),
    (["a", "b", "  of b", "  also of b"], ["a", "b (2 s)", "  of b", "  also of b"]),
    (["  of what was told before"], ["  of what was told before (2 s)"]),
])  # fmt: skip
def test_the_seconds_of_a_phase_stand_behind_what_was_done_in_it(lines, told):
    assert timed(lines, "2 s") == told
