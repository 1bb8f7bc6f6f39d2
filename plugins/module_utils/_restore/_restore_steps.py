# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a restore on the director."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json
import os

from ansible.module_utils.common.text.converters import to_bytes, to_native
from ansible_collections.microbosh.director.plugins.module_utils._core._clock import seconds_since, uptime
from ansible_collections.microbosh.director.plugins.module_utils._core._files import digest_rate, remove_tree
from ansible_collections.microbosh.director.plugins.module_utils._postgres._data_directories import DEEPEST
from ansible_collections.microbosh.director.plugins.module_utils._postgres._file_layout import DUMP
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_copy import copy_place
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_databases import (
    HostDatabases,
    require_free,
    way_back,
)
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_linked import (
    give_out,
    linked,
    paths_inside,
    take_in,
)
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_mounts import APART, mounts_below
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_space import (
    require_space,
    spaces_for,
    used,
)
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_staging import TreeBuild, take_dump
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_state import state_of
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_swap import Swap, move, refill
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_tree import (
    IDENTITY,
    Comparison,
    Live,
    RestoreError,
    database_directories_of,
    give_attributes,
    parse_wanted,
    require_mounts,
    unpack,
    unpack_files,
)
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_workspace import (
    FIRST,
    SETTLED,
    Marker,
    Workspace,
    reached,
)
from ansible_collections.microbosh.director.plugins.module_utils._tree import _mtree as mtree
from ansible_collections.microbosh.director.plugins.module_utils._tree._openat import (
    READ,
    Tree,
    as_before,
    open_directory,
)

# Who comes late to say that a phase began finds it at its end.
_DONE = {"rolling_back": "rolled_back"}
_STORE = b"store"
_BLOB = b"store/blobstore/store/any"
_PART = b".part"
_VERSION = b"PG_VERSION"


def _unset(wanted):
    """Return the names, in the escapes of mtree, whose attributes this host does not take."""
    return [to_native(mtree.escape(path)) for path in sorted(wanted) if wanted[path].unset]


def look(path):
    """Given the directory of a restore, return what is under way, without any right but to read."""
    began = uptime()
    marker = Marker(path).read()
    facts = dict(state_of(marker), marker=marker, abandoned=_abandoned(path, marker))
    return dict(facts, seconds=seconds_since(began))


def _abandoned(path, marker):
    """Return whether a restore left what no restore needs any more. Only root can remove that."""
    return (marker is None or marker["phase"] in SETTLED) and os.path.lexists(path)


class TreeRestore(object):
    """One restore, step by step; each can be asked for again after its answer was lost."""

    def __init__(self, params, run_command):
        self._params = params
        self._run_command = run_command
        self._workspace = Workspace(params["workspace"], params["root"])

    def perform(self, check_mode=False):
        """Do what ``state`` says and return the facts."""
        began = uptime()
        steps = {
            "staged": self.stage,
            "marked": self.mark,
            "swapped": self.swap,
            "rolled_back": self.roll_back,
            "absent": self.remove,
            "cleared": self.clear,
        }
        if check_mode:
            return dict(look(self._params["workspace"]), changed=True)
        facts = steps[self._params["state"]]()
        if "marker" in facts:
            facts.update(state_of(facts["marker"]))
        return dict(facts, seconds=seconds_since(began))

    def compare(self):
        """Return what would change, what has to be pushed for it, and what there is to know of this host."""
        began = uptime()
        self._require_no_marker()
        way = self._way_back()
        live, wanted, left_out = self._chosen(unpack(self._params["metadata"]))
        mounts = mounts_below(self._params["root"])
        require_mounts(wanted, mounts)
        comparison = Comparison(live, wanted, live.entries(wanted, at_rest=False)).compare()
        facts = dict(comparison.facts(), changed=False, left_out=left_out, diff={"prepared": comparison.lines()})
        spaces = self._spaces(live, comparison, mounts)
        require_space(spaces)
        facts.update(way, postgres=way["host"]["postgres"], spaces=[space.facts() for space in spaces])
        return dict(facts, digest_rate=digest_rate(), seconds=seconds_since(began))

    def _way_back(self):
        """Decide how the databases come back, and ask what a restore of them would need after its stop."""
        way = way_back(self._params["database"], self._params["source"], self._databases())
        if way["data_directory"]:
            require_free(self._params["port"], self._params["scratch"])
        self._params.update(database=way["database"], data_directory=way["data_directory"])
        return way

    def _databases(self, marker=None):
        """Return PostgreSQL on this host; its files may be put aside, but a marker names its directory."""
        given = self._params
        noted = ((marker or {}).get("about") or {}).get("data_directory")
        return HostDatabases(given["root"], given["packages"], given["scratch"], self._run_command, noted)

    def _spaces(self, live, comparison, mounts):
        """Return what is needed in each file system."""
        loads = self._params["database"] == DUMP
        kept = self._kept_bytes(live) if loads else 0
        dumps = [dump["size"] for dump in (self._params["source"] or {}).get("dumps") or []]
        already = used(to_bytes(self._params["incoming"]))
        return spaces_for(to_bytes(self._params["root"]), mounts, comparison.pushed, already, kept, dumps, loads)

    def _kept_bytes(self, live):
        """Return what a copy of the database takes, with what is behind its links."""
        path = self._live_directory()
        apart = [place.full for dummy, place in linked(live.place(path))] if path else []
        return sum(used(found) for found in ([live.path(path)] if path else []) + apart)

    def stage(self):
        """Build what is wanted beside what is there."""
        with self._workspace.locked():
            self._require_no_marker()
            self._workspace.clear()
            self._workspace.make_mounts(mounts_below(self._params["root"]))
            content = unpack(self._params["metadata"])
            live, wanted, left_out = self._chosen(content)
            incoming = to_bytes(self._params["incoming"])
            identity = unpack_files(self._params.get("identity") or {})
            staging = TreeBuild(live, wanted, self._workspace, incoming, identity)
            staging.build()
            dump = self._take_dump()
            self._workspace.write_wanted(content)
            self._workspace.write_attributes(self._attributes())
            self._sync()
            tree = to_native(self._workspace.new_path(_BLOB))
        facts = {"changed": True, "left_out": left_out, "shared": staging.shared, "copied": staging.copied}
        facts.update(blobs_in=tree, dump_in=dump)
        return dict(facts, unset=_unset(wanted))

    def _take_dump(self):
        """Copy the dump that root has to read; return where it is."""
        dump = self._params.get("dump")
        return take_dump(self._params["incoming_dumps"], dump, self._workspace.dump(dump["name"])) if dump else None

    def mark(self):
        """Note how far the restore is; the first time, what it is about. A task that arrives late changes nothing."""
        with self._workspace.locked():
            phase = self._params["phase"]
            marker = self._workspace.marker.read()
            if (marker or {"phase": None})["phase"] in (phase, _DONE.get(phase, phase)):
                return {"changed": False, "marker": marker}
            if marker is None and phase != FIRST:
                raise RestoreError("No restore is under way on this host, so none can be at '%s'." % phase)
            if marker and (reached(marker["phase"], phase) or reached(marker["phase"], "proven")):
                raise RestoreError("The restore on this host is at '%s', not before '%s'." % (marker["phase"], phase))
            facts = {"about": self._params["about"]} if self._params["about"] else {}
            if phase == "rolling_back":
                facts["failed_phase"] = marker["phase"]
            return {"changed": True, "marker": self._workspace.marker.write(phase, **facts)}

    def swap(self):
        """Put what is wanted in the place of what is there, which is kept aside."""
        with self._workspace.locked():
            marker = self._require_marker()
            if reached(marker["phase"], "rolling_back"):
                raise RestoreError("This restore is being rolled back: it can only be rolled back to the end.")
            if reached(marker["phase"], "swapped"):
                return {"changed": False, "marker": marker, "unset": []}
            self._databases(marker).require_none("Nothing was exchanged.")
            self._workspace.marker.write("swapping")
            live, wanted = self._resumed(marker)
            self._copy_database(live)
            Swap(live, wanted, self._workspace).exchange()
            self._sync()
            return {"changed": True, "marker": self._workspace.marker.write("swapped"), "unset": _unset(wanted)}

    def roll_back(self):
        """Put what was there back in its place."""
        with self._workspace.locked():
            marker = self._workspace.marker.read()
            if marker is None or marker["phase"] == "rolled_back":
                return {"changed": False, "marker": marker}
            if marker["phase"] == "proven":
                raise RestoreError("This restore is proven, what was there before may be gone in part: resume it.")
            if self._workspace.read_kept() is not None or self._kept_databases():
                self._databases(marker).require_none("Nothing was put back.")
            self._workspace.marker.write("rolling_back", failed_phase=marker.get("failed_phase", marker["phase"]))
            live, wanted = self._resumed(marker)
            changed = self._put_back_database(live)
            changed = Swap(live, wanted, self._workspace).put_back() or changed
            self._sync()
            return {"changed": changed, "marker": self._workspace.marker.write("rolled_back")}

    def remove(self):
        """Remove what the restore kept and brought. Raise RestoreError if it is still needed."""
        if not self._workspace.exists():
            return {"changed": False, "marker": None}
        with self._workspace.locked():
            marker = self._workspace.marker.read()
            if marker and marker["phase"] not in SETTLED:
                raise RestoreError("The restore is at '%s': what it kept aside is needed still." % marker["phase"])
            self._workspace.remove()
        return {"changed": True, "marker": None}

    def clear(self):
        """Remove what was pushed, unless a restore needs it still; with no right but that of whoever pushed it."""
        marker = self._workspace.marker.read()
        pushed = [to_bytes(self._params[name]) for name in ("incoming", "incoming_dumps")]
        there = [path for path in pushed if os.path.lexists(path)]
        if marker and marker["phase"] not in SETTLED:
            there = []
        for path in there:
            remove_tree(path)
        return {"changed": bool(there), "marker": marker, "abandoned": _abandoned(self._workspace.path, marker)}

    def _live(self, rules, leave_out):
        return Live(self._params["root"], rules, leave_out, self._run_command)

    def _chosen(self, content):
        """Return what is there, what of a backup is restored on this host, and the paths that stay out of both."""
        leave_out = [] if self._is_same_machine() else [IDENTITY]
        if self._params["database"] == "dump":
            recorded = (self._params["source"] or {}).get("live")
            names = self._databases().in_use(self._params["data_directory"]) + [recorded] * bool(recorded)
            leave_out += [os.path.join(_STORE, to_bytes(name)) for name in names] + database_directories_of(content)
            leave_out += self._behind_links()
        left_out = [to_native(path) for path in sorted(set(leave_out))]
        wanted = parse_wanted(content, leave_out)
        give_attributes(wanted, self._attributes())
        return self._live(self._params["filter"], leave_out), wanted, left_out

    def _behind_links(self):
        """Return the paths of what the server that takes the dumps keeps outside of its own directory."""
        name = self._params["data_directory"]
        root = to_bytes(self._params["root"])
        if not name:
            return []
        return paths_inside(Tree(open_directory(root)).place(os.path.join(_STORE, to_bytes(name))), root)

    def _attributes(self):
        """Return the backup's file of attributes, None if it does not know of any."""
        packed = self._params.get("attributes")
        return unpack(packed) if packed else None

    def _is_same_machine(self):
        """Whether the backup's agent is this machine's: settings of another machine would cut it off."""
        place = Tree(open_directory(self._params["root"])).place(IDENTITY + b"/settings.json")
        if not place.exists():
            return False
        with os.fdopen(place.open(READ), "rb") as source:
            try:
                return json.loads(source.read().decode("utf-8")).get("agent_id") == self._params["agent_id"]
            except ValueError:
                return False

    def _require_marker(self):
        marker = self._workspace.marker.read()
        if marker is None:
            raise RestoreError("No restore is under way on this host.")
        return marker

    def _require_no_marker(self):
        marker = self._workspace.exists() and self._workspace.marker.read()
        if marker and marker["phase"] not in SETTLED:
            raise RestoreError("A restore is under way already, it is at '%s'." % marker["phase"], marker=marker)

    def _resumed(self, marker):
        """Return what stage() worked with."""
        about = marker["about"]
        self._params.update(database=about["database"], data_directory=about.get("data_directory"))
        leave_out = [to_bytes(path) for path in about["left_out"]]
        wanted = parse_wanted(self._workspace.read_wanted(), leave_out)
        give_attributes(wanted, self._workspace.read_attributes())
        return self._live(about["filter"], leave_out), wanted

    def _live_directory(self):
        """Return the path of the directory that dumps are loaded into."""
        name = self._params["data_directory"] or self._databases().facts()["live"]
        return os.path.join(_STORE, to_bytes(name)) if name else None

    def _copy_database(self, live):
        """Keep a copy of the database's directory: a dump is loaded into the one there is."""
        path = self._live_directory() if self._params["database"] == DUMP else None
        if path is None:
            return
        target = self._workspace.database.below(os.path.relpath(path, _STORE))
        if target.is_directory():
            return
        part = target.tree.place(target.path + _PART)
        part.remove()
        copy_place(live.place(path), part)
        take_in(live.place(path), part)
        self._sync()
        part.rename(target)

    def _kept_databases(self):
        """Return the names, below the store, of the databases that were copied aside to their end."""
        names = self._names_of(self._workspace.database)
        for name in names:
            if not self._is_database(name) and name.count(b"/") < DEEPEST:
                names += [os.path.join(name, below) for below in self._names_of(self._workspace.database.below(name))]
        return [name for name in names if self._is_database(name) and not name.endswith(_PART)]

    @staticmethod
    def _names_of(place):
        """Return the names in a directory, without what was just being copied there."""
        return sorted(name for name in place.names() if name != APART) if place.is_directory() else []

    def _is_database(self, name):
        return self._workspace.database.below(os.path.join(name, _VERSION)).exists()

    def _put_back_database(self, live):
        names = self._kept_databases()
        for name in names:
            kept, target = self._workspace.database.below(name), live.place(os.path.join(_STORE, name))
            give_out(kept, target)
            if target.path in self._workspace.mounts():
                refill(kept, target)
                continue
            target.above.make_directory()
            with as_before(target.above.enter()):
                target.remove()
                move(kept, target)
        return bool(names)

    def _sync(self):
        rc, dummy, err = self._run_command(["sync"])
        if rc:
            raise RestoreError("What was written could not be brought to disk: %s" % err.strip())
