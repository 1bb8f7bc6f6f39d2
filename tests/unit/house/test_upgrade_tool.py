# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps the leavings of a version can be run on the day of a release, which comes seldom."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from places import REPOSITORY

PLACE = REPOSITORY / "tests" / "fixtures" / "upgrade"


def test_it_finds_all_that_it_uses():
    make = PLACE / "make"
    assert os.access(make, os.X_OK)
    path = re.search(r'PYTHONPATH="([^"]+)"', make.read_text()).group(1).replace("$root", str(REPOSITORY))
    command = [sys.executable, str(PLACE / "make.py"), "--help"]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--generation" in done.stdout
