# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program that makes one stream of another, such as zstd or age."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tarfile
import tempfile


class MissingProgramError(ValueError):
    """A program that the controller does not have."""


def require(program: str):
    """Raise MissingProgramError unless the controller has it."""
    if shutil.which(program) is None:
        raise MissingProgramError(f"that takes {program}, which this controller does not have. Install it.")


@contextlib.contextmanager
def filtered(command, source, failed):
    """Given a command and the file it reads, give the stream that it writes.

    What it wrote counts only if it ends well. If not, raise what ``failed`` makes of its words, also in place of a
    damage that the reader of the stream found: that may be no more than the consequence.
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
            _end(program, said, failed)
            raise
        except BaseException:
            program.kill()
            raise
        _end(program, said, failed)


def _end(program, said, failed):
    """Let the program come to its end; what it says there may be about the last bytes."""
    while program.stdout.read(1 << 20):
        pass
    if program.wait() != 0:
        said.seek(0)
        raise failed(said.read().decode(errors="replace").strip())
