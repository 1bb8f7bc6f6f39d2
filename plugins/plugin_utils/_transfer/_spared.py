# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the directories of blobs that a later pass need not look into, and brings what is in them to the backup.

A blob is written once, and whatever comes to its directory or goes from it gives that directory another time. rsync
asks for a directory's time before it lists it. So a directory that still has the time that the first pass saw holds
what the first pass copied, unless it changed twice within one tick of the clock, or a blob was still being written.
That is why only a directory is spared in which nothing had happened for a while before the first pass.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator

from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._inside import (
    OutsideError,
    opened_directory,
)

# For so long nothing has happened in a directory that is spared, by the director's clock: longer than a client waits in
# the middle of a blob, and than the coarsest clock of a file system.
QUIET_SECONDS = 60
LATEST = 2**40
# Names that mean nothing in a rule of rsync.
_PLACE = re.compile(r"[0-9A-Za-z_][0-9A-Za-z_.-]*(/[0-9A-Za-z_][0-9A-Za-z_.-]*)*")
_SHARD = re.compile(r"[0-9a-f]{2}")
INNER = "store"
# What stands before the name in a line of rsync's log.
_FIELDS = 5


def find_spared(tree: str, places: list[str], clock: float) -> dict[str, int]:
    """Return the directories of a first pass that a later one need not look into, with the time of each.

    ``places`` are those of the blobs, ``clock`` what the director's said before that pass, 0 if that is not known.
    """
    if not QUIET_SECONDS < clock < LATEST:
        return {}
    before, found = int((clock - QUIET_SECONDS) * 1e9), {}
    plain = [place for place in places if _PLACE.fullmatch(place)]
    for place in [*plain, *(f"{place}/{INNER}" for place in plain)]:
        for path in [place, *(f"{place}/{name}" for name in _shards(tree, place))]:
            with contextlib.suppress(OSError, OutsideError), opened_directory(*_raw(tree, path)) as directory:
                if _is_quiet(directory, before):
                    found[path] = os.fstat(directory).st_mtime_ns
    return found


def _shards(tree, place):
    with contextlib.suppress(OSError, OutsideError), opened_directory(*_raw(tree, place)) as directory:
        return sorted(name for name in os.listdir(directory) if _SHARD.fullmatch(name))
    return []


def _is_quiet(directory, before):
    """Tell whether nothing had happened to an open directory and what is in it by then; no other directory may be."""
    if os.fstat(directory).st_mtime_ns >= before:
        return False
    with os.scandir(directory) as entries:
        return not any(
            entry.is_dir(follow_symlinks=False) or entry.stat(follow_symlinks=False).st_mtime_ns >= before
            for entry in entries
        )


def read_spared(path: str | None) -> dict[str, int]:
    """Return what a pass noted, nothing if none did."""
    if not path or not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as source:
        return json.load(source)


def write_spared(path: str, spared: dict[str, int]) -> None:
    """Note them, for the later tasks of this run alone: nothing waits for a disk in an outage."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as target:
        json.dump(spared, target)


def sparing_rules(spared: dict[str, int]) -> list[str]:
    """Return the rules, before all others, that let a pass see these directories and nothing in them.

    They are few: rsync holds each name in such a directory against all of them.
    """
    rules, digits = [], {}
    for path in sorted(spared):
        place, dummy, name = path.rpartition("/")
        if _SHARD.fullmatch(name):
            seconds = digits.setdefault(place, {})
            seconds[name[0]] = seconds.get(name[0], "") + name[1]
        else:
            rules.append(f"- /{path}/*")
    for place, seconds in digits.items():
        alike = {}
        for first in seconds:
            alike[seconds[first]] = alike.get(seconds[first], "") + first
        rules += [f"- /{place}/[{alike[those]}][{those}]/*" for those in alike]
    return rules


def only_rules(paths: list[str]) -> list[str]:
    """Return the rules, before all others, that let a pass see what is in these directories and nothing else."""
    above = sorted({path[:at] for path in paths for at, sign in enumerate(path) if sign == "/"})
    shown = [f"+ /{path}/" for path in sorted({*above, *paths})]
    return [*shown, "- /*", *(f"- /{path}/*" for path in above)]


def changed_since(tree: str, spared: dict[str, int]) -> tuple[list[str], list[str]]:
    """Given the copy of a pass that saw directories and nothing in them, return those to look into, and those gone.

    What has become something else than a directory was copied as that.
    """
    changed, gone = [], []
    for path, mtime in sorted(spared.items()):
        try:
            with opened_directory(*_raw(tree, path)) as directory:
                if os.fstat(directory).st_mtime_ns != mtime:
                    changed.append(path)
        except (OSError, OutsideError):
            gone.append(path)
    return changed, gone


def bring(source: str, dest: str, spared: dict[str, int]) -> int:
    """Move what is in the spared directories of one copy into those of another; return how much it is."""
    brought = 0
    for path in sorted(spared):
        with opened_directory(*_raw(source, path)) as old, opened_directory(*_raw(dest, path)) as new:
            before = os.fstat(new)
            if os.listdir(new):
                raise OutsideError(f"{path} of {dest} is not empty, though the pass did not look into it")
            for name in os.listdir(old):
                os.rename(name, name, src_dir_fd=old, dst_dir_fd=new)
                brought += 1
            os.utime(new, ns=(before.st_atime_ns, before.st_mtime_ns))
    return brought


def append_lines(known: str, listing: str, spared: dict[str, int]) -> None:
    """Append to a listing what an earlier one has of the entries in the spared directories."""
    wanted = {os.fsencode(path) for path in spared}
    with open(known, "rb") as lines, open(listing, "ab") as target:
        target.writelines(_lines_of(lines, wanted))


def _lines_of(lines, wanted) -> Iterator[bytes]:
    for line in lines:
        name = line.rstrip(b"\n").split(b"|", _FIELDS)[-1]
        if not name.endswith(b"/") and name.rpartition(b"/")[0] in wanted:
            yield line


def _raw(top, path):
    return os.fsencode(top), os.fsencode(path)
