# SPDX-License-Identifier: GPL-3.0-or-later
"""What a backup does not keep of a file is named, and a restore gives no group a right that it had not."""

from __future__ import annotations

import os
import subprocess

import pytest
from ansible_collections.microbosh.director.plugins.action.pull import LISTING
from ansible_collections.microbosh.director.plugins.module_utils._restore_tree import without_group
from ansible_collections.microbosh.director.plugins.plugin_utils._attributes import OPTIONS, lost_attributes

# Owner rw-, a named user rw-, the group ---, the mask rw-, others ---: the mode shows rw-rw----.
ACL = bytes.fromhex("02000000 01000600ffffffff 0200060001000000 04000000ffffffff 10000600ffffffff 20000000ffffffff")


@pytest.fixture
def compared(tmp_path):
    """A function that returns what rsync prints of a tree beside a copy of it."""
    source, copy = tmp_path / "source", tmp_path / "copy"
    (source / "store").mkdir(parents=True)
    for name in ("plain", "shared", "odd \n name", "tagged"):
        (source / "store" / name).write_text(name)
    subprocess.run(["rsync", "-a", f"{source}/", f"{copy}/"], check=True)
    try:
        for name in ("shared", "odd \n name"):
            os.setxattr(source / "store" / name, "system.posix_acl_access", ACL)
        os.setxattr(source / "store/tagged", "user.tag", b"1")
    except OSError:
        pytest.skip("this file system has neither access control lists nor extended attributes")
    command = ["rsync", "-a", *OPTIONS, "--dry-run", "-ii", f"--out-format={LISTING}", f"{source}/", f"{copy}/"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")


def test_names_with_lists_and_attributes_are_found(compared):
    found = lost_attributes(compared)
    assert sorted(found["access_lists"]) == [r"store/odd\040\012\040name", "store/shared"]
    assert "store/tagged" in found["extended"]
    assert "store/plain" not in found["extended"]


def test_what_is_new_has_no_flags():
    assert lost_attributes([">f+++++++++|0|0|rw-r--r--|1|store/new", ".d..t......|0|0|rwxr-xr-x|1|store/", ""]) == {
        "access_lists": [], "extended": [],
    }  # fmt: skip


def test_the_mask_of_a_list_that_is_lost_gives_the_group_nothing():
    line = b"./vcap/store/%s type=file uid=1 gid=1 mode=0664 time=1.000000000 size=1 sha256digest=00\n"
    content = b"#mtree\n" + line % b"shared" + line % b"shared2"
    assert without_group(content, ["store/shared"]) == content.replace(b"mode=0664", b"mode=0604", 1)
    assert without_group(content, []) == content
