# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of the restore playbook has to do with a restore that was interrupted before."""

from __future__ import annotations

REFUSE, ROLLBACK = "refuse", "rollback"
# What the module tells of a marker, and a run goes by.
NAMES = ("settled", "rolling_back", "loaded", "started", "may_have_loaded")
# Of a restore of which only the workspace is left, nothing has to be known to remove that.
REMAINS = {"phase": "rolled_back", "about": {"backup": "an unknown backup"}}


def interrupted_restore(found: dict, unfinished: str) -> dict:
    """Given what restore_tree_info found on the host, and what the operator wants of an interrupted restore, return the
    state that this run begins with. A host that was not asked yet, or did not answer, has none.

    ``fresh`` is a run that begins a restore of its own; all others go on with the one in ``marker``.
    """
    known = found
    if unfinished == REFUSE and found.get("settled"):
        known = {}
    abandoned = bool(not found.get("marker") and found.get("abandoned") and unfinished != REFUSE)
    if abandoned:
        known = {"marker": REMAINS, "settled": True, "rolling_back": True}
    marker = known.get("marker") or {}
    state = {name: bool(marker and known.get(name)) for name in NAMES}
    if marker and unfinished == ROLLBACK and not state["settled"]:
        state["rolling_back"] = True
    return {"marker": marker, "fresh": not marker, "only_remains": abandoned, **state}
