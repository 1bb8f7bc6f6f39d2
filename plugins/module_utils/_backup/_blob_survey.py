# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The blobs that a director itself has lost, whether a backup is refused for them, and how they are mended."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json
import os
import stat

from ansible_collections.microbosh.director.plugins.module_utils._backup._blob_listing import PLACE
from ansible_collections.microbosh.director.plugins.module_utils._backup._blob_names import BlobstoreError
from ansible_collections.microbosh.director.plugins.module_utils._backup._blobstore import (
    Blobstore,
    compare,
    recorded_blobs,
)
from ansible_collections.microbosh.director.plugins.module_utils._backup._snapshots import (
    list_ids,
    newest_published,
    read_report,
)
from ansible_collections.microbosh.director.plugins.module_utils._core import _layout as layout
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError

SHOWN = 3
# So many lost blobs are read in an earlier backup before it is told that it holds them; the manifest vouches for more.
MOST_READ = 1000


class Holders(object):
    """The earlier backups of a director, newest first, and which of them holds a blob."""

    def __init__(self, directory):
        self._directory = directory
        self._stores = None
        self._read = 0

    def find(self, blob):
        """Return the id of the newest backup that holds a blob as its digest says, and its path; or None twice."""
        for name, store in self._all():
            path, found = store.find(blob.id)
            if path is None or not stat.S_ISREG(found.st_mode):
                continue
            full = os.path.join(store.root, path)
            if self._is_right(full, blob):
                return name, full
        return None, None

    def _is_right(self, path, blob):
        if not blob.digests or self._read >= MOST_READ:
            return True
        self._read += 1
        return compare(path, blob.digests)[0] is None

    def _all(self):
        if self._stores is None:
            self._stores = []
            for name in reversed(list_ids(self._directory)) if self._directory else ():
                tree = os.path.join(self._directory, name, layout.TREE)
                try:
                    self._stores.append((name, Blobstore(os.path.join(tree, PLACE), tree)))
                except (BlobstoreError, EnvironmentError):
                    continue
        return self._stores


def known_before(directory):
    """Given the directory of a director's backups, return what the newest of them records of its blobs."""
    newest = newest_published(directory) if directory else None
    try:
        return recorded_blobs(read_report(newest)) if newest else {}
    except DirectorError:
        return {}


def is_external(kind, named, here, served, before):
    """Return whether the blobs are in an external blobstore, from where no backup copies them, and why.

    ``served`` is whether monit runs the program that serves blobs from this VM, ``before`` what the newest backup
    records. Only the director's own job knows for certain, and only it may read its configuration.
    """
    if kind != "auto":
        return kind == "external", "microbosh_blobstore is %s" % kind
    if here or not named or served:
        return False, ""
    if any(before.get(key) for key in ("checked", "reused", "without_digest")):
        return False, ""  # that many were here when the newest backup was made
    return True, "not one of the blobs that the database names is here, and monit runs no blobstore_nginx"


def put_back(path, place, host, inventory):
    """Return the command that puts a blob of a backup back on the director."""
    target = "/var/vcap/%s/" % os.path.dirname(place)
    arguments = json.dumps(
        {"src": path, "dest": target, "owner": "vcap", "group": "vcap", "mode": "preserve"}, sort_keys=True
    )
    sources = "".join("-i %s " % _quoted(source) for source in inventory)
    return "ansible %s%s -b -m ansible.builtin.copy -a %s" % (sources, _quoted(host), _quoted(arguments))


def _quoted(text):
    """Return a text as a shell takes it; Python 2.7 has this elsewhere."""
    plain = text and all(c.isalnum() or c in "@%+=:,./-_" for c in text)
    return text if plain else "'%s'" % text.replace("'", "'\"'\"'")


class Survey(object):
    """Compares the blobs that a database names with those that the director has."""

    def __init__(self, names, origins, listing, settings):
        self._names, self._origins, self._listing = names, origins, listing
        self._settings = settings
        self._before = known_before(settings["directory"])
        self._holders = Holders(settings["directory"])
        self._absent = []
        self.here = self.made_again = 0

    def run(self):
        """Return what was found, as the module returns it."""
        for dummy, blobs in self._names.buckets():
            for blob in blobs:
                self._look_at(blob)
        needed = self._names.counted() - self.made_again
        kind, served = self._settings["kind"], self._settings["served"]
        links = [] if kind == "external" else self._links()
        external, because = is_external(kind, needed, self.here, served or bool(links), self._before)
        lost = [] if external or links else [self._entry(blob) for blob in self._absent]
        damaged = [] if external else self._settings["damaged"]
        result = {
            "external": external,
            "because": because,
            "unserved": kind == "auto" and not served and bool(lost),
            "links": links,
            "named": self._names.counted(),
            "here": self.here,
            "made_again": self.made_again,
            "lost": lost,
            "damaged": damaged,
            "newly_lost": self._newly_lost(lost + damaged),
            "unknown_columns": sorted(self._names.unknown),
        }
        known = set(entry["id"] for entry in self._before.get("lost") or [])
        return dict(result, unsure=any(entry["id"] not in known for entry in lost))

    def _look_at(self, blob):
        if self._listing.has(blob.id):
            self.here += 1
        elif blob.made_again:
            self.made_again += 1
        else:
            self._absent.append(blob)

    def _links(self):
        return [{"path": path, "target": self._target(path)} for path in self._listing.links()]

    def _target(self, path):
        """Return where a link leads, if the backup user may look."""
        target = self._settings["links"].get(path)
        return target if target and target != "/var/vcap/" + path else "a place that the backup user cannot see"

    def _entry(self, blob):
        return {
            "id": blob.id,
            "table": blob.tables,
            "about": self._origins.about(blob),
            "mend": self._origins.mend(blob),
            "path": self._listing.expected(blob.id),
        }

    def _newly_lost(self, entries):
        """Return the lost blobs that an earlier backup holds and no setting accepts, with what puts them back."""
        accepted, found = set(self._settings["accepted"]), []
        for entry in entries:
            if entry["id"] in accepted:
                continue
            name, path = self._holders.find(self._names.get(entry["id"]))
            if name:
                place = os.path.relpath(path, os.path.join(self._settings["directory"], name, layout.TREE))
                command = put_back(path, place, self._settings["host"], self._settings["inventory"])
                found.append({"id": entry["id"], "about": entry["about"], "backup": name, "command": command})
        return found


def refusal(result, policy, accepted):
    """Given what a survey found, return why no backup is made, or an empty text."""
    if result["links"]:
        return _of_links(result["links"])
    faults = [entry for entry in result["lost"] + result["damaged"] if entry["id"] not in set(accepted)]
    if policy == "publish" or not faults:
        return ""
    lines = _of_newly_lost(result) + _of_lost(result)
    if not result["here"]:
        lines.append(
            "Not one blob was seen: if they are elsewhere, or microbosh_filter leaves them out on purpose, set "
            "microbosh_blobstore to external."
        )
    elif result["unserved"]:
        lines.append(
            "Monit runs no blobstore_nginx: if the director keeps its blobs elsewhere by now, and what is here is of "
            "before, set microbosh_blobstore to external, or else to local."
        )
    lines.append(
        "Mend that, or set microbosh_lost_blobs to publish, which backs up all the rest and keeps the list with the "
        "backup. Nothing was stopped."
    )
    return " ".join(lines)


def _of_links(links):
    shown = "; ".join("/var/vcap/%s leads to %s" % (link["path"], link["target"]) for link in links)
    return (
        "The blobstore is behind a link that leaves what is copied: %s. Its blobs would not be in the backup. Mount "
        "that place instead of linking to it, or back it up by other means and set microbosh_blobstore to external. "
        "Nothing was stopped." % shown
    )


def tell(result):
    """Given what a survey found, return the lines that tell the operator of it."""
    lines = []
    if result["external"]:
        lines.append(
            "The blobstore is external (%s): its %d blobs are in no backup; back them up where they are."
            % (result["because"], result["named"])
        )
    lines += _of_newly_lost(result) + _of_lost(result)
    if result["unknown_columns"]:
        lines.append(
            "The database has columns that may name blobs and that this version does not know: %s. Whether those are "
            "there was not looked at." % ", ".join(result["unknown_columns"])
        )
    return lines


def _of_newly_lost(result):
    lines = [
        "NEWLY LOST: %s (%s). The backup %s holds it. Put it back with: %s -- or, if it may stay away, add the id to "
        "microbosh_lost_blobs_accepted." % (entry["about"], entry["id"], entry["backup"], entry["command"])
        for entry in result["newly_lost"][:SHOWN]
    ]
    more = len(result["newly_lost"]) - len(lines)
    return lines + (["... and %d more that an earlier backup holds." % more] if more > 0 else [])


def _of_lost(result):
    lines = []
    for entries, what in ((result["lost"], "has not got"), (result["damaged"], "has damaged")):
        shown = ["%s (%s; %s)" % (entry["about"], entry["id"], entry["mend"]) for entry in entries[:SHOWN]]
        if len(entries) > SHOWN:
            shown.append("and %d more" % (len(entries) - SHOWN))
        if shown:
            lines.append(
                "The director itself %s %d of the %d blobs that its database names: %s."
                % (what, len(entries), result["named"], "; ".join(shown))
            )
    return lines
