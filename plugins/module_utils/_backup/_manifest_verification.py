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
from ansible_collections.microbosh.director.plugins.module_utils._core._kept import kept_mode
from ansible_collections.microbosh.director.plugins.module_utils._tree import _mtree as mtree
from ansible_collections.microbosh.director.plugins.module_utils._tree import _tree as tree
from ansible_collections.microbosh.director.plugins.module_utils._tree._mtree import readable


def verify(path, packed=False, records=None, also=None):
    """Given a backup's directory, re-read every file of it; return counts and what is wrong.

    ``records`` are the digests that its records had when it was looked at; with others it is not the same backup.
    If it comes out of an archive, only metadata.mtree has the owners, modes and times as they were, and there are no
    sockets any more. ``also`` is for the Reader.
    """
    began = uptime()
    top = to_bytes(path, errors="surrogate_or_strict").rstrip(b"/")
    names = names_of(top)
    work = _Verification(top, packed, records, names, Reader(top, also))
    agreement = Agreement(top, records)
    if agreement.digests is not None:
        work.compare_in_order(agreement)
    else:
        work.compare_in_memory()
    if not is_partial(top):
        _verify_seals(top, work.digests, work.reader, work.verdict)
    work.verdict.extra.extend(readable(name) for name in strangers(top))
    result = dict(work.count.facts(), read=work.reader.files, read_bytes=work.reader.bytes)
    result.update(work.verdict.as_result(), changed=False, seconds=seconds_since(began))
    return result


class _Verification(object):
    """A backup whose records agree, compared in one walk along them; or one of which somebody has to know why not."""

    def __init__(self, top, packed, records, names, reader):
        self._top, self._packed, self._records, self._names = top, packed, records, names
        self.reader = reader
        self.verdict = Verdict()
        self.count = Count()
        self.digests = {}

    def _entries(self):
        return self.count.each(examine(self._top, self._names))

    def compare_in_order(self, agreement):
        self.digests = agreement.digests
        comparison = _Comparison(self._top, self.reader, self.verdict, self._packed)
        comparison.owners_kept(agreement.owned, self._names.owned)
        expected = agreement.digests[METADATA]
        with recorded(self._top, comparison.is_missing, self._is_malformed, expected) as entries:
            comparison.compare(self._entries(), entries.get)

    def _is_malformed(self, line):
        self.verdict.problems.append(
            "metadata.mtree has a malformed line about %s: expected './<path> type=... uid=...'."
            % readable(mtree.path_of(line))
        )

    def compare_in_memory(self):
        """Find out what is wrong with the records, and compare with what of them can be relied on."""
        self.digests = load_checksums(self._top, self.verdict, self._records)
        found = load_metadata(self._top, self.digests, self.verdict, self._records)
        if found is not None:
            compare_manifests(self.digests, found, self.verdict)
            comparison = _Comparison(self._top, self.reader, self.verdict, self._packed)
            comparison.owners_kept(any(entry.uid for entry in found.values()), self._names.owned)
            comparison.compare(self._entries(), lambda path: found.pop(path, None))
        elif self.digests:
            found = {name: tree.Entry(name, type="file", digest=self.digests[name]) for name in self.digests}
            comparison = _Comparison(self._top, self.reader, self.verdict)
            comparison.compare_content(self._entries(), lambda path: found.pop(path, None))
        else:
            found = {}
            for dummy in self._entries():  # counted
                continue
        for name in sorted(set(found) - set(SEALED)):
            comparison.is_missing(found[name])


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

    def __init__(self, top, reader, verdict, packed=False):
        self._packed = packed
        self._reader = reader
        self._verdict = verdict
        # Only root can give files to others: owners can be seen in a backup that root made, and only there.
        manifest = os.path.join(top, METADATA)
        self._by_root = os.path.lexists(manifest) and os.lstat(manifest).st_uid == 0

    def owners_kept(self, recorded, found):
        """Be told whether anything was, and is, another's than root's: a squashed root owns all."""
        self._by_root = self._by_root and (found or not recorded)

    def compare(self, entries, recorded_of):
        """Compare everything with what was recorded of each path."""
        for entry in entries:
            expected = recorded_of(entry.path)
            if expected is None:
                self._verdict.extra.append(readable(entry.path))
            elif entry.type != "file" or expected.type != "file" or self._samecontent_of(entry, expected):
                self._compare_metadata(entry, expected)

    def compare_content(self, entries, recorded_of):
        """Compare only the content of files: what is left to do when only SHA256SUMS can be relied on."""
        for entry in entries:
            expected = recorded_of(entry.path) if entry.type == "file" else None
            if expected is not None:
                self._samecontent_of(entry, expected)
            elif entry.type == "file":
                self._verdict.extra.append(readable(entry.path))

    def is_missing(self, entry):
        """Note what was recorded and is not there; an archive has no sockets."""
        if not (self._packed and entry.type == "socket"):
            self._verdict.missing.append(readable(entry.path))

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
