# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A dump on disk, read as a restore would read it, and the files that go with it."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import contextlib
import fcntl
import hashlib
import itertools
import os
import re

from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._text import encoded
from ansible_collections.microbosh.director.plugins.module_utils._dump._database_properties import (
    ENDING,
    LONGEST,
    read_properties,
)
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump import CHUNK, chunks_of, read_dump
from ansible_collections.microbosh.director.plugins.module_utils._dump._restore_sql import (
    Contents,
    DumpRefused,
    databases_in,
    globals_statements,
    roles_made,
    statements,
)
from ansible_collections.microbosh.director.plugins.module_utils._dump._role_statements import RolesSaid
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres import Version


class DumpFileError(DirectorError):
    """A database cannot be restored."""

    why = None


def dumped_from(text):
    """Given the version in a dump, such as 15.18, 9.0.3 or 16beta1, return it as Version."""
    return Version(tuple(int(number) for number in re.findall(r"\d+", text)))


class DumpFile(object):
    """A dump on disk, and what its first reading found in it."""

    def __init__(self, path, checksum, database):
        self.path = path
        self.sha256 = None
        self.properties = None
        self.contents = self._read(checksum, database)

    def _error(self, why, advice):
        error = DumpFileError("The dump %s is not restored: %s. %s" % (self.path, why, advice))
        error.why = why
        return error

    @contextlib.contextmanager
    def _opened(self):
        try:
            with open(encoded(self.path), "rb") as stream:
                yield stream
        except EnvironmentError as error:
            raise self._error("it cannot be read (%s)" % error.strerror, "Give the path of a dump on this host.")

    def _chunks(self):
        with self._opened() as stream:
            while True:
                chunk = stream.read(CHUNK)
                if not chunk:
                    return
                yield chunk

    def _read(self, checksum, database):
        """Return what is in the file; mostly in one pass, which is also the one that its checksum is made of."""
        digest = hashlib.sha256()
        contents, refusal = _contents(None, self._hashed(digest))
        self.sha256 = digest.hexdigest()
        if checksum and checksum.lower() != self.sha256:
            raise self._error(
                "its SHA-256 is %s, and %s was expected" % (self.sha256, checksum.lower()),
                "A dump is a program: take one that its checksum vouches for.",
            )
        kind, names = databases_in(self._chunks()) if refusal or contents.databases else ("database", [])
        if kind == "cluster" or names:
            contents, refusal = _contents(self._choose(kind, names, database), self._chunks())
            contents.databases = names
        if refusal:
            raise self._error(str(refusal), "Take another one, or load it by hand if you know what it does.")
        return contents

    def _choose(self, kind, names, database):
        """Return the name that a database has within the file, or None if the file is all of it."""
        if kind != "cluster" and not names:
            return None
        if not database and len(names) == 1:
            return names[0]
        if database not in names:
            raise self._error(
                "it holds the databases %s, and %s" % (
                    ", ".join(names) or "none", "not " + database if database else "which one to take was not said"
                ),
                "Name one of them.",
            )
        return database

    @contextlib.contextmanager
    def locked(self):
        """Wait for a restore of this very dump that may still run: one whose connection was lost, say."""
        descriptor = os.open(encoded(self.path), os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def pieces(self, mapping, missing_roles, expected, fit=None):
        """Return what psql is to run, piece by piece; raise if the file is no longer the one that was examined.

        ``expected`` is how many ids are to be replaced, by column.
        """
        digest = hashlib.sha256()
        counts = {}
        pieces = statements(self._hashed(digest), self.contents, mapping, missing_roles, counts, fit)
        return itertools.chain(pieces, self._end(digest, counts, expected))

    def _end(self, digest, counts, expected):
        """Yield nothing to run, at the moment when all of it was read."""
        if digest.hexdigest() != self.sha256 or counts != expected:
            raise self._error("it was changed while it was read", "Nothing was loaded.")
        yield b""

    def _hashed(self, digest):
        for chunk in self._chunks():
            digest.update(chunk)
            yield chunk


def _contents(name, chunks):
    """Return the Contents of a database in a dump, and why it is refused or None; all of it is read in any case."""
    contents = Contents(name)
    chunks = iter(chunks)
    try:
        contents.read(chunks)
    except DumpRefused as error:
        for dummy in chunks:
            continue
        return contents, error
    return contents, None


def properties_beside(path, checksum=None):
    """Return what hangs on the database itself, as the file beside its dump says, or None if there is none."""
    beside = re.sub(r"\.sql\Z", "", path) + ENDING
    if not os.path.lexists(encoded(beside)):
        return None
    try:
        with open(encoded(beside), "rb") as stream:
            text = stream.read(LONGEST + 1)
        if checksum and hashlib.sha256(text).hexdigest() != checksum.lower():
            raise DumpRefused("its checksum does not vouch for it")
        return read_properties(text)
    except DumpRefused as error:
        raise DumpFileError("The file %s, which goes with a dump, is refused: %s." % (beside, error))
    except EnvironmentError as error:
        raise DumpFileError("The file %s, which goes with a dump, cannot be read: %s." % (beside, error.strerror))


def read_as_restore(path, checksum=None, database=None, properties_checksum=None):
    """Return a dump with what goes with it, read in the very way in which it would be loaded: in one pass, mostly.

    Raise DumpFileError for what a restore would refuse: one of another checksum, one that is not whole, and one that
    holds what pg_dump does not write. Restore, preflight, proof and verification all ask this.
    """
    source = DumpFile(path, checksum, database)
    source.properties = properties_beside(path, properties_checksum)
    return source


class RolesFile(object):
    """A dump of the globals of a server, as far as it makes roles."""

    def __init__(self, path, checksum=None):
        self.path = path
        digest = hashlib.sha256()
        try:
            self.dump = read_dump(self._hashed(digest))
            self.kind = self.dump.kind
            self.made = roles_made(chunks_of(path)) if self.kind == "cluster" else set()
        except EnvironmentError as error:
            raise self._error("it cannot be read (%s)" % error.strerror)
        self.sha256 = digest.hexdigest()
        if checksum and checksum.lower() != self.sha256:
            raise self._error("its SHA-256 is %s, and %s was expected" % (self.sha256, checksum.lower()))

    @property
    def rows(self):
        return dict((table.qualified, count) for table, count in self.dump.rows.items())

    def _error(self, why):
        error = DumpFileError("The dump %s of the roles is refused: %s." % (self.path, why))
        error.why = why
        return error

    def _hashed(self, digest):
        for chunk in chunks_of(self.path):
            digest.update(chunk)
            yield chunk

    def require_loadable(self):
        """Raise DumpFileError unless it is whole and nothing in it is refused."""
        if not self.dump.complete:
            raise self._error("it is not whole: %s" % self.dump.flaw)
        try:
            for dummy in self.pieces():
                continue
        except DumpRefused as error:
            raise self._error(str(error))

    def said(self):
        """Return what it says of roles; raise DumpFileError for a statement that pg_dumpall does not write."""
        try:
            return RolesSaid().read(chunks_of(self.path))
        except DumpRefused as error:
            raise self._error(str(error))

    def pieces(self, roles=None, there=()):
        """Return the statements that make its roles, or only some; ``there`` are others that those may be put into."""
        digest = hashlib.sha256()
        chunks = self._hashed(digest)
        return itertools.chain(globals_statements(chunks, roles, there), self._end(digest, chunks))

    def _end(self, digest, chunks):
        """Read what is left, and give nothing more; raise DumpFileError if it was changed meanwhile."""
        for dummy in chunks:
            continue
        if digest.hexdigest() != self.sha256:
            raise self._error("it was changed while it was read")
        yield b""
