# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Has messages and pings sent, and is done with it after so many seconds, whatever became of them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

SENDER = Path(__file__).with_name("_sender.py")
IN_TIME = "it did not answer within {seconds:g} s"
# A server has a little less than all of the time, so that it can be told what it did.
MARGIN = 0.8


def send(tasks: list[dict], seconds: float) -> list[str]:
    """Given what is to be sent, return what came of each, "" where it arrived; see _sender.py for the keys."""
    if not tasks:
        return []
    asked = {"seconds": seconds * MARGIN, "tasks": [{**task, "id": number} for number, task in enumerate(tasks)]}
    try:
        said = _said(json.dumps(asked).encode("ascii"), seconds)
    except OSError as error:
        return [f"nothing could be started to send it: {error.strerror}"] * len(tasks)
    found = dict(_results(said))
    return [found.get(number, IN_TIME.format(seconds=seconds)) for number in range(len(tasks))]


def _said(asked, seconds):
    """Run the program; return what it has written until its time was over."""
    process = subprocess.Popen(
        [sys.executable, str(SENDER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        return process.communicate(asked, timeout=seconds)[0]
    except subprocess.TimeoutExpired:
        return _killed(process)
    except BaseException:
        _killed(process)
        raise


def _killed(process):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    return process.communicate()[0]


def _results(said):
    for line in said.splitlines():
        with contextlib.suppress(ValueError, KeyError, TypeError):
            result = json.loads(line)
            yield result["id"], str(result["problem"])
