# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a share of all backups and archives of a director again, each file once however many backups have it."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.microbosh.director.plugins.module_utils._backup._manifest import METADATA, Agreement
from ansible_collections.microbosh.director.plugins.module_utils._backup._records import (
    MOST_BYTES,
    record_digests,
    require_digest,
)
from ansible_collections.microbosh.director.plugins.module_utils._backup._snapshots import list_ids
from ansible_collections.microbosh.director.plugins.module_utils._backup._verdict import (
    MOST_FINDINGS,
    VERIFIED,
    found_damaged,
    note,
    read_verdict,
    verdict_path,
)
from ansible_collections.microbosh.director.plugins.module_utils._backup._verification import finding
from ansible_collections.microbosh.director.plugins.module_utils._core import _layout as layout
from ansible_collections.microbosh.director.plugins.module_utils._core._files import (
    CHUNK,
    digest_of,
    open_for_reading,
    open_plain,
    read_plain,
)
from ansible_collections.microbosh.director.plugins.module_utils._tree import _mtree as mtree
from ansible_collections.microbosh.director.plugins.module_utils._tree._mtree import readable
from ansible_collections.microbosh.director.plugins.plugin_utils._source._archive import is_archive
from ansible_collections.microbosh.director.plugins.plugin_utils._source._reread_share import Share
from ansible_collections.microbosh.director.plugins.plugin_utils._source._signing import said_of_signature
from ansible_collections.microbosh.director.plugins.plugin_utils._source._verifying import (
    LONGEST_CHECKSUM,
    NOT_VERIFIED,
    UNFIT,
    Verifier,
    checksum_findings,
)

ALTERED = "it has not the recorded content"
SAID = ("name", "path", "verdict", "good", "whole", "findings")


@dataclass
class Backup:
    """A backup whose records agree: what they say is that of the digest which metadata.mtree had then."""

    path: bytes
    metadata: str
    sealed: dict[bytes, str]

    @property
    def name(self) -> str:
        return os.fsdecode(os.path.basename(self.path))

    def files(self, wanted: Callable[[str | bytes], bool]) -> Iterator[tuple[bytes, int | None, str]]:
        """Yield path, size and digest of each file whose digest is wanted."""
        yield from ((name, None, digest) for name, digest in self.sealed.items() if wanted(digest))
        found = hashlib.sha256()
        with open_plain(os.path.join(self.path, METADATA), MOST_BYTES) as source:
            for line in io.BufferedReader(source, CHUNK):
                found.update(line)
                digest = mtree.digest_in(line)
                parsed = mtree.parse_line(line[:-1]) if digest and wanted(digest) else None
                if parsed:
                    yield parsed[0].path, parsed[0].size, parsed[0].digest
        require_digest(layout.METADATA, found.hexdigest(), self.metadata)


@dataclass
class Rereading:
    """What is read again of a director's backups, and what is found wrong with which of them."""

    verifier: Verifier
    files: int = 0
    bytes: int = 0
    archives: int = 0
    backups: list[Backup] = field(default_factory=list)
    # Names of backups whose records are damaged, as is known already: nothing says what is in them.
    known: list[str] = field(default_factory=list)
    verdicts: dict[str, dict] = field(default_factory=dict)

    def open(self) -> None:
        """Look at the records of each backup: nothing else says what its files have to be."""
        for name in list_ids(str(self.verifier.directory)):
            path = os.path.join(str(self.verifier.directory), name)
            with self._of(path):
                self._open(path, name)

    def _open(self, path, name):
        trust = self.verifier.trust
        records = record_digests(path) if trust else None
        agreement = Agreement(os.fsencode(path), records)
        wrong = trust and said_of_signature(trust, Path(path), path, records)[0] == "wrong"
        if agreement.digests is not None and not wrong:
            sealed = {name: digest for name, digest in agreement.digests.items() if name != METADATA}
            self.backups.append(Backup(os.fsencode(path), agreement.digests[METADATA], sealed))
        elif found_damaged(path):
            self.known.append(name)
        else:
            # What exactly is wrong with it, reading all of it says.
            verdict = self.verifier.examine_in_turn(name)
            if not verdict["good"]:
                self.verdicts[path] = {key: verdict[key] for key in SAID}

    def read(self, share: Share) -> None:
        """Read what is in a share; the verdict of each backup that has something damaged is kept."""
        unlike, gone = self._unlike(self._due(share.has))
        if gone:  # a backup was removed meanwhile, and another one may have the same file
            unlike.update(self._unlike(self._due(lambda digest: _text(digest) in gone))[0])
        self._note(self._damaged(unlike))
        for archive in self.archive_paths():
            with self._of(str(archive)):
                self._read_archive(archive, share)

    def _due(self, wanted):
        """Return {(digest, device, inode): path} of what is wanted; note what is not there at all."""
        due, findings = {}, {}
        for backup in list(self.backups):
            with self._of(os.fsdecode(backup.path)):
                for path, size, digest in backup.files(wanted):
                    full = os.path.join(backup.path, path)
                    identity, problem = _looked_at(full, size)
                    if problem:
                        findings.setdefault(backup.path, []).append((path, problem))
                    else:
                        due.setdefault((digest, *identity), full)
        self._note(findings)
        return due

    def _unlike(self, due):
        """Return those without the content that was recorded, with how that is known, and digests of what is gone."""
        unlike, gone = {}, set()
        for (digest, device, inode), path in due.items():
            try:
                found, count = digest_on_disk(path)
                problem = "" if found == digest else ALTERED
            except FileNotFoundError:
                gone.add(digest)
                continue
            except OSError as error:
                count, problem = 0, f"it cannot be read: {error.strerror}"
            self.files += 1
            self.bytes += count
            if problem:
                unlike[digest, device, inode] = problem
        return unlike, gone

    def _damaged(self, unlike):
        """Return {path of a backup: what is wrong with it}: each name that leads to what is damaged."""
        digests = {key[0] for key in unlike}
        findings = {}
        for backup in list(self.backups) if unlike else []:
            with self._of(os.fsdecode(backup.path)):
                for path, size, digest in backup.files(lambda one: _text(one) in digests):
                    identity, dummy = _looked_at(os.path.join(backup.path, path), size)
                    problem = unlike.get((digest, *identity))
                    if problem:
                        findings.setdefault(backup.path, []).append((path, problem))
        return findings

    def _note(self, findings):
        for backup, problems in findings.items():
            path = os.fsdecode(backup)
            if os.path.isdir(path):
                self._keep(path, [_as_finding(name, problem) for name, problem in problems])

    def archive_paths(self) -> list[Path]:
        """Return the archives of the director."""
        directory = self.verifier.directory / layout.ARCHIVES
        names = sorted(os.listdir(directory)) if directory.is_dir() else []
        return [directory / name for name in names if is_archive(name)]

    def _read_archive(self, archive, share):
        if not share.has(_recorded_sum(archive)):
            return
        findings = checksum_findings(archive)
        self.archives += 1
        self.bytes += archive.stat().st_size
        if findings:
            self._keep(str(archive), findings)

    def _keep(self, path, findings):
        """Add findings to the verdict of a backup or an archive; what was found before is not taken back."""
        verdict = verdict_path(path)
        before = read_verdict(verdict).get(VERIFIED)
        if isinstance(before, dict) and before.get("whole") is False:
            old = [one for one in before.get("findings") or [] if isinstance(one, dict)]
            findings = old + [one for one in findings if one not in old]
        if self.verifier.keep:
            note(verdict, VERIFIED, {**NOT_VERIFIED, "findings": findings[:MOST_FINDINGS]})
        said = {"name": os.path.basename(path), "path": path, "verdict": verdict}
        self.verdicts[path] = {**said, "good": False, "whole": False, "findings": findings}

    @contextlib.contextmanager
    def _of(self, path):
        """Work on a backup or an archive: one that is removed meanwhile is none any more, a crafted one ends nothing.

        That it cannot be looked at is told, and kept nowhere: it may be the controller's fault.
        """
        try:
            yield
        except UNFIT as error:
            self.backups = [backup for backup in self.backups if os.fsdecode(backup.path) != path]
            if os.path.lexists(path):
                problem = f"it cannot be looked at: {str(error) or type(error).__name__}"
                damage = finding("unfit", os.path.basename(path), problem)
                said = {"name": os.path.basename(path), "path": path, "verdict": verdict_path(path)}
                self.verdicts[path] = {**said, "good": False, "whole": False, "findings": [damage]}


def digest_on_disk(path: bytes) -> tuple[str, int]:
    """Return the digest of a file and its size, of what the disk has and not of what the kernel remembers."""
    with open_for_reading(path) as source:
        _forget(source)
        try:
            return digest_of(source)
        finally:
            _forget(source)


def _forget(source):
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(source.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _looked_at(path, size):
    """Return (device, inode) of a file, and what is wrong with it at first sight."""
    try:
        status = os.lstat(path)
    except OSError as error:
        return (0, 0), "missing" if isinstance(error, FileNotFoundError) else f"it cannot be read: {error.strerror}"
    same = stat.S_ISREG(status.st_mode) and size in (None, status.st_size)
    return (status.st_dev, status.st_ino), "" if same else ALTERED


def _as_finding(name, problem):
    if problem == "missing":
        return finding("missing", readable(name), "the manifest names it, and it is not there")
    return finding("altered", readable(name), problem)


def _text(digest):
    return digest.decode("ascii") if isinstance(digest, bytes) else digest


def _recorded_sum(archive):
    """Return the digest that is recorded of an archive; where there is none, another that is always the same."""
    beside = archive.with_name(f"{archive.name}.sha256")
    with contextlib.suppress(OSError):
        found = read_plain(str(beside), LONGEST_CHECKSUM)[:64]
        if len(found) == 64 and set(found) <= set(b"0123456789abcdef"):
            return found
    return hashlib.sha256(os.fsencode(archive.name)).hexdigest()
