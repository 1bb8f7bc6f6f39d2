# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of the long tests a run does: everything with script/test --long, else a share that rotates by its seed.

The seed is the number of the day, unless MICROBOSH_SEED gives another one; script/test prints it.
"""

from __future__ import annotations

import datetime
import os

LONG = os.environ.get("MICROBOSH_LONG") == "1"
SEED = int(os.environ.get("MICROBOSH_SEED") or datetime.datetime.now(datetime.UTC).date().toordinal())


TURNS = 6


def is_turn_of(number):
    """Tell whether what has this number among those that take turns has its turn in this run."""
    return LONG or number % TURNS == SEED % TURNS


def share(cases, one_of):
    """Return the cases of this run, in order: the first, the last, and one of so many in between."""
    cases = list(cases)
    if LONG:
        return cases
    ends = {0, len(cases) - 1}
    return [case for number, case in enumerate(cases) if number in ends or number % one_of == SEED % one_of]
