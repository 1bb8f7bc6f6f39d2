# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Feeds SQL to psql, which takes no commands of its own, in one encoding, and keeps a bounded part of its messages."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import binascii
import os
import re
import subprocess
import threading

from ansible_collections.microbosh.director.plugins.module_utils._core._text import encoded, native
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres import PostgresError

# The first message of psql is the cause, and the last ones tell how it ended; what a dump's code says between may be
# without end.
MESSAGES = 32 << 10
LONGEST_LINE = 2000
_CHUNK = 64 << 10
# One message of the server is held in memory, and so is one statement.
MEMORY = 1 << 30
# By a shell: with threads in this process, no Python is to run between fork and exec. A lower limit stays.
_LIMITED = ["/bin/sh", "-c", 'ulimit -v %d 2>/dev/null; exec "$@"' % (MEMORY >> 10), "sh"]

_ENCODING = re.compile(br"SET client_encoding = '([A-Za-z0-9_]+)';\s*\Z")
_NO_ASCII = re.compile(br"[\x80-\xff]")
_ROWS_FOLLOW = re.compile(br"COPY .*FROM stdin;\s*\Z", re.DOTALL)
_END_OF_ROWS = b"\\.\n"
# The bytes as they are, as for a client that sets no encoding.
_UNSAID = b"SQL_ASCII"


# The updates of August 2025 brought it.
_RESTRICTS_SINCE = {13: 22, 14: 19, 15: 14, 16: 10, 17: 6}
_ALWAYS_RESTRICTS = 18


def restricting(version):
    """Return the line after which psql takes no commands of its own, if it is of a version that can.

    None is ever sent, as what is sent is read before. This is for the case that we read it otherwise than psql.
    """
    major, minor = (tuple(version.numbers) + (0, 0))[:2] if version else (0, 0)
    if major < _ALWAYS_RESTRICTS and minor < _RESTRICTS_SINCE.get(major, minor + 1):
        return b""
    return b"\\restrict " + binascii.hexlify(os.urandom(16)) + b"\n"


def require_restricting(version):
    """Raise PostgresError unless this controller's psql, which nothing contains, is of a version that can be so."""
    if not restricting(version):
        raise PostgresError(
            "The psql %s of this controller can be made to run programs by what it is sent (CVE-2025-8714), so no dump "
            "is loaded from here. Update its package postgresql-client to 13.22, 14.19, 15.14, 16.10, 17.6 or newer."
            % str(version)
        )


def in_one_encoding(pieces):
    """Yield pieces of SQL, with the encoding that they are in said anew before each that is not plain ASCII.

    Code of a dump may set another one, and psql follows: in SJIS and the like it takes the quote after a byte of ours
    for half of a character, and reads what is a text as a command. A byte that is half of such a character begins at
    0x80, so plain ASCII is read alike in every encoding. Between this statement and the next no code runs.
    """
    encoding, copying = _UNSAID, False
    for piece in pieces:
        said = None if copying else _ENCODING.match(piece)
        if copying:
            copying = piece != _END_OF_ROWS
        elif said:
            encoding = said.group(1)
        else:
            copying = _ROWS_FOLLOW.match(piece) is not None
            # The names of its columns may be plain where its rows are not.
            if copying or _NO_ASCII.search(piece):
                yield b"SET client_encoding = '" + encoding + b"';\n"
        yield piece


class _Messages(threading.Thread):
    """Reads what a command says, to its end, and keeps the beginning and the end of it."""

    def __init__(self, stream):
        super(_Messages, self).__init__()
        self.daemon = True
        self._stream = stream
        self._first = b""
        self._last = b""

    def run(self):
        while True:
            chunk = os.read(self._stream.fileno(), _CHUNK)
            if not chunk:
                return
            room = MESSAGES - len(self._first)
            self._first += chunk[:room]
            self._last = (self._last + chunk[room:])[-MESSAGES:]

    def lines(self):
        """Return what was said, when there is no more to come."""
        self.join()
        between = b"" if len(self._last) < MESSAGES else b"\n"
        lines = native(self._first + between + self._last).splitlines()
        return [line.strip()[:LONGEST_LINE] for line in lines if line.strip()]


class Fed(subprocess.Popen):
    """A command that reads while we write, which run_command cannot do; it never outlives its block."""

    def __init__(self, command, environment):
        with open(os.devnull, "wb") as nothing:
            super(Fed, self).__init__(
                [encoded(argument) for argument in _LIMITED + command],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=nothing,
                stderr=subprocess.PIPE,
                close_fds=True,
            )
        self._messages = _Messages(self.stderr)
        self._messages.start()

    def feed(self, pieces):
        """Write the pieces; one that the command does not take any more is no error of ours: its exit status tells."""
        try:
            self.stdin.write(b"BEGIN;\n")
            for piece in in_one_encoding(pieces):
                self.stdin.write(piece)
            self.stdin.write(b"COMMIT;\n")
            self.stdin.close()
        except EnvironmentError as error:
            if self.poll() is None and self.wait() == 0:
                raise PostgresError("psql did not read all that was sent to it: %s" % error.strerror)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if kind:
            self.kill()
        self._close()
        self.wait()
        self.said = self._messages.lines()
        self.stderr.close()

    def _close(self):
        try:
            self.stdin.close()
        except EnvironmentError:
            # The rest of the buffer, when psql has ended.
            return
