# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a program that converts a stream, such as zstd or age."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tarfile
import tempfile

# Behind the last file of an archive there is no more than a block; in front of it a program may complain of each byte.
MOST_AFTER = 256 * 1024 * 1024
LONGEST_SAID = 64 * 1024


class MissingProgramError(ValueError):
    """A program that the controller does not have."""


def require(program: str):
    """Raise MissingProgramError unless the controller has it."""
    if shutil.which(program) is None:
        raise MissingProgramError(f"that takes {program}, which this controller does not have. Install it.")


@contextlib.contextmanager
def filtered(command, source, failed):
    """Given a command and the file it reads, give the stream that it writes.

    Its output counts only if it ends well. If not, raise what ``failed`` makes of its words, also in place of a damage
    that the reader of the stream found: that may be no more than the consequence.
    """
    require(command[0])
    environment = {**os.environ, "LC_ALL": "C"}
    with (
        tempfile.TemporaryFile() as said,
        # In a session of its own it has no terminal to ask for a passphrase.
        subprocess.Popen(
            command, stdin=source, stdout=subprocess.PIPE, stderr=said, env=environment, start_new_session=True
        ) as program,
    ):
        try:
            yield program.stdout
        except (tarfile.TarError, EOFError):
            if _drained(program):
                _end(program, said, failed)
            raise
        except BaseException:
            program.kill()
            raise
        if not _drained(program):
            raise failed(f"more than {MOST_AFTER} bytes follow its end")
        _end(program, said, failed)


def _drained(program):
    """Let the program come to its end, and return whether it did; one that has much more to write is ended."""
    left = MOST_AFTER
    while left > 0 and (found := program.stdout.read(1 << 20)):
        left -= len(found)
    if left <= 0:
        program.kill()
    return left > 0


def _end(program, said, failed):
    """Wait for the program; what it says at its end may be about the last bytes."""
    if program.wait() != 0:
        said.seek(0)
        raise failed(said.read(LONGEST_SAID).decode(errors="replace").strip())
