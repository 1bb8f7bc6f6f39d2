# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program that ends when no director is in an outage, so that a scheduled run may be stopped.

Each slot of an outage is a file that is locked (_outage_slots.py). A shared lock on all of them waits for the outages
there are, and no other begins meanwhile. Whoever stops the run says how long this may take: what is still away then is
started by its lease.
"""

from __future__ import annotations

import fcntl
import glob
import os
import sys

PLACES = tuple(f"/{place}" for place in ("tmp", "var/tmp", "dev/shm"))


def wait(places: tuple) -> int:
    """Wait until no slot of this user is taken, with all of them held; return how many there are."""
    held = []
    for place in places:
        for path in sorted(glob.glob(os.path.join(glob.escape(place), f"microbosh-{os.geteuid()}", "outage-*"))):
            if path.rpartition("-")[2].isdigit():
                file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
                fcntl.flock(file, fcntl.LOCK_SH)
                held.append(file)
    return len(held)


if __name__ == "__main__":
    wait(tuple(sys.argv[1:]) or PLACES)
