# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small backup of a director with all that a real one has: blobs, the dump that names them, records and seals."""

from __future__ import annotations

import hashlib
import io
import random
import subprocess
import tarfile
from pathlib import Path

from ansible_collections.microbosh.director.plugins.module_utils._backup._manifest_writing import write
from ansible_collections.microbosh.director.plugins.module_utils._backup._snapshots import publish
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump import chunks_of, read_dump
from backup_trees import Disk, copy
from places import DUMPS

BLOBS = 12
HEAD = "--\n-- PostgreSQL database dump\n--\n\n-- Dumped from database version 9.4.26\n\n"
TAIL = "\n--\n-- PostgreSQL database dump complete\n--\n\n"


def make_director_backup(directory: Path, name: str = "20261122T221326Z", seed: int = 1) -> Path:
    """Make and publish a backup below a directory."""
    chance = random.Random(seed)
    source = directory / "director"
    rows = [_make_blob(source / "store" / "blobstore" / "store", number, chance) for number in range(BLOBS)]
    for path, content in {
        "bosh/settings.json": b'{"agent_id": "bm-1"}\n',
        "store/director/tasks/1/debug": chance.randbytes(3000),
        "store/director/tasks/1/odd \xfc\n name": b"kept exactly\n",
        "store/redis/dump.rdb": chance.randbytes(500),
        "store/postgres-15/base/1/1259": chance.randbytes(8192),
    }.items():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_bytes(content)
    (source / "store" / "director" / "tasks" / "latest").symlink_to("/var/vcap/store/director/tasks/1")
    partial = directory / f"{name}.partial"
    (partial / ".work").mkdir(parents=True)
    log = copy(source, partial / "vcap")
    (partial / "filter").write_text("+ store/**\n")
    (partial / "backup.log").write_text("2026-11-22 22:13:26 Backup begins\n")
    write_dumps(partial / "dbs", rows)
    write(str(partial), [str(log)], None)
    publish(str(partial), str(directory), make_report(partial / "dbs", name), Disk())
    return directory / name


def _make_blob(store, number, chance):
    """Make a blob and return the row that names it."""
    identity = f"{chance.randbytes(4).hex()}-{number}"
    content = chance.randbytes(chance.randint(200, 4000))
    path = store / hashlib.sha1(identity.encode()).hexdigest()[:2] / identity
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return f"{number}\t{identity}\t{hashlib.sha1(content).hexdigest()}\n"


def write_dumps(directory: Path, rows: list[str]):
    """Write the dump that names the blobs, that of another database, and that of the roles."""
    directory.mkdir()
    table = "CREATE TABLE public.packages (\n    id integer,\n    blobstore_id text,\n    sha1 text\n);\n\n"
    rows = "COPY public.packages (id, blobstore_id, sha1) FROM stdin;\n" + "".join(rows) + "\\.\n\n"
    (directory / "bosh.sql").write_text(HEAD + table + rows + TAIL)
    (directory / "uaa.sql").write_bytes((DUMPS / "small.sql").read_bytes())
    roles = (DUMPS / "cluster.sql").read_text().split("--\n-- Databases")[0]
    (directory / "globals.sql").write_text(roles + "--\n-- PostgreSQL database cluster dump complete\n--\n\n")


def make_report(dumps: Path, name: str) -> dict:
    """Return the report that backup.json is made from."""
    recorded = []
    for path in sorted(dumps.glob("*.sql")):
        rows = {table.qualified: count for table, count in read_dump(chunks_of(str(path))).rows.items()}
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        recorded.append({"database": path.stem, "sha256": digest, "size": path.stat().st_size, "rows": rows})
    recorded = [dump for dump in recorded if dump["database"] != "globals"]
    return {"id": name, "host": "bosh-1", "proof": {"whole": True, "blobs": {"named": BLOBS}}, "dumps": recorded}


def pack(backup: Path, archive: Path, checksum: bool = True) -> Path:
    """Pack a backup as the archive task does, with the checksum beside it."""
    archive.parent.mkdir(exist_ok=True)
    ending = archive.suffix[1:]
    with tarfile.open(archive, "w:" + (ending if ending in ("gz", "xz") else "")) as tar:
        tar.add(backup, backup.name)
    if ending == "zst":
        compress_zstd(archive)
    if checksum:
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        archive.with_name(f"{archive.name}.sha256").write_text(f"{digest}  {archive.name}\n")
    return archive


def compress_zstd(archive: Path):
    packed = subprocess.run(["zstd", "-cq"], input=archive.read_bytes(), stdout=subprocess.PIPE, check=True).stdout
    archive.write_bytes(packed)


def pack_members(archive: Path, *members) -> Path:
    """Pack members that no packer would: (name, type, link or content)."""
    with tarfile.open(archive, "w:gz") as tar:
        for name, kind, value in members:
            member = tarfile.TarInfo(name)
            member.type = kind
            if kind == tarfile.REGTYPE:
                member.size = len(value)
                tar.addfile(member, io.BytesIO(value))
            else:
                member.linkname = value
                tar.addfile(member)
    return archive
