"""The matrix of faults: each cell is a fault at a point of the run."""

from __future__ import annotations

import itertools

import faults


def alternate(alternatives, points, first=0):
    """Return (alternative, point) pairs; the alternatives take turns over the points.

    They are what looks the same from the director: whether ansible-playbook or all of its processes are killed, whether
    the clock goes forward or back. Every point meets each kind, and every alternative meets every phase.
    """
    turns = itertools.islice(itertools.cycle(alternatives), first, None)
    return [(next(turns), point) for point in points]


def name_of(value):
    return value.name if isinstance(value, faults.Fault) else str(value)
