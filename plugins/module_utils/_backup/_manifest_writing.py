# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the manifest of a backup, and reads only the files that the previous backup's manifest does not cover."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import hashlib
import os

from ansible.module_utils.common.text.converters import to_bytes
from ansible_collections.microbosh.director.plugins.module_utils._backup._manifest import (
    CHECKSUMS,
    METADATA,
    TREE,
    Reader,
    Verdict,
    compare_manifests,
    content_of,
    count,
    examine,
    is_partial,
    load_checksums,
    load_metadata,
    name_some,
    strangers,
)
from ansible_collections.microbosh.director.plugins.module_utils._core._clock import seconds_since, uptime
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._files import write_durably
from ansible_collections.microbosh.director.plugins.module_utils._core._volume import beside, gives_away
from ansible_collections.microbosh.director.plugins.module_utils._tree import _mtree as mtree
from ansible_collections.microbosh.director.plugins.module_utils._tree import _rsync_log as rsync_log
from ansible_collections.microbosh.director.plugins.module_utils._tree import _sha256sums as sha256sums
from ansible_collections.microbosh.director.plugins.module_utils._tree._mtree import readable


class Previous(object):
    """The files of the previous backup, as far as its manifest can be relied on."""

    def __init__(self, top):
        self.top = top
        self.entries = {}
        self.warnings = []
        self.changed_in_place = []
        if top:
            self._load()

    def _load(self):
        verdict = Verdict()
        digests = load_checksums(self.top, verdict)
        recorded = load_metadata(self.top, digests, verdict)
        if recorded is not None:
            compare_manifests(digests, recorded, verdict)
        if recorded is None or verdict.problems:
            self.warnings.append(
                "Everything is read, because the manifest of the previous backup %s is not whole: %s"
                % (readable(self.top), name_some(verdict.problems))
            )
        else:
            self.entries = {path: entry for path, entry in recorded.items() if entry.type == "file"}

    def shared(self, entry):
        """Given an Entry, return what the previous backup recorded of it if both are one inode, else None."""
        if entry.links == 1 or entry.path not in self.entries:
            return None
        status = os.lstat(os.path.join(self.top, entry.path))
        return self.entries[entry.path] if (status.st_dev, status.st_ino) == entry.inode else None


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

    def find(self, entry):
        """Set the digest of an Entry."""
        recorded = self._previous.shared(entry)
        unchanged = recorded is not None and recorded.size == entry.size and recorded.same_time(entry)
        if recorded is not None and not (unchanged and (not self._by_root or recorded.same_owner(entry))):
            self._previous.changed_in_place.append(readable(entry.path))
        if unchanged and not self._reread:
            entry.digest = recorded.digest
            self.reused += 1
            return
        entry.digest = self._reader.digest(entry)
        if recorded is not None and recorded.digest != entry.digest:
            self.rotten.append(readable(entry.path))


def _take_owners(top, entries, listings):
    """Replace owner, group and mode of what was copied by those that rsync was told."""
    listed = {}
    for listing in listings:
        with open(listing, "rb") as lines:
            rsync_log.parse(lines, listed)
    unlisted = []
    for entry in entries:
        if entry.path != TREE and not entry.path.startswith(TREE + b"/"):
            continue
        found = listed.pop(entry.path[len(TREE) + 1:] or b".", None)
        if found is None or found.gid is None or entry.type not in found.type:
            unlisted.append(readable(entry.path))
        else:
            entry.uid, entry.gid, entry.mode = found.uid, found.gid, found.mode
    absent = sorted(readable(TREE + b"/" + path) for path in listed)
    if unlisted or absent:
        _refuse_listing(top, unlisted, absent)


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
    entries = examine(top)
    _take_owners(top, entries, listings)
    earlier = Previous(to_bytes(previous, errors="surrogate_or_strict") if previous else None)
    reader = Reader(top)
    digests = Digests(reader, earlier, reread, gives_away(beside(path)))
    for entry in entries:
        if entry.type == "file":
            digests.find(entry)
    if digests.rotten:
        _report_rot(path, previous, digests.rotten)
    changed = _write_files(top, entries, dry_run)
    result = dict(count(entries), read=reader.files, read_bytes=reader.bytes, reused=digests.reused)
    return dict(result, whole=True, changed=changed, warnings=_warnings(earlier), seconds=seconds_since(began))


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


def _write_files(top, entries, dry_run):
    metadata = b"".join(mtree.format_entries(entries))
    lines = [sha256sums.format_line(entry.path, entry.digest) for entry in entries if entry.type == "file"]
    lines.append(sha256sums.format_line(METADATA, hashlib.sha256(metadata).hexdigest()))
    changed = False
    for name, content in ((METADATA, metadata), (CHECKSUMS, b"".join(lines))):
        path = os.path.join(top, name)
        if content_of(path) != content:
            changed = True
            if not dry_run:
                write_durably(path, content)
    return changed
