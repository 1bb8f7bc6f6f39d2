# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a restore on the director."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json
import os
import re

from ansible.module_utils.common.text.converters import to_bytes, to_native
from ansible_collections.microbosh.director.plugins.module_utils._clock import seconds_since, uptime
from ansible_collections.microbosh.director.plugins.module_utils._files import remove_tree
from ansible_collections.microbosh.director.plugins.module_utils._metadata import set_metadata
from ansible_collections.microbosh.director.plugins.module_utils._restore_swap import (
    Staging,
    Swap,
    copy_exactly,
    make_directory,
)
from ansible_collections.microbosh.director.plugins.module_utils._restore_tree import (
    IDENTITY,
    Comparison,
    Live,
    RestoreError,
    parse_wanted,
    unpack,
)
from ansible_collections.microbosh.director.plugins.module_utils._restore_workspace import (
    FIRST,
    SETTLED,
    Workspace,
    reached,
)
from ansible_collections.microbosh.director.plugins.module_utils._tree import examine_tree

CONTENT_SLACK = 64 * 1024 * 1024
_STORE = b"store"
_POSTGRES = re.compile("^postgres[a-z0-9.-]*$")


class Restore(object):
    """One restore, step by step; each can be asked for again after its answer was lost."""

    def __init__(self, params, run_command):
        self._params = params
        self._run_command = run_command
        self._workspace = Workspace(params["workspace"])

    def perform(self, check_mode=False):
        """Do what ``state`` says and return the facts."""
        began = uptime()
        steps = {
            "examined": self.examine,
            "compared": self.compare,
            "staged": self.stage,
            "marked": self.mark,
            "swapped": self.swap,
            "rolled_back": self.roll_back,
            "absent": self.remove,
            "cleared": self.clear,
        }
        state = self._params["state"]
        if check_mode and state not in ("examined", "compared"):
            facts = self.examine()
            facts["changed"] = True
        else:
            facts = steps[state]()
        if check_mode and state == "compared":
            facts["changed"] = bool(facts["diff"]["prepared"])
        return dict(facts, seconds=seconds_since(began))

    def examine(self):
        """Return what is under way, without any right but to read."""
        marker = self._workspace.marker.read()
        return {"changed": False, "marker": marker, "abandoned": self._abandoned(marker)}

    def compare(self):
        """Return what would change, what has to be pushed for it, and what there is to know of this host."""
        self._require_no_marker()
        live, wanted, left_out = self._chosen(unpack(self._params["metadata"]))
        comparison = Comparison(live, wanted, live.entries(wanted, at_rest=False)).compare()
        facts = dict(comparison.facts(), changed=False, left_out=left_out, diff={"prepared": comparison.lines()})
        facts["postgres"] = self._postgres_directories()
        database = sum(_size(live.path(path)) for path in self._database_directories())
        found = os.statvfs(live.path(_STORE))
        facts["free_bytes"] = found.f_bavail * found.f_frsize
        pushed = _size(to_bytes(self._params["incoming"]))
        facts["need_bytes"] = max(facts["push_bytes"] - pushed, 0) + database + CONTENT_SLACK
        return facts

    def stage(self):
        """Build what is wanted beside what is there."""
        with self._workspace.locked():
            self._require_no_marker()
            self._workspace.clear()
            content = unpack(self._params["metadata"])
            live, wanted, left_out = self._chosen(content)
            staging = Staging(live, wanted, self._workspace, to_bytes(self._params["incoming"]))
            staging.build()
            self._workspace.write_wanted(content)
            self._sync()
        return {"changed": True, "left_out": left_out, "shared": staging.shared}

    def mark(self):
        """Note how far the restore is; the first time, what it is about. A task that arrives late changes nothing."""
        with self._workspace.locked():
            phase = self._params["phase"]
            marker = self._workspace.marker.read()
            if (marker or {"phase": None})["phase"] == phase:
                return {"changed": False, "marker": marker}
            if marker is None and phase != FIRST:
                raise RestoreError("No restore is under way on this host, so none can be at '%s'." % phase)
            if marker and (reached(marker["phase"], phase) or reached(marker["phase"], "rolling_back")):
                raise RestoreError("The restore on this host is at '%s', not before '%s'." % (marker["phase"], phase))
            facts = {"about": self._params["about"]} if self._params["about"] else {}
            return {"changed": True, "marker": self._workspace.marker.write(phase, **facts)}

    def swap(self):
        """Put what is wanted in the place of what is there, which is kept aside."""
        with self._workspace.locked():
            marker = self._require_marker()
            if reached(marker["phase"], "rolling_back"):
                raise RestoreError("This restore is being rolled back: it can only be rolled back to the end.")
            if reached(marker["phase"], "swapped"):
                return {"changed": False, "marker": marker}
            self._workspace.marker.write("swapping")
            live, wanted = self._resumed(marker)
            self._copy_database(live)
            Swap(live, wanted, self._workspace, self._run_command).exchange()
            self._sync()
            return {"changed": True, "marker": self._workspace.marker.write("swapped")}

    def roll_back(self):
        """Put what was there back in its place."""
        with self._workspace.locked():
            marker = self._workspace.marker.read()
            if marker is None or marker["phase"] == "rolled_back":
                return {"changed": False, "marker": marker}
            if marker["phase"] == "proven":
                raise RestoreError("This restore is proven, what was there before may be gone in part: resume it.")
            self._workspace.marker.write("rolling_back", failed_phase=marker.get("failed_phase", marker["phase"]))
            live, wanted = self._resumed(marker)
            changed = self._put_back_database(live)
            changed = Swap(live, wanted, self._workspace, self._run_command).put_back() or changed
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
            store = os.path.dirname(self._workspace.path)
            before = examine_tree(os.path.dirname(store), os.path.basename(store))[0] if marker else None
            self._workspace.remove()
            if before:
                set_metadata(store, before)
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
        return {"changed": bool(there), "marker": marker, "abandoned": self._abandoned(marker)}

    def _abandoned(self, marker):
        """Whether a restore left what no restore needs any more. Only root can remove that."""
        settled = marker is None or marker["phase"] in SETTLED
        return settled and os.path.lexists(self._workspace.path)

    def _live(self, rules, leave_out):
        return Live(self._params["root"], rules, leave_out, self._run_command)

    def _chosen(self, content):
        """Return what is there, what of a backup is restored on this host, and the paths that stay out of both."""
        leave_out = [] if self._is_same_machine() else [IDENTITY]
        if self._params["database"] == "dump":
            leave_out += self._database_directories() + _database_directories_of(content)
        left_out = [to_native(path) for path in sorted(set(leave_out))]
        return self._live(self._params["filter"], leave_out), parse_wanted(content, leave_out), left_out

    def _is_same_machine(self):
        """Whether the backup's agent is this machine's: settings of another machine would cut it off."""
        path = os.path.join(self._params["root"], "bosh", "settings.json")
        if not os.path.exists(path):
            return False
        with open(path) as source:
            try:
                return json.load(source).get("agent_id") == self._params["agent_id"]
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
        self._params.update(database=about["database"])
        leave_out = [to_bytes(path) for path in about["left_out"]]
        return self._live(about["filter"], leave_out), parse_wanted(self._workspace.read_wanted(), leave_out)

    def _database_directories(self):
        """Return the paths of the directories of PostgreSQL, if a dump will be loaded there."""
        if self._params["database"] != "dump":
            return []
        return [b"store/" + to_bytes(found["name"]) for found in self._postgres_directories()]

    def _postgres_directories(self):
        store = os.path.join(self._params["root"], "store")
        found = []
        for name in sorted(os.listdir(store)):
            path = os.path.join(store, name, "PG_VERSION")
            if _POSTGRES.match(name) and os.path.isfile(path):
                with open(path) as source:
                    found.append({"name": name, "major": source.read().strip()})
        return found

    def _copy_database(self, live):
        """Keep a copy of the database's directory: a dump is loaded into the one there is."""
        for path in self._database_directories():
            target = os.path.join(self._workspace.database, os.path.basename(path))
            if os.path.isdir(target):
                continue
            if os.path.isdir(target + b".part"):
                remove_tree(target + b".part")
            make_directory(os.path.dirname(target))
            copy_exactly(self._run_command, live.path(path), target + b".part")
            self._sync()
            os.rename(target + b".part", target)

    def _put_back_database(self, live):
        names = os.listdir(self._workspace.database) if os.path.isdir(self._workspace.database) else []
        for name in [name for name in names if not name.endswith(b".part")]:
            target = live.path(os.path.join(_STORE, name))
            if os.path.isdir(target):
                remove_tree(target)
            os.rename(os.path.join(self._workspace.database, name), target)
        return bool(names)

    def _sync(self):
        rc, dummy, err = self._run_command(["sync"])
        if rc:
            raise RestoreError("What was written could not be brought to disk: %s" % err.strip())


def _database_directories_of(content):
    """Return the paths of the directories of PostgreSQL in a backup."""
    return re.findall(b"^\\./vcap/(store/postgres[a-z0-9.-]*)/PG_VERSION type=file", content, re.MULTILINE)


def _size(path):
    """Return the bytes in the files of a tree, 0 if there is none."""
    total = 0
    for directory, dummy, names in os.walk(path):
        for name in names:
            try:
                total += os.lstat(os.path.join(directory, name)).st_size
            except EnvironmentError:  # it has just gone
                continue
    return total
