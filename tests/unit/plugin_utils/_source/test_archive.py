# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives of anybody are unpacked, and nothing of them lands outside."""

from __future__ import annotations

import io
import lzma
import os
import subprocess
import tarfile
import tracemalloc

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._source import _archive, _filter_program
from ansible_collections.microbosh.director.plugins.plugin_utils._source._archive import ArchiveError, find_tree, unpack
from ansible_collections.microbosh.director.plugins.plugin_utils._source._source import SourceError, find

MTIME = 1_400_000_000


def member(name, kind=tarfile.REGTYPE, content=b"", linkname="", mode=0o640):
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname, info.mode, info.mtime = kind, len(content), linkname, mode, MTIME
    info.uid, info.gid = 1000, 1001
    return info, content


@pytest.fixture
def packed(tmp_path):
    def pack(*members, name="backup.tar.gz"):
        path = tmp_path / name
        with tarfile.open(path, "w:gz" if name.endswith("gz") else "w") as tar:
            for info, content in members:
                tar.addfile(info, io.BytesIO(content))
        target = tmp_path / "unpacked"
        target.mkdir()
        return path, target

    return pack


def test_everything_is_unpacked_with_modes_times_and_links(packed):
    path, target = packed(
        member("b/vcap", tarfile.DIRTYPE, mode=0o750), member("b/vcap/file", content=b"text"),
        member("b/vcap/twin", tarfile.LNKTYPE, linkname="b/vcap/file"),
        member("b/vcap/away", tarfile.SYMTYPE, linkname="/mnt/old"),
    )  # fmt: skip
    owners = unpack(path, target)
    file = target / "b/vcap/file"
    assert (file.read_bytes(), file.stat().st_mode & 0o7777, file.stat().st_mtime) == (b"text", 0o640, MTIME)
    assert (target / "b/vcap/twin").stat().st_ino == file.stat().st_ino
    assert os.readlink(target / "b/vcap/away") == "/mnt/old"
    assert owners["b/vcap/file"] == (1000, 1001)
    assert find_tree(target) == target / "b"


@pytest.mark.parametrize(
    "members",
    [
        [member("/etc/passwd", content=b"x")],
        [member("../outside", content=b"x")],
        [member("a/../../outside", content=b"x")],
        [member("link", tarfile.SYMTYPE, linkname=".."), member("link/outside", content=b"x")],
        [member("link", tarfile.SYMTYPE, linkname="/etc"), member("link/x", tarfile.SYMTYPE, linkname="y")],
        [member("link", tarfile.SYMTYPE, linkname="/etc"), member("link", tarfile.DIRTYPE)],
        [member("hard", tarfile.LNKTYPE, linkname="../outside")],
        [member("link", tarfile.SYMTYPE, linkname="/etc/passwd"), member("hard", tarfile.LNKTYPE, linkname="link")],
        [member("device", tarfile.CHRTYPE)],
        [member("pipe", tarfile.FIFOTYPE)],
    ],
)
def test_nothing_leads_outside(packed, tmp_path, members):
    (tmp_path / "outside.before").touch()
    path, target = packed(*members)
    with pytest.raises(ArchiveError):
        unpack(path, target)
    assert sorted(os.listdir(tmp_path)) == ["backup.tar.gz", "outside.before", "unpacked"]


def test_a_file_takes_the_place_of_a_link_and_not_of_what_it_leads_to(packed, tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("precious")
    path, target = packed(member("a", tarfile.SYMTYPE, linkname=str(precious)), member("a", content=b"x"))
    unpack(path, target)
    assert precious.read_text() == "precious"
    assert (target / "a").read_bytes() == b"x"


def test_a_torn_archive_is_an_error(packed):
    path, target = packed(member("vcap/file", content=os.urandom(100_000)))
    path.write_bytes(path.read_bytes()[:50_000])
    with pytest.raises(ArchiveError, match="cannot be unpacked"):
        unpack(path, target)


def test_an_archive_without_a_tree_is_none_of_a_director(packed):
    path, target = packed(member("something/else", content=b"x"))
    unpack(path, target)
    with pytest.raises(ArchiveError, match="no directory vcap/"):
        find_tree(target)


def zeros(size):
    info = tarfile.TarInfo("vcap/large")
    info.size = size
    return info


class Zeros(io.RawIOBase):
    """So many zero bytes."""

    def __init__(self, size):
        self._left = size

    def read(self, size=-1):
        count = self._left if size < 0 else min(size, self._left)
        self._left -= count
        return bytes(count)


@pytest.mark.parametrize("ending", ["gz", "xz"])
def test_a_small_archive_does_not_become_a_large_tree(tmp_path, monkeypatch, ending):
    monkeypatch.setattr(_archive, "LEAST_UNPACKED", 10_000_000)
    path, target = tmp_path / f"bomb.tar.{ending}", tmp_path / "unpacked"
    target.mkdir()
    with tarfile.open(path, f"w:{ending}") as tar:
        tar.addfile(zeros(100_000_000), Zeros(100_000_000))
    with pytest.raises(ArchiveError, match="would take more than"):
        unpack(path, target)
    assert not list(target.rglob("large"))


@pytest.mark.parametrize("size", [2**62, 10**15])
def test_a_member_for_which_there_is_no_room_is_told_before_anything_of_it_is_written(tmp_path, monkeypatch, size):
    monkeypatch.setattr(_archive, "LEAST_UNPACKED", 2**63)
    path, target = tmp_path / "sparse.tar", tmp_path / "unpacked"
    target.mkdir()
    path.write_bytes(zeros(size).tobuf(tarfile.GNU_FORMAT))
    with pytest.raises(ArchiveError, match="no room"):
        unpack(path, target)


def test_members_without_end_are_not_made(packed, monkeypatch):
    monkeypatch.setattr(_archive, "MOST_NAMES", 5)
    path, target = packed(*[member(f"vcap/{number}") for number in range(10)])
    with pytest.raises(ArchiveError, match="more than 5 names"):
        unpack(path, target)


@pytest.mark.parametrize("name", ["vcap/" + "x" * 5000, "a/" * 300 + "x"])
def test_names_that_no_file_has_are_refused(packed, name):
    path, target = packed(member(name))
    with pytest.raises(ArchiveError, match="no file has"):
        unpack(path, target)


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE])
def test_a_header_is_not_read_into_memory_whatever_it_says(tmp_path, kind):
    path, target = tmp_path / "header.tar", tmp_path / "unpacked"
    target.mkdir()
    info = zeros(10**12)
    info.type = kind
    path.write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    with pytest.raises(ArchiveError, match="header"):
        unpack(path, target)


def test_xz_takes_no_more_memory_than_it_needs(packed, tmp_path, monkeypatch):
    monkeypatch.setattr(_archive, "MOST_MEMORY", 1024 * 1024)
    path, target = packed(member("vcap/x", content=b"x" * 100), name="b.tar")
    compressed = tmp_path / "b.tar.xz"
    compressed.write_bytes(lzma.compress(path.read_bytes(), preset=9))
    with pytest.raises(ArchiveError, match=r"[Mm]emory"):
        unpack(compressed, target)


def test_several_streams_of_xz_are_one_archive(packed, tmp_path):
    path, target = packed(member("vcap", tarfile.DIRTYPE), member("vcap/x", content=b"x" * 100_000), name="b.tar")
    content = path.read_bytes()
    compressed = tmp_path / "b.tar.xz"
    compressed.write_bytes(lzma.compress(content[:5000]) + lzma.compress(content[5000:]))
    unpack(compressed, target)
    assert (target / "vcap/x").read_bytes() == b"x" * 100_000


# Crafted ones: what no packer writes, and what takes much of a controller for little of an archive.


def pax(records, kind=tarfile.XHDTYPE):
    """Return a header with such records, given as {keyword: value}."""
    content = b""
    for keyword, value in records.items():
        rest = b" %s=%s\n" % (keyword, value)
        length = len(rest) + 1
        while len(str(length)) + len(rest) != length:
            length += 1
        content += str(length).encode() + rest
    info = tarfile.TarInfo("././@PaxHeader")
    info.type, info.size = kind, len(content)
    return info.tobuf() + content + bytes(-len(content) % 512)


def head(name="vcap/x", size=0, kind=tarfile.REGTYPE):
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


def sparse_map(pieces):
    """Return a sparse file of format 1.0 whose list says so many pieces."""
    content = b"%d\n" % pieces + b"0\n" * (2 * pieces)
    content += bytes(-len(content) % 512)
    records = {b"GNU.sparse.major": b"1", b"GNU.sparse.minor": b"0", b"GNU.sparse.name": b"vcap/x",
               b"GNU.sparse.realsize": b"1"}  # fmt: skip
    return pax(records) + head(size=len(content)) + content


def old_sparse(blocks):
    """Return a sparse file as GNU tar wrote it before 2004, whose list goes on for so many blocks."""
    header = bytearray(head(kind=tarfile.GNUTYPE_SPARSE))
    header[482] = 1
    header[148:156] = b"%06o\0 " % (sum(header[:148]) + sum(header[156:512]) + 8 * 32)
    piece = b"00000000001\0" * 42
    return bytes(header) + (piece + b"\1" + bytes(7)) * blocks + piece + bytes(8)


CRAFTED = {
    "a sparse list of words": pax({b"GNU.sparse.map": b"a,b", b"GNU.sparse.size": b"1"}) + head(),
    "a sparse list in no order": pax({b"GNU.sparse.map": b"9,1,0,1", b"GNU.sparse.size": b"10"}) + head(size=2),
    "a sparse list beyond the end": pax({b"GNU.sparse.map": b"0,99", b"GNU.sparse.size": b"10"}) + head(size=2),
    "a long sparse list": sparse_map(1_000_000),
    "a sparse list that is cut": sparse_map(1000)[:2048],
    "an old long sparse list": old_sparse(5000),
    "headers of headers": (head("././@LongLink", 5, tarfile.GNUTYPE_LONGNAME) + b"abcd" + bytes(508)) * 3000 + head(),
    "less than nothing": pax({b"size": b"-512"}) + head(),
    "more than anything": pax({b"size": b"9" * 400}) + head(),
    "a time that there is none of": pax({b"mtime": b"nan"}) + head(),
    "no end of time": pax({b"mtime": b"inf"}) + head(),
    "a zero in a name": pax({b"path": b"vcap/a\0b"}) + head(),
    "a zero in a link": pax({b"linkpath": b"a\0b"}) + head(kind=tarfile.SYMTYPE),
    "numbers without end": pax({b"comment": b"1" * 500_000}) + head(),
    "global headers without end": b"".join(
        pax({b"comment%d" % number: b"x" * 20_000}, tarfile.XGLTYPE) + head(f"vcap/{number}") for number in range(9)
    ),
}


@pytest.mark.parametrize("crafted", CRAFTED)
def test_a_crafted_archive_is_refused_and_told(tmp_path, crafted):
    path, target = tmp_path / "crafted.tar", tmp_path / "unpacked"
    target.mkdir()
    path.write_bytes(head("vcap", kind=tarfile.DIRTYPE) + CRAFTED[crafted] + bytes(1024))
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveError):
            unpack(path, target)
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("crafted", ["a sparse list of words", "headers of headers", "a time that there is none of"])
def test_of_a_crafted_archive_nothing_is_left(tmp_path, crafted):
    path = tmp_path / "crafted.tar"
    path.write_bytes(CRAFTED[crafted] + bytes(1024))
    with pytest.raises(SourceError):
        find(str(path), tmp_path, tmp_path / "scratch")
    assert not (tmp_path / "scratch").exists()


def test_members_take_no_memory_when_they_are_made(tmp_path):
    path, target = tmp_path / "many.tar", tmp_path / "unpacked"
    target.mkdir()
    path.write_bytes(head("d", kind=tarfile.DIRTYPE) * 20_000 + bytes(1024))
    tracemalloc.start()
    try:
        unpack(path, target)
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


def test_more_names_than_an_archive_of_its_size_has_are_not_made(packed, monkeypatch):
    monkeypatch.setattr(_archive, "LEAST_NAMES", 50)
    path, target = packed(*[member(f"vcap/{number // 1000}", tarfile.DIRTYPE) for number in range(4000)])
    with pytest.raises(ArchiveError, match="names, which is more than one of its size"):
        unpack(path, target)


def test_directories_that_only_names_need_are_counted(packed, monkeypatch):
    monkeypatch.setattr(_archive, "MOST_NAMES", 20)
    path, target = packed(member("/".join("abcdefghijklmnopqrstuvwxyz"), content=b"x"))
    with pytest.raises(ArchiveError, match="more than 20 names"):
        unpack(path, target)


def test_inodes_that_are_running_out_are_told_before_there_are_none(packed, monkeypatch):
    path, target = packed(member("vcap/x", content=b"x"))
    found = os.statvfs(target)
    few = type("Few", (), {"f_files": found.f_files or 1, "f_favail": 10})()
    monkeypatch.setattr(_archive.os, "statvfs", lambda path: few)
    with pytest.raises(ArchiveError, match="10 inodes left"):
        unpack(path, target)


@pytest.mark.parametrize("form", ["--format=posix", "--format=posix --sparse-version=0.1", "--format=gnu"])
def test_sparse_files_of_tar_are_unpacked(tmp_path, form):
    (tmp_path / "vcap").mkdir()
    with open(tmp_path / "vcap/holes", "wb") as holes:
        for number in range(200):
            holes.seek(number * 1_000_000)
            holes.write(b"content %d" % number)
    path, target = tmp_path / "sparse.tar", tmp_path / "unpacked"
    target.mkdir()
    subprocess.run(["tar", "-C", tmp_path, "-cf", path, "--sparse", *form.split(), "vcap"], check=True)
    assert path.stat().st_size < 3_000_000
    unpack(path, target)
    assert (target / "vcap/holes").read_bytes() == (tmp_path / "vcap/holes").read_bytes()


def test_xz_under_another_name_takes_no_more_memory_either(packed, tmp_path, monkeypatch):
    monkeypatch.setattr(_archive, "MOST_MEMORY", 1024 * 1024)
    path, target = packed(member("vcap/x", content=b"x" * 100), name="b.tar")
    compressed = tmp_path / "other.tar.gz"
    compressed.write_bytes(lzma.compress(path.read_bytes(), preset=9))
    with pytest.raises(ArchiveError, match=r"[Mm]emory"):
        unpack(compressed, target)


def test_what_follows_the_end_of_an_archive_is_not_read_for_ever(packed, tmp_path, monkeypatch):
    monkeypatch.setattr(_filter_program, "MOST_AFTER", 4 << 20)
    path, target = packed(member("vcap/x", content=b"x"), name="b.tar")
    with open(path, "ab") as more:
        more.truncate(64 << 20)
    compressed = tmp_path / "b.tar.zst"
    with open(compressed, "wb") as result:
        subprocess.run(["zstd", "-cq", str(path)], stdout=result, check=True)
    with pytest.raises(ArchiveError, match="follow its end"):
        unpack(compressed, target)


def test_a_checksum_that_is_no_file_of_its_kind_is_told(packed):
    path, dummy = packed(member("vcap/x", content=b"x"))
    path.with_name(f"{path.name}.sha256").write_bytes(b"0" * 5000)
    with pytest.raises(SourceError, match="checksum beside it"):
        find(str(path), path.parent, path.parent / "scratch")
