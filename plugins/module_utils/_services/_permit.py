# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A permit for changes of services that need no lease."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type


class NullPermit(object):
    """Permits everything. What a lease permits is in _lease._stop_permit, which has the same three methods."""

    def require(self):
        """Permit a stop."""

    def require_start(self):
        """Permit a start."""

    def end(self):
        """Do nothing: there is no lease that has to know of the last stop."""
