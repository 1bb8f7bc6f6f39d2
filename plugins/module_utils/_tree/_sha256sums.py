# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The format of SHA256SUMS: what ``sha256sum`` writes and ``sha256sum --check --strict`` reads."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import re

MOST_PROBLEMS = 1000
# coreutils marks a line whose name is escaped by a backslash in front of the digest.
_LINE = re.compile(b"^(\\\\?)([0-9a-f]{64})  ([^\\x00]+)$", re.DOTALL)
_TO_ESCAPE = re.compile(b"[\\\\\n\r]")
_ESCAPED = re.compile(b"\\\\(.?)", re.DOTALL)
_ESCAPES = {b"\\": b"\\\\", b"\n": b"\\n", b"\r": b"\\r"}
_PLAIN = {b"\\": b"\\", b"n": b"\n", b"r": b"\r"}


def format_line(path, digest):
    """Given a path as bytes and its digest, return the line for it, end of line included."""
    if not _TO_ESCAPE.search(path):
        return digest.encode("ascii") + b"  " + path + b"\n"
    return b"\\" + digest.encode("ascii") + b"  " + _TO_ESCAPE.sub(lambda match: _ESCAPES[match.group()], path) + b"\n"


def parse_line(line):
    """Given a line without its end, return (path, digest), or None if it is not exactly as written by us."""
    match = _LINE.match(line)
    if not match:
        return None
    mark, digest, path = match.groups()
    if mark:
        path = _ESCAPED.sub(lambda escape: _PLAIN.get(escape.group(1), b"\0"), path)
    digest = digest.decode("ascii")
    # One form per line: a changed byte may not hide behind another spelling of the same thing.
    return (path, digest) if format_line(path, digest) == line + b"\n" else None


class Problems(object):
    """The faults of a record, kept for the first lines only: a damaged one may have millions."""

    def __init__(self, name):
        self._name = name
        self._told = []
        self._more = 0

    def add(self, problem):
        if len(self._told) < MOST_PROBLEMS:
            self._told.append("%s %s" % (self._name, problem))
        else:
            self._more += 1

    def told(self):
        return self._told + (["%s has %d more such lines." % (self._name, self._more)] if self._more else [])


def lines_of(content):
    """Given bytes, yield their lines, with the end of each; never a list of all, which takes ten times their memory."""
    start = 0
    while start < len(content):
        end = content.find(b"\n", start) + 1 or len(content)
        yield content[start:end]
        start = end


def parse(content):
    """Given the content of a SHA256SUMS, return ({path: digest}, [what is wrong with it])."""
    digests = {}
    problems = Problems("SHA256SUMS")
    if not content.endswith(b"\n") and content:
        problems.add("ends in the middle of a line: it was cut short or half written.")
    for number, line in enumerate(lines_of(content), 1):
        if not line.endswith(b"\n"):
            break
        parsed = parse_line(line[:-1])
        if parsed is None:
            problems.add("line %d is malformed: expected '<sha256>  <path>'." % number)
        elif parsed[0] in digests:
            problems.add("line %d names a file that an earlier line names already." % number)
        else:
            digests[parsed[0]] = parsed[1]
    return digests, problems.told()
