# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Permission to stop or start services on a director, by the lease that a run holds.

Something is stopped only under an armed lease, and only until a start has begun. A task may outlive its run. The worker
of a killed ansible-playbook goes on, and a network that was cut delivers half a minute later what was sent into it.
Such a stop would come after the lease has started the director, and nothing would start it again. A start that comes as
late would start the services while the next run is at work on their data.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

from ansible_collections.microbosh.director.plugins.module_utils._core._clock import uptime
from ansible_collections.microbosh.director.plugins.module_utils._core._errors import DirectorError
from ansible_collections.microbosh.director.plugins.module_utils._lease._lease_staging import LeaseStaging, boot_id


class StopForbidden(DirectorError):
    """The lease under which something was to be stopped is not in force."""


class StartForbidden(DirectorError):
    """Another run has the director."""


class StopPermit(object):
    """Permits stops and starts under the lease with this token; without a token, all of them."""

    def __init__(self, staging, token):
        self._staging = LeaseStaging(staging)
        self._token = token

    def require(self):
        """Raise StopForbidden unless the director would come back by itself if this run ended now."""
        reason = self._forbidden() if self._token else None
        if reason:
            raise StopForbidden(
                "Nothing more is stopped, as %s: nobody would start the director again. Run the backup anew." % reason,
                reason="lost",
            )

    def require_start(self):
        """Raise StartForbidden if another run has the director by now."""
        if not self._token or not self._staging.is_locked():
            return
        lease = self._staging.signed()
        if lease.get("token", self._token) != self._token:
            raise StartForbidden(
                "Nothing is started, as %s has the director by now for a %s." % (lease["holder"], lease["purpose"]),
                reason="lost",
            )

    def end(self):
        """Forbid all stops of a task of this lease that is still on its way."""
        if self._token:
            try:
                self._staging.note_start(self._token)
            except EnvironmentError:
                return  # a disk that is full must not keep the director down

    def _forbidden(self):
        armed = self._staging.marked() or {}
        if armed.get("token") != self._token:
            return "the lease of this run is not armed"
        if armed["boot_id"] != boot_id() or not self._staging.is_locked():
            return "the process that holds the lease is gone"
        if uptime() >= armed["deadline"] or self._staging.recorded(self._token):
            return "the lease of this run is over"
        return "the director is being started already" if self._staging.noted_start() == self._token else None
