# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides which backups stay: the newest, one a day, week, month and year, pinned ones, and the newest proven one."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import array
import fnmatch
import os
import stat
import time

from ansible_collections.microbosh.director.plugins.module_utils._backup._blobstore import recorded_blobs
from ansible_collections.microbosh.director.plugins.module_utils._backup._snapshots import (
    latest_id,
    list_ids,
    parse_id,
    read_report,
)
from ansible_collections.microbosh.director.plugins.module_utils._backup._verdict import (
    REHEARSED,
    VERIFIED,
    found_damaged,
    found_good,
)
from ansible_collections.microbosh.director.plugins.module_utils._core import _layout as layout
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._core._files import (
    point_symlink,
    remove_tree,
    rename_durably,
)

# The backups of one period are one bucket, of which the newest stays. Weeks are those of ISO 8601.
BUCKETS = (("daily", "%Y-%m-%d"), ("weekly", "%G-W%V"), ("monthly", "%Y-%m"), ("yearly", "%Y"))


def choose(ids, keep):
    """Given ids and {last, daily, weekly, monthly, yearly: how many}, return {id: [reasons to keep it]}.

    Each rule looks at all backups, so one backup may serve several rules. Only periods that have a
    backup count: a director that was away for a month does not lose its older ones for that.
    """
    reasons = {}
    newest_first = sorted(ids, reverse=True)
    last = newest_first[: keep.get("last", 0)]
    for number, name in enumerate(last, 1):
        reasons.setdefault(name, []).append("last %d of %d" % (number, keep["last"]))
    for rule, period in BUCKETS:
        buckets = {}
        for name in newest_first:
            buckets.setdefault(time.strftime(period, parse_id(name)), name)
        for bucket in sorted(buckets, reverse=True)[: keep.get(rule, 0)]:
            reasons.setdefault(buckets[bucket], []).append("%s %s" % (rule, bucket))
    return reasons


def require_keep(keep):
    """Given what the operator wants to keep, return it without rules that are off. Raise if a number is negative."""
    for rule, number in keep.items():
        if number < 0:
            raise DirectorError("keep.%s is %d. Expected how many to keep, or 0 to turn it off." % (rule, number))
    return {rule: number for rule, number in keep.items() if number}


def _not_understood(path):
    """Given a backup, return why it cannot be judged, or None if it is published and was proven whole."""
    try:
        report = read_report(path)
    except DirectorError as error:
        return str(error)
    proof = report.get("proof")
    if report.get("status") != "published":
        return "its status is %r, not 'published'" % report.get("status")
    if not isinstance(proof, dict) or proof.get("whole") is not True:
        return "it was not proven whole"
    if found_damaged(path):
        return "it was found not whole when it was verified"
    return None


class Retention(object):
    """The backups of one director, and which of them go."""

    def __init__(self, directory, keep, pins=(), archives=True):
        if not os.path.isdir(directory):
            raise DirectorError("%s is no directory. Expected the one that holds a director's backups." % directory)
        self._directory = directory
        self._keep = require_keep(keep)
        self._pins = pins
        self._archives = archives
        self.ids = list_ids(directory)
        self.leftovers = list_ids(directory, layout.REMOVING)
        self.reasons = self._find_reasons()

    def _path(self, name):
        return os.path.join(self._directory, name)

    def _find_reasons(self):
        """Return {id: [reasons to keep it]}, with an empty list for those that go."""
        reasons = {name: [] for name in self.ids}
        whole = []
        for name in self.ids:
            doubt = _not_understood(self._path(name))
            if doubt:
                reasons[name].append("not understood: " + doubt)
            else:
                whole.append(name)
        for name, because in choose(whole, self._keep).items():
            reasons[name].extend(because)
        self._protect(reasons, whole)
        return reasons

    def _protect(self, reasons, whole):
        """Add the reasons that hold whatever the rules say."""
        if whole:
            reasons[whole[-1]].append("newest whole")
        for what, key in ((VERIFIED, "whole"), (REHEARSED, "good")):
            good = [name for name in whole if found_good(self._path(name), what, key)]
            if good:
                reasons[good[-1]].append("newest " + what)
        self._protect_blobs(reasons, whole)
        latest = latest_id(self._directory)
        if latest:
            reasons[latest].append("latest")
        for name in self.ids:
            if name in self._pins or os.path.lexists(os.path.join(self._path(name), layout.PINNED)):
                reasons[name].append("pinned")
            if not self._keep:
                reasons[name].append("no rule is set")

    def _protect_blobs(self, reasons, whole):
        """Add a reason for each backup that the newest one says to hold what the director has lost since."""
        newest = recorded_blobs(read_report(self._path(whole[-1]))) if whole else {}
        holders = [entry.get("backup") for entry in newest.get("newly_lost") or []]
        for name in sorted(set(holders) & set(reasons)):
            reasons[name].append("holds %d blobs that the director has lost" % holders.count(name))

    @property
    def kept(self):
        """Return the backups that stay, oldest first, and why."""
        return [{"id": name, "because": self.reasons[name]} for name in self.ids if self.reasons[name]]

    @property
    def removed(self):
        """Return the ids of the backups to remove, oldest first."""
        return [name for name in self.ids if not self.reasons[name]]

    @property
    def unknown_pins(self):
        """Return the pins that name no backup."""
        return sorted(set(self._pins) - set(self.ids))

    def doomed(self):
        """Return the paths of everything that goes: directories of backups first, then archives."""
        directories = [self._path(name + layout.REMOVING) for name in self.leftovers]
        directories += [self._path(name) for name in self.removed]
        return directories, self._doomed_archives()

    def _doomed_archives(self):
        directory = self._path(layout.ARCHIVES)
        if not self._archives or not os.path.isdir(directory):
            return []
        gone = set(self.removed).union(self.leftovers).difference(item["id"] for item in self.kept)
        found = os.listdir(directory)
        names = sorted(name for one in gone for name in fnmatch.filter(found, "*_%s.*" % one))
        return [os.path.join(directory, name) for name in names]

    def remove(self):
        """Remove what goes. A backup is renamed first, so that none is ever seen that is half there."""
        directories, archives = self.doomed()
        for path in archives:
            os.unlink(path)
        for path in directories:
            if not path.endswith(layout.REMOVING):
                rename_durably(path, path + layout.REMOVING)
                path += layout.REMOVING
            remove_tree(path)

    def latest_to_repair(self):
        """Return the id that ``latest`` should point to, if it points to no backup, else None."""
        if latest_id(self._directory):
            return None
        whole = [name for name in self.ids if "newest whole" in self.reasons[name]]
        return whole[0] if whole else None

    def repair_latest(self):
        """Point ``latest`` to the newest whole backup, if it points to none."""
        name = self.latest_to_repair()
        if name:
            point_symlink(self._path(layout.LATEST), name)


def bytes_freed(directories, files):
    """Given what is going to be removed, return the size of the files that have no name left then."""
    shared = {}
    freed = sum(os.lstat(path).st_size for path in files)
    for directory in directories:
        for status in _regular_files(directory):
            if status.st_nlink == 1:
                freed += status.st_size
            else:
                shared.setdefault(status.st_dev, SharedFiles()).add(status)
    return freed + sum(one.bytes_of_all_names() for one in shared.values())


class SharedFiles(object):
    """Names of files that have several, all in one file system; of each name 24 bytes are remembered."""

    def __init__(self):
        self._inodes, self._links, self._sizes = array.array("L"), array.array("L"), array.array("L")

    def add(self, status):
        self._inodes.append(status.st_ino)
        self._links.append(status.st_nlink)
        self._sizes.append(status.st_size)

    def bytes_of_all_names(self):
        """Return the size of the files all of whose names are here."""
        total, before, names = 0, None, 0
        for place in sorted(range(len(self._inodes)), key=self._inodes.__getitem__):
            names = names + 1 if self._inodes[place] == before else 1
            before = self._inodes[place]
            total += self._sizes[place] if names == self._links[place] else 0
        return total


def _regular_files(top):
    # Files in a directory that we may not look into are not counted: removing it does not depend on this.
    for directory, _directories, files in os.walk(top):
        for name in files:
            status = os.lstat(directory + "/" + name)
            if stat.S_ISREG(status.st_mode):
                yield status


def prune(directory, keep, pins=(), archives=True, dry_run=False):
    """Remove the backups that no rule keeps; return what went, what stayed and why, and the bytes freed."""
    retention = Retention(directory, keep, pins, archives)
    directories, files = retention.doomed()
    latest = retention.latest_to_repair()
    result = {
        "changed": bool(directories or files or latest),
        "kept": retention.kept,
        "removed": retention.removed,
        "leftovers": retention.leftovers,
        "archives": [os.path.basename(path) for path in files],
        "bytes": bytes_freed(directories, files),
        "latest": latest_id(directory) or latest,
        "warnings": ["The pin %s pins nothing: there is no such backup." % name for name in retention.unknown_pins],
    }
    if not dry_run:
        retention.repair_latest()
        retention.remove()
    return result


def difference(directory, result):
    """Given what prune returned, return it as Ansible shows a difference."""
    after = ["%s  %s" % (item["id"], ", ".join(item["because"])) for item in result["kept"]]
    before = sorted(after + ["%s  no rule keeps it" % name for name in result["removed"]])
    return {
        "before_header": directory,
        "after_header": directory,
        "before": "".join(line + "\n" for line in before),
        "after": "".join(line + "\n" for line in after),
    }
