# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the file system of a directory can, by trying it: a network's has not all that backups are made of."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import contextlib
import os
import tempfile

from ansible_collections.microbosh.director.plugins.module_utils._core._files import (
    make_durable,
    point_symlink,
    remove_tree,
    rename_durably,
    write_durably,
)

PROBE = ".microbosh-probe-"
SOMEBODY = 1  # no user of backups, and there wherever users are counted at all
LONG_AGO = 1500000000


class Lacking(Exception):
    """The file system accepts something and does something else."""


def existing(directory):
    """Return a directory, or the nearest one above it that is there."""
    while not os.path.isdir(directory):
        directory = beside(directory)
    return directory


def beside(path):
    """Return the directory that a path is in: trying there leaves its own time alone."""
    return os.path.dirname(path.rstrip(os.sep)) or os.curdir


@contextlib.contextmanager
def _probe(directory):
    """Yield the path of a file in an empty directory of its own there."""
    top = tempfile.mkdtemp(prefix=PROBE, dir=directory)
    try:
        write_durably(os.path.join(top, "file"), b"probe\n")
        yield os.path.join(top, "file")
    finally:
        remove_tree(top)


def gives_away(directory):
    """Return whether files there can be given to others: root can, but not where it is squashed or has no others."""
    if os.geteuid() != 0:
        return False
    # Asked in an outage, too: nothing is waited for to be on a disk, which could be busy with all of a first pass.
    with tempfile.NamedTemporaryFile(prefix=PROBE, dir=existing(directory)) as probe:
        return _given_away(probe.name)


def _given_away(path):
    try:
        os.lchown(path, SOMEBODY, SOMEBODY)
    except EnvironmentError:
        return False
    found = os.lstat(path)
    return (found.st_uid, found.st_gid) == (SOMEBODY, SOMEBODY)


def _links(path):
    os.link(path, path + "-linked")
    if os.lstat(path).st_nlink != 2:
        raise Lacking("a linked file is counted once")


def _points(path):
    for target in ("file", "other"):
        point_symlink(path + "-latest", target)


def _renames(path):
    top = path + "-directory"
    os.mkdir(top, 0o700)
    write_durably(os.path.join(top, "file"), b"")
    rename_durably(top, path + "-renamed")
    make_durable(path + "-renamed")


def _keeps_modes(path):
    for mode in (0o400, 0o640):
        os.chmod(path, mode)
        if os.lstat(path).st_mode & 0o777 != mode:
            raise Lacking("they become %04o" % (os.lstat(path).st_mode & 0o777))


def _keeps_times(path):
    os.utime(path, (LONG_AGO + 1, LONG_AGO + 1))
    if int(os.lstat(path).st_mtime) != LONG_AGO + 1:
        raise Lacking("they become others")


def _tells_case(path):
    if os.path.lexists(os.path.join(os.path.dirname(path), "FILE")):
        raise Lacking("'file' and 'FILE' are one file")


def _takes_names(path):
    top = os.path.dirname(path).encode("utf-8")
    for name in (b"a:b", b"\xff"):
        os.close(os.open(os.path.join(top, name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


# What is needed, and what for; the first that is missing says the most.
NEEDED = (
    (_links, "hard links, which make an unchanged file cost nothing and keep files with two names one"),
    (_points, "symbolic links that are replaced in one step, as 'latest' is"),
    (_renames, "directories that are renamed in one step and written to disk, as a backup is when it is published"),
    (_keeps_modes, "modes of files"),
    (_keeps_times, "times of files"),
    (_tells_case, "names that differ in case alone"),
    (_takes_names, "every name that a file may have on a director"),
)


def look(directory):
    """Return what the file system of a directory lacks, as sentences, and whether it can give files away."""
    lacks = []
    for able, what in NEEDED:
        with _probe(existing(directory)) as path:
            try:
                able(path)
            except (EnvironmentError, Lacking) as error:
                lacks.append("%s (%s)" % (what, getattr(error, "strerror", None) or error))
    return {"changed": False, "lacks": lacks, "owners": gives_away(directory)}
