# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks that the copied dumps are those that were written, and that a restore would load each of them."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os

from ansible_collections.microbosh.director.plugins.module_utils._core._clock import seconds_since, uptime
from ansible_collections.microbosh.director.plugins.module_utils._core._files import sha256
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump_file import (
    DumpFileError,
    RolesFile,
    read_as_restore,
)
from ansible_collections.microbosh.director.plugins.module_utils._dump._superuser_statements import (
    powers_needed,
    setting_needed,
)

ADVICE = (
    "No restore would load the dump of %s: %s. Change or drop on the director what this names, or leave the database "
    "out of microbosh_databases; its files are copied all the same."
)


class DumpReading(object):
    """The copies of what pg_dump_bosh wrote, and what is wrong with them."""

    def __init__(self, directory):
        self._directory = directory
        self.problems = []
        self.dumps = []
        self.superuser_for = {}
        self._needed = {}
        self._made = None
        self._superusers = None

    def read(self, dumps, roles):
        """Given what pg_dump_bosh returned of dumps and globals, read each as a restore would."""
        if roles:
            self._read_roles(roles)
        for dump in dumps:
            self._read_dump(dump)

    def _copy(self, written):
        return os.path.join(self._directory, os.path.basename(written["path"]))

    def _is_what_was_written(self, written):
        """Return whether a copy has the size and content that were written; note it if not."""
        path = self._copy(written)
        size = os.path.getsize(path) if os.path.isfile(path) else 0
        if size == written["size"] and sha256(path)[0] == written["sha256"]:
            return True
        self.problems.append(
            "%s is not what was dumped: that had %d bytes and what was copied has %d, or others. Something changed %s "
            "on the director. Run the backup again."
            % (os.path.basename(path), written["size"], size, written["path"])
        )
        return False

    def _read_roles(self, roles):
        try:
            found = RolesFile(self._copy(roles), roles["sha256"])
            found.require_loadable()
            self._made = found.made
            self._superusers = found.said().superusers
        except DumpFileError as error:
            if self._is_what_was_written(roles):
                self.problems.append("The roles cannot be loaded: %s" % error)

    def _read_dump(self, dump):
        name, properties = dump["database"], dump.get("properties")
        # The checksum is part of the reading; only if that fails, it is asked what has changed.
        try:
            source = read_as_restore(
                self._copy(dump), dump["sha256"], name, properties["sha256"] if properties else None)
        except DumpFileError as error:
            whole = self._is_what_was_written(dump)
            if properties and whole:
                whole = self._is_what_was_written(properties)
            if whole:
                self.problems.append(ADVICE % (name, error.why or error))
            return
        contents = source.contents
        self._note_powers(dump, source)
        for role in contents.statements_by_role:
            self._needed.setdefault(role, []).append(name)
        self.dumps.append({
            "database": name,
            "sha256": source.sha256,
            "tables": len(contents.rows),
            "rows": sum(contents.rows.values()),
            "large_objects": contents.large_objects,
            "roles": sorted(contents.statements_by_role),
        })

    def _note_powers(self, dump, source):
        """Note why only a superuser may load a dump again, where the roles of its server are known."""
        if self._superusers is None:
            return
        properties = source.properties
        owner = properties and properties.traits.owner
        owners = [owner] * bool(owner) + sorted(source.contents.owners)
        why = powers_needed(source.contents, owners, self._superusers) or setting_needed(dump.get("superuser_setting"))
        why = why or (properties and properties.powers_needed(self._superusers))
        if why:
            self.superuser_for[dump["database"]] = why

    @property
    def lost_roles(self):
        """Return {role: databases} of the roles that a dump needs and no dump makes."""
        if self._made is None:
            return {}
        return dict((role, names) for role, names in self._needed.items()
                    if role not in self._made and not role.startswith("pg_"))

    @property
    def told(self):
        """Return sentences on what a restore leaves out or has to be allowed."""
        lines = ["The role %s is gone, and the dump of %s still names it: a restore leaves that out"
                 % (role, ", ".join(names)) for role, names in sorted(self.lost_roles.items())]
        return lines + ["The dump of %s loads only with microbosh_dump_as_superuser=true, as it %s" % item
                        for item in sorted(self.superuser_for.items())]


def read_dumps(directory, dumps, roles):
    """Return what there is to tell about copied dumps."""
    began = uptime()
    reading = DumpReading(directory)
    reading.read(dumps, roles)
    return {
        "dumps": reading.dumps,
        "problems": reading.problems,
        "lost_roles": reading.lost_roles,
        "superuser_for": reading.superuser_for,
        "told": reading.told,
        "seconds": seconds_since(began),
    }
