# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands of an operator before and after a run, with its report on their standard input, bounded in time."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
from datetime import datetime, timezone

from ansible_collections.microbosh.director.plugins.plugin_utils._run._printable import printable_lines
from ansible_collections.microbosh.director.plugins.plugin_utils._told._desk import nameless
from ansible_collections.microbosh.director.plugins.plugin_utils._told._outcomes import Outcome
from ansible_collections.microbosh.director.plugins.plugin_utils._told._settings import HOOKS

SCHEMA = 1
SHELL = "/bin/sh"
SHOWN_BYTES = 600
# After which a command ends that nobody waits for any more, as the run was killed.
LATER_SECONDS = 2


def report(event: str, playbook: str, run: str, controller: str, directors: list[dict]) -> dict:
    """Return what a hook is told."""
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "schema": SCHEMA, "event": event, "playbook": playbook, "run": run, "controller": controller, "at": now,
        "directors": directors,
    }  # fmt: skip


def director(outcome: Outcome) -> dict:
    """Return what a report says of one director: the artifact of its job, with its log."""
    never = {"outcome": "failed", "reason": "killed", "error": outcome.error, "seconds": 0, "phases": []}
    known = {"host": outcome.host, "playbook": outcome.playbook, "id": outcome.id, "path": "", "archive": ""}
    return {**known, **(outcome.artifact or never), "log": outcome.log}


def run_hook(command: str, told: dict, seconds: float) -> str:
    """Run a command with a report on its standard input; return what went wrong, "" if nothing did."""
    try:
        with os.fdopen(nameless(), "w+b") as given, os.fdopen(nameless(), "w+b") as said:
            given.write(json.dumps(told).encode("ascii"))
            given.seek(0)
            return _ran(command, given, said, seconds)
    except OSError as error:
        return f"could not be run: {error.strerror or type(error).__name__}"


def _ran(command, given, said, seconds):
    argv = [*_limit(seconds + LATER_SECONDS), SHELL, "-c", command]
    process = subprocess.Popen(argv, stdin=given, stdout=said, stderr=said, start_new_session=True)
    status = _waited(process, seconds)
    if status == 0:
        return ""
    how = f"did not end within {seconds:g} s, and was killed" if status is None else _ended(status)
    return f"{how}{_shown(said)}"


def _limit(seconds):
    program = shutil.which("timeout")  # not everywhere
    return [program, "-s", "KILL", str(seconds)] if program else []


def _waited(process, seconds):
    """Return the exit status, None if it had to be killed, with all that it had started."""
    try:
        return process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _ended(status):
    return f"ended with status {status}" if status > 0 else f"was killed by signal {-status}"


def _shown(said):
    size = said.seek(0, os.SEEK_END)
    said.seek(max(size - SHOWN_BYTES, 0))
    text = " ".join(printable_lines(said.read().decode("utf-8", "replace")).split())
    return f": {text}" if text else ""


def hook_name(stage: str, number: int) -> str:
    """Return the name of a hook; its command may have in it what nobody is to see."""
    return f"{HOOKS}.{stage}[{number}]"
