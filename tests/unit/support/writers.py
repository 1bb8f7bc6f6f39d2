# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writers that work on three databases and a blobstore while these are backed up, and journal whatever they do.

One thread at a time writes, one transaction after the other, so the journal has the order of the commits.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import os
import random
import subprocess
import threading
from dataclasses import dataclass

from ansible_collections.microbosh.director.plugins.module_utils._core._clock import uptime

# With a sequence, as the director has them, or without, as UAA and credhub do.
NUMBERED = "CREATE TABLE %s (id serial PRIMARY KEY, name text UNIQUE, value text)"
NAMED = "CREATE TABLE %s (name text PRIMARY KEY, value text)"
TABLES = {
    "bosh": ("blobs", "deployments", "events", "locks", "delayed_jobs"),
    "uaa": ("users", "group_membership", "revocable_tokens"),
    "credhub": ("credential", "credential_version", "request_audit_record"),
}
HARMLESS = {
    "bosh": ("events", "locks", "delayed_jobs"),
    "uaa": ("revocable_tokens",),
    "credhub": ("request_audit_record",),
}
A_SECOND = 50


class Session:
    """A connection that stays, as a service's."""

    def __init__(self, server, database):
        argv = [server.scratch.binaries.command("psql"), "-XqAt", "-v", "ON_ERROR_STOP=1"]
        self._process = subprocess.Popen(
            [*argv, *server.scratch.endpoint.options, "-d", database],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
        )  # fmt: skip

    def run(self, *statements):
        """Run them in one transaction, and return when it is committed."""
        self._process.stdin.write("".join(f"{text};\n" for text in ("BEGIN", *statements, "COMMIT")) + "\\echo done\n")
        if self._process.stdout.readline() != "done\n":
            raise AssertionError("a writer's transaction failed")

    def close(self):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@dataclass
class Change:
    """One row that was written or, without a value, deleted; committed between two times."""

    table: str
    name: str
    value: str | None
    harmless: bool
    began: float
    ended: float

    def apply(self, state):
        if self.value is None:
            del state[self.table][self.name]
        else:
            state[self.table][self.name] = self.value


class World:
    """The databases and the blobstore, what is in them, and the journal."""

    def __init__(self, server, store):
        self.server = server
        self.store = store
        self.state = {}
        self.base = {}
        self.journal = {database: [] for database in TABLES}
        self.number = 0
        for database, tables in TABLES.items():
            server.sql("postgres", f"CREATE DATABASE {database}")
            server.sql(database, *((NUMBERED if database == "bosh" else NAMED) % table for table in tables))
            self.state[database] = {table: {} for table in tables}
        self.sessions = {database: Session(server, database) for database in TABLES}

    def close(self):
        for session in self.sessions.values():
            session.close()

    def begin(self):
        """Begin a new journal."""
        self.base = copy.deepcopy(self.state)
        self.journal = {database: [] for database in TABLES}

    def new_name(self):
        self.number += 1
        return f"n{self.number}"

    def write(self, database, table, name, value):
        """Insert, update or, without a value, delete a row."""
        rows = self.state[database][table]
        if value is None:
            statement = f"DELETE FROM {table} WHERE name = '{name}'"
        elif name in rows:
            statement = f"UPDATE {table} SET value = '{value}' WHERE name = '{name}'"
        else:
            statement = f"INSERT INTO {table} (name, value) VALUES ('{name}', '{value}')"
        began = uptime()
        self.sessions[database].run(statement)
        change = Change(table, name, value, table in HARMLESS[database], began, uptime())
        change.apply(self.state[database])
        self.journal[database].append(change)

    def blob_path(self, name):
        return self.store / hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()[:2] / name

    def add_blob(self):
        """As the director does: the file first, then its row."""
        name = self.new_name()
        content = f"content of {name}".encode()
        path = self.blob_path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".new").write_bytes(content)
        path.with_suffix(".new").rename(path)
        self.write("bosh", "blobs", name, hashlib.sha1(content, usedforsecurity=False).hexdigest())

    def remove_blob(self, name):
        self.write("bosh", "blobs", name, None)
        self.blob_path(name).unlink()

    def step(self, chance, harmless_only=False):
        """Do one thing."""
        database = chance.choice(sorted(TABLES))
        table = chance.choice(HARMLESS[database] if harmless_only else TABLES[database])
        names = sorted(self.state[database][table])
        old = chance.choice(names) if names else None
        remove = old and chance.random() < len(names) / 40
        if table == "blobs":
            return self.remove_blob(old) if remove else self.add_blob()
        if remove:
            return self.write(database, table, old, None)
        new = old is None or chance.random() < 0.6
        return self.write(database, table, self.new_name() if new else old, f"v{chance.randrange(10**6)}")

    def candidates(self, database, began, ended, rows):
        """Return after how many changes a database may have been as a dump has it, which was made between two times."""
        changes = self.journal[database]
        least = sum(change.ended < began for change in changes)
        most = sum(change.began <= ended for change in changes)
        state = copy.deepcopy(self.base[database])
        found = []
        for number in range(most + 1):
            if number:
                changes[number - 1].apply(state)
            if number >= least and state == rows:
                found.append(number)
        return found


class Writer(threading.Thread):
    """Writes in a thread of its own until the block ends."""

    def __init__(self, world, seed):
        super().__init__()
        self.world = world
        self.seed = seed
        self.chance = random.Random(f"{type(self).__name__} {seed}")
        self.over = threading.Event()
        self.ready = threading.Event()
        self.problem = None

    def run(self):
        try:
            self.work()
        except Exception as error:  # told in the test's own thread
            self.problem = error
        self.ready.set()

    def work(self):
        raise NotImplementedError

    def write_for(self, seconds, harmless_only=False):
        """Do something fifty times a second."""
        end = uptime() + seconds
        while uptime() < end and not self.over.wait(1 / A_SECOND):
            self.world.step(self.chance, harmless_only)

    def between(self):
        """Called after the first dump has ended and before the second begins."""

    @contextlib.contextmanager
    def working(self):
        self.start()
        self.ready.wait()
        try:
            yield
        finally:
            self.over.set()
            self.join()
        if self.problem:
            raise self.problem


class NeverPauses(Writer):
    def work(self):
        self.write_for(0.5)
        self.ready.set()
        self.write_for(10**6)


class Pauses(Writer):
    """Every second one pauses for as long as a backup takes, the others for as long as they like."""

    def work(self):
        if self.seed % 2 == 0:
            self.write_for(self.chance.uniform(0.2, 1))
            return
        self.ready.set()
        while not self.over.is_set():
            self.write_for(self.chance.uniform(0.1, 0.6))
            self.over.wait(self.chance.uniform(0.5, 10))


class ChangesHarmlessOnly(Writer):
    def work(self):
        self.write_for(0.5, harmless_only=True)
        self.ready.set()
        self.write_for(10**6, harmless_only=True)


class ChangesOneCredhubRow(Writer):
    """Does one thing in credhub, mostly just between the dumps, else at any time while they are made."""

    def work(self):
        write = self.world.write
        if "kept" not in self.world.state["credhub"]["credential_version"]:
            write("credhub", "credential_version", "kept", "first")
        self.what = self.chance.choice((self._changed, self._changed_back, self._came_and_went, self._replaced))
        self.at = self.chance.choice(("between", "between", "between", "any time"))
        self.ready.set()
        if self.at == "any time":
            self.over.wait(self.chance.uniform(0, 3))
            self.what()

    def between(self):
        if self.at == "between":
            # A session has just counted, so it keeps for itself what it does next.
            self.world.write("credhub", "request_audit_record", self.world.new_name(), "x")
            self.what()

    def _write(self, name, value):
        self.world.write("credhub", "credential_version", name, value)

    def _changed(self):
        self._write("kept", self.world.new_name())

    def _changed_back(self):
        before = self.world.state["credhub"]["credential_version"]["kept"]
        self._write("kept", "for a moment")
        self._write("kept", before)

    def _came_and_went(self):
        name = self.world.new_name()
        self._write(name, "for a moment")
        self._write(name, None)

    def _replaced(self):
        before = self.world.state["credhub"]["credential_version"]["kept"]
        self._write("kept", None)
        self._write("kept", before)


KINDS = {
    "never pauses": NeverPauses,
    "pauses": Pauses,
    "changes harmless tables only": ChangesHarmlessOnly,
    "changes one credhub row": ChangesOneCredhubRow,
}


def link_tree(source, target):
    """Copy a store, as cheaply as a pass that has all of it already; a blob that vanishes meanwhile is left out."""
    for directory in sorted(source.iterdir()):
        (target / directory.name).mkdir(parents=True)
        for path in sorted(directory.iterdir()):
            with contextlib.suppress(FileNotFoundError):
                os.link(path, target / directory.name / path.name)
