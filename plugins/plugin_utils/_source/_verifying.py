# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verifies backups and archives on the controller, rehearses them if asked to, and keeps the verdicts."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.microbosh.director.plugins.module_utils._backup._snapshots import list_ids
from ansible_collections.microbosh.director.plugins.module_utils._backup._verdict import (
    MOST_FINDINGS,
    REHEARSED,
    RESTORE,
    VERIFIED,
    note,
    verdict_path,
)
from ansible_collections.microbosh.director.plugins.module_utils._backup._verification import finding, verify_backup
from ansible_collections.microbosh.director.plugins.module_utils._core import _layout as layout
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._files import read_plain, remove_tree, sha256
from ansible_collections.microbosh.director.plugins.module_utils._restore._rehearsal import (
    rehearse_backup,
    require_possible,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._offsite._bringing import (
    PREFIX,
    Elsewhere,
    is_elsewhere,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._source._archive import is_archive
from ansible_collections.microbosh.director.plugins.plugin_utils._source._decryption import is_encrypted
from ansible_collections.microbosh.director.plugins.plugin_utils._source._restore_time import rehearsed_time
from ansible_collections.microbosh.director.plugins.plugin_utils._source._signing import Trust, said_of_signature
from ansible_collections.microbosh.director.plugins.plugin_utils._source._source import (
    SealedError,
    SourceError,
    brought,
    find,
)

ALL = "all"
LONGEST_CHECKSUM = 4096
NOT_VERIFIED = {
    "whole": False,
    "sealed": False,
    "signature": "",
    "files": 0,
    "read": 0,
    "read_bytes": 0,
    "dumps": [],
    "blobs": None,
    "unrestorable_by_files": None,
    "without": "",
    "seconds": 0.0,
}
# Errors that a crafted backup may end its examination with.
UNFIT = (
    DirectorError,
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    RecursionError,
    OverflowError,
    MemoryError,
)


def run_command(argv, environ_update=None, handle_exceptions=True):
    """Run a command as a module would, and return its exit status and what it printed."""
    environment = {**os.environ, "LC_ALL": "C", **(environ_update or {})}
    done = subprocess.run(argv, env=environment, capture_output=True, encoding="utf-8", errors="replace", check=False)
    return done.returncode, done.stdout, done.stderr


def backups_meant(wanted: str, directory: Path) -> list[str]:
    """Given latest, an id, a path or all, return the backups that are meant, each as ``find`` knows it."""
    if wanted != ALL:
        return [wanted]
    archives = directory / layout.ARCHIVES
    names = sorted(path.name for path in archives.iterdir()) if archives.is_dir() else []
    found = list_ids(str(directory)) + [str(archives / name) for name in names if is_archive(name)]
    if not found:
        raise SourceError(f"There is no backup in {directory}, and no archive in {archives}.")
    return found


def checksum_findings(archive: Path) -> list[dict]:
    """Compare an archive with the checksum beside it; return what is wrong."""
    beside = archive.with_name(f"{archive.name}.sha256")
    if not beside.is_file():
        return [finding("missing", beside.name, "nothing vouches for the archive")]
    expected = read_plain(str(beside), LONGEST_CHECKSUM).decode("ascii", errors="replace").rstrip("\n")
    found = f"{sha256(str(archive))[0]}  {archive.name}"
    return [] if found == expected else [finding("altered", archive.name, f"it is {found}, recorded is {expected}")]


@dataclass
class Verifier:
    """Verifies the backups of one director.

    ``rehearsal`` is where and as whom, or None for not at all; ``identity`` is the private key of encrypted archives.
    """

    directory: Path
    scratch: Path
    rehearsal: dict | None
    keep: bool
    identity: Path | None = None
    trust: Trust | None = None
    elsewhere: Elsewhere | None = None

    def examine_in_turn(self, wanted: str) -> dict:
        """Verify one of several, whatever it is made of: a crafted one does not end the verification of the others."""
        try:
            return self.examine(wanted)
        except UNFIT as error:
            said = str(error) or type(error).__name__
            path = wanted if os.path.isabs(wanted) else str(self.directory / wanted)
            damage = finding("unfit", os.path.basename(wanted), f"it cannot be looked at: {said}")
            return self._verdict(path, {**NOT_VERIFIED, "findings": [damage]}, None, keep=False)

    def examine(self, wanted: str) -> dict:
        """Verify one backup or archive; return the verdict, which is also kept with it."""
        archive = Path(wanted).expanduser()
        if is_elsewhere(wanted):
            with self._alone():
                return self._examine_copy(wanted)
        if not (is_archive(archive.name) and archive.is_file()):
            return self._examine(None, wanted)
        with self._alone():
            try:
                return self._examine(archive, wanted)
            finally:
                if self.scratch.exists():
                    remove_tree(str(self.scratch))

    def _examine_copy(self, wanted):
        """Bring a copy here and verify it as what it is of. Its verdict goes with it, as it lies beside it."""
        try:
            path = brought(wanted, self.directory, self.scratch, self.elsewhere)
            verdict = self._examine(path if path.is_file() else None, str(path))
            name = path.parent.name if path.is_file() else path.name
            if not verdict["sealed"]:
                self.elsewhere.found(self.directory, name, verdict["whole"])
            said = f"{PREFIX}{name}"
            return {**verdict, "name": said, "path": said, "verdict": ""}
        finally:
            if self.scratch.exists():
                remove_tree(str(self.scratch))

    @contextlib.contextmanager
    def _alone(self):
        """Wait for another run that unpacks into the same directory."""
        self.scratch.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.scratch.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _examine(self, archive, wanted):
        if archive is not None and is_encrypted(archive.name) and self.identity is None:
            # Its key is elsewhere: that nothing of it has changed is all that can be told here.
            findings = checksum_findings(archive)
            sealed = {**NOT_VERIFIED, "findings": findings, "whole": not findings, "sealed": True}
            return self._verdict(str(archive), sealed, None)
        try:
            source = find(wanted, self.directory, self.scratch, self.identity)
        except SealedError as error:
            # A fault of the key, not of the archive: no verdict is kept with it.
            closed = {**NOT_VERIFIED, "sealed": True, "findings": [finding("key", archive.name, str(error))]}
            return self._verdict(str(archive), closed, None, keep=False)
        except SourceError as error:
            if archive is None or not is_archive(archive.name):
                raise
            damage = finding("archive", archive.name, str(error))
            return self._verdict(str(archive), {**NOT_VERIFIED, "findings": [damage]}, None)
        path = str(archive or source.path)
        said, problem = (
            said_of_signature(self.trust, source.path, str(archive or source.path), source.records or None)
            if self.trust
            else ("", "")
        )
        if said == "wrong":
            return self._verdict(
                path,
                {**NOT_VERIFIED, "signature": said, "findings": [finding("signature", layout.SIGNATURE, problem)]},
                None,
            )
        result = verify_backup(str(source.path), archive is not None, source.records)
        result.update(sealed=False, signature=said)
        # If there is a checksum, find() has compared it.
        if archive is not None and not archive.with_name(f"{archive.name}.sha256").is_file():
            result["findings"] += checksum_findings(archive)
            result["whole"] = False
        return self._verdict(path, result, source)

    def _verdict(self, path, result, source, keep=True):
        """Keep the verdict of a verification, rehearse what is whole, and keep that verdict, too."""
        verdict = verdict_path(path)
        if self.keep and keep:
            note(verdict, VERIFIED, {**result, "findings": result["findings"][:MOST_FINDINGS]})
        rehearsed = None
        # A dump is a program: only one that is vouched for is run.
        if self.rehearsal is not None and result["whole"] and source is not None:
            rehearsed = self._rehearse(source, verdict)
        good = result["whole"] and (rehearsed is None or rehearsed["good"])
        name = os.path.basename(path)
        said = {"name": name, "path": path, "verdict": verdict, "good": good, **result, "rehearsed": rehearsed}
        return {**said, "restore": self._restore_time(source, result, rehearsed, verdict)}

    def _restore_time(self, source, result, rehearsed, verdict):
        """Return how long a restore takes, None where the dumps were not loaded; keep it, too."""
        if rehearsed is None or not rehearsed["good"]:
            return None
        dumps = rehearsed["databases"] if result["unrestorable_by_files"] else []
        time = rehearsed_time(source.measured({REHEARSED: rehearsed}), result, dumps)
        loading = sum(item["seconds"] for item in rehearsed["databases"])
        time = {**time, "by": "dump" if dumps else "files", "loading_seconds": round(loading, 1)}
        if self.keep:
            note(verdict, RESTORE, time)
        return time

    def _rehearse(self, source, verdict):
        try:
            vouched = source.vouched()
            rehearsed = rehearse_backup(
                str(source.path), run_command=run_command, vouched=vouched, records=source.records, **self.rehearsal
            )
        except DirectorError as error:
            # A fault of the controller, not of the backup: no verdict is kept with it.
            nothing = {"databases": [], "roles": [], "seconds": 0.0}
            return {"good": False, "possible": False, "problems": [str(error)], **nothing}
        if self.keep:
            note(verdict, REHEARSED, rehearsed)
        return rehearsed


def verifier(
    directory: Path,
    scratch: Path,
    rehearsal: dict | None,
    keep: bool,
    identity: Path | None,
    trust: Trust | None = None,
    elsewhere: Elsewhere | None = None,
) -> Verifier:
    """Return a Verifier; raise DirectorError if nothing could be rehearsed on this controller."""
    if rehearsal is not None:
        require_possible(rehearsal["parent"], rehearsal["user"], run_command)
    return Verifier(directory, scratch, rehearsal, keep, identity, trust, elsewhere)
