# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Blobs are proven against a real dump (fixtures/dumps/director.sql), whose blob N has the content "blob N"."""

from __future__ import annotations

import hashlib
import os
import random
import shutil

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._backup import _blobstore
from ansible_collections.microbosh.director.plugins.module_utils._backup._blob_names import BlobstoreError, named_blobs
from ansible_collections.microbosh.director.plugins.module_utils._backup._blobstore import (
    Blobstore,
    UnknownDigest,
    check_blobstore,
    parse_digest,
    proven_backup,
    verdict,
)
from places import DUMPS

DIRECTOR = DUMPS / "director.sql"
TABLES = {
    1: "packages",
    2: "packages",
    3: "compiled_packages",
    4: "templates",
    5: "rendered_templates_archives",
    6: "blobs, local_dns_blobs",
    7: "blobs",
    8: "log_bundles",
}
SHA1, SHA256, SHA512 = ("0123456789abcdef" * 8)[:40], ("0123456789abcdef" * 8)[:64], "0123456789abcdef" * 8


def blob_id(number):
    return f"b{number:02}0f9c2-7f1e-4c64-9d5c-2a3a6f0c9e{number:02}"


def content(number):
    return f"blob {number}\n".encode()


def sharded(number):
    return f"{hashlib.sha1(blob_id(number).encode()).hexdigest()[:2]}/{blob_id(number)}"


def fill(root, path_of):
    for number in TABLES:
        path = root / path_of(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content(number))
    return root


@pytest.fixture
def store(tmp_path):
    return fill(tmp_path / "backup" / "blobstore" / "store", sharded)


def check(store, dump=DIRECTOR, **options):
    return check_blobstore(str(dump), str(store), **options)


@pytest.mark.parametrize(
    ("text", "digests"),
    [
        (SHA1, {"sha1": SHA1}),
        (SHA1.upper(), {"sha1": SHA1}),
        (f"sha1:{SHA1}", {"sha1": SHA1}),
        (f"sha256:{SHA256}", {"sha256": SHA256}),
        (f"{SHA1};sha256:{SHA256}", {"sha1": SHA1, "sha256": SHA256}),
        (f"{SHA1}; sha512:{SHA512};sha256:{SHA256}", {"sha1": SHA1, "sha256": SHA256, "sha512": SHA512}),
    ],
)
def test_digests_are_parsed(text, digests):
    assert parse_digest(text) == digests


@pytest.mark.parametrize("text", ["", "md5:" + "0" * 32, SHA256, f"sha256:{SHA1}", f"{SHA1};", "x" * 40])
def test_digests_of_no_known_kind_are_refused(text):
    with pytest.raises(UnknownDigest):
        parse_digest(text)


def test_every_blob_that_a_table_names_is_found():
    blobs = named_blobs(str(DIRECTOR))
    assert {name: blob.tables for name, blob in blobs.items()} == {
        blob_id(number): tables for number, tables in TABLES.items()
    }
    assert blobs[blob_id(8)].digests == []
    assert [parse_digest(digest).keys() for digest in blobs[blob_id(2)].digests] == [{"sha1", "sha256"}]


def test_other_generations_of_the_tables_are_known(tmp_path):
    """ephemeral_blobs and a blobstore_id in local_dns_blobs, both of 2016, and a table of a time to come."""
    rows = "".join(
        f"COPY public.{table} (id, blobstore_id, sha1) FROM stdin;\n{number}\tblob-{number}\t{SHA1}\n\\.\n\n"
        for number, table in enumerate(("ephemeral_blobs", "local_dns_blobs", "hologram_blobs"))
    )
    frame = "--\n-- PostgreSQL database dump\n--\n\n%s--\n-- PostgreSQL database dump complete\n--\n\n"
    (tmp_path / "bosh.sql").write_text(frame % rows, encoding="utf-8")
    tables = {name: blob.tables for name, blob in named_blobs(str(tmp_path / "bosh.sql")).items()}
    assert tables == {"blob-0": "ephemeral_blobs", "blob-1": "local_dns_blobs", "blob-2": "hologram_blobs"}


def test_a_whole_blobstore_is_whole(store):
    assert check(store) == {
        "whole": True,
        "external": False,
        "root": "",
        "named": 8,
        "checked": 7,
        "reused": 0,
        "bytes": 49,
        "without_digest": 1,
        "made_again": 0,
        "missing": [],
        "wrong": [],
        "lost": [],
        "damaged": [],
        "newly_lost": [],
        "unknown_columns": [],
        "unreferenced": {"count": 0, "paths": []},
    }


@pytest.mark.parametrize(("path_of", "root"), [(sharded, "store"), (sharded, "."), (blob_id, "."), (blob_id, "store")])
def test_both_layouts_are_found_from_either_directory(tmp_path, path_of, root):
    fill(tmp_path / "b" / root, path_of)
    assert check(tmp_path / "b")["whole"]
    assert Blobstore(str(tmp_path / "b" / root)).paths(blob_id(1))[0] == path_of(1)


@pytest.mark.parametrize("number", [number for number in TABLES if number != 5])
def test_a_missing_blob_is_named(store, number):
    (store / sharded(number)).unlink()
    result = check(store)
    assert result["missing"] == [{"id": blob_id(number), "table": TABLES[number], "path": sharded(number)}]
    assert (result["whole"], result["wrong"]) == (False, [])
    assert f"{sharded(number)} ({TABLES[number]}) is missing" in verdict(result, "bosh.sql", str(store))


@pytest.mark.parametrize("number", [number for number in TABLES if number != 8])
def test_an_altered_blob_is_named(store, number):
    path = store / sharded(number)
    raw = bytearray(path.read_bytes())
    at = random.Random(number).randrange(len(raw))
    raw[at] ^= 1
    path.write_bytes(raw)
    result = check(store)
    assert (result["whole"], result["missing"]) == (False, [])
    (wrong,) = result["wrong"]
    assert {name: wrong[name] for name in ("id", "table", "path")} == {
        "id": blob_id(number),
        "table": TABLES[number],
        "path": sharded(number),
    }
    algorithm, _colon, found = wrong["found"].partition(":")
    assert found == hashlib.new(algorithm, raw).hexdigest()
    assert wrong["expected"] == f"{algorithm}:{hashlib.new(algorithm, content(number)).hexdigest()}"


def test_swapped_blobs_are_named(store):
    (store / sharded(1)).write_bytes(content(4))
    (store / sharded(4)).write_bytes(content(1))
    assert [wrong["id"] for wrong in check(store)["wrong"]] == [blob_id(1), blob_id(4)]


def test_every_digest_of_several_has_to_be_right(store, tmp_path):
    text = DIRECTOR.read_bytes()
    right = hashlib.sha256(content(2)).hexdigest().encode()
    assert text.count(right) == 1
    (tmp_path / "bosh.sql").write_bytes(text.replace(right, b"0" * 64))
    result = check(store, tmp_path / "bosh.sql")
    assert [(wrong["id"], wrong["expected"]) for wrong in result["wrong"]] == [(blob_id(2), "sha256:" + "0" * 64)]


def test_tables_that_contradict_each_other_are_found(store, tmp_path):
    text = DIRECTOR.read_bytes()
    (tmp_path / "bosh.sql").write_bytes(text.replace(blob_id(7).encode(), blob_id(1).encode()))
    result = check(store, tmp_path / "bosh.sql")
    assert [(wrong["id"], wrong["table"]) for wrong in result["wrong"]] == [(blob_id(1), "blobs, packages")]


def test_a_digest_of_no_known_kind_is_not_taken_for_right(store, tmp_path):
    text = DIRECTOR.read_bytes()
    known = b"sha256:" + hashlib.sha256(content(3)).hexdigest().encode()
    (tmp_path / "bosh.sql").write_bytes(text.replace(known, b"blake3:" + b"0" * 64))
    (wrong,) = check(store, tmp_path / "bosh.sql")["wrong"]
    assert (wrong["id"], wrong["expected"]) == (blob_id(3), "blake3:" + "0" * 64)
    assert "no known kind" in wrong["found"]


def test_only_a_regular_file_is_a_blob(store):
    (store / sharded(1)).unlink()
    (store / sharded(1)).symlink_to(store / sharded(2))
    (store / sharded(8)).unlink()
    (store / sharded(8)).mkdir()
    assert [wrong["expected"] for wrong in check(store)["wrong"]] == ["a regular file", "a regular file"]


@pytest.mark.parametrize("name", [b"../../etc/passwd", b"/etc/passwd", b"..", b"."])
def test_an_id_that_is_no_file_name_leads_nowhere(store, tmp_path, name):
    (tmp_path / "bosh.sql").write_bytes(DIRECTOR.read_bytes().replace(blob_id(8).encode(), name))
    result = check(store, tmp_path / "bosh.sql")
    assert result["missing"] == [{"id": name.decode(), "table": "log_bundles", "path": None}]


def test_each_blob_is_read_once(store, monkeypatch):
    opened = []
    real = _blobstore.open_for_reading

    def open_for_reading(path):
        opened.append(path)
        return real(path)

    monkeypatch.setattr(_blobstore, "open_for_reading", open_for_reading)
    check(store)
    assert sorted(opened) == sorted(str(store / sharded(number)) for number in TABLES if number != 8)


def test_a_blob_that_cannot_be_read_is_wrong(store, monkeypatch):
    def open_for_reading(path):
        raise OSError(5, "Input/output error", path)

    monkeypatch.setattr(_blobstore, "open_for_reading", open_for_reading)
    result = check(store)
    assert {wrong["found"] for wrong in result["wrong"]} == {"it cannot be read: Input/output error"}
    assert (len(result["wrong"]), result["checked"]) == (7, 0)


# --- what an earlier backup has proven --------------------------------------------------------------------------------


@pytest.fixture
def earlier(store, tmp_path):
    """An earlier backup that shares every file with the one to check."""
    shutil.copytree(store, tmp_path / "earlier", copy_function=os.link)
    return tmp_path / "earlier"


def test_a_blob_that_an_earlier_backup_has_proven_is_not_read_again(store, earlier):
    result = check(store, proven=proven_backup(str(DIRECTOR), str(earlier)))
    assert {name: result[name] for name in ("whole", "named", "reused", "checked", "bytes")} == {
        "whole": True,
        "named": 8,
        "reused": 7,
        "checked": 0,
        "bytes": 0,
    }


def test_a_blob_that_is_another_file_is_read(store, earlier):
    path = store / sharded(1)
    path.unlink()
    path.write_bytes(b"blob X\n")
    result = check(store, proven=proven_backup(str(DIRECTOR), str(earlier)))
    assert (result["reused"], result["checked"]) == (6, 1)
    assert [wrong["id"] for wrong in result["wrong"]] == [blob_id(1)]


def test_a_blob_whose_digest_has_changed_is_read(store, earlier, tmp_path):
    now = tmp_path / "bosh.sql"
    now.write_bytes(DIRECTOR.read_bytes().replace(hashlib.sha1(content(1)).hexdigest().encode(), b"0" * 40))
    result = check(store, now, proven=proven_backup(str(DIRECTOR), str(earlier)))
    assert (result["reused"], result["checked"]) == (6, 1)
    assert [wrong["id"] for wrong in result["wrong"]] == [blob_id(1)]


def test_a_blob_under_another_name_is_read(store, earlier):
    """Swapped by renaming: the very files of the earlier backup, but not under the same names."""
    (store / sharded(1)).rename(store / "spare")
    (store / sharded(4)).rename(store / sharded(1))
    (store / "spare").rename(store / sharded(4))
    result = check(store, proven=proven_backup(str(DIRECTOR), str(earlier)))
    assert [wrong["id"] for wrong in result["wrong"]] == [blob_id(1), blob_id(4)]
    assert (result["reused"], result["checked"]) == (5, 2)


@pytest.mark.parametrize(
    ("dump", "directory"),
    [(None, None), ("/none/bosh.sql", "."), (str(DIRECTOR), "/none"), (str(DUMPS / "small.sql"), ".")],
)
def test_an_earlier_backup_that_cannot_be_used_proves_nothing(dump, directory):
    assert proven_backup(dump, directory) is None


# --- what else there may be -------------------------------------------------------------------------------------------


def test_files_that_no_table_names_are_counted_and_shown(store):
    for number in range(25):
        (store / "aa").mkdir(exist_ok=True)
        (store / "aa" / f"extra-{number:02}").touch()
    (store / "loose").touch()
    result = check(store)
    assert result["whole"]
    assert result["unreferenced"]["count"] == 26
    assert result["unreferenced"]["paths"] == ["loose"] + [f"aa/extra-{number:02}" for number in range(19)]


def test_uploads_in_flight_are_not_counted(store):
    for directory in (store / "tmp" / "uploads", store.parent / "tmp" / "uploads", store / "lost+found"):
        directory.mkdir(parents=True)
        (directory / "0000000001").touch()
    assert check(store)["unreferenced"]["count"] == 0
    assert check(store.parent)["unreferenced"]["count"] == 0


def test_a_blobstore_that_is_not_there_misses_every_blob(tmp_path):
    result = check(tmp_path / "none")
    assert (len(result["missing"]), result["made_again"], result["whole"]) == (7, 1, False)
    said = verdict(result, "bosh.sql", str(tmp_path / "none"))
    assert "of 8 blobs that bosh.sql names, 7 are missing and 0 are wrong" in said
    assert "none (there is no such directory)" in said
    assert "and 4 more" in said


def test_an_external_blobstore_has_no_files_here(tmp_path):
    result = check(tmp_path / "none", recorded={"external": True})
    assert {name: result[name] for name in ("whole", "external", "named", "checked")} == {
        "whole": True,
        "external": True,
        "named": 8,
        "checked": 0,
    }


# --- dumps that cannot be used ----------------------------------------------------------------------------------------


def test_a_dump_that_is_not_whole_is_refused(store, tmp_path):
    (tmp_path / "bosh.sql").write_bytes(DIRECTOR.read_bytes()[:-200])
    with pytest.raises(BlobstoreError, match=r"bosh\.sql is not whole: it ends inside of: ALTER TABLE ONLY public"):
        check(store, tmp_path / "bosh.sql")


def test_a_dump_of_another_database_is_refused(store):
    with pytest.raises(BlobstoreError, match=r"small\.sql is not of a director's database: .* compiled_packages"):
        check(store, DUMPS / "small.sql")


def test_a_dump_that_is_not_there_is_an_error(store, tmp_path):
    with pytest.raises(BlobstoreError, match=r"bosh\.sql cannot be read: No such file or directory"):
        check(store, tmp_path / "bosh.sql")
