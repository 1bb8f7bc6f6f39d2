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

import re
import unicodedata

from ansible.module_utils.common.text.converters import to_native
from ansible_collections.microbosh.director.plugins.module_utils._tree._sha256sums import Problems, lines_of
from ansible_collections.microbosh.director.plugins.module_utils._tree._tree import TYPES, Entry

SIGNATURE = b"#mtree\n"

# What vis(3) leaves alone, without what a shell or mtree itself would take for its own.
_TO_ESCAPE = re.compile(b"[^!-~]|[\\\\#*?\\[]")
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
    return _TO_ESCAPE.sub(lambda match: ("\\%03o" % ord(match.group())).encode("ascii"), name)


def unescape(name):
    """Given what escape returned, return the name."""
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


def format_entry(entry, groups):
    """Given an Entry and {path of the first twin: number}, return its line, end of line included."""
    words = [
        b"./" + escape(entry.path),
        ("type=%s uid=%d gid=%d mode=0%03o" % (entry.type, entry.uid, entry.gid, entry.mode)).encode("ascii"),
        ("time=%d.%09d" % divmod(entry.mtime, 1000000000)).encode("ascii"),
    ]
    if entry.size is not None:
        words.append(("size=%d" % entry.size).encode("ascii"))
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


def _number(text, base=10):
    return None if text is None else int(text, base)


def parse_line(line):
    """Given a line without its end, return (Entry, number of its hard link group), or None if it is malformed."""
    match = _LINE.match(line)
    if not match:
        return None
    words = match.groupdict()
    entry = Entry(
        unescape(words["path"]),
        type=words["type"].decode("ascii"),
        uid=int(words["uid"]),
        gid=int(words["gid"]),
        mode=int(words["mode"], 8),
        mtime=int(words["seconds"]) * 1000000000 + int(words["nanoseconds"]),
        size=_number(words["size"]),
        link=None if words["link"] is None else unescape(words["link"]),
        device=None if words["major"] is None else (int(words["major"]), int(words["minor"])),
        digest=None if words["digest"] is None else words["digest"].decode("ascii"),
    )
    return (entry, _number(words["inode"])) if _is_complete(entry) else None


def _is_complete(entry):
    return (
        entry.type in TYPES.values()
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
