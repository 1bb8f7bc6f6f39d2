# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs restic: bounded in time, with nobody to ask, and no variable of restic's own but what the setting says."""

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
from datetime import datetime
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
# Whoever lives renews a lock each five minutes. By process ids nobody can tell: another container has others.
DEAD_AFTER = 35 * 60
TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)")
# After which what was asked to end is ended.
GRACE = 20
INCOMPLETE = 3
TOO_LATE = (124, 128 + signal.SIGKILL, -signal.SIGKILL)
# Of a command there is no end but that of all.
LONGEST = 7 * 24 * 3600
# A server that does not tell its configuration by then will tell nothing.
FIRST_ANSWER = 300
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


def require_program() -> tuple[int, int]:
    """Return the version of restic. Raise OffsiteError if it is not there, or too old."""
    path = shutil.which(PROGRAM)
    said = subprocess.run([path, "version"], capture_output=True, text=True, check=False).stdout if path else ""
    found = VERSION.search(said)
    if not found or tuple(map(int, found.groups())) < OLDEST:
        raise OffsiteError(
            f"Copies elsewhere need {PROGRAM} {'.'.join(map(str, OLDEST))} or later on the controller, and it has "
            f"{said.strip() or 'none'}. Install it, or empty microbosh_offsite."
        )
    return int(found.group(1)), int(found.group(2))


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
    """restic and one repository, for so many seconds. ``cache`` is a directory of its own for what it knows of it."""

    def __init__(self, offsite: Offsite, cache: Path, seconds: float):
        self.offsite, self._cache = offsite, cache
        self._ends = time.monotonic() + seconds

    def read(self, *arguments: str, seconds: float = LONGEST) -> str:
        """Run a command that only reads: it needs no lock, waits for none, and leaves none."""
        return self._run([*arguments, "--no-lock"], seconds=seconds)

    def json(self, *arguments: str, seconds: float = LONGEST):
        """Return what a command that only reads prints as JSON."""
        printed = self.read(*arguments, "--json", seconds=seconds)
        try:
            return json.loads(printed)
        except ValueError as error:
            raise ResticError(f"restic {arguments[0]} printed no JSON") from error

    def run(self, *arguments: str, patience: float | None = None, **more) -> str:
        """Run a command that changes something to its end; return what it printed.

        ``directory`` is where it runs, ``given`` its standard input, and ``seen`` is called with each of its messages
        in JSON. Where somebody has the repository for himself, wait for him so long; but not for the dead.
        """
        ends = min(time.monotonic() + (PATIENCE if patience is None else patience), self._ends)
        while True:
            try:
                return self._run(arguments, **more)
            except ResticError as error:
                if not error.tells(LOCKED) or time.monotonic() > ends:
                    raise
            with contextlib.suppress(ResticError, LookupError, TypeError, ValueError):
                if self._is_of_the_dead():
                    self._run(["unlock"])
            time.sleep(PAUSE)

    def _is_of_the_dead(self):
        """Return whether nobody lives who has locked the repository."""
        locks = [self.json("cat", "lock", one) for one in self.read("list", "locks").split()]
        return bool(locks) and all(time.time() - _seconds_of(str(lock["time"])) > DEAD_AFTER for lock in locks)

    def _run(self, arguments, directory=None, seen=None, given="", seconds=LONGEST):
        limit = min(max(self._ends - time.monotonic(), 1), seconds)
        with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as source:
            source.write(given.encode())
            source.seek(0)
            process = subprocess.Popen(
                [*self._command(limit), *arguments], stdin=source, stdout=subprocess.PIPE, stderr=said,
                env=self._environment(), cwd=directory, start_new_session=True, preexec_fn=_die_with_parent,
            )  # fmt: skip
            late = threading.Timer(limit + 2 * GRACE, _kill, [process])
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
            raise self._failed(arguments[0], status, complaint, limit)
        return printed

    def _command(self, limit):
        """Return how restic is called: asked to end when its time is over, so that it takes its lock along."""
        options = [word for option in self.offsite.options for word in ("-o", option)]
        bound = ["timeout", "-s", "INT", "-k", str(GRACE), f"{limit:.0f}"] if shutil.which("timeout") else []
        return [*bound, PROGRAM, "--cache-dir", str(self._cache), *options]

    def _environment(self):
        ours = {name: value for name, value in os.environ.items() if not name.startswith("RESTIC_")}
        return {
            **ours, **self.offsite.environment, "LC_ALL": "C", "TZ": "UTC", "SSH_ASKPASS_REQUIRE": "never",
            "RESTIC_REPOSITORY": self.offsite.repository, "RESTIC_PASSWORD_FILE": str(self.offsite.password_file),
            "RESTIC_PROGRESS_FPS": "1",
        }  # fmt: skip

    def _failed(self, command, status, complaint, limit):
        said = printable_lines(self.offsite.hide(_words(complaint) or f"status {status}"))[:LONGEST_SAID]
        if status in TOO_LATE:
            said = f"it did not end within {limit:.0f} s (microbosh_offsite.seconds), and was ended: {said}"
        return ResticError(f"restic {command}: {said}".rstrip(" ."), status, complaint)


def _seconds_of(text):
    """Return the time that restic writes, with its nanoseconds and its time zone."""
    day, zone = TIME.fullmatch(text).groups()
    return datetime.fromisoformat(f"{day}{zone.replace('Z', '+00:00')}").timestamp()


def _words(complaint):
    """Return of what was complained what says why: who has a lock, which file, ssh, and then restic itself."""
    lines = [line.strip() for line in complaint.splitlines() if line.strip() and not TRACE.search(line)]
    first = [line for line in lines if LOCKED[0] in line][:1]
    first += [said for said in map(_file_said, lines) if said][:3]
    first += [line for line in lines if line.startswith("ignoring error for")][:3]
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
