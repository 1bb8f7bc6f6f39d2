# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which version of this collection runs."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

COLLECTION = Path(__file__).resolve().parents[3]
UNKNOWN = "*"  # as ansible-galaxy lists a collection without a version


def collection_version(collection: Path = COLLECTION) -> str:
    """Given a collection's directory, installed or a working copy, return its version."""
    try:
        return str(json.loads((collection / "MANIFEST.json").read_bytes())["collection_info"]["version"])
    except FileNotFoundError:
        pass
    try:
        return str(yaml.safe_load((collection / "galaxy.yml").read_bytes())["version"])
    except FileNotFoundError:
        return UNKNOWN
