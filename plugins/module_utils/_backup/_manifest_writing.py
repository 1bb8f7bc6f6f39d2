# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the manifest of a backup, and reads only the files that the previous backup's manifest does not cover."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import contextlib
import hashlib
import itertools
import os

from ansible.module_utils.common.text.converters import to_bytes
from ansible_collections.microbosh.director.plugins.module_utils._backup._manifest import (
    CHECKSUMS,
    METADATA,
    TREE,
    Agreement,
    Count,
    Reader,
    Verdict,
    compare_manifests,
    examine,
    is_partial,
    load_checksums,
    load_metadata,
    name_some,
    names_of,
    recorded,
    strangers,
)
from ansible_collections.microbosh.director.plugins.module_utils._core._clock import seconds_since, uptime
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._files import (
    UNFINISHED,
    open_new,
    rename_durably,
    sha256,
)
from ansible_collections.microbosh.director.plugins.module_utils._core._volume import beside, gives_away
from ansible_collections.microbosh.director.plugins.module_utils._tree import _mtree as mtree
from ansible_collections.microbosh.director.plugins.module_utils._tree import _rsync_log as rsync_log
from ansible_collections.microbosh.director.plugins.module_utils._tree import _sha256sums as sha256sums
from ansible_collections.microbosh.director.plugins.module_utils._tree._mtree import readable


class Previous(object):
    """The files of the previous backup, as far as its manifest can be relied on, asked for in order."""

    def __init__(self, top):
        self.top = top
        self.warnings = []
        self.changed_in_place = []
        self._entries = None

    @contextlib.contextmanager
    def opened(self):
        """Let it be asked while the block lasts."""
        agreement = Agreement(self.top) if self.top else None
        if agreement and agreement.digests is not None:
            with recorded(self.top, expected=agreement.digests[METADATA]) as self._entries:
                yield self
            return
        if agreement:
            self._warn()
        yield self

    def _warn(self):
        verdict = Verdict()
        digests = load_checksums(self.top, verdict)
        found = load_metadata(self.top, digests, verdict)
        if found is not None:
            compare_manifests(digests, found, verdict)
        self.warnings.append(
            "Everything is read, because the manifest of the previous backup %s is not whole: %s"
            % (readable(self.top), name_some(verdict.problems) or "its names are in no order")
        )

    def shared(self, entry):
        """Given an Entry, return the line that the previous backup has of it if both are one inode, else None."""
        line = self._entries.line(entry.path) if self._entries else None
        if line is None or entry.links == 1:
            return None
        try:
            status = os.lstat(self.top + b"/" + entry.path)
        except EnvironmentError:
            return None
        return line if (status.st_dev, status.st_ino) == entry.inode else None


class Digests(object):
    """Finds the digest of every file: from the previous backup where nothing changed, else by reading."""

    def __init__(self, reader, previous, reread, by_root):
        self._reader = reader
        self._previous = previous
        self._reread = reread
        # Others cannot give files away, so a file is shared whoever owns it on the director now.
        self._by_root = by_root
        self.reused = 0
        self.rotten = []

    def find(self, entry, start):
        """Set the digest of an Entry of a file, given the first words of its line."""
        line = self._previous.shared(entry)
        if line is not None and line.startswith(start + b" sha256digest="):
            known, unchanged = mtree.digest_in(line).decode("ascii"), True
        else:
            known, unchanged = self._compare(line, entry)
        if unchanged and not self._reread:
            entry.digest = known
            self.reused += 1
            return
        entry.digest = self._reader.digest(entry)
        if known is not None and known != entry.digest:
            self.rotten.append(readable(entry.path))

    def _compare(self, line, entry):
        """Return the digest that a line has, None if it has none, and whether the file is as it says."""
        parsed = mtree.parse_line(line.rstrip(b"\n")) if line is not None else None
        before = parsed[0] if parsed else None
        if before is None or before.type != "file":
            return None, False
        unchanged = before.size == entry.size and before.same_time(entry)
        if not (unchanged and (not self._by_root or before.same_owner(entry))):
            self._previous.changed_in_place.append(readable(entry.path))
        return before.digest, unchanged


class Owners(object):
    """Replaces owner, group and mode of what was copied by those that rsync was told."""

    def __init__(self, listings):
        self._listed = rsync_log.ByDirectory(listings)
        # Of the directories whose names are gone through just now.
        self._open = {b"": self._listed.take(b"")}
        self._top = self._open[b""].pop(b".", None)
        self._unlisted = []

    def each(self, entries):
        """Yield Entries on, those of the tree with the owners of the director."""
        for entry in entries:
            if entry.path == TREE:
                self._give(entry, self._top)
                self._top = None
            elif entry.path.startswith(TREE + b"/"):
                self._give(entry, self._find(entry.path[len(TREE) + 1 :]))
                if entry.type == "dir":
                    self._enter(entry.path[len(TREE) + 1 :])
            yield entry

    def _enter(self, path):
        found = self._listed.take(path)
        if found:
            self._open[path] = found

    def _find(self, path):
        directory, dummy, name = path.rpartition(b"/")
        names = self._open.get(directory)
        if names is None:
            return None
        found = names.pop(name, None)
        if not names:
            del self._open[directory]
        return found

    def _give(self, entry, found):
        if found is None or found.gid is None or entry.type not in found.type:
            self._unlisted.append(readable(entry.path))
        else:
            entry.uid, entry.gid, entry.mode = found.uid, found.gid, found.mode

    def finish(self, top):
        """Raise DirectorError unless the tree and what rsync says that it copied were the same."""
        absent = [directory + b"/" + name if directory else name
                  for directory in self._open for name in self._open[directory]]
        absent += [b"."] if self._top else []
        absent = sorted(readable(TREE + b"/" + path) for path in itertools.chain(absent, self._listed.rest()))
        if self._unlisted or absent:
            _refuse_listing(top, self._unlisted, absent)


def _refuse_listing(top, unlisted, absent):
    parts = []
    if unlisted:
        parts.append("not named by any listing, or as something else: " + name_some(unlisted))
    if absent:
        parts.append("named but not there: " + name_some(absent))
    raise DirectorError(
        "%s does not hold what rsync says that it copied; %s. Expected each entry in both, so that its owner is"
        " known. Give the log of the last rsync run that went through the whole tree (-ii)."
        % (readable(top), "; ".join(parts)),
        unlisted=unlisted,
        absent=absent,
    )


def write(path, listings, previous=None, reread=False, dry_run=False):
    """Given a backup that is not published yet and the logs of its rsync runs, write its manifest; return counts."""
    began = uptime()
    top = to_bytes(path, errors="surrogate_or_strict").rstrip(b"/")
    if not is_partial(top):
        raise DirectorError("%s is published: its manifest is not written again. Expected <id>.partial." % path)
    unknown = strangers(top)
    if unknown:
        raise DirectorError(
            "%s holds what no backup has: %s. Move it away." % (path, name_some([readable(name) for name in unknown]))
        )
    work = _Writing(top, listings, previous, reread, gives_away(beside(path)))
    changed = work.run(dry_run)
    if work.digests.rotten:
        _report_rot(path, previous, work.digests.rotten)
    result = dict(work.count.facts(), read=work.reader.files, read_bytes=work.reader.bytes, reused=work.digests.reused)
    return dict(
        result, whole=True, changed=changed, warnings=_warnings(work.previous), seconds=seconds_since(began)
    )


class _Writing(object):
    """Both records of one backup, written in one walk through it."""

    def __init__(self, top, listings, previous, reread, by_root):
        self._top = top
        self._owners = Owners(listings)
        self.previous = Previous(to_bytes(previous, errors="surrogate_or_strict") if previous else None)
        self.reader = Reader(top)
        self.digests = Digests(self.reader, self.previous, reread, by_root)
        self.count = Count()

    def run(self, dry_run):
        """Write them; return whether they are others than those that are there. What is rotten is not vouched for."""
        entries = self.count.each(self._owners.each(examine(self._top, names_of(self._top))))
        with _Record(os.path.join(self._top, METADATA), dry_run) as metadata, _Record(
            os.path.join(self._top, CHECKSUMS), dry_run
        ) as checksums:
            with self.previous.opened():
                self._write(entries, metadata, checksums)
            self._owners.finish(self._top)
            checksums.write(sha256sums.format_line(METADATA, metadata.digest.hexdigest()))
            if self.digests.rotten:
                return False
            return [metadata.keep(), checksums.keep()] != [False, False]

    def _write(self, entries, metadata, checksums):
        groups = {}
        metadata.write(mtree.SIGNATURE)
        for entry in entries:
            start = mtree.format_start(entry)
            if entry.type == "file":
                self.digests.find(entry, start)
                checksums.write(sha256sums.format_line(entry.path, entry.digest))
            metadata.write(mtree.format_entry(entry, groups, start))


class _Record(object):
    """A file that is written line by line beside its place, and takes it if it is another than what is there."""

    def __init__(self, path, dry_run):
        self._path = path
        self._unfinished = path + to_bytes(UNFINISHED)
        self._file = None if dry_run else open_new(self._unfinished)
        self.digest = hashlib.sha256()

    def __enter__(self):
        return self

    def write(self, line):
        self.digest.update(line)
        if self._file:
            self._file.write(line)

    def keep(self):
        """Return whether it is another, and if so, let it survive a power cut in its place."""
        if os.path.lexists(self._path) and sha256(self._path)[0] == self.digest.hexdigest():
            return False
        if self._file:
            self._file.flush()
            os.fsync(self._file.fileno())
            rename_durably(self._unfinished, self._path)
        return True

    def __exit__(self, *dummy):
        if self._file:
            self._file.close()
            if os.path.lexists(self._unfinished):
                os.unlink(self._unfinished)


def _report_rot(path, previous, rotten):
    raise DirectorError(
        "Of the files that %s shares with %s, these no longer have the content that they had then: %s. Either the disk"
        " rots or something wrote into them. The previous backup is damaged too; remove these files from both and"
        " run again, so that they are copied anew." % (path, previous, name_some(rotten)),
        altered=rotten,
    )


def _warnings(previous):
    warnings = list(previous.warnings)
    if previous.changed_in_place:
        warnings.append(
            "Files that are shared with %s had their time, size, mode or owner changed in place, so they differ from"
            " what that backup recorded: %s. Copy into an empty directory with --link-dest, never over linked files."
            % (readable(previous.top), name_some(previous.changed_in_place))
        )
    return warnings
