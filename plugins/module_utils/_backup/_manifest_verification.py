# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks a backup against its manifest: missing, altered and extra files, and other metadata, told apart."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os

from ansible.module_utils.common.text.converters import to_bytes
from ansible_collections.microbosh.director.plugins.module_utils._backup._manifest import (
    METADATA,
    SEALED,
    SHOWN,
    Reader,
    Verdict,
    compare_manifests,
    count,
    examine,
    is_partial,
    load_checksums,
    load_metadata,
    name_some,
    strangers,
)
from ansible_collections.microbosh.director.plugins.module_utils._core._clock import seconds_since, uptime
from ansible_collections.microbosh.director.plugins.module_utils._core._kept import kept_mode
from ansible_collections.microbosh.director.plugins.module_utils._tree import _tree as tree
from ansible_collections.microbosh.director.plugins.module_utils._tree._mtree import readable


def verify(path, packed=False, records=None):
    """Given a backup's directory, re-read every file of it; return counts and what is wrong.

    ``records`` are the digests that its records had when it was looked at; with others it is not the same backup.
    If it comes out of an archive, only metadata.mtree has the owners, modes and times as they were, and there are no
    sockets any more.
    """
    began = uptime()
    top = to_bytes(path, errors="surrogate_or_strict").rstrip(b"/")
    entries = examine(top)
    reader = Reader(top)
    verdict = Verdict()
    digests = load_checksums(top, verdict, records)
    recorded = load_metadata(top, digests, verdict, records)
    if recorded is not None:
        compare_manifests(digests, recorded, verdict)
        _Comparison(top, recorded, reader, verdict, packed).compare(entries)
    elif digests:
        files = {name: tree.Entry(name, type="file", digest=digests[name]) for name in digests}
        _Comparison(top, files, reader, verdict).compare_content(entries)
    if not is_partial(top):
        _verify_seals(top, digests, reader, verdict)
    verdict.extra.extend(readable(name) for name in strangers(top))
    result = dict(count(entries), read=reader.files, read_bytes=reader.bytes)
    result.update(verdict.as_result(), changed=False, seconds=seconds_since(began))
    return result


def _verify_seals(top, digests, reader, verdict):
    for name in SEALED:
        if name == METADATA or name not in digests:
            continue
        if not os.path.lexists(os.path.join(top, name)):
            verdict.missing.append(readable(name))
        elif reader.digest(tree.examine(name, os.path.join(top, name))) != digests[name]:
            verdict.alter(name)


class _Comparison(object):
    """A tree against what was recorded of it."""

    def __init__(self, top, recorded, reader, verdict, packed=False):
        self._recorded = recorded
        self._packed = packed
        self._reader = reader
        self._verdict = verdict
        # Only root can give files to others: owners can be seen in a backup that root made, and only there.
        manifest = os.path.join(top, METADATA)
        self._by_root = os.path.lexists(manifest) and os.lstat(manifest).st_uid == 0

    def compare(self, entries):
        """Compare everything."""
        self._by_root = self._by_root and self._owners_kept(entries)
        for entry in entries:
            recorded = self._recorded.get(entry.path)
            if recorded is None:
                self._verdict.extra.append(readable(entry.path))
            elif entry.type != "file" or recorded.type != "file" or self._samecontent_of(entry, recorded):
                self._compare_metadata(entry, recorded)
        self._find_missing(entries)

    def _owners_kept(self, entries):
        """Return whether the disk has other owners than root, if the director had: a squashed root owns all."""
        recorded = [self._recorded[entry.path] for entry in entries if entry.path in self._recorded]
        return not any(entry.uid for entry in recorded) or any(entry.uid or entry.gid for entry in entries)

    def compare_content(self, entries):
        """Compare only the content of files: what is left to do when only SHA256SUMS can be relied on."""
        files = [entry for entry in entries if entry.type == "file"]
        for entry in files:
            if entry.path in self._recorded:
                self._samecontent_of(entry, self._recorded[entry.path])
            else:
                self._verdict.extra.append(readable(entry.path))
        self._find_missing(files)

    def _find_missing(self, entries):
        missing = set(self._recorded) - {entry.path for entry in entries} - set(SEALED)
        if self._packed:
            missing = [path for path in missing if self._recorded[path].type != "socket"]
        self._verdict.missing.extend(readable(path) for path in sorted(missing))

    def _samecontent_of(self, entry, recorded):
        try:
            same = self._reader.digest(entry) == recorded.digest
        except EnvironmentError as error:
            self._verdict.alter(entry.path, "%s cannot be read: %s." % (readable(entry.path), error.strerror))
            return False
        if not same:
            self._verdict.alter(entry.path)
        return same

    def _compare_metadata(self, entry, recorded):
        for keyword in self._keywords(entry):
            found, expected = getattr(entry, keyword), getattr(recorded, keyword)
            if keyword == "mode" and not self._by_root:
                # The kernel drops the set-group-ID bit where the owner is not in the group.
                found, expected = (kept_mode(entry.type, mode) & ~0o2000 for mode in (found, expected))
            if found != expected and not (keyword == "mtime" and entry.same_time(recorded)):
                self._verdict.metadata.append({
                    "path": readable(entry.path),
                    "keyword": keyword,
                    "recorded": _show(keyword, expected),
                    "found": _show(keyword, found),
                })

    def _keywords(self, entry):
        keywords = ["type", "size", "link", "device", "twin"]
        if self._packed:
            return keywords
        keywords.append("mtime")
        if entry.type != "link":
            keywords.append("mode")
        if self._by_root:
            keywords.extend(["uid", "gid"])
        return keywords


def _show(keyword, value):
    if value is None:
        return ""
    if keyword == "mode":
        return "0%03o" % value
    if keyword == "mtime":
        return "%d.%09d" % divmod(value, 1000000000)
    return readable(value) if isinstance(value, bytes) else str(value)


def explain(path, result):
    """Given the result of a verification that found something, return the sentence that says what."""
    parts = ["%d %s (%s)" % (len(result[kind]), kind, name_some(result[kind]))
             for kind in ("missing", "altered", "extra") if result[kind]]
    if result["metadata"]:
        names = sorted({item["path"] for item in result["metadata"]})
        parts.append("%d with other metadata (%s)" % (len(names), name_some(names)))
    parts.extend(problem.rstrip(".") for problem in result["problems"][:SHOWN])
    return "The backup %s is not whole: %s. Do not restore from it; use another one or make a new one." % (
        path, "; ".join(parts))
