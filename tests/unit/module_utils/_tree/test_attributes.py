# SPDX-License-Identifier: GPL-3.0-or-later
"""Access control lists and extended attributes are kept, or named; a restore gives no group a right that it had not."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shlex
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_tree import without_group
from ansible_collections.microbosh.director.plugins.module_utils._tree import _metadata as metadata
from ansible_collections.microbosh.director.plugins.module_utils._tree._attributes import (
    AttributesError,
    format_attributes,
    is_kept,
    parse_attributes,
)
from ansible_collections.microbosh.director.plugins.module_utils._tree._mtree import unescape
from ansible_collections.microbosh.director.plugins.module_utils._tree._tree import Entry
from ansible_collections.microbosh.director.plugins.plugin_utils._source._source import Source, SourceError
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer import _attributes_kept as _attributes
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer import _attributes_pull
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._attributes_kept import (
    OPTIONS,
    access_list,
    lay_out,
    lost_attributes,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._attributes_pull import (
    LISTING,
    AttributesPull,
    keep_attributes,
)
from places import REPOSITORY

# Owner rw-, a named user rw-, the group ---, the mask rw-, others ---: the mode shows rw-rw----.
ACL = bytes.fromhex("02000000 01000600ffffffff 0200060001000000 04000000ffffffff 10000600ffffffff 20000000ffffffff")
GUIDE = REPOSITORY / "docs/recovery.md"
ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
DAEMON = """#!/bin/sh
exec rsync --server --daemon --config={config} .
"""
CONFIG = """use chroot = no
read only = yes
munge symlinks = no
numeric ids = yes
{user}[vcap]
path = {path}
"""


@pytest.fixture
def director(tmp_path):
    """A tree behind rsync's daemon, as on a director, and a copy of it that has neither lists nor attributes."""
    source, copy = tmp_path / "source", tmp_path / "work" / "vcap"
    (source / "store/spool").mkdir(parents=True)
    copy.parent.mkdir()
    for name in ("plain", "shared", "odd \n name", "tagged", "both"):
        (source / "store" / name).write_text(name)
    os.link(source / "store/shared", source / "store/twin")
    (source / "store/link").symlink_to("shared")
    subprocess.run(["rsync", "-aH", f"{source}/", f"{copy}/"], check=True)
    try:
        for name in ("shared", "odd \n name", "both"):
            os.setxattr(source / "store" / name, ACCESS, ACL)
        os.setxattr(source / "store/spool", DEFAULT, ACL)
        for name in ("tagged", "both"):
            os.setxattr(source / "store" / name, "user.tag", b"1\0\n\xff")
    except OSError:
        pytest.skip("this file system has neither access control lists nor extended attributes")
    shell = tmp_path / "shell"
    shell.write_text(DAEMON.format(config=tmp_path / "config"))
    shell.chmod(0o755)
    user = "uid = 0\ngid = 0\n" if os.geteuid() == 0 else ""
    (tmp_path / "config").write_text(CONFIG.format(path=source, user=user))
    return SimpleNamespace(source=source, copy=copy, shell=shell, kept=tmp_path / "extra/attributes.getfattr")


def rsync(director, dest, options):
    command = ["rsync", "-a", f"--rsh={director.shell}", *options, "director::vcap/", f"{dest}/"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return {"rc": done.returncode, "msg": done.stdout, "err": done.stderr}


def look(director):
    options = [*OPTIONS, "--dry-run", "-ii", f"--out-format={LISTING}"]
    return lost_attributes(rsync(director, director.copy, options)["msg"].split("\n"))


def keep(director, found, transfers=None):
    def run(dest, quoted):
        options = [shlex.split(option)[0] for option in quoted]
        # synchronize appends a format, which becomes an argument that means nothing.
        answer = rsync(director, dest, [*options, "%i"] if "--log-file-format" in options else options)
        (transfers if transfers is not None else []).append(answer)
        return answer

    def watch(log, dest):
        return contextlib.nullcontext(SimpleNamespace(exceeded=""))

    return keep_attributes(found, f"{director.copy}/", str(director.kept), AttributesPull(run, watch))


def kept_of(director):
    return parse_attributes(director.kept.read_bytes())


def test_names_with_lists_and_attributes_are_found(director):
    found = look(director)
    assert sorted(found["access_lists"]) == [
        "store/both", r"store/odd\040\012\040name", "store/shared", "store/spool", "store/twin",
    ]  # fmt: skip
    assert sorted(found["extended"]) == ["store/both", "store/tagged"]


def test_what_is_new_has_no_flags():
    assert lost_attributes([">f+++++++++|0|0|rw-r--r--|1|store/new", ".d..t......|0|0|rwxr-xr-x|1|store/", ""]) == {
        "access_lists": [], "extended": [],
    }  # fmt: skip


def list_of(top, path):
    there = os.fsencode(top) + b"/" + path
    return {os.fsencode(name): os.getxattr(there, name) for name in os.listxattr(there)}


def test_what_they_have_is_kept_as_it_is_there(director):
    told = keep(director, look(director))
    assert told["lost"] == []
    assert sorted(unescape(name.encode()) for name in told["kept"]) == sorted(kept_of(director))
    for path, attributes in kept_of(director).items():
        assert attributes == list_of(director.source, path)
    assert len(kept_of(director)) == 6
    assert director.kept.stat().st_mode & 0o777 == 0o600
    assert list(director.copy.parent.iterdir()) == [director.copy]


def test_no_content_comes_for_it(director):
    """However large a file is: of one that grew meanwhile, what was added."""
    large = director.source / "store/shared"
    os.truncate(large, 3 << 40)
    shutil.copystat(large, director.copy / "store/shared")
    os.truncate(director.copy / "store/shared", 3 << 40)
    os.utime(director.copy / "store/shared", ns=(large.stat().st_mtime_ns,) * 2)
    found = look(director)
    os.truncate(large, (3 << 40) + 5)
    transfers = []
    assert keep(director, found, transfers)["lost"] == []
    assert kept_of(director)[b"store/shared"] == {ACCESS.encode(): ACL}
    assert len(transfers) == 3


def test_without_any_nothing_more_is_asked(director):
    director.kept.parent.mkdir()
    director.kept.write_text("of a run before")
    transfers = []
    assert keep(director, {"access_lists": [], "extended": []}, transfers) == {"kept": [], "lost": []}
    assert transfers == []
    assert not director.kept.exists()


def test_what_does_not_come_is_named(director):
    found = look(director)
    (director.source / "store/tagged").unlink()
    (director.copy / "store/both").unlink()
    found["access_lists"] += ["../../etc/shadow", "store/link", "store/never"]
    told = keep(director, found)
    assert sorted(told["lost"]) == ["../../etc/shadow", "store/both", "store/link", "store/never"]
    assert b"store/both" not in kept_of(director)
    assert sorted(told["kept"]) == [r"store/odd\040\012\040name", "store/shared", "store/spool", "store/twin"]


def test_without_an_answer_all_of_it_is_named(director):
    found = look(director)
    director.shell.write_text("#!/bin/sh\nexit 12\n")
    assert keep(director, found) == {"kept": [], "lost": list(dict.fromkeys(found["access_lists"] + found["extended"]))}
    assert not director.kept.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files capabilities")
def test_what_a_controller_may_not_have_is_kept_all_the_same(director):
    """The value is data here: no file of the controller becomes what the director says."""
    capability = bytes.fromhex("0100000200040000000000000000000000000000")
    os.setxattr(director.source / "store/tagged", "security.capability", capability)
    os.setxattr(director.source / "store/tagged", "trusted.other", b"x")
    told = keep(director, look(director))
    assert kept_of(director)[b"store/tagged"] == {b"security.capability": capability, b"user.tag": b"1\0\n\xff"}
    assert told["lost"] == ["store/tagged"]  # trusted.* is not kept


def test_rsyncs_list_with_what_the_mode_says():
    """Owner, group, others and mask are left out where the mode has them."""
    named = struct.pack("<2I", 1, 6 | 1 << 31)
    assert access_list(struct.pack("<4I", 0x80, 0, 0x80, 0x80) + named, 0o660) == ACL
    assert access_list(struct.pack("<4I", 6, 0, 6, 0) + named, 0) == ACL
    with pytest.raises(ValueError, match="access control list"):
        access_list(b"short", 0o600)
    with pytest.raises(ValueError, match="rights"):
        access_list(struct.pack("<4I", 9, 0, 6, 0) + named, 0)


def test_nothing_is_laid_out_where_a_link_leads(tmp_path):
    (tmp_path / "work/vcap").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/file").write_text("x")
    (tmp_path / "work/vcap/away").symlink_to(tmp_path / "elsewhere")
    names = [b"away/file", b"/etc/passwd", b"../../elsewhere/file", b"."]
    assert lay_out(names, str(tmp_path / "work/vcap"), str(tmp_path / "work/scratch")) == [b"."]


def test_the_file_says_what_it_was_given():
    files = {b"": {b"user.a": b""}, b"store/odd \n#\\ name": {ACCESS.encode(): ACL, b"user.tag": b"1\0\n\xff"}}
    assert parse_attributes(format_attributes(files)) == files
    assert format_attributes({}) == b""


@pytest.mark.parametrize(
    "content",
    [
        b"# file: ../etc\nuser.a=0sMQ==\n", b"# file: /etc\n", b"user.a=0sMQ==\n", b"# file: a\nuser.a=1\n",
        b"# file: a\ntrusted.a=0sMQ==\n", b"# file: a\nsecurity.selinux=0sMQ==\n", b"# file: a\nuser.a=0sM\n",
        b"# file: a\\000b\n", b"\xff\n",
    ],
)  # fmt: skip
def test_no_other_file_is_taken_for_one(content):
    with pytest.raises(AttributesError, match="attributes of files"):
        parse_attributes(content)


def test_setfattr_takes_the_file(director, tmp_path):
    """Nothing of ours is needed to bring it back."""
    if not shutil.which("setfattr"):
        pytest.skip("setfattr is not installed")
    keep(director, look(director))
    command = ["setfattr", "-h", f"--restore={director.kept}"]
    subprocess.run(command, cwd=director.copy, check=True)
    for path in [b"", b"store/plain", *kept_of(director)]:
        assert list_of(director.copy, path) == list_of(director.source, path)


def test_the_mask_of_a_list_that_is_lost_gives_the_group_nothing():
    line = b"./vcap/store/%s type=file uid=1 gid=1 mode=0664 time=1.000000000 size=1 sha256digest=00\n"
    content = b"#mtree\n" + line % b"shared" + line % b"shared2"
    assert without_group(content, ["store/shared"]) == content.replace(b"mode=0664", b"mode=0604", 1)
    assert without_group(content, []) == content
    top = b"./vcap type=dir uid=1 gid=1 mode=0775 time=1.000000000\n"
    assert without_group(top, ["."]) == top.replace(b"0775", b"0705")


@pytest.fixture
def opened(tmp_path):
    """A file with a list of its own, its descriptor, and an Entry of it."""
    path = tmp_path / "file"
    path.write_text("x")
    try:
        os.setxattr(path, ACCESS, ACL)
        os.setxattr(path, "user.old", b"1")
    except OSError:
        pytest.skip("this file system has neither access control lists nor extended attributes")
    entry = Entry(b"file", type="file", uid=os.getuid(), gid=os.getgid(), mode=0o664, mtime=0)
    descriptor = os.open(path, os.O_RDONLY)
    yield SimpleNamespace(path=path, entry=entry, descriptor=descriptor)
    os.close(descriptor)


def attributes_of(path):
    return {name: os.getxattr(path, name) for name in os.listxattr(path)}


def mode_of(path):
    return path.stat().st_mode & 0o7777


def test_a_file_gets_the_attributes_that_it_had_and_no_others(opened):
    opened.entry.attributes = {ACCESS.encode(): ACL, b"user.new": b"\0"}
    opened.entry.mode = 0o660
    metadata.set_open_metadata(opened.descriptor, opened.entry)
    assert attributes_of(opened.path) == {ACCESS: ACL, "user.new": b"\0"}
    assert mode_of(opened.path) == 0o660
    assert not opened.entry.unset
    opened.entry.attributes = {}
    metadata.set_open_metadata(opened.descriptor, opened.entry)
    assert attributes_of(opened.path) == {}
    assert mode_of(opened.path) == 0o660


def test_where_a_list_cannot_be_set_the_group_has_no_right(opened):
    opened.entry.attributes = {ACCESS.encode(): b"no list"}
    metadata.set_open_metadata(opened.descriptor, opened.entry)
    assert opened.entry.unset
    assert mode_of(opened.path) == 0o604
    assert attributes_of(opened.path) == {}


def test_an_older_backup_changes_none(opened):
    opened.entry.mode = 0o660
    before = attributes_of(opened.path)
    metadata.set_open_metadata(opened.descriptor, opened.entry)
    assert attributes_of(opened.path) == before


def test_what_is_kept():
    assert all(map(is_kept, [b"user.a", b"security.capability", ACCESS.encode(), DEFAULT.encode()]))
    others = [b"trusted.a", b"security.selinux", b"user.", b"user.a=b", b"user.a b", b"system.nfs4_acl"]
    assert not any(map(is_kept, others))


def test_the_guide_needs_no_setfattr_either(director, tmp_path):
    """A stemcell has none; by the guide's own function."""
    keep(director, look(director))
    function = re.search(r"^attributes\(\) \{\n.*?^\}\n", GUIDE.read_text(), re.MULTILINE | re.DOTALL).group()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python3").symlink_to(sys.executable)
    script = f"cd '{director.copy}'\n{function}attributes '{director.kept}'\n"
    subprocess.run(["/bin/bash", "-c", script], env={"PATH": str(tmp_path / "bin")}, check=True)
    for path in kept_of(director):
        assert list_of(director.copy, path) == list_of(director.source, path)


def source_of(tmp_path, attributes, content=b"", proven=True, vouched=b""):
    """Return the source of a backup whose report says this of its attributes."""
    (tmp_path / "vcap").mkdir()
    (tmp_path / "extra").mkdir()
    sums = f"{hashlib.sha256(vouched or content).hexdigest()}  extra/attributes.getfattr\n"
    for name in ("SHA256SUMS", "metadata.mtree") if proven else ():
        (tmp_path / name).write_text(sums if name == "SHA256SUMS" else "")
    (tmp_path / "backup.json").write_text(json.dumps({"id": "20261122T221326Z", "attributes": attributes}))
    (tmp_path / "extra/attributes.getfattr").write_bytes(content)
    return Source(tmp_path)._attributes()


LISTED = {
    "known": True, "access_lists": ["store/a", "store/b", ".", "store/d"], "extended": ["store/a"],
    "kept": ["store/a", "store/b", ".", "store/d"], "lost": ["store/a", "store/b"],
}  # fmt: skip
LIST = {ACCESS.encode(): ACL}
KEPT = format_attributes({
    b"store/a": LIST, b"store/b": {b"user.a": b"1"}, b"": LIST, b"store/d": {DEFAULT.encode(): ACL},
})  # fmt: skip


def test_a_group_has_no_right_where_the_backup_has_no_list(tmp_path):
    found = source_of(tmp_path, LISTED, KEPT)
    assert found == {"attributes": str(tmp_path / "extra/attributes.getfattr"), "groupless": ["store/b"]}


@pytest.mark.parametrize(
    ("attributes", "proven", "expected"),
    [
        ({"known": True, "access_lists": ["store/a"], "extended": []}, True, (None, ["store/a"])),
        ({**LISTED, "known": False, "access_lists": []}, True, (None, [])),
        (LISTED, False, (None, LISTED["access_lists"])),
        ({"known": True, "access_lists": [], "extended": [], "kept": [], "lost": []}, True, ("", [])),
    ],
    ids=["earlier version", "not known", "nothing vouches for it", "none"],
)
def test_no_file_counts_that_the_backup_does_not_speak_of(tmp_path, attributes, proven, expected):
    found = source_of(tmp_path, attributes, KEPT, proven)
    assert (found["attributes"], found["groupless"]) == expected


def test_a_damaged_file_is_no_source(tmp_path):
    with pytest.raises(SourceError, match="Restore another backup"):
        source_of(tmp_path, LISTED, b"# file: a\nuser.a=1\n")


def test_what_the_manifest_does_not_vouch_for_is_no_source(tmp_path):
    with pytest.raises(SourceError, match="exchanges it"):
        source_of(tmp_path, LISTED, KEPT, vouched=KEPT + b"\n")


def test_more_than_a_backup_keeps_is_named(director, monkeypatch):
    monkeypatch.setattr(_attributes, "MOST_BYTES", 300)
    found = look(director)
    told = keep(director, found)
    assert director.kept.stat().st_size <= 300
    assert told["kept"]
    assert set(told["kept"]) | set(told["lost"]) == set(found["access_lists"] + found["extended"])
    assert not set(told["kept"]) & set(told["lost"])


@pytest.mark.parametrize("refused", [1, 2])
def test_backups_on_a_file_system_without_any_are_no_obstacle(director, monkeypatch, refused):
    """As NFS: then it is done where temporary files are; if nothing here has them, they are named."""
    places = []

    def has_attributes(directory):
        places.append(directory)
        return len(places) > refused

    monkeypatch.setattr(_attributes_pull, "_has_attributes", has_attributes)
    found = look(director)
    told = keep(director, found)
    assert places[0].startswith(str(director.copy.parent))
    assert not places[1].startswith(str(director.copy.parent))
    assert not Path(places[1]).exists()
    assert len(told["kept"]) == (6 if refused == 1 else 0)
    assert len(told["lost"]) == (0 if refused == 1 else 6)
