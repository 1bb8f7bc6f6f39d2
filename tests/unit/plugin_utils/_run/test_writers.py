# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nobody is told that a director held still which did not: writers work on it meanwhile, and journal all they do.

Asked for by its name (script/test unit tests/unit/plugin_utils/_run/test_writers.py), each writer has 200 seeds; else
some that rotate by the day. What came out of it is in build/writers.md.
"""

from __future__ import annotations

import copy
import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._core._clock import uptime
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump import chunks_of, read_dump, unescape
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump_directory import DumpDirectory, DumpJob
from ansible_collections.microbosh.director.plugins.module_utils._dump._marks import Marks, Settled
from ansible_collections.microbosh.director.plugins.module_utils._postgres._psql import Psql
from ansible_collections.microbosh.director.plugins.plugin_utils._run._online_verdict import online_verdict
from places import REPOSITORY
from postgres_databases import Postgres
from postgres_rig import run_command, running_server
from shares import LONG, SEED
from writers import KINDS, TABLES, NeverPauses, World, link_tree

IDLE = {"known": True, "running": [], "dead": [], "queued": []}
SEEDS = 200
IN_PART = 10
PARTS = range(SEEDS // IN_PART) if LONG else [SEED % (SEEDS // IN_PART)]
# A wait for what sessions count takes eleven seconds.
FEW = {"never pauses": 1, "pauses": 1, "changes harmless tables only": 1, "changes one credhub row": 2}
# The share of seeds that have to be still, or the test says nothing.
LEAST_STILL = {"changes harmless tables only": 0.8, "pauses": 0.4}
UNSETTLED = "what sessions did was not waited for"


@dataclass
class Backup:
    """What was dumped before and after the copy, and where."""

    first: dict
    second: dict
    directory: Path

    def rows(self, which, database):
        """Return the rows of a dump: {table: {name: value}}."""
        found = {}

        def visit(table):
            rows = found.setdefault(table.name, {})
            name, value = (table.columns.index(column) for column in ("name", "value"))

            def take(fields):
                rows[fields[name].decode()] = unescape(fields[value]).decode()

            return take

        read_dump(chunks_of(str(self.directory / which / f"{database}.sql")), visit)
        return found

    def content(self, which, database):
        result = self.first if which == "first" else self.second
        return next(dump["content"] for dump in result["dumps"] if dump["database"] == database)


class Rig:
    """A server with a world in it, and what backs it up."""

    def __init__(self, server, directory):
        self.server = server
        self.directory = directory
        self.world = World(server, directory / "store")
        self.world.store.mkdir()
        endpoint = server.scratch.endpoint
        self.psql = Psql(server.scratch.binaries.at(endpoint), endpoint, run_command)

    def dump(self, which):
        directory = DumpDirectory(str(self.directory / which))
        endpoint, packages = self.server.scratch.endpoint, str(self.server.packages)
        return DumpJob(directory, endpoint, packages, sorted(TABLES), True, True).dump(run_command)

    def back_up(self, writer, skip_second=False):
        """Dump, copy, dump."""
        for name in ("first", "second", "copy"):
            shutil.rmtree(self.directory / name, ignore_errors=True)
        first = self.dump("first")
        writer.between()
        link_tree(self.world.store, self.directory / "copy")
        if skip_second:
            shutil.copytree(self.directory / "first", self.directory / "second")
        return Backup(first, first if skip_second else self.dump("second"), self.directory)

    def verdict(self, backup):
        """Return the verdict. Where all else says still, what sessions did is waited for, as with ``since``."""
        found = online_verdict([backup.first], [backup.second], "bosh", {"before": IDLE, "after": IDLE})
        if found["moved"] and all(UNSETTLED in item["what"] for item in found["moved"]):
            version = self.server.scratch.binaries.version
            Settled(self.psql, version).wait(sorted(TABLES), backup.first["transactions"])
            for dump in backup.second["dumps"]:
                dump["content"]["marks"]["after"] = Marks(self.psql, version).of(dump["database"])
                dump["content"]["settled"] = True
            found = online_verdict([backup.first], [backup.second], "bosh", {"before": IDLE, "after": IDLE})
        return found

    def falsehoods(self, backup):
        """Return why it would be false to say that everything held still, by the journal and by what was published."""
        found = []
        for database in TABLES:
            places = []
            for which in ("first", "second"):
                content = backup.content(which, database)
                rows = backup.rows(which, database)
                places.append(self.world.candidates(database, content["began"], content["ended"], rows))
            if not all(places):
                found.append(f"a dump of {database} is of no state that it had at that time")
                continue
            # If a dump may be of several states, in doubt of the one that makes the verdict true.
            between = self.world.journal[database][max(places[0]) : min(places[1])]
            found.extend(f"{database}: {change}" for change in between if not change.harmless)
            found.extend(self._differences(backup, database, self.world, min(places[1])))
        return found

    def _differences(self, backup, database, world, number):
        """Load what was published, and ask for all of it and for every blob."""
        expected = {table: dict(rows) for table, rows in world.base[database].items()}
        for change in world.journal[database][:number]:
            change.apply(expected)
        self.server.sql("postgres", "CREATE DATABASE loaded TEMPLATE template0")
        try:
            self.server.run_file("loaded", str(backup.directory / "second" / f"{database}.sql"))
            loaded = {table: self._loaded(table) for table in TABLES[database]}
        finally:
            self.server.drop("loaded")
        found = [f"{database}.{table} is not as it was" for table in loaded if loaded[table] != expected[table]]
        for name, digest in loaded.get("blobs", {}).items():
            path = self.directory / "copy" / self.world.blob_path(name).relative_to(self.world.store)
            if not path.is_file() or hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest() != digest:
                found.append(f"the blob {name} is not in the copy")
        return found

    def _loaded(self, table):
        lines = self.server.sql("loaded", f"SELECT name, value FROM {table}").splitlines()
        return dict(line.split("|") for line in lines)


@pytest.fixture(scope="module")
def rig(tmp_path_factory):
    with running_server("/var/tmp") as scratch:
        rig = Rig(Postgres(scratch, tmp_path_factory.mktemp("packages")), tmp_path_factory.mktemp("writers"))
        yield rig
        rig.world.close()


@pytest.fixture(scope="module")
def table():
    """What came out, by kind: seeds, still, moved, false."""
    return {kind: [0, 0, 0, 0] for kind in KINDS}


def write_table(table):
    lines = ["| writer | seeds | still | moved | still, and false |", "|---|---|---|---|---|"]
    lines += [f"| {kind} | {' | '.join(map(str, counts))} |" for kind, counts in table.items()]
    (REPOSITORY / "build").mkdir(exist_ok=True)
    (REPOSITORY / "build/writers.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def run_seed(rig, kind, seed):
    """Return the verdict of one seed, and why it is false, if it is."""
    rig.world.begin()
    writer = KINDS[kind](rig.world, seed)
    with writer.working():
        backup = rig.back_up(writer)
        found = rig.verdict(backup)
    return found, rig.falsehoods(backup) if found["verdict"] == "still" else []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", PARTS)
def test_no_director_is_said_to_have_held_still_that_did_not(rig, table, kind, part):
    seeds = range(part * IN_PART, part * IN_PART + (IN_PART if LONG else FEW[kind]))
    still, false = 0, {}
    for seed in seeds:
        found, falsehoods = run_seed(rig, kind, seed)
        still += found["verdict"] == "still"
        if falsehoods:
            false[seed] = falsehoods
    for place, count in enumerate((len(seeds), still, len(seeds) - still, len(false))):
        table[kind][place] += count
    write_table(table)
    assert false == {}
    assert still >= LEAST_STILL.get(kind, 0) * len(seeds)


def test_a_second_dump_that_was_skipped_is_caught(rig):
    """By the verdict; and if that believed in its times, by the journal."""
    rig.world.begin()
    writer = NeverPauses(rig.world, 1)
    with writer.working():
        backup = rig.back_up(writer, skip_second=True)
        assert rig.verdict(backup)["verdict"] == "moved"
        ended = backup.first["dumps"][0]["content"]["ended"]
        while not all(journal and journal[-1].began > ended for journal in rig.world.journal.values()):
            assert writer.is_alive()
            writer.join(0.05)
        for dump in backup.first["dumps"]:
            mark = dict(dump["content"]["marks"]["before"], sequences=dump["content"]["sequences"])
            dump["content"]["marks"] = {"before": mark, "after": mark}
        backup.second = copy.deepcopy(backup.first)
        for dump in backup.second["dumps"]:
            dump["content"].update(began=uptime(), ended=uptime(), settled=True)
        assert rig.verdict(backup)["verdict"] == "still"
    assert rig.falsehoods(backup)
