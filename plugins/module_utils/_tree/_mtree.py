# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The format of metadata.mtree: one line for each name, as in BSD's mtree(5).

Hard links: names that are one file on the director carry the same ``inode=``. mtree(5) has the
keyword; its value here is not the inode of any disk but a number that says which names belong
together, so that a copy of the backup says the same.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import hashlib
import io
import re
import unicodedata

from ansible.module_utils.common.text.converters import to_native
from ansible_collections.microbosh.director.plugins.module_utils._core._files import CHUNK, open_plain
from ansible_collections.microbosh.director.plugins.module_utils._tree._sha256sums import Problems, lines_of
from ansible_collections.microbosh.director.plugins.module_utils._tree._tree import TYPES, Entry

SIGNATURE = b"#mtree\n"
_KINDS = frozenset(TYPES.values())

# What vis(3) leaves alone, without what a shell or mtree itself would take for its own.
_TO_ESCAPE = re.compile(b"[^!-~]|[\\\\#*?\\[]")
_DIGEST = re.compile(b" sha256digest=([0-9a-f]{64})(?= |\n|$)")
_ESCAPED = re.compile(b"\\\\([0-3][0-7]{2})")
_LINE = re.compile(
    b"^\\./(?P<path>\\S+) type=(?P<type>[a-z]+) uid=(?P<uid>[0-9]{1,10})"
    b" gid=(?P<gid>[0-9]{1,10}) mode=(?P<mode>0[0-7]{1,4})"
    b" time=(?P<seconds>-?[0-9]{1,12})\\.(?P<nanoseconds>[0-9]{9})(?: size=(?P<size>[0-9]{1,19}))?"
    b"(?: link=(?P<link>\\S+))?"
    b"(?: device=linux,(?P<major>[0-9]{1,10}),(?P<minor>[0-9]{1,10}))?(?: sha256digest=(?P<digest>[0-9a-f]{64}))?"
    b"(?: inode=(?P<inode>[0-9]{1,12}))?$"
)


def escape(name):
    """Given a name as bytes, return it in the octal escapes of vis(3)."""
    if not _TO_ESCAPE.search(name):
        return name
    return _TO_ESCAPE.sub(lambda match: ("\\%03o" % ord(match.group())).encode("ascii"), name)


def unescape(name):
    """Given what escape returned, return the name."""
    if b"\\" not in name:
        return name
    return _ESCAPED.sub(lambda match: bytes(bytearray([int(match.group(1), 8)])), name)


def readable(name):
    """Given a name as bytes, return it as text for a person: like escape, but letters of any language stay."""
    try:
        letters = name.decode("utf-8")
    except UnicodeDecodeError:
        return to_native(escape(name))
    if any(letter == "\\" or (letter != " " and unicodedata.category(letter)[0] in "CZ") for letter in letters):
        return to_native(escape(name))
    return to_native(name)


def format_start(entry):
    """Given an Entry, return the first words of its line: all that says whether a file can have other content."""
    start = b"./" + escape(entry.path) + (" type=%s uid=%d gid=%d mode=0%03o time=%d.%09d" % (
        (entry.type, entry.uid, entry.gid, entry.mode) + divmod(entry.mtime, 1000000000)
    )).encode("ascii")
    return start if entry.size is None else start + (" size=%d" % entry.size).encode("ascii")


def format_entry(entry, groups, start=None):
    """Given an Entry and {path of the first twin: number}, return its line, end of line included."""
    words = [start or format_start(entry)]
    if entry.link is not None:
        words.append(b"link=" + escape(entry.link))
    if entry.device is not None:
        words.append(("device=linux,%d,%d" % entry.device).encode("ascii"))
    if entry.digest is not None:
        words.append(("sha256digest=" + entry.digest).encode("ascii"))
    if entry.twin is not None:
        words.append(("inode=%d" % groups.setdefault(entry.twin, len(groups) + 1)).encode("ascii"))
    return b" ".join(words) + b"\n"


def format_entries(entries):
    """Given Entries in order, yield the lines of a metadata.mtree."""
    groups = {}
    yield SIGNATURE
    for entry in entries:
        yield format_entry(entry, groups)


def _number(text):
    return None if text is None else int(text)


def parse_line(line):
    """Given a line without its end, return (Entry, number of its hard link group), or None if it is malformed."""
    match = _LINE.match(line)
    if not match:
        return None
    (path, kind, uid, gid, mode, seconds, nanoseconds, size, link, major, minor, digest, inode) = match.groups()
    entry = Entry(
        unescape(path),
        type=kind.decode("ascii"),
        uid=int(uid),
        gid=int(gid),
        mode=int(mode, 8),
        mtime=int(seconds) * 1000000000 + int(nanoseconds),
        size=_number(size),
        link=None if link is None else unescape(link),
        device=None if major is None else (int(major), int(minor)),
        digest=None if digest is None else digest.decode("ascii"),
    )
    return (entry, _number(inode)) if _is_complete(entry) else None


def _is_complete(entry):
    return (
        entry.type in _KINDS
        and (entry.type == "file") == (entry.size is not None and entry.digest is not None)
        and (entry.type == "link") == (entry.link is not None)
        and (entry.type in ("block", "char")) == (entry.device is not None)
    )


def parse(content):
    """Given the content of a metadata.mtree, return ({path: Entry}, [what is wrong with it])."""
    entries = {}
    problems = Problems("metadata.mtree")
    groups = {}
    if not content.endswith(b"\n") and content:
        problems.add("ends in the middle of a line: it was cut short or half written.")
    if not content.startswith(SIGNATURE):
        problems.add("does not begin with '#mtree'.")
    for number, line in enumerate(lines_of(content), 1):
        if number == 1 or not line.endswith(b"\n"):
            continue
        parsed = parse_line(line[:-1])
        if parsed is None:
            problems.add("line %d is malformed: expected './<path> type=... uid=...'." % number)
            continue
        entry, group = parsed
        if group is not None:
            entry.twin = groups.setdefault(group, entry.path)
        entries[entry.path] = entry
    return entries, problems.told()


def path_of(line):
    """Return the path that a line is about, without looking at the rest of it."""
    return unescape(line[2 : line.find(b" ")])


def digest_in(line):
    """Return the digest that a line of a file has, as bytes; empty for a line without one."""
    found = _DIGEST.search(line)
    return found.group(1) if found else b""


class InOrder(object):
    """The entries of a metadata.mtree whose lines are asked for in their own order; none of them is kept.

    ``skipped`` is called with each Entry that was not asked for, ``malformed`` with each line that is none.
    """

    def __init__(self, lines, skipped=None, malformed=None):
        self._lines = iter(lines)
        self._skipped, self._malformed = skipped, malformed
        self._groups = {}
        self._line = next(self._lines, None)  # the signature
        self._step()

    def _step(self):
        self._line = next(self._lines, None)
        self._path = None if self._line is None else path_of(self._line)

    def line(self, path):
        """Return the line that is about a path, with its end; None if there is none. Not twice for one path."""
        while self._path is not None and self._path < path:
            if self._skipped:
                self._parsed(self._line, self._skipped)
            self._step()
        if self._path != path:
            return None
        line = self._line
        self._step()
        return line

    def get(self, path):
        """Return the Entry of a path, None if there is none."""
        line = self.line(path)
        return None if line is None else self._parsed(line)

    def _parsed(self, line, take=None):
        parsed = parse_line(line.rstrip(b"\n"))
        if parsed is None:
            if self._malformed:
                self._malformed(line)
            return None
        entry, group = parsed
        if group is not None:
            entry.twin = self._groups.setdefault(group, entry.path)
        return take(entry) if take else entry

    def finish(self):
        """Go through what is left."""
        while self._path is not None:
            if self._skipped:
                self._parsed(self._line, self._skipped)
            self._step()

    def close(self):
        """Have nothing more to tell: whoever asks from now on is told of no entry."""
        self._lines, self._line, self._path = iter(()), None, None


def files_in(path, most, require, malformed=None):
    """Yield the Entry of each file in a metadata.mtree, one after the other.

    At the end, ``require`` is called with the digest of what was read: until then, nothing of it is to be used.
    ``malformed`` is called with the number of each line that is none.
    """
    digest = hashlib.sha256()
    with open_plain(path, most) as source:
        for number, line in enumerate(io.BufferedReader(source, CHUNK), 1):
            digest.update(line)
            parsed = parse_line(line[:-1])
            if parsed and parsed[0].type == "file":
                yield parsed[0]
            elif not parsed and malformed and (number > 1 or line != SIGNATURE):
                malformed(number)
    require(digest.hexdigest())
