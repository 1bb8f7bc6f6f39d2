# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Access control lists and extended attributes of a director's files, as rsync tells and brings them.

rsync tells which files have any when it compares the director with a copy that has none. It brings them as if it were a
pretended superuser (--fake-super): as attributes user.* of files of ours, where they have no effect. So it is the same
for every user of the controller, and nothing that a director sends becomes a right here.
"""

from __future__ import annotations

import os
import re
import stat
import struct
from pathlib import Path

from ansible_collections.microbosh.director.plugins.module_utils._tree._attributes import (
    ACCESS_LIST,
    DEFAULT_LIST,
    LISTS,
    LONGEST,
    MOST_BYTES,
    format_attributes,
    is_kept,
)
from ansible_collections.microbosh.director.plugins.module_utils._tree._mtree import escape
from ansible_collections.microbosh.director.plugins.module_utils._tree._mtree import unescape as mtree_unescape
from ansible_collections.microbosh.director.plugins.module_utils._tree._rsync_log import unescape

OPTIONS = ["--acls", "--xattrs", "--fake-super"]
# YXcstpoguax, as --itemize-changes has it: what is new altogether has plus signs there.
_LINE = re.compile(r"^[.<>ch][fdLDS].{7}([.a ])([.x ])\|[^|]*\|[^|]*\|[^|]*\|[^|]*\|(.*)$")
# Attributes that every file has, as under SELinux, say nothing of a single one.
MOST = 1000
MOST_NAMES = 20000
_PRETENDED = b"user.rsync."
_STATUS, _ACCESS, _DEFAULT = (_PRETENDED + name for name in (b"%stat", b"%aacl", b"%dacl"))
# A label that every file has where there are any, and that the director's own policy gives it.
_LABEL = b"security.selinux"
# In rsync's list: an entry that is not there or as the mode says, and the mark of a user's.
_NONE, _USER = 0x80, 1 << 31
_VERSION = 2
_SHORTEST = 4 + 3 * 8
_USER_OBJ, _NAMED_USER, _GROUP_OBJ, _NAMED_GROUP, _MASK, _OTHER = 1, 2, 4, 8, 16, 32
_NOBODY = 0xFFFFFFFF


def lost_attributes(lines: list[str]) -> dict:
    """Given what rsync printed, return the names with either, below /var/vcap and in the escapes of mtree."""
    found = {"access_lists": [], "extended": []}
    for line in lines:
        match = _LINE.match(line)
        if match:
            name = escape(unescape(match[3].encode("utf-8", "surrogateescape")).rstrip(b"/")).decode()
            found["access_lists"] += [name] if match[1] == "a" else []
            found["extended"] += [name] if match[2] == "x" else []
    found["extended"] = found["extended"][:MOST]
    return found


def read_attributes(path: bytes) -> tuple[dict[bytes, bytes], bool]:
    """Given a file that rsync brought, return {name: value} as on the director, and whether it had no more there."""
    status = os.lstat(path)
    pretended = {name: os.getxattr(path, name, follow_symlinks=False) for name in _names(path)}
    mode = _mode(pretended.pop(_STATUS, None), status.st_mode)
    found = {}
    for name, value in pretended.items():
        if name in (_ACCESS, _DEFAULT):
            found[ACCESS_LIST if name == _ACCESS else DEFAULT_LIST] = access_list(value, mode)
        else:
            found[name.removeprefix(_PRETENDED)] = value
    found = {name: value for name, value in found.items() if name != _LABEL and not _says_the_mode(name, value)}
    kept = {name: value for name, value in found.items() if is_kept(name) and len(value) <= LONGEST}
    return kept, len(kept) == len(found)


def _says_the_mode(name, value):
    """Return whether a list has owner, group and others only: then the kernel has none."""
    return name == ACCESS_LIST and len(value) == _SHORTEST


def _names(path):
    return [os.fsencode(name) for name in os.listxattr(path, follow_symlinks=False)]


def _mode(told, mode):
    return int(told.split(b" ")[0], 8) if told else mode


def access_list(content: bytes, mode: int) -> bytes:
    """Given a list as rsync keeps it and the mode of its file, return it as the kernel has it, or raise ValueError."""
    if len(content) < 16 or len(content) % 8:
        raise ValueError("not an access control list of rsync's")
    user, group, mask, other = struct.unpack("<4I", content[:16])
    named = sorted(struct.iter_unpack("<2I", content[16:]), key=lambda entry: (not entry[1] & _USER, entry[0]))
    # What the mode says too is left out: with a mask, that one is what the mode shows of the group.
    if named and mask == _NONE:
        mask = mode >> 3 & 7
    rights = {
        _USER_OBJ: mode >> 6 & 7 if user == _NONE else user,
        _GROUP_OBJ: mode >> 3 & 7 if group == _NONE else group,
        _OTHER: mode & 7 if other == _NONE else other,
        **({} if mask == _NONE else {_MASK: mask}),
    }
    entries = [(tag, allowed, _NOBODY) for tag, allowed in rights.items()]
    entries += [(_NAMED_USER if access & _USER else _NAMED_GROUP, access & ~_USER, who) for who, access in named]
    if any(allowed > 7 for dummy, allowed, who in entries):
        raise ValueError("rights that there are none of")
    packed = (struct.pack("<2HI", *entry) for entry in sorted(entries, key=lambda entry: (entry[0], entry[2])))
    return struct.pack("<I", _VERSION) + b"".join(packed)


def lay_out(names: list[bytes], copy: str, scratch: str) -> list[bytes]:
    """Make directories and empty files of the size and time that a copy of them has; return the names of those.

    For rsync these are there already, so it brings what they have besides, and none of their content.
    """
    return [name for name in names if _inside(Path(copy), name) and _laid_out(
        Path(copy, os.fsdecode(name)), Path(scratch, os.fsdecode(name))
    )]  # fmt: skip


def _inside(copy, name):
    """Return whether a name, which the director chose, is that of something in the copy."""
    leads_elsewhere = name.startswith(b"/") or b".." in name.split(b"/")
    return not leads_elsewhere and (copy / os.fsdecode(name)).parent.resolve().is_relative_to(copy.resolve().parent)


def _laid_out(source, target):
    try:
        status = source.lstat()
        if stat.S_ISDIR(status.st_mode):
            target.mkdir(mode=0o700, parents=True, exist_ok=True)
        elif stat.S_ISREG(status.st_mode):
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with target.open("xb") as made:
                made.truncate(status.st_size)
            os.utime(target, ns=(status.st_mtime_ns, status.st_mtime_ns))
    except OSError:  # it has just gone, or no file here can be that large
        return False
    return stat.S_ISDIR(status.st_mode) or stat.S_ISREG(status.st_mode)


def bring(found: dict, copy: str, scratch: str, transfer) -> tuple[dict[bytes, dict[bytes, bytes]], list[str]]:
    """Given what lost_attributes() returned, return ({path: {name: value}}, names that lose something).

    ``transfer`` is given a directory and options of rsync; with ``--dry-run`` it returns the lines that rsync printed.
    Names are below /var/vcap, and in what is returned second in the escapes of mtree.
    """
    names = list(dict.fromkeys(found["access_lists"] + found["extended"]))
    laid_out = lay_out([unescape_name(name) for name in names[:MOST_NAMES]], copy, scratch)
    wanted = f"{scratch}.names"
    Path(wanted).write_bytes(b"".join(name + b"\0" for name in laid_out))
    only = ["--from0", f"--files-from={wanted}", "--ignore-missing-args", "--no-links", "--fake-super"]
    # One after the other: rsync, given both, removes the list that it has just pretended to set.
    for option in ("--xattrs", "--acls"):
        transfer(scratch, [*only, option, "--append", "--size-only"])
    still = lost_attributes(transfer(scratch, [*only, "--xattrs", "--acls", "--dry-run"]))
    return _sorted_out(names, set(laid_out), still, scratch)


def _sorted_out(names, laid_out, still, scratch):
    files, lost, room = {}, [], MOST_BYTES
    for name in names:
        path = unescape_name(name)
        attributes, whole = _read_or_none(Path(scratch, os.fsdecode(path))) if path in laid_out else ({}, False)
        if name in still["access_lists"]:  # not as it is there: then rather none, as of a list that is lost
            attributes = {name: value for name, value in attributes.items() if name not in LISTS}
        needs = len(format_attributes({path: attributes}))
        if needs > room:
            attributes, whole = {}, False
        if attributes:
            files[path] = attributes
            room -= needs
        if not whole or name in still["access_lists"] or name in still["extended"]:
            lost.append(name)
    return files, lost


def _read_or_none(path):
    try:
        return read_attributes(os.fsencode(path))
    except (OSError, ValueError):
        return {}, False


def unescape_name(name: str) -> bytes:
    """Given a name as lost_attributes() returns it, return the path."""
    return mtree_unescape(name.encode())
