"""Lists the files of a host, of a backup's manifest and of an unpacked archive in one form."""

from __future__ import annotations

import base64
import re
import subprocess

from standing import listing, whole

FIELDS = ("type", "uid", "gid", "mode", "time", "size", "link", "digest")
TYPES = {b"f": "file", b"d": "dir", b"l": "link"}

# What the default filter takes, by other means than rsync's. Names may hold anything, so base64 brings them home.
FILES = r"""
set -e
cd /var/vcap
{
    printf '%s\0' . bosh
    ls -d bosh/settings.json bosh/state.yml bosh/spec.json bosh/agent.cert bosh/agent.key 2>/dev/null | tr '\n' '\0'
    find store \( -path store/microbosh-backup -o -path store/lost+found \) -prune -o -print0
} >/run/names
{
    xargs -0 -I{} find {} -maxdepth 0 -printf '%p\0%y\0%U\0%G\0%m\0%T@\0%s\0%l\0%D:%i\0' </run/names
} | base64
echo --
xargs -0 -I{} find {} -maxdepth 0 -type f -print0 </run/names | xargs -0 sha256sum -z | base64
"""


def host_tree(director):
    """Return {path below /var/vcap: its FIELDS} of what a backup of the host has to hold, and its hard links."""
    names, digests = (base64.b64decode(part) for part in director.shell(FILES).split("--\n"))
    digests = {line[66:]: line[:64].decode() for line in digests.split(b"\0") if line}
    words = names.split(b"\0")
    found, inodes = {}, {}
    for row in zip(*(iter(words[:-1]),) * 9, strict=True):
        path, kind, uid, gid, mode, time, size, link, inode = row
        kind = TYPES[kind]
        found[path] = (
            kind, int(uid), int(gid), int(mode, 8), time[:-1].decode(), int(size) if kind == "file" else None,
            link if kind == "link" else None, digests.get(path),
        )  # fmt: skip
        if kind == "file":
            inodes.setdefault(inode, set()).add(path)
    return found, linked(inodes)


def recorded_tree(backup):
    """Return the same as host_tree, read from the metadata.mtree of a backup."""
    found, inodes = {}, {}
    for line in (backup / "metadata.mtree").read_bytes().splitlines()[1:]:
        name, *words = line.split(b" ")
        path = unescape(name).removeprefix(b"./")
        if path != b"vcap" and not path.startswith(b"vcap/"):
            continue
        path = path.removeprefix(b"vcap").removeprefix(b"/") or b"."
        known = dict(word.split(b"=", 1) for word in words)
        size, link, digest = known.get(b"size"), known.get(b"link"), known.get(b"sha256digest")
        found[path] = (
            known[b"type"].decode(), int(known[b"uid"]), int(known[b"gid"]), int(known[b"mode"], 8),
            known[b"time"].decode(), int(size) if size else None, unescape(link) if link else None,
            digest.decode() if digest else None,
        )  # fmt: skip
        if b"inode" in known:
            inodes.setdefault(known[b"inode"], set()).add(path)
    return found, linked(inodes)


def linked(inodes):
    """Return the sets of names that are one file."""
    return sorted(sorted(paths) for paths in inodes.values() if len(paths) > 1)


def unescape(name):
    return re.sub(rb"\\([0-3][0-7]{2})", lambda octal: bytes([int(octal.group(1), 8)]), name)


def unpacked(archive, directory):
    """Unpack an archive of any of the compressions with tar, and return the one directory in it."""
    directory.mkdir(parents=True)
    ending = archive.name.rpartition(".")[2]
    option = {"zst": "--zstd", "gz": "--gzip", "xz": "--xz", "tar": "--no-auto-compress"}[ending]
    command = ["tar", "-C", str(directory), option, "-xpf", str(archive)]
    subprocess.run(command, check=True)
    (top,) = directory.iterdir()
    return top


def check_archive(archive, backup, directory):
    """Fail unless an archive holds exactly the backup, and the checksum beside it is right."""
    subprocess.run(["sha256sum", "--check", "--strict", f"{archive.name}.sha256"], cwd=archive.parent, check=True)
    top = unpacked(archive, directory / "unpacked")
    assert top.name == backup.name
    assert whole(top) is True
    assert (top / "backup.log").read_bytes() == (backup / "backup.log").read_bytes()
    assert comparable(top) == comparable(backup)


def comparable(backup):
    """Return the listing of a backup as far as an archive keeps it: times in seconds, no sizes of directories."""
    return {
        path: (mode, uid, gid, None if mode[0] == "d" else size, time // 10**9, target)
        for path, (mode, uid, gid, size, time, target) in listing(backup).items()
    }
