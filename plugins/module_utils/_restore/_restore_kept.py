# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts back or removes a database that a load replaced and kept. Both can be repeated."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

from ansible_collections.microbosh.director.plugins.module_utils._core._clock import seconds_since, uptime
from ansible_collections.microbosh.director.plugins.module_utils._dump._dump_file import DumpFileError
from ansible_collections.microbosh.director.plugins.module_utils._postgres._postgres import PostgresError
from ansible_collections.microbosh.director.plugins.module_utils._restore._restore import (
    PATIENCE,
    require_alone,
    working_names,
)


class Kept(object):
    """The database that a load with keep_replaced kept. Those with its other working names are of no use."""

    def __init__(self, server, target):
        self._server = server
        self._target = target
        self._new, self._old, self._kept, self._absent = working_names(target)
        server.stay_out_of(target)
        self.exists = server.has(self._kept)
        self.was_absent = server.has(self._absent)
        self._left = [name for name in (self._new, self._old) if server.has(name)]
        self.warnings = []

    @property
    def untidy(self):
        """Return whether there is anything to do."""
        return self.exists or self.was_absent or bool(self._left)

    def put_back(self):
        """Give the kept database its name again; remove the loaded one where there was none before."""
        if self.exists or self.was_absent:
            self._server.drop(self._old)
            pairs = [(self._kept, self._target)] if self.exists else []
            if self._server.has(self._target):
                require_alone(self._server, self._target, PATIENCE)
                pairs.insert(0, (self._target, self._old))
            if pairs:
                self._server.rename(*pairs)
            self._server.drop(self._absent)
        for name in (self._new, self._old):
            self._discard(name)

    def settle(self):
        """Drop the kept one: what replaced it stays."""
        self._server.drop(self._kept)
        self._server.drop(self._absent)
        for name in (self._new, self._old):
            self._discard(name)

    def _discard(self, name):
        try:
            self._server.drop(name)
        except PostgresError as error:
            self.warnings.append("The database %s is left over and could not be dropped: %s." % (name, error))


def end_load(server, target, state, pretend=False):
    """Given what is to become of what a load of a database kept, do it; return what was, or would be, done."""
    began = uptime()
    try:
        kept = Kept(server, target)
        if not pretend:
            kept.put_back() if state == "put_back" else kept.settle()
            if server.superuser:
                server.drop_stale_loaders()
    except PostgresError as error:
        what = "put back as it was before the restore" if state == "put_back" else "rid of what was kept of it"
        raise DumpFileError("The database %s could not be %s: %s. Do it again." % (target, what, error))
    return {
        "changed": kept.untidy,
        "target": target,
        "kept": kept.exists,
        "server_version": str(server.version),
        "warnings": kept.warnings,
        "told": list(kept.warnings),
        "seconds": seconds_since(began),
    }
