# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs restic: bounded in time, with nobody to ask, and nothing of its environment but what a setting says."""

from __future__ import annotations

import contextlib
import ctypes
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

from ansible_collections.microbosh.director.plugins.module_utils._core._files import read_plain
from ansible_collections.microbosh.director.plugins.plugin_utils._offsite._settings import Offsite, OffsiteError
from ansible_collections.microbosh.director.plugins.plugin_utils._run._printable import printable_lines

PROGRAM = "restic"
OLDEST = (0, 14)
VERSION = re.compile(r"restic (\d+)\.(\d+)")
MOST_PRINTED = 256 * 1024 * 1024
MOST_SAID = 256 * 1024
LONGEST_SAID = 600
LONGEST_PASSWORD = 4096
# Another one has the repository for itself, such as the copy of another director, or a person.
LOCKED = ("already locked",)
PAUSE, PATIENCE = 5, 1800
# After which what was asked to end is ended.
GRACE = 20
INCOMPLETE = 3
SSH = "subprocess ssh: "
# What a Go program says of itself when it fails, which tells nobody why.
TRACE = re.compile(r"\.go:\d+|^runtime\.|^goroutine |^github\.com/|^golang\.org/|^main\.|^\s+/")
PR_SET_PDEATHSIG = 1


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
        # A secret that is mounted into a pod is a link to a file.
        found = read_plain(os.path.realpath(offsite.password_file), LONGEST_PASSWORD)
    except (OSError, ValueError) as error:
        raise OffsiteError(
            f"The file with the repository's password, {offsite.password_file} (microbosh_offsite.password_file), "
            f"cannot be read: {getattr(error, 'strerror', None) or error}."
        ) from error
    if not found.strip():
        raise OffsiteError(f"The file with the repository's password, {offsite.password_file}, has nothing in it.")


class Restic:
    """restic and one repository. ``cache`` is a directory of its own for what it knows of it."""

    def __init__(self, offsite: Offsite, cache: Path):
        self.offsite, self._cache = offsite, cache
        self._ends = time.monotonic() + offsite.seconds

    def read(self, *arguments: str) -> str:
        """Run a command that only reads: it needs no lock, waits for none, and leaves none."""
        return self._run([*arguments, "--no-lock"])

    def json(self, *arguments: str):
        """Return what a command that only reads prints as JSON."""
        printed = self.read(*arguments, "--json")
        try:
            return json.loads(printed)
        except ValueError as error:
            raise ResticError(f"restic {arguments[0]} printed no JSON") from error

    def run(self, *arguments: str, directory: Path | None = None, seen: Callable | None = None, given: str = "") -> str:
        """Run a command to its end, given its standard input; return what it printed.

        ``seen`` is called with each of its messages in JSON.

        Where somebody has the repository for himself, wait for him; but not for the dead.
        """
        ends = min(time.monotonic() + PATIENCE, self._ends)
        while True:
            try:
                return self._run(arguments, directory, seen, given)
            except ResticError as error:
                if not error.tells(LOCKED) or time.monotonic() > ends:
                    raise
            with contextlib.suppress(ResticError):
                self._run(["unlock"])  # locks alone whose process is gone
            time.sleep(PAUSE)

    def _run(self, arguments, directory=None, seen=None, given=""):
        with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as source:
            source.write(given.encode())
            source.seek(0)
            process = subprocess.Popen(
                [*self._command(), *arguments], stdin=source, stdout=subprocess.PIPE, stderr=said,
                env=self._environment(), cwd=directory, start_new_session=True, preexec_fn=_die_with_parent,
            )  # fmt: skip
            late = threading.Timer(self._left() + 2 * GRACE, _kill, [process])
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

    def is_late(self) -> bool:
        """Return whether the time for all of it is over."""
        return time.monotonic() >= self._ends

    def _left(self):
        return max(self._ends - time.monotonic(), 1)

    def _command(self):
        """Return how restic is called: asked to end when its time is over, so that it takes its lock along."""
        options = [word for option in self.offsite.options for word in ("-o", option)]
        bound = ["timeout", "-s", "INT", "-k", str(GRACE), f"{self._left():.0f}"] if shutil.which("timeout") else []
        return [*bound, PROGRAM, "--cache-dir", str(self._cache), *options]

    def _environment(self):
        ours = {name: value for name, value in os.environ.items() if not name.startswith("RESTIC_")}
        return {
            **ours, **self.offsite.environment, "LC_ALL": "C", "TZ": "UTC",
            "RESTIC_REPOSITORY": self.offsite.repository, "RESTIC_PASSWORD_FILE": str(self.offsite.password_file),
            "RESTIC_PROGRESS_FPS": "1",
        }  # fmt: skip

    def _failed(self, command, status, complaint):
        said = printable_lines(self.offsite.hide(_words(complaint) or f"status {status}"))[:LONGEST_SAID]
        if self.is_late():
            said = (
                f"it did not end within {self.offsite.seconds:g} s (microbosh_offsite.seconds), and was ended: {said}"
            )
        return ResticError(f"restic {command}: {said}".rstrip(" ."), status, complaint)


def _words(complaint):
    """Return of what was complained what says why: who has a lock, which file, ssh, and then restic itself."""
    lines = [line.strip() for line in complaint.splitlines() if line.strip() and not TRACE.search(line)]
    first = [line for line in lines if LOCKED[0] in line][:1]
    first += [said for said in map(_file_said, lines) if said][:3]
    first += [line.removeprefix(SSH) for line in lines if line.startswith(SSH)][-2:]
    plain = [line for line in lines if not line.startswith(("{", SSH)) and line not in first]
    return " ".join(dict.fromkeys(first + ([line for line in plain if line.startswith("Fatal:")] or plain[-3:])))


def _file_said(line):
    """Return what one of its messages in JSON says of a file that could not be copied, "" if it is no such message."""
    with contextlib.suppress(ValueError, AttributeError):
        found = json.loads(line)
        if found.get("message_type") == "error":
            error = found.get("error")
            return f"{found.get('item')}: {error.get('message') or error if isinstance(error, dict) else error}"
    return ""


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


def _die_with_parent():
    """Ask for a signal when this run is gone: what it began ends then, too."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)
