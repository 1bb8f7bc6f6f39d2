# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the phase in a marker means for whoever meets a restore: the one place that compares phases for it."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

from ansible_collections.microbosh.director.plugins.module_utils._restore._restore_workspace import SETTLED

# Of a restore that goes on, whatever earlier version began it: what each of its phases says, by itself.
LOADED = ("proving", "starting", "proven")
STARTED = ("starting", "proven")
MAY_HAVE_LOADED = ("loading", "proving", "starting", "rolling_back")
ROLLING_BACK = ("rolling_back", "rolled_back")


def state_of(marker):
    """Given a marker, None if there is none, return the state of its restore; without one, nothing holds."""
    phase = marker["phase"] if marker else None
    return {
        "unfinished": marker is not None and phase not in SETTLED,
        "settled": phase in SETTLED,
        "rolling_back": phase in ROLLING_BACK,
        "loaded": phase in LOADED,
        "started": phase in STARTED,
        "may_have_loaded": phase in MAY_HAVE_LOADED,
    }
