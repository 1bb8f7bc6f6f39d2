# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pg_dump and pg_dumpall as they are run: with which words, and their output read on its way to a file."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import hashlib
import os
import subprocess
import tempfile
from collections import namedtuple

from ansible_collections.microbosh.director.plugins.module_utils._core._text import encoded, native
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump import CHUNK, read_dump
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres import (
    PostgresError,
    conninfo,
    last_lines,
)

LOCK_SECONDS = 60

# What is known of a dump once it is in its file.
Written = namedtuple("Written", "dump size sha256")


def dump_command(client, endpoint, database):
    """Return the command that writes a database, in a form that can be restored under any name."""
    lock = "--lock-wait-timeout=%d" % (LOCK_SECONDS * 1000)
    return [client.command("pg_dump"), "--format=plain", lock] + endpoint.options + [conninfo(database)]


def globals_command(client, endpoint, database=None):
    """Return the command that writes what belongs to no database: roles and tablespaces.

    Elsewhere no role is a superuser: the passwords cannot be read, and only some databases may be connected to.
    """
    command = [client.command("pg_dumpall"), "--globals-only"]
    if endpoint.address:
        command += ["--no-role-passwords"] + (["--database=" + conninfo(database.name)] if database else [])
    return command + endpoint.options


def run_dump(client, command, target, scratch, inspect=None):
    """Run pg_dump or pg_dumpall, hash and read its output on the way to an open file, and return what was Written.

    Its messages are kept in a nameless file in the directory ``scratch``. ``inspect`` sees each segment, as of
    ``read_dump``. Raise PostgresError if it fails or if what it wrote is not a whole dump. It never outlives this call.
    """
    environment = dict((name, value) for name, value in os.environ.items() if not name.startswith("PG"))
    environment.update(client.environment)
    digest = hashlib.sha256()
    # Not a pipe: nobody would read it while the dump is read. Not in /tmp either, which is small on a director.
    with tempfile.TemporaryFile(dir=scratch) as complaints:
        with _started(command, environment, complaints) as process:
            dump = read_dump(_through(process.stdout, digest, target), inspect=inspect)
        complaints.seek(0)
        complaint = last_lines(native(complaints.read()))
    if process.returncode != 0:
        raise PostgresError(
            "%s failed with exit status %d: %s" % (command[0], process.returncode, complaint or "it printed no message")
        )
    if not dump.complete:
        raise PostgresError("%s ended without an error, but its output is no whole dump: %s" % (command[0], dump.flaw))
    return Written(dump, target.tell(), digest.hexdigest())


class _Streaming(subprocess.Popen):
    """A command whose output is read while it runs, which run_command cannot do; it never outlives its block."""

    def __init__(self, command, environment, complaints):
        with open(os.devnull, "rb") as nothing:
            super(_Streaming, self).__init__(
                [encoded(argument) for argument in command],
                env=environment,
                stdin=nothing,
                stdout=subprocess.PIPE,
                stderr=complaints,
                close_fds=True,
            )

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if kind:
            self.kill()
        self.stdout.close()
        self.wait()


def _started(command, environment, complaints):
    try:
        return _Streaming(command, environment, complaints)
    except EnvironmentError as error:
        raise PostgresError("%s cannot be run: %s" % (command[0], error.strerror))


def _through(source, digest, target):
    """Yield what comes out of a pipe, hashed and written."""
    while True:
        chunk = os.read(source.fileno(), CHUNK)
        if not chunk:
            return
        digest.update(chunk)
        target.write(chunk)
        yield chunk
