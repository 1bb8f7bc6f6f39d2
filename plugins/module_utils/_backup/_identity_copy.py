# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's copy of a director's files that only root reads: kept beside the backups, put into each of them.

``identity/`` is replaced as a whole: ``current`` leads to the directory that holds one set of files and ``files.json``,
which says what they are. A run that reads it while another run replaces it has the one set or the other.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import base64
import errno
import hashlib
import json
import os
import tempfile
import time

from ansible.module_utils.common.text.converters import to_bytes, to_native
from ansible_collections.microbosh.director.plugins.module_utils._backup._identity import ALWAYS
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._files import (
    make_durable,
    remove_tree,
    sha256,
    write_durably,
)
from ansible_collections.microbosh.director.plugins.module_utils._core._kept import kept_mode
from ansible_collections.microbosh.director.plugins.module_utils._core._volume import beside, gives_away
from ansible_collections.microbosh.director.plugins.module_utils._tree._metadata import set_mtime
from ansible_collections.microbosh.director.plugins.module_utils._tree._tree import mtime_of

CURRENT = "current"
RECORD = "files.json"
_SET = "set-"
_TRIES = 5
_SAME = ("path", "uid", "gid", "mode", "sha256")


class CopyError(DirectorError):
    """The controller's copy cannot be used."""


class IdentityCopy(object):
    """The directory ``identity/`` of a director's backups."""

    def __init__(self, directory):
        self._directory = directory

    def load(self, host):
        """Return what the copy holds, with content as bytes; or None. Raise CopyError if it is no good."""
        for dummy in range(_TRIES):
            try:
                record = self._load()
                break
            except EnvironmentError as error:
                if error.errno != errno.ENOENT:
                    raise CopyError("%s cannot be read: %s" % (error.filename or self._directory, error.strerror))
                if not os.path.lexists(os.path.join(self._directory, CURRENT)):
                    return None
        else:
            raise CopyError("%s is not whole" % self._directory)
        if record.get("host") != host:
            raise CopyError("%s is that of %s" % (self._directory, record.get("host")))
        return record

    def _load(self):
        top = os.path.join(self._directory, os.readlink(os.path.join(self._directory, CURRENT)))
        with open(os.path.join(top, RECORD)) as source:
            try:
                record = json.load(source)
                files = list(record["files"])
            except (ValueError, KeyError, TypeError) as error:
                raise CopyError("%s is damaged: %s" % (os.path.join(top, RECORD), error))
        for entry in files:
            with open(os.path.join(top, entry["path"]), "rb") as source:
                entry["content"] = source.read()
            if hashlib.sha256(entry["content"]).hexdigest() != entry["sha256"]:
                raise CopyError("%s is damaged" % os.path.join(top, entry["path"]))
        return record

    def replace(self, host, files, dry_run=False):
        """Given the files as the director sent them, make them the copy; return whether they were others."""
        try:
            before = self.load(host)
        except CopyError:
            before = None
        if before is not None and [_described(entry) for entry in before["files"]] == [
            _described(entry) for entry in files
        ]:
            return False
        if not dry_run:
            self._replace(host, files)
        return True

    def _replace(self, host, files):
        if not os.path.isdir(self._directory):
            os.makedirs(self._directory, 0o700)
        os.chmod(self._directory, 0o700)
        top = tempfile.mkdtemp(prefix=_SET, dir=self._directory)  # of mode 0700
        for entry in files:
            path = os.path.join(top, entry["path"])
            if not os.path.isdir(os.path.dirname(path)):
                os.makedirs(os.path.dirname(path), 0o700)
            write_durably(path, base64.b64decode("".join(entry["content"])))
        record = {"host": host, "taken": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
        record["files"] = [dict((key, entry[key]) for key in _SAME + ("mtime", "size")) for entry in files]
        write_durably(os.path.join(top, RECORD), to_bytes(json.dumps(record, indent=2, sort_keys=True) + "\n"))
        link = top + ".link"
        os.symlink(os.path.basename(top), link)
        os.rename(link, os.path.join(self._directory, CURRENT))
        make_durable(self._directory)
        self._clear()

    def _clear(self):
        """Remove the sets that nothing leads to any more."""
        current = os.readlink(os.path.join(self._directory, CURRENT))
        for name in os.listdir(self._directory):
            path = os.path.join(self._directory, name)
            if not name.startswith(_SET) or name == current or _is_young(path):
                continue
            if os.path.isdir(path) and not os.path.islink(path):
                remove_tree(path)
            else:
                os.unlink(path)


def _is_young(path):
    """Return whether another run may just be making it, or reading it."""
    try:
        return time.time() - os.lstat(path).st_mtime < 60
    except OSError:
        return True


def _described(entry):
    return [entry[key] for key in _SAME]


def listed(entry):
    """Return a file of the copy as rsync would have logged it, had it come from the director."""
    kinds, mode = "rwxrwxrwx", entry["mode"]
    letters = [kinds[bit] if mode & (0o400 >> bit) else "-" for bit in range(9)]
    for bit, place, letter in ((0o4000, 2, "s"), (0o2000, 5, "s"), (0o1000, 8, "t")):
        if mode & bit:
            letters[place] = letter if letters[place] == "x" else letter.upper()
    stamp = time.strftime("%Y/%m/%d %H:%M:%S")
    return "%s [%d] >f+++++++++|%d|%d|%s|%d|%s\n" % (
        stamp, os.getpid(), entry["uid"], entry["gid"], "".join(letters), len(entry["content"]), entry["path"],
    )  # fmt: skip


class Backup(object):
    """The tree of a backup that is being made."""

    def __init__(self, tree, previous=None):
        self._tree = tree
        self._previous = previous
        self._by_root = gives_away(beside(tree))

    def has(self, path):
        """Return whether something is at a path."""
        return os.path.lexists(os.path.join(self._tree, path))

    def put(self, entry):
        """Put a file of the copy where it stands on the director, if its directory was copied; return whether."""
        target = os.path.join(self._tree, entry["path"])
        parent = os.path.dirname(target)
        if not os.path.isdir(parent) or os.path.islink(parent) or os.path.lexists(target):
            return False
        before = mtime_of(os.stat(parent))
        if not self._link(entry, target):
            self._write(entry, target)
        set_mtime(to_bytes(parent), before)
        return True

    def _mode(self, entry):
        return entry["mode"] if self._by_root else kept_mode("file", entry["mode"])

    def _write(self, entry, target):
        write_durably(target, entry["content"])
        if self._by_root:
            os.lchown(target, entry["uid"], entry["gid"])
        os.chmod(target, self._mode(entry))
        set_mtime(to_bytes(target), entry["mtime"])

    def _link(self, entry, target):
        """Make the file a hard link to the previous backup's, as rsync does with unchanged files."""
        source = os.path.join(self._previous, entry["path"]) if self._previous else None
        if source is None or not os.path.isfile(source) or os.path.islink(source):
            return False
        found = os.lstat(source)
        owner = (found.st_uid, found.st_gid) == (entry["uid"], entry["gid"]) or not self._by_root
        if not owner or found.st_mode & 0o7777 != self._mode(entry) or mtime_of(found) != entry["mtime"]:
            return False
        if sha256(source)[0] != entry["sha256"]:
            return False
        os.link(source, target)
        return True


def judge(record, answer, reader):
    """Given what the copy holds, the director's answer and the version of its reader, return the state in one word."""
    if reader < 3:
        return "handed_out"
    if record is None:
        return "none"
    return {"same": "fresh", "different": "old"}.get(answer, "unknown")


def tell(state, names, taken, problem=""):
    """Return what a person is to know of the state, as one line; empty if everything is as it should be."""
    files = ", ".join(names) or "what only root reads"
    again = "Run the setup playbook for this director"
    return {
        "fresh": "",
        "handed_out": "An earlier version set this director up: its backup key still reads what only root should (%s). "
        "%s, which closes that" % (files, again),
        "none": "NO COPY of what only root reads (%s) is beside the backups, so this backup is without. %s from this "
        "controller" % (files, again),
        "old": "OLD: on the director %s is not any more what setup or a restore brought on %s; the backup has that. "
        "%s" % (files, taken, again),
        "unknown": "Whether the director still has %s as it was on %s cannot be told; the backup has that copy. %s"
        % (files, taken, again),
        "damaged": "The copy of what only root reads cannot be used, this backup is without (%s): %s. %s"
        % (files, problem, again),
    }[state]


def _credentials(named):
    return [name for name in named if to_bytes(name) in ALWAYS]


def examine(copy, host, named, answer, reader):
    """Return (what the copy holds or None, the facts of its state)."""
    record, problem = None, ""
    try:
        record = copy.load(host)
        state = judge(record, answer, reader)
    except CopyError as error:
        state, problem = "damaged" if reader >= 3 else "handed_out", to_native(str(error))
    names = [entry["path"] for entry in record["files"]] if record else _credentials(named)
    taken = record["taken"] if record else None
    return record, {"state": state, "taken": taken, "told": tell(state, names, taken, problem)}
