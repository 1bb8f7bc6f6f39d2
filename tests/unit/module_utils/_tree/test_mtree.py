# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Formats: what is written is read back, and what rsync logs is understood."""

from __future__ import annotations

import random
import subprocess

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._tree import _rsync_log as rsync_log
from ansible_collections.microbosh.director.plugins.module_utils._tree import _sha256sums as sha256sums
from ansible_collections.microbosh.director.plugins.module_utils._tree._mtree import (
    InOrder,
    escape,
    format_entries,
    parse,
    parse_line,
    readable,
    unescape,
)
from ansible_collections.microbosh.director.plugins.module_utils._tree._tree import (
    Entry,
    Names,
    examine_tree,
    mark_twins,
    walk,
)
from backup_trees import NAMES, copy, make_store

FILE = b"./a type=file uid=0 gid=0 mode=0644 time=1.000000000 size=1 sha256digest=" + b"0" * 64


def values(entry):
    return {name: getattr(entry, name) for name in Entry.__slots__ if name not in ("inode", "links")}


def test_any_byte_comes_back():
    name = bytes(range(1, 256))
    assert unescape(escape(name)) == name
    assert all(33 <= byte <= 126 for byte in escape(name))


def test_names_at_random_come_back():
    chance = random.Random(7)
    for _ in range(500):
        name = bytes(chance.choices(b"\\#0127 \n\r=*\xc3\xbca/", k=chance.randrange(1, 12)))
        assert unescape(escape(name)) == name
        line = sha256sums.format_line(name, "0" * 64)
        assert line.count(b"\n") == 1
        assert sha256sums.parse_line(line[:-1]) == (name, "0" * 64)


def test_escapes_are_those_of_vis():
    assert escape(b"a b\\c\n#\xff") == b"a\\040b\\134c\\012\\043\\377"


def test_what_a_person_sees():
    assert readable("Ünïcödé ☃ name".encode()) == "Ünïcödé ☃ name"
    assert readable(b"new\nline") == "new\\012line"
    assert readable(b"back\\slash") == "back\\134slash"
    assert readable("right\u202eleft".encode()) == "right\\342\\200\\256left"
    assert readable(b"latin-1 \xe9") == "latin-1\\040\\351"


def test_a_tree_comes_back_whole(tmp_path):
    make_store(tmp_path / "vcap")
    entries = sorted(examine_tree(bytes(tmp_path), b"vcap"), key=lambda entry: entry.path)
    mark_twins(entries)
    for entry in entries:
        entry.digest = "ab" * 32 if entry.type == "file" else None
    parsed, problems = parse(b"".join(format_entries(entries)))
    assert problems == []
    assert [values(entry) for entry in parsed.values()] == [values(entry) for entry in entries]
    assert len(entries) == len(NAMES) + 14


def test_a_walk_has_the_order_of_the_record_and_the_links_of_the_whole_tree(tmp_path):
    """Also where a name goes on with what comes before a slash, so that it stands between a directory and its files."""
    make_store(tmp_path / "vcap")
    for name in ("tree-2", "tree.d", "tree!"):
        (tmp_path / "vcap/store" / name).mkdir()
        (tmp_path / "vcap/store" / name / "file").write_text(name)
    entries = sorted(examine_tree(bytes(tmp_path), b"vcap"), key=lambda entry: entry.path)
    mark_twins(entries)
    names = Names(bytes(tmp_path), [b"vcap"])
    walked = [names.mark(entry) for entry in walk(bytes(tmp_path), b"vcap")]
    assert [values(entry) for entry in walked] == [values(entry) for entry in entries]
    assert sum(entry.twin is not None for entry in walked) == 3


def test_a_link_into_another_tree_is_no_twin(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    (tmp_path / "a/file").write_text("one file, one name here")
    (tmp_path / "b/file").hardlink_to(tmp_path / "a/file")
    names = Names(bytes(tmp_path), [b"a"])
    assert [names.mark(entry).twin for entry in walk(bytes(tmp_path), b"a")] == [None, None]


def test_a_record_is_asked_in_order_and_says_what_nobody_asked_for():
    lines = [b"#mtree\n", *(FILE.replace(b"./a", b"./" + name) + b" inode=1\n" for name in (b"a", b"b", b"c", b"d"))]
    lines.insert(3, b"./bb is malformed\n")
    skipped, malformed = [], []
    record = InOrder(lines, skipped.append, malformed.append)
    assert record.get(b"0") is None
    assert (record.get(b"b").path, skipped[0].path) == (b"b", b"a")
    assert record.get(b"b") is None
    assert record.get(b"c").twin == b"a"
    record.finish()
    assert [entry.path for entry in skipped] == [b"a", b"d"]
    assert malformed == [b"./bb is malformed\n"]


def test_devices_come_back():
    entry = Entry(b"null", type="char", uid=0, gid=0, mode=0o666, mtime=-1, device=(1, 3))
    (parsed,) = parse(b"".join(format_entries([entry])))[0].values()
    assert values(parsed) == values(entry)


def test_a_line_is_as_documented():
    entry = Entry(b"vcap/a b", type="file", uid=1000, gid=1001, mode=0o4755, mtime=1_500_000_007, size=3,
                  digest="c" * 64, twin=b"vcap/a b")
    assert list(format_entries([entry])) == [
        b"#mtree\n",
        b"./vcap/a\\040b type=file uid=1000 gid=1001 mode=04755 time=1.500000007 size=3 sha256digest="
        + b"c" * 64 + b" inode=1\n",
    ]


@pytest.mark.parametrize("line", [
    b"",
    b"# comment",
    FILE.replace(b"./a", b"a"),
    FILE.replace(b"type=file", b"type=fil"),
    FILE.replace(b"type=file", b"type=dir"),
    FILE.replace(b" uid=0", b""),
    FILE.replace(b"mode=0644", b"mode=0948"),
    FILE.replace(b"time=1.000000000", b"time=1.0"),
    FILE.replace(b" size=1", b""),
    FILE[:-1],
    FILE + b" more=1",
    FILE.replace(b" ", b"  ", 1),
])
def test_a_malformed_line_is_refused(line):
    assert parse_line(FILE) is not None
    assert parse_line(line) is None
    assert parse(b"#mtree\n" + FILE + b"\n" + line + b"\n")[1][0].startswith("metadata.mtree line 3 is malformed")


def test_rsync_names_everything_as_it_is(tmp_path):
    source = make_store(tmp_path / "host")
    log = copy(source, tmp_path / "copy", log=tmp_path / "log")
    listed = rsync_log.parse(log.read_bytes().splitlines(keepends=True))
    entries = {entry.path[len(b"host/"):] or b".": entry for entry in examine_tree(bytes(tmp_path), b"host")}
    assert set(listed) == set(entries)
    for path, entry in entries.items():
        assert entry.type in listed[path].type
        assert (listed[path].uid, listed[path].gid, listed[path].mode) == (entry.uid, entry.gid, entry.mode)


def test_rsync_names_everything_that_is_linked_too(tmp_path):
    source = make_store(tmp_path / "host")
    log = copy(source, tmp_path / "first", log=tmp_path / "log1")
    everything = rsync_log.parse(log.read_bytes().splitlines())
    log = copy(source, tmp_path / "second", tmp_path / "first", log=tmp_path / "log2")
    assert rsync_log.parse(log.read_bytes().splitlines()) == everything


def test_what_rsync_deleted_is_not_listed_any_more(tmp_path):
    source = make_store(tmp_path / "host")
    log = copy(source, tmp_path / "copy", log=tmp_path / "log")
    subprocess.run(["rm", "-r", source / "store" / "tree"], check=True)
    log = copy(source, tmp_path / "copy", log=log)
    listed = rsync_log.parse(log.read_bytes().splitlines())
    assert [path for path in listed if path.startswith(b"store/tree")] == []
    assert b"store/third" in listed


@pytest.mark.parametrize(("text", "mode"), [
    (b"rwxr-xr-x", 0o755),
    (b"---------", 0),
    (b"rwsr-Sr-T", 0o7744 | 0o1000),
    (b"rwSrwsrwt", 0o7677),
])
def test_permissions(text, mode):
    assert rsync_log.parse_mode(text) == mode


def test_lines_that_name_nothing_are_skipped():
    lines = [
        b"2026/11/22 23:04:28 [2716] building file list\n",
        b"2026/11/22 23:04:28 [2716] sent 1 bytes  received 2 bytes  total size 3\n",
        b"2026/11/22 23:04:28 [2716] rsync: [sender] send_files failed to open \"/x\": Permission denied (13)\n",
        b"\n",
        b"2026/11/22 23:04:28 [2716] >f+++++++++|1000|1000|rw-r--r--|2|store/b|c\n",
    ]
    assert rsync_log.parse(lines) == {b"store/b|c": (("file",), 1000, 1000, 0o644)}
