# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The phases of a run, with when each began and the seconds that it took.

They are kept in Ansible's own directory for temporary files, which a run makes for itself and removes when it ends: no
facts, as a cache of facts would keep those, and hand them to the next run.
"""

from __future__ import annotations

import json
import time
from datetime import datetime, timezone

from ansible_collections.microbosh.director.plugins.plugin_utils._run._kept_list import place, write

PHASES = "phases"


def phases_of(host: str, began: float = 0) -> list[dict]:
    """Return the phases that have ended on a host in the run that began then."""
    try:
        known = json.loads(place(host, PHASES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [phase for phase in known if phase["ended"] >= began]


def end_phase(host: str, name: str, began: float) -> dict:
    """Note that a phase has ended; return it. It began where the one before ended, the first one with the run."""
    known = phases_of(host, began)
    known.append(phase_until_now(name, known, began))
    write(place(host, PHASES), json.dumps(known))
    return known[-1]


def phase_until_now(name: str, before: list[dict], began: float) -> dict:
    """Return a phase that lasted until now."""
    now = time.time()
    since = before[-1]["ended"] if before else began or now
    stamp = datetime.fromtimestamp(since, timezone.utc).isoformat(timespec="milliseconds")
    return {"phase": name, "start": stamp, "seconds": round(max(now - since, 0), 2), "ended": now}
