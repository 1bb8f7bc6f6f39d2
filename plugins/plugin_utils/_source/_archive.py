# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unpacks the archive of a backup, whoever packed it, so that nothing of it can land outside of one directory."""

from __future__ import annotations

import contextlib
import io
import lzma
import os
import re
import shutil
import stat
import struct
import tarfile
import zlib
from pathlib import Path

from ansible_collections.microbosh.director.plugins.plugin_utils._run import _lines as lines
from ansible_collections.microbosh.director.plugins.plugin_utils._source._decryption import (
    DecryptionError,
    IdentityError,
    decrypted,
    decrypted_name,
    is_encrypted,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._source._filter_program import (
    MissingProgramError,
    filtered,
)

# An archive is somebody's until its manifest was compared: what it may take is bounded by what it is.
LEAST_UNPACKED = 1024 * 1024 * 1024
MOST_TIMES = 100
# Each name takes a place in memory, and one on the disk that need not show in bytes.
LEAST_NAMES = 100_000
BYTES_OF_A_NAME = 4
MEMORY_OF_A_NAME = 300
MOST_NAMES = min(20_000_000, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 4 // MEMORY_OF_A_NAME)
RESERVED_NAMES = 1000
LONGEST_NAME = 4096
MOST_STEPS = 200
# All that comes before one file, the list of a sparse file's pieces included; and what is said of all files together.
LONGEST_HEADER = 1024 * 1024
LONGEST_GLOBAL = 64 * 1024
# Older Pythons look for numbers in a header in a time that is the square of their length.
LONGEST_NUMBER = 300
MOST_MEMORY = 512 * 1024 * 1024
RESERVE = 64 * 1024 * 1024
ENDINGS = (".tar.zst", ".tar.gz", ".tgz", ".tar.xz", ".tar")
DEEPEST = 6
OTHERWISE = "Nothing was restored. If it is meant, unpack it yourself and name its directory in microbosh_restore_from."


class ArchiveError(ValueError):
    """An archive that cannot be unpacked, or is not one of a backup."""


# Errors that a crafted archive may end tarfile with, besides those of a damaged one.
BROKEN = (
    tarfile.TarError,
    lzma.LZMAError,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    OverflowError,
    DecryptionError,
    MissingProgramError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    RecursionError,
    MemoryError,
)


def is_archive(name: str) -> bool:
    """Return whether a file's name is that of an archive, encrypted or not."""
    return decrypted_name(name).endswith(ENDINGS)


def unpack(archive: Path, target: Path, identity: Path | None = None) -> dict[str, tuple[int, int]]:
    """Unpack into an empty directory; return {path: (uid, gid)} as the archive has them.

    Any user may do it: owners are returned, not set. Not by ``extractall``: its filters refuse the absolute symbolic
    links that a director may well have, or change modes. Here links are made, but nothing goes through them.
    """
    size = archive.stat().st_size
    names = min(MOST_NAMES, LEAST_NAMES + size // BYTES_OF_A_NAME)
    extraction = Extraction(target, LEAST_UNPACKED + MOST_TIMES * size, names)
    try:
        with _opened(archive, identity) as tar:
            for member in tar.each():
                extraction.take(tar, member)
        extraction.finish()
    except (ArchiveError, IdentityError):
        raise
    except BROKEN as error:
        raise ArchiveError(f"{archive} cannot be unpacked: {str(error) or type(error).__name__}") from error
    return extraction.owners


@contextlib.contextmanager
def _opened(archive, identity):
    """Give the tar in an archive, decrypted and decompressed on the way; each program's end is looked at."""
    with contextlib.ExitStack() as stages:
        stream = stages.enter_context(open(archive, "rb"))
        if is_encrypted(archive.name):
            stream = stages.enter_context(decrypted(archive, stream, identity))
        if decrypted_name(archive.name).endswith(".zst"):
            stream = stages.enter_context(filtered(["zstd", "-dcq"], stream, _not_decompressed))
        # By what it is, not by its name; and never by tarfile's own reader of xz, which takes any memory.
        start = stream.peek(len(XZ))
        if start.startswith(XZ):
            yield stages.enter_context(BoundedTar.open(fileobj=XzStream(stream), mode="r|"))
        elif decrypted_name(archive.name).endswith(".xz"):
            raise ReadError("it is not compressed by xz, as its name says")
        else:
            mode = "r|gz" if start.startswith(GZIP) else "r|"
            yield stages.enter_context(BoundedTar.open(fileobj=stream, mode=mode))


def _not_decompressed(said):
    return tarfile.ReadError(said or "zstd failed")


HEADERS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
ReadError = tarfile.ReadError
GLOBAL = tarfile.XGLTYPE
XZ, GZIP = b"\xfd7zXZ\x00", b"\x1f\x8b"
DIGITS = re.compile(rb"[0-9]+")


class Headers:
    """The stream of a tar, of which tarfile reads no more at once than comes before one member of a backup."""

    def __init__(self, stream):
        self._stream = stream
        self._left = LONGEST_HEADER

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def read(self, size):
        if self._left is None:
            return self._stream.read(size)
        self._left -= size
        if self._left < 0:
            raise ReadError(f"what comes before one file in it is more than {LONGEST_HEADER} bytes")
        found = self._stream.read(size)
        if size > tarfile.BLOCKSIZE and max(map(len, DIGITS.findall(found)), default=0) > LONGEST_NUMBER:
            raise ReadError("a header in it has a number that no file has")
        return found

    def leave(self):
        """Allow the content of a member to be read, of any size."""
        self._left = None

    def enter(self):
        """Allow the next headers to be read."""
        self._left = LONGEST_HEADER


class BoundedTar(tarfile.TarFile):
    """An archive of unknown origin, read without keeping the members in memory."""

    def __init__(self, name=None, mode="r", fileobj=None, **options):
        self.global_bytes = 0
        super().__init__(name, mode, Headers(fileobj), **{**options, "tarinfo": Member})

    def each(self):
        """Yield its members, each of which is forgotten when the next one is asked for."""
        while (member := self.next()) is not None:
            self.members = []
            self.fileobj.leave()
            yield member
            self.fileobj.enter()


class Member(tarfile.TarInfo):
    """A member whose headers are no larger than a name can be: tarfile reads them into memory, whatever they say."""

    def _proc_member(self, tarfile):
        if self.type in HEADERS and not 0 <= self.size <= LONGEST_HEADER:
            raise ReadError(f"a header in it says that it has {self.size} bytes")
        if self.type == GLOBAL:
            tarfile.global_bytes += self.size
            if tarfile.global_bytes > LONGEST_GLOBAL:
                raise ReadError(f"its global headers have more than {LONGEST_GLOBAL} bytes")
        return super()._proc_member(tarfile)


class XzStream(io.RawIOBase):
    """Decompresses an xz stream without taking more memory than xz itself ever needs."""

    def __init__(self, source):
        self._source, self._xz = source, self._new()

    @staticmethod
    def _new():
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MOST_MEMORY)

    def readable(self):
        return True

    def read(self, size=-1):
        while True:
            if self._xz.eof is True:
                rest = self._xz.unused_data or self._source.read(io.DEFAULT_BUFFER_SIZE)
                if not rest.strip(b"\0"):
                    return b""
                self._xz = self._new()
            else:
                rest = self._source.read(io.DEFAULT_BUFFER_SIZE) if self._xz.needs_input is True else b""
                if self._xz.needs_input is True and not rest:
                    raise EOFError("it ends in the middle")
            found = self._xz.decompress(rest, max_length=size)
            if found:
                return found


class Extraction:
    """Makes what an archive names below one directory, no more than a limit of bytes and never all of a disk."""

    def __init__(self, target: Path, limit: int = LEAST_UNPACKED, names: int = LEAST_NAMES):
        self._target = target
        self._limit, self._bytes, self._names = limit, 0, 0
        self._most_names = names
        self._directories = {}
        self._owners = {}
        self.owners = {}

    def take(self, tar, member):
        """Make one member of the archive."""
        parts = self._parts(member.name)
        if not parts:
            return
        self._allow(member)
        path = self._inside(parts)
        if not member.isdir() and os.path.lexists(path):
            self._replace(path)
        if member.isdir():
            self._make_directory(path)
            self._directories["/".join(parts)] = (member.mtime, member.mode)
        elif member.issym():
            path.symlink_to(member.linkname)
        elif member.islnk():
            os.link(self._linked(member), path, follow_symlinks=False)
        elif member.isreg():
            self._write(tar.extractfile(member), path, member)
        else:
            raise ArchiveError(f"{member.name} is a device or the like, which no backup holds. Nothing was restored.")
        owner = (member.uid, member.gid)
        self.owners["/".join(parts)] = self._owners.setdefault(owner, owner)

    def finish(self):
        """Give directories their metadata, now that nothing is made in them any more."""
        for name, (mtime, mode) in sorted(self._directories.items(), reverse=True):
            path = self._target / name
            os.utime(path, (mtime, mtime))
            path.chmod(mode & 0o7777 | stat.S_IRWXU)

    def _allow(self, member):
        """Raise ArchiveError before a member is made that is more than may come."""
        self._require_possible(member)
        self._count_name()
        self._bytes += member.size if member.isreg() else 0
        if self._bytes > self._limit:
            raise ArchiveError(
                f"The archive would take more than {lines.size(self._limit)} when it is unpacked, {MOST_TIMES} "
                "times its own size and more. "
                f"{OTHERWISE}"
            )
        if member.isreg() and member.size + RESERVE > shutil.disk_usage(self._target).free:
            raise ArchiveError(
                f"{member.name} has {lines.size(member.size)}, for which there is no room in {self._target}. "
                "Nothing was restored. "
                "Free space there, or set microbosh_backup_dir to a larger file system."
            )

    def _count_name(self):
        """Raise ArchiveError before there is a name too many, be it in the archive or a directory on the way to one."""
        self._names += 1
        if self._names > self._most_names:
            raise ArchiveError(
                f"The archive holds more than {self._most_names} names, which is more than one of its size, or what "
                f"this controller has memory for. {OTHERWISE}"
            )
        found = os.statvfs(self._target)
        if found.f_files and found.f_favail < RESERVED_NAMES:
            raise ArchiveError(
                f"There is no room for more names in {self._target}: its file system has {found.f_favail} inodes left. "
                "Nothing was restored. Free some there, or set microbosh_backup_dir to a larger file system."
            )

    @staticmethod
    def _require_possible(member):
        """Raise ArchiveError for a member that no packer makes: of less than nothing, or of pieces in no order."""
        end = 0
        for offset, size in member.sparse or ():
            if offset < end or size < 0:
                raise ArchiveError(f"{member.name} is a sparse file of pieces that overlap. Nothing was restored.")
            end = offset + size
        if member.size < end or member.size < 0:
            raise ArchiveError(f"{member.name} has pieces beyond its end. Nothing was restored.")

    @staticmethod
    def _parts(name):
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if len(name) > LONGEST_NAME or len(parts) > MOST_STEPS:
            raise ArchiveError(f"The archive holds a name that no file has: {name[:100]}... Nothing was restored.")
        if name.startswith("/") or ".." in parts:
            raise ArchiveError(f"The archive holds {name}, which would land outside of it. Nothing was restored.")
        return parts

    def _inside(self, parts):
        """Return a path whose parents are directories of ours, never links."""
        parent = self._target
        for part in parts[:-1]:
            parent = parent / part
            if not os.path.lexists(parent):
                self._count_name()
            self._make_directory(parent)
        return parent / parts[-1]

    @staticmethod
    def _make_directory(path):
        if not os.path.lexists(path):
            path.mkdir(mode=0o700)
        elif path.is_symlink() or not path.is_dir():
            raise ArchiveError(f"The archive holds a name below {path}, which is no directory. Nothing was restored.")

    @staticmethod
    def _replace(path):
        if stat.S_ISDIR(os.lstat(path).st_mode):
            raise ArchiveError(f"The archive holds {path} twice, once as a directory. Nothing was restored.")
        path.unlink()

    def _linked(self, member):
        path = self._inside(self._parts(member.linkname) or [""])
        if not os.path.lexists(path) or not stat.S_ISREG(os.lstat(path).st_mode):
            raise ArchiveError(f"{member.name} is a link to {member.linkname}, which does not come before it.")
        return path

    @staticmethod
    def _write(source, path, member):
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with open(os.open(path, flags, 0o600), "wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
            os.fchmod(target.fileno(), member.mode & 0o7777)
        os.utime(path, (member.mtime, member.mtime))


def find_tree(top: Path) -> Path:
    """Return the directory in an unpacked archive that holds ``vcap/``, the one nearest to its top."""
    level = [top]
    for dummy in range(DEEPEST):
        for directory in level:
            if (directory / "vcap").is_dir() and not (directory / "vcap").is_symlink():
                return directory
        children = [child for parent in level for child in sorted(parent.iterdir())]
        level = [child for child in children if child.is_dir() and not child.is_symlink()]
    raise ArchiveError("The archive has no directory vcap/: it is not one of a director's backups.")
