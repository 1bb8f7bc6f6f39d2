# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a controller needs for a large backup: memory that hardly grows with the files, and one reading of each."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tracemalloc
from pathlib import Path

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._backup import _blobstore as blobstore
from ansible_collections.microbosh.director.plugins.module_utils._backup._blobstore import (
    Proven,
    check_blobstore,
    proven_backup,
    shard,
)
from ansible_collections.microbosh.director.plugins.module_utils._backup._manifest_verification import verify
from ansible_collections.microbosh.director.plugins.module_utils._backup._manifest_writing import write
from ansible_collections.microbosh.director.plugins.module_utils._backup._snapshots import publish
from ansible_collections.microbosh.director.plugins.module_utils._backup._verification import (
    verify_backup,
    verify_for_restore,
)
from ansible_collections.microbosh.director.plugins.module_utils._core import _files as files
from backup_trees import Disk

BLOBS = 4000
# Names, inodes and digests as they are, and little else: an object for each name takes a thousand.
BYTES_OF_A_FILE = 300
BUFFERS = 5 << 19
FRAME = "--\n-- PostgreSQL database dump\n--\n\n%s--\n-- PostgreSQL database dump complete\n--\n\n"
STORE = "vcap/store/blobstore/store"


def name_of(number):
    return hashlib.sha1(b"%d" % number, usedforsecurity=False).hexdigest()[:36]


def make(top: Path) -> Path:
    """A partial backup with blobs in it, and the log of an rsync that brought it."""
    log = []
    for directory in ("", "store", "store/blobstore", "store/blobstore/store"):
        (top / "vcap" / directory).mkdir(parents=True, exist_ok=True)
        log.append((".d", directory + "/" if directory else "./"))
    rows = []
    for number in range(BLOBS):
        blob, content = name_of(number), b"blob %d" % number
        path = top / STORE / shard(blob) / blob
        if not path.parent.is_dir():
            path.parent.mkdir()
            log.append((".d", f"store/blobstore/store/{shard(blob)}/"))
        path.write_bytes(content)
        log.append((">f", f"store/blobstore/store/{shard(blob)}/{blob}"))
        digest = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        rows.append(f"{number}\tname\t1\t{blob}\t{digest}\n")
    (top / "dbs").mkdir()
    copied = "COPY public.packages (id, name, version, blobstore_id, sha1) FROM stdin;\n"
    (top / "dbs/bosh.sql").write_text(FRAME % f"{copied}{''.join(rows)}\\.\n\n")
    (top / "filter").write_text("+ store\n")
    (top / "backup.log").write_text("begun\n")
    (top / ".work").mkdir()
    line, modes = "2026/11/22 22:13:26 [1] %s+++++++++|0|0|%s|1|%s\n", {".d": "rwxr-xr-x", ">f": "rw-r--r--"}
    (top / ".work/log").write_text("".join(line % (what, modes[what], name) for what, name in log))
    return top


@pytest.fixture(scope="module")
def backups(tmp_path_factory):
    """A published backup and one that is not, with the same files."""
    top = tmp_path_factory.mktemp("large")
    first = make(top / "20261121T221326Z.partial")
    second = top / "20261122T221326Z.partial"
    write(str(first), [str(first / ".work/log")])
    for directory, dummy, found in os.walk(first):
        below = second / os.path.relpath(directory, first)
        below.mkdir()
        for name in found:
            if name not in ("SHA256SUMS", "metadata.mtree"):
                os.link(os.path.join(directory, name), below / name)
    publish(str(first), str(top), {"proof": {"whole": True}}, Disk())
    (second / "backup.log").unlink()
    (second / "backup.log").write_text("begun\n")
    return top / "20261121T221326Z", second


@contextlib.contextmanager
def little_memory():
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < BUFFERS + BYTES_OF_A_FILE * BLOBS


@pytest.fixture
def read(monkeypatch):
    """Every file below vcap/ that is opened to be read, as often as it is."""
    paths = []

    def open_for_reading(path):
        name = os.fsdecode(path)
        paths.extend([name] if "/vcap/" in name else [])
        return before(path)

    before = files.open_for_reading
    for module in (files, blobstore):
        monkeypatch.setattr(module, "open_for_reading", open_for_reading)
    return paths


def test_a_manifest_is_written_in_little_memory_and_reads_nothing_again(backups, read):
    published, partial = backups
    with little_memory():
        result = write(str(partial), [str(partial / ".work/log")], str(published))
    assert (result["files"], result["reused"]) == (BLOBS + 2, BLOBS + 2)
    assert read == []
    assert result["warnings"] == []


def test_a_manifest_is_verified_in_little_memory(backups):
    with little_memory():
        assert verify(str(backups[0]))["whole"]


def test_a_verification_reads_each_blob_once_in_little_memory(backups, read):
    with little_memory():
        result = verify_backup(str(backups[0]))
    assert result["whole"], result["findings"]
    assert result["blobs"]["checked"] == BLOBS
    assert len(read) == len(set(read)) == BLOBS


def test_a_restore_reads_each_blob_once(backups, read):
    top = str(backups[0])
    result = verify_for_restore(top, None, f"{top}/dbs/bosh.sql", {})
    assert (result["whole"], result["blobs"]["whole"]) == (True, True)
    assert (result["blobs"]["checked"], result["blobs"]["problem"]) == (BLOBS, "")
    assert len(read) == len(set(read)) == BLOBS


def test_a_restore_finds_a_blob_that_the_manifest_has_and_the_database_has_not(backups, tmp_path):
    top = str(backups[0])
    dump = tmp_path / "bosh.sql"
    digest = hashlib.sha1(b"blob 7", usedforsecurity=False).hexdigest()
    dump.write_text(Path(top, "dbs/bosh.sql").read_text().replace(digest, "0" * 40))
    result = verify_for_restore(top, None, str(dump), {})
    assert [entry["id"] for entry in result["blobs"]["wrong"]] == [name_of(7)]
    assert f"found sha1:{digest}" in result["blobs"]["problem"]


def test_blobs_are_compared_in_little_memory_and_those_of_the_backup_before_not_read(backups, read, tmp_path):
    published, partial = backups
    places = (str(partial / "dbs/bosh.sql"), str(partial / "vcap/store/blobstore"), str(partial / "vcap"))
    memory = str(tmp_path / "memory")
    with little_memory():
        proven = proven_backup(str(published / "dbs/bosh.sql"), str(published / "vcap/store/blobstore"))
        assert isinstance(proven, Proven)
        first = check_blobstore(*places, proven=proven, memory=memory, origins=True)
    with little_memory():
        second = check_blobstore(*places, memory=memory, origins=True)
    for result in (first, second):
        assert result["whole"]
        assert (result["named"], result["reused"], result["unreferenced"]["count"]) == (BLOBS, BLOBS, 0)
    assert read == []
