# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths in the repository, for tests in any folder."""

from __future__ import annotations

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
UNIT = REPOSITORY / "tests" / "unit"
DUMPS = UNIT / "fixtures" / "dumps"
