# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backup on the controller that a restore is made from, and its facts."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import json
import os
from pathlib import Path

from ansible_collections.microbosh.director.plugins.module_utils._backup._blobstore import recorded_blobs
from ansible_collections.microbosh.director.plugins.module_utils._backup._identity import LARGEST, is_identity
from ansible_collections.microbosh.director.plugins.module_utils._backup._records import (
    MOST_BYTES as MOST_RECORD_BYTES,
)
from ansible_collections.microbosh.director.plugins.module_utils._backup._records import (
    NONE,
    read_record,
    record_digests,
    require_digest,
)
from ansible_collections.microbosh.director.plugins.module_utils._backup._snapshots import (
    director_database,
    latest_id,
    list_ids,
    parse_id,
    read_report,
)
from ansible_collections.microbosh.director.plugins.module_utils._backup._verdict import read_verdict, verdict_path
from ansible_collections.microbosh.director.plugins.module_utils._core import _layout as layout
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._files import (
    open_for_reading,
    open_plain,
    read_plain,
    remove_tree,
    sha256,
    write_durably,
)
from ansible_collections.microbosh.director.plugins.module_utils._dump._database_properties import ENDING
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump import CHUNK, read_dump
from ansible_collections.microbosh.director.plugins.module_utils._postgres._file_layout import file_layout, sorting
from ansible_collections.microbosh.director.plugins.module_utils._tree import _mtree as mtree
from ansible_collections.microbosh.director.plugins.module_utils._tree import _sha256sums as sha256sums
from ansible_collections.microbosh.director.plugins.module_utils._tree import _tree as tree
from ansible_collections.microbosh.director.plugins.module_utils._tree._attributes import (
    ACCESS_LIST,
    MOST_BYTES,
    TOP,
    parse_attributes,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._offsite._bringing import Elsewhere, is_elsewhere
from ansible_collections.microbosh.director.plugins.plugin_utils._offsite._settings import OffsiteError
from ansible_collections.microbosh.director.plugins.plugin_utils._source._archive import (
    ArchiveError,
    find_tree,
    is_archive,
    unpack,
)
from ansible_collections.microbosh.director.plugins.plugin_utils._source._decryption import IdentityError
from ansible_collections.microbosh.director.plugins.plugin_utils._source._restore_time import measured_of
from ansible_collections.microbosh.director.plugins.plugin_utils._source._signing import Trust
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._inside import file_status

MOST_SETTINGS = 16 * 1024 * 1024
LONGEST_CHECKSUM = 4096
GLOBALS = "globals.sql"
# What came from elsewhere, in the directory in which archives are unpacked.
BROUGHT = "brought"
SETTINGS = Path(layout.TREE, "bosh", "settings.json")


class SourceError(ValueError):
    """There is no backup to restore, or not a whole one."""


class SealedError(SourceError):
    """An encrypted archive that cannot be opened with the key there is. Nothing is known of the archive itself."""


class Source:
    """A backup as a directory, unpacked if need be. One without a manifest is called unproven."""

    def __init__(self, path: Path, owners=None, metadata: Path | None = None):
        self.path = path
        # Where that is, all links on the way resolved: whoever goes there later follows none.
        self.directory = Path(os.path.realpath(path))
        _require_plain(path)
        self.proven = (path / layout.CHECKSUMS).is_file() and (path / layout.METADATA).is_file()
        self.metadata = self.directory / layout.METADATA if self.proven else metadata
        self._owners = owners
        self.signature = ""
        # Where the director's other backups are.
        self.beside = None
        # The first reading decides: every later one is compared with it.
        self.records = record_digests(str(path)) if self.proven else {}

    def describe(self) -> dict:
        """Return everything that a restore has to know before it touches anything."""
        if not self.proven:
            self._write_metadata()
        sealed, self._settings = self._named_by_metadata()
        attributes = self._attributes()
        found = [self._dump(path) for path in sorted((self.path / layout.DUMPS).glob("*"))]
        dumps = [dump for dump in found if dump]
        return {
            "path": str(self.path),
            "directory": str(self.directory),
            "records": self.records,
            "proven": self.proven,
            "signature": self.signature,
            "metadata": str(self.metadata),
            "filter": self._filter(),
            "agent_id": self._agent_id(),
            "sealed": sealed,
            "globals": self._beside(GLOBALS),
            "dumps": dumps,
            "layout": self._layout(dumps),
            **attributes,
            "id": self._report().get("id"),
            "host": self._report().get("host"),
            "mode": self._report().get("mode"),
            "blobs": recorded_blobs(self._report()) if self.proven else None,
            "director_database": director_database(self._report()),
            "postgresql": self._report().get("postgresql"),
            "elsewhere": self._report().get("elsewhere"),
            "measured": self.measured(read_verdict(verdict_path(str(self.path)))),
        }

    def measured(self, verdict):
        """Given its verdicts, return what was measured of it, and before it, that says how long a restore takes."""
        return measured_of(self._report(), verdict, self._earlier_reports())

    def _earlier_reports(self):
        """Yield what other backups of the director say of themselves, newest first, if they can be read."""
        for name in reversed(list_ids(str(self.beside)) if self.beside else []):
            path = self.beside / name
            if path != self.path:
                with contextlib.suppress(DirectorError):
                    yield read_report(str(path))

    def _named_by_metadata(self):
        """Return {name below vcap/ in the escapes of mtree: path} of what only root is to read on the director.

        And the digest of the agent's settings, None if there are none.
        """
        prefix, wanted = layout.TREE.encode() + b"/", os.fsencode(SETTINGS)
        sealed, settings = {}, None
        for entry in mtree.files_in(str(self.metadata), MOST_RECORD_BYTES, self._require_metadata):
            name = entry.path.removeprefix(prefix)
            if entry.path == wanted:
                settings = entry.digest
            if name != entry.path and entry.size <= LARGEST and is_identity(name, entry.uid, entry.gid, entry.mode):
                sealed[mtree.escape(name).decode()] = os.fsdecode(os.fsencode(self.directory) + b"/" + entry.path)
        return sealed, settings

    def _require_metadata(self, digest):
        require_digest(str(self.metadata), digest, self.records.get(layout.METADATA))

    @functools.cached_property
    def _vouched(self):
        """Return {name: digest} of SHA256SUMS, without the many names below vcap/."""
        path, below = str(self.path / layout.CHECKSUMS), b"  " + layout.TREE.encode() + b"/"
        digest = hashlib.sha256()
        with open_plain(path, MOST_RECORD_BYTES) as source:
            lines = list(_others(io.BufferedReader(source), digest, below))
        require_digest(path, digest.hexdigest(), self.records.get(layout.CHECKSUMS))
        return sha256sums.parse(b"".join(lines))[0]

    def vouched(self) -> dict[str, str]:
        """Return {name: SHA-256} of its dumps and of what goes with them, as the manifest has them."""
        return {os.fsdecode(name): digest for name, digest in self._vouched.items()} if self.proven else {}

    def require_vouched(self, path: Path, digest: str) -> str:
        """Given a file of it and the digest that was found, return that if SHA256SUMS, should there be one, has it."""
        if self.proven and self._vouched.get(os.fsencode(path.relative_to(self.path))) != digest:
            raise self._altered(path)
        return digest

    @staticmethod
    def _altered(path):
        return SourceError(
            f"{path} does not have the digest that the manifest has for it: it was altered, or somebody exchanges it "
            "just now. Nothing was touched. Restore another backup."
        )

    def _beside(self, name):
        """Return a file that goes with the dumps, or None if there is none."""
        path = self.path / layout.DUMPS / name
        return {"name": name, "sha256": self.require_vouched(path, sha256(str(path))[0])} if path.is_file() else None

    def _dump(self, path):
        if path.name == GLOBALS or path.name.endswith(ENDING) or not path.is_file():
            return None
        digest, size, dump = _read_once(path)
        self.require_vouched(path, digest)
        if not dump.complete:
            raise SourceError(f"The dump {path} is not whole: {dump.flaw}. Restore another backup.")
        rows = {table.qualified: count for table, count in dump.rows.items() if table.database is None}
        return {
            "database": path.name.removesuffix(".sql"),
            "path": str(path),
            "name": path.name,
            "size": size,
            "sha256": digest,
            "rows": rows,
            "kind": dump.kind,
            "properties": self._beside(path.name.removesuffix(".sql") + ENDING),
            # Every server has this one; mostly nobody uses it.
            "unused": path.name == "postgres.sql" and not rows,
            "server_version": dump.server_version,
            "elsewhere": path.name.removesuffix(".sql") in self._elsewhere(),
        }

    def _elsewhere(self):
        """Return the databases that were not on the director."""
        return (self._report().get("elsewhere") or {}).get("databases") or []

    def _layout(self, dumps):
        """Return what decides how the databases come back."""
        return {
            **file_layout(str(self.path), self._report()),
            "architecture": (self._report().get("machine") or {}).get("architecture"),
            "sorting": sorting(str(self.path), self._report()),
            "dumps": [
                {key: dump[key] for key in ("database", "size", "server_version")}
                for dump in dumps
                if dump["kind"] == "database" and not dump["unused"] and not dump["elsewhere"]
            ],
            "elsewhere": [dump["database"] for dump in dumps if dump["elsewhere"]],
        }

    def _report(self):
        return self._read_report

    @functools.cached_property
    def _read_report(self):
        path = self.path / layout.REPORT
        if not os.path.lexists(path) and self.records.get(layout.REPORT, NONE) == NONE:
            return {}
        try:
            return read_report(str(self.path), self.records)
        except DirectorError as error:
            raise SourceError(f"{error} Restore another backup.") from error

    def _attributes(self):
        """Return where the lists and attributes of its files are, and whose list is not kept.

        The path is empty if there were none, and None if that is not known, or if nothing vouches for the file.
        """
        told = self._report().get("attributes") or {}
        listed = told.get("access_lists") or []
        if not (self.proven and told.get("known") and "kept" in told):
            return {"attributes": None, "groupless": listed}
        path, kept = "", {}
        if told["kept"]:
            path = str(self.directory / layout.EXTRA / layout.ATTRIBUTES)
            kept = self._kept(self.path / layout.EXTRA / layout.ATTRIBUTES)
        having = {mtree.escape(name or TOP).decode() for name in kept if ACCESS_LIST in kept[name]}
        # Of what is not lost all is kept: without a list for itself, a directory has one for what is made in it.
        lost = set(told.get("lost") or []) - having
        return {"attributes": path, "groupless": [name for name in listed if name in lost]}

    def _kept(self, path):
        try:
            content = read_plain(str(path), MOST_BYTES)
            digest = self.require_vouched(path, hashlib.sha256(content).hexdigest())
            self.records = {**self.records, f"{layout.EXTRA}/{layout.ATTRIBUTES}": digest}
            return parse_attributes(content)
        except (OSError, DirectorError) as error:
            raise SourceError(f"{path} cannot be used: {error} Restore another backup.") from error

    def _agent_id(self):
        try:
            file_status(os.fsencode(self.path), os.fsencode(SETTINGS))
            content = read_plain(str(self.path / SETTINGS), MOST_SETTINGS)
            found = json.loads(content.decode("utf-8")).get("agent_id")
        except (OSError, ValueError, RecursionError, AttributeError):
            return None
        if hashlib.sha256(content).hexdigest() != self._settings:
            raise self._altered(self.path / SETTINGS)
        return found if isinstance(found, str) else None

    def _filter(self):
        content = read_record(str(self.path), layout.FILTER, self.records, MOST_SETTINGS) or b""
        return [line for line in content.decode("utf-8").splitlines() if line]

    def _write_metadata(self):
        """Write metadata.mtree for a backup without one, from the archive's owners or those of the files here."""
        top, name = str(self.path).encode(), layout.TREE.encode()
        entries = sorted(tree.examine_tree(top, name), key=lambda entry: entry.path)
        tree.mark_twins(entries)
        for entry in entries:
            packed_by = (self._owners or {}).get(os.fsdecode(entry.path))
            entry.uid, entry.gid = packed_by or (entry.uid, entry.gid)
            if entry.type == "file":
                entry.digest = sha256(top + b"/" + entry.path)[0]
        self.metadata.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        content = b"".join(mtree.format_entries(entries))
        self.records = {layout.METADATA: hashlib.sha256(content).hexdigest()}
        write_durably(str(self.metadata), content)
        self.metadata = Path(os.path.realpath(self.metadata))


def find(
    wanted: str,
    directory: Path,
    scratch: Path,
    identity: Path | None = None,
    trust: Trust | None = None,
    elsewhere: Elsewhere | None = None,
) -> Source:
    """Given its name, return the backup: ``latest``, an id, a directory, an archive's path, or a copy elsewhere.

    The identity is the file with the private key, should the archive be encrypted. With ``trust`` it is the one that
    is meant, by its signature, before anything of it is read.
    """
    if is_elsewhere(wanted):
        # From here on it is what was brought here: a directory that has the name of its backup, or an archive.
        wanted = str(brought(wanted, directory, scratch, elsewhere))
    source = _found(wanted, directory, scratch, identity, trust)
    source.beside = directory
    if trust:
        try:
            source.signature = trust.check(
                source.path, wanted if wanted != layout.LATEST else source.path.name, source.records or None
            )
        except DirectorError as error:
            raise SourceError(str(error)) from error
    return source


def brought(wanted: str, directory: Path, scratch: Path, elsewhere: Elsewhere | None) -> Path:
    """Bring a copy here; return its path below the scratch directory, in which nothing of an earlier one is left."""
    if elsewhere is None:
        raise SourceError(f"{wanted} is a copy elsewhere, and microbosh_offsite does not say where. Set it.")
    if os.path.lexists(scratch):
        remove_tree(str(scratch))
    target = scratch / BROUGHT
    target.mkdir(mode=0o700, parents=True)
    try:
        return elsewhere.bring(wanted, directory, target)
    except (OffsiteError, OSError) as error:
        remove_tree(str(scratch))
        raise SourceError(f"{wanted} could not be brought here, and nothing was touched: {error}") from error
    except BaseException:
        remove_tree(str(scratch))
        raise


def _found(wanted, directory, scratch, identity, trust):
    if wanted == layout.LATEST or parse_id(wanted) is not None:
        # Where latest leads is asked once: it may lead elsewhere by the next time.
        name = latest_id(str(directory)) if wanted == layout.LATEST else wanted
        try:
            if wanted == layout.LATEST and trust:
                trust.require_newest(directory, name)
        except DirectorError as error:
            raise SourceError(str(error)) from error
        return _published(wanted, name, directory)
    path = Path(wanted).expanduser()
    if path.is_dir():
        return _checked(Source(path, metadata=scratch / layout.METADATA))
    if not path.is_file():
        raise SourceError(
            f"There is no {wanted} on the controller. Expected latest, an id such as 20261122T221326Z "
            f"(there are: {', '.join(list_ids(str(directory))) or 'none'}), or the path of an archive."
        )
    return _unpacked(path, scratch, identity)


def _others(lines, digest, below):
    """Yield the lines of SHA256SUMS that are not about a file below a directory; let the digest be that of all."""
    for line in lines:
        digest.update(line)
        if not line.startswith(below, 64):
            yield line


def _read_once(path):
    """Return digest and size of a dump, and what is in it, all of one reading."""
    digest, size = hashlib.sha256(), 0

    def chunks():
        nonlocal size
        with open_for_reading(str(path)) as source:
            while chunk := source.read(CHUNK):
                digest.update(chunk)
                size += len(chunk)
                yield chunk

    left = chunks()
    dump = read_dump(left)
    for dummy in left:
        continue
    return digest.hexdigest(), size, dump


def _published(wanted, name, directory):
    if name is None or name not in list_ids(str(directory)):
        raise SourceError(
            f"There is no backup {wanted} in {directory}. There are: {', '.join(list_ids(str(directory))) or 'none'}."
        )
    source = Source(directory / name)
    if source.directory != Path(os.path.realpath(directory)) / name:
        raise SourceError(f"{directory / name} is a link, and no backup is one. Restore another backup.")
    return source


def _unpacked(path, scratch, identity):
    if not is_archive(path.name):
        raise SourceError(
            f"{path} is not an archive: its name ends in none of .tar.zst, .tar.gz, .tgz, .tar.xz, .tar, "
            "with .age or .gpg behind it if it is encrypted."
        )
    try:
        _check_sum(path)
    except OSError as error:
        raise SourceError(f"{path} cannot be compared with the checksum beside it: {error}.") from error
    if os.path.lexists(scratch) and scratch / BROUGHT not in path.parents:
        remove_tree(str(scratch))
    target = scratch / "unpacked"
    target.mkdir(mode=0o700, parents=True)
    try:
        owners = unpack(path, target, identity)
        top = find_tree(target)
    except (ArchiveError, IdentityError) as error:
        # Above all, nothing that was encrypted stays in the clear.
        remove_tree(str(scratch))
        raise (SealedError if isinstance(error, IdentityError) else SourceError)(str(error)) from error
    except BaseException:
        remove_tree(str(scratch))
        raise
    prefix = str(top.relative_to(target))
    below = {name.removeprefix(f"{prefix}/"): owner for name, owner in owners.items()}
    return _checked(Source(top, owners if prefix == "." else below, scratch / layout.METADATA))


def _check_sum(path):
    """Compare an archive with the checksum that lies beside it, if one does."""
    beside = path.with_name(f"{path.name}.sha256")
    if not beside.is_file():
        return
    said = os.fsdecode(read_plain(str(beside), LONGEST_CHECKSUM)).split(maxsplit=1)
    if said[:1] != [sha256(str(path))[0]]:
        raise SourceError(f"{path} does not have the digest that {beside.name} has for it. Restore another backup.")


def _require_plain(path):
    """Raise SourceError if what a backup is made of is a link: it would lead to another one's, or to any file here."""
    for name in (*layout.CONTENT, *layout.SEALED, layout.CHECKSUMS, layout.SIGNATURE):
        if (path / name).is_symlink():
            raise SourceError(f"{path / name} is a link, and no backup has one there. Restore another backup.")
    for directory in (layout.DUMPS, layout.EXTRA):
        for found in (path / directory).iterdir() if (path / directory).is_dir() else ():
            if found.is_symlink() or not (found.is_file() or found.is_dir()):
                raise SourceError(
                    f"{found} is not a plain file, and no backup has another one there. Restore another backup."
                )


def _checked(source):
    if not (source.path / layout.TREE).is_dir():
        raise SourceError(f"{source.path} has no directory vcap/: it is not a director's backup.")
    return source
