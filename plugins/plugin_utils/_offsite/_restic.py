# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs restic: bounded in time, with nobody to ask, and nothing of its environment but what a setting says."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from ansible_collections.microbosh.director.plugins.plugin_utils._offsite._settings import Offsite, OffsiteError
from ansible_collections.microbosh.director.plugins.plugin_utils._run._printable import printable_lines

PROGRAM = "restic"
OLDEST = (0, 14)
VERSION = re.compile(r"restic (\d+)\.(\d+)")
MOST_PRINTED = 256 * 1024 * 1024
MOST_SAID = 64 * 1024
LONGEST_SAID = 600
# Another one has the repository for itself, such as the copy of another director, or a person.
LOCKED = ("repository is already locked", "unable to create lock")
PAUSE, PATIENCE = 5, 1800
SSH = "subprocess ssh: "
DAMAGED = ("repository contains errors",)


class ResticError(OffsiteError):
    """What restic ended with, in its own words."""

    def __init__(self, text: str, status: int | None = None, said: str = ""):
        super().__init__(text)
        self.status, self._said = status, said

    def tells(self, words: tuple[str, ...]) -> bool:
        """Return whether it said one of these."""
        return any(word in self._said for word in words)


def require_program() -> str:
    """Return the version of restic. Raise OffsiteError if it is not there, or too old."""
    path = shutil.which(PROGRAM)
    said = subprocess.run([path, "version"], capture_output=True, text=True, check=False).stdout if path else ""
    found = VERSION.search(said)
    if not found or tuple(map(int, found.groups())) < OLDEST:
        raise OffsiteError(
            f"Copies elsewhere need {PROGRAM} {'.'.join(map(str, OLDEST))} or later on the controller, and it has "
            f"{said.strip() or 'none'}. Install it, or empty microbosh_offsite."
        )
    return f"{found.group(1)}.{found.group(2)}"


def require_password(offsite: Offsite) -> None:
    """Raise OffsiteError unless the file with the password can be read and has something in it."""
    try:
        with open(offsite.password_file, "rb") as file:
            found = file.read(1)
    except OSError as error:
        raise OffsiteError(
            f"The file with the repository's password, {offsite.password_file} "
            f"(microbosh_offsite.password_file), cannot be read: {error.strerror}."
        ) from error
    if not found:
        raise OffsiteError(f"The file with the repository's password, {offsite.password_file}, is empty.")


class Restic:
    """restic and one repository. ``cache`` is a directory of its own for what it knows of it."""

    def __init__(self, offsite: Offsite, cache: Path):
        self.offsite, self._cache = offsite, cache
        self._ends = time.monotonic() + offsite.seconds

    def json(self, *arguments: str):
        """Return what a command prints as JSON."""
        printed = self.run(*arguments, "--json")
        try:
            return json.loads(printed)
        except ValueError as error:
            raise ResticError(f"restic {arguments[0]} printed no JSON") from error

    def alone(self, *arguments: str) -> str:
        """Run a command that needs the repository for itself: wait for whoever has it, and not for the dead."""
        ends = min(time.monotonic() + PATIENCE, self._ends)
        while True:
            try:
                return self.run(*arguments)
            except ResticError as error:
                if not error.tells(LOCKED) or time.monotonic() > ends:
                    raise
            self.run("unlock")  # those alone whose process is gone
            time.sleep(PAUSE)

    def run(self, *arguments: str, directory: Path | None = None, seen: Callable | None = None) -> str:
        """Run a command to its end; return what it printed. ``seen`` is called with each of its messages in JSON."""
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(
                [*self._command(), *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said,
                env=self._environment(), cwd=directory, start_new_session=True,
            )  # fmt: skip
            late = threading.Timer(max(self._ends - time.monotonic(), 0.1), _kill, [process])
            late.start()
            try:
                printed = _printed(process.stdout, seen)
                status = process.wait()
            finally:
                late.cancel()
                if process.returncode is None:
                    _kill(process)
                    process.wait()
                process.stdout.close()
            said.seek(0)
            complaint = said.read(MOST_SAID).decode("utf-8", "replace")
        if status:
            raise self._failed(arguments[0], status, complaint)
        return printed

    def _command(self):
        options = [word for option in self.offsite.options for word in ("-o", option)]
        return [PROGRAM, "--cache-dir", str(self._cache), *options]

    def _environment(self):
        ours = {name: value for name, value in os.environ.items() if not name.startswith("RESTIC_")}
        return {
            **ours, **self.offsite.environment, "LC_ALL": "C", "TZ": "UTC",
            "RESTIC_REPOSITORY": self.offsite.repository, "RESTIC_PASSWORD_FILE": str(self.offsite.password_file),
            "RESTIC_PROGRESS_FPS": "1",
        }  # fmt: skip

    def _failed(self, command, status, complaint):
        said = printable_lines(self.offsite.hide(_words(complaint) or f"status {status}"))[:LONGEST_SAID]
        if time.monotonic() > self._ends:
            said = (
                f"it did not end within {self.offsite.seconds:g} s (microbosh_offsite.seconds), and was ended: {said}"
            )
        return ResticError(f"restic {command}: {said}".rstrip("."), status, complaint)


def _words(complaint):
    """Return of what was complained the lines that say why: of ssh, which says it first, and of restic itself."""
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    why = [line.removeprefix(SSH) for line in lines if line.startswith(SSH)][-2:]
    return " ".join(why + ([line for line in lines if line.startswith("Fatal:")] or lines[-3:]))


def _printed(stream, seen):
    """Return what a command prints, without the messages that somebody looks at."""
    kept, size = [], 0
    for line in stream:
        if seen and line.startswith(b'{"message_type":'):
            with contextlib.suppress(ValueError):
                seen(json.loads(line))
            continue
        size += len(line)
        if size > MOST_PRINTED:
            raise ResticError(f"restic printed more than {MOST_PRINTED} bytes")
        kept.append(line)
    return b"".join(kept).decode("utf-8", "replace")


def _kill(process):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
