# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives of anybody are unpacked, and nothing of them lands outside."""

from __future__ import annotations

import io
import lzma
import os
import tarfile

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils import _archive
from ansible_collections.microbosh.director.plugins.plugin_utils._archive import ArchiveError, find_tree, unpack

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
