# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the log of an rsync run, which has the owner and group of every entry on the director.

Written by ``rsync -ii --log-file=FILE --log-file-format='%i|%U|%G|%B|%l|%n'``, which names every entry
of the tree, changed or not. It is the only place that has the owners when the controller is not root.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import re
from collections import namedtuple

Listed = namedtuple("Listed", "type uid gid mode")

_ENTRY = re.compile(
    b"^[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9:]{8} \\[[0-9]+\\] "
    b"(?P<change>[<>ch.][fdLDS].{9}|[*]deleting  )\\|(?P<uid>[0-9]+)\\|(?P<gid>[0-9]+|DEFAULT)\\|"
    b"(?P<mode>[-rwxsStT]{9})\\|[0-9]+\\|(?P<name>.+)$",
    re.DOTALL,
)
_ESCAPED = re.compile(b"\\\\#([0-3][0-7]{2})")
TYPES = {b"f": ("file",), b"d": ("dir",), b"L": ("link",), b"D": ("block", "char"), b"S": ("fifo", "socket")}
_DELETION = b"*deleting  "
FILE = b"f"
DELETED = b"*"


def unescape(name):
    """Given a name as rsync logs it, return the name."""
    return _ESCAPED.sub(lambda match: bytes(bytearray([int(match.group(1), 8)])), name)


def parse_mode(text):
    """Given permissions as ``ls`` prints them, without the type, return them as a number."""
    mode = 0
    for position in range(9):
        letter = text[position:position + 1]
        if letter not in (b"-", b"S", b"T"):
            mode |= 0o400 >> position
        if letter in (b"s", b"S"):
            mode |= 0o4000 if position == 2 else 0o2000
        elif letter in (b"t", b"T"):
            mode |= 0o1000
    return mode


def _group(gid):
    """Return a group as a number, None where rsync does not tell it: to anybody but root, of a group not his own."""
    return None if gid == b"DEFAULT" else int(gid)


def parse(lines, listed=None):
    """Given the lines of a log, return {path: Listed}; with those of earlier logs, correct them.

    Paths are bytes, relative to the directory that was copied; that directory itself is ``.``.
    """
    listed = {} if listed is None else listed
    known = {}
    for line in lines:
        match = _ENTRY.match(line.rstrip(b"\n"))
        if not match:
            continue
        change, uid, gid, mode, name = match.group("change", "uid", "gid", "mode", "name")
        path = unescape(name.rstrip(b"/"))
        if change == _DELETION:
            listed.pop(path, None)
        else:
            value = Listed(TYPES[change[1:2]], int(uid), _group(gid), parse_mode(mode))
            listed[path] = known.setdefault(value, value)
    return listed


def parse_line(line):
    """Given a line of a log, return (the letter of what it is about, its path); None if it is about no entry.

    The letter is one of TYPES, or DELETED.
    """
    match = _ENTRY.match(line.rstrip(b"\n"))
    if not match:
        return None
    change, name = match.group("change", "name")
    path = name.rstrip(b"/")
    return _letter(change), unescape(path) if b"\\#" in path else path


def _letter(change):
    return DELETED if change == _DELETION else change[1:2]


class ByDirectory(object):
    """What rsync's logs say, looked up directory by directory; a log of each file takes no more than its name there.

    Of several logs, a later one corrects the earlier ones.
    """

    def __init__(self, logs):
        self._lines = {}
        self._known = {}
        for log in logs:
            with open(log, "rb") as lines:
                self._read(lines)

    def _read(self, lines):
        for line in lines:
            match = _ENTRY.match(line.rstrip(b"\n"))
            if not match:
                continue
            change, uid, gid, mode, path = match.group("change", "uid", "gid", "mode", "name")
            directory, dummy, name = path.rstrip(b"/").rpartition(b"/")
            if b"\\#" in directory:
                directory = unescape(directory)
            kept = self._lines.get(directory)
            if kept is None:
                kept = self._lines[directory] = bytearray()
            kept += b"|".join((_letter(change), uid, gid, mode, name)) + b"\n"

    def take(self, directory):
        """Given a directory, return {name in it: Listed}, and forget them. The top is empty, and ``.`` in itself."""
        found = {}
        for line in bytes(self._lines.pop(directory, b"")).split(b"\n")[:-1]:
            kind, uid, gid, mode, name = line.split(b"|", 4)
            if b"\\#" in name:
                name = unescape(name)
            if kind == DELETED:
                found.pop(name, None)
            else:
                found[name] = self._value(kind, uid, gid, mode)
        return found

    def _value(self, *said):
        value = self._known.get(said)
        if value is None:
            kind, uid, gid, mode = said
            value = self._known[said] = Listed(TYPES[kind], int(uid), _group(gid), parse_mode(mode))
        return value

    def rest(self):
        """Yield the paths that are left, of directories that nobody asked for."""
        for directory in sorted(self._lines):
            for name in self.take(directory):
                yield directory + b"/" + name if directory else name
