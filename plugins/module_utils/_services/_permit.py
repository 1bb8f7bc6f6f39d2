# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change of the services asks before each of its steps, where no lease has to be asked."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type


class NullPermit(object):
    """Permits everything. What a lease permits is in _lease._stop_permit, which has the same three methods."""

    def require(self):
        """Let something be stopped."""

    def require_start(self):
        """Let something be started."""

    def end(self):
        """Nothing more is stopped: nobody has to know."""
