# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes values out of what lies beside backups, whoever wrote it: bounded, printable, of the type that is expected.

What is of another type is as good as not there, and is named: one odd value takes nothing from all the others.
"""

from __future__ import annotations

import json
import math
import re
from datetime import datetime, timezone

from ansible_collections.microbosh.director.plugins.module_utils._core._files import read_plain
from ansible_collections.microbosh.director.plugins.plugin_utils._run._printable import printable

LONGEST = 500
LARGEST = 2**63
LATEST_SECOND = 253_402_300_799  # of the year 9999
MOST_ITEMS = 50
MOST_BYTES = 4 * 1024 * 1024
MOST_PROBLEMS = 20
CLOCKS_DIFFER = 3600
NO_TIME = re.compile(r"[^0-9TZ:.+-]")


def shown(text: str, longest: int = LONGEST) -> str:
    """Return a text in one line, printable, and not longer than a person reads."""
    cut = printable(str(text)[: longest + 1].replace("\n", " "))
    return cut if len(cut) <= longest else f"{cut[:longest]}..."


def read_object(path: str, most: int = MOST_BYTES) -> dict:
    """Return the JSON object in a file. Raise OSError or ValueError for whatever else is there."""
    try:
        content = json.loads(read_plain(path, most).decode("utf-8"))
    except RecursionError as error:
        raise ValueError("it is nested without end") from error
    if not isinstance(content, dict):
        raise ValueError("it holds no JSON object")
    return content


def is_number(value) -> bool:
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and abs(value) < LARGEST
        and math.isfinite(value)
    )


class Values:
    """What an object says, and what of it is not as it should be."""

    def __init__(self, content: dict, name: str = "", odd: list | None = None):
        self._content, self._name = content, name
        self.odd = [] if odd is None else odd

    def _taken(self, name, default, is_right, expected):
        value = self._content.get(name)
        if value is None:
            return default
        if is_right(value):
            return value
        if len(self.odd) < MOST_PROBLEMS:
            self.odd.append(f"{self._name}{shown(name)} is not {expected}")
        return default

    def text(self, name: str, default: str | None = "", longest: int = LONGEST) -> str | None:
        found = self._taken(name, default, lambda value: isinstance(value, str), "text")
        return found if found is None else shown(found, longest)

    def number(self, name: str, default: float | None = None) -> float | None:
        return self._taken(name, default, lambda value: is_number(value) and value >= 0, "a number")

    def flag(self, name: str) -> bool | None:
        return self._taken(name, None, lambda value: isinstance(value, bool), "true or false")

    def inner(self, name: str) -> Values:
        """Return an object in it, an empty one if there is none."""
        found = self._taken(name, {}, lambda value: isinstance(value, dict), "an object")
        return Values(found, f"{self._name}{name}.", self.odd)

    def several(self, name: str) -> list:
        """Return a list in it, whatever its items are."""
        return self._taken(name, [], lambda value: isinstance(value, list), "a list")

    def objects(self, name: str, most: int = MOST_ITEMS) -> list[Values]:
        """Return the objects of a list, so many of them at most."""
        found = [item for item in self.several(name) if isinstance(item, dict)]
        return [Values(item, f"{self._name}{name}.", self.odd) for item in found[:most]]

    def texts(self, name: str, most: int = MOST_ITEMS) -> list[str]:
        """Return the texts of a list, so many of them at most."""
        return [shown(item) for item in self.several(name)[:most] if isinstance(item, str)]

    def __bool__(self):
        return bool(self._content)


def stamp(seconds: float | None) -> str | None:
    """Return a Unix time as it is written here, such as ``2026-11-28T02:00:00Z``; None for one that is none."""
    if not is_number(seconds) or not 0 <= seconds <= LATEST_SECOND:
        return None
    return datetime.fromtimestamp(int(seconds), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_of(text: str | None) -> float | None:
    """Given a time as ISO 8601 has it, or the id of a backup, return it as Unix time, None if it is none."""
    if not text or len(text) > 40 or NO_TIME.search(text):
        return None
    for form in ("%Y-%m-%dT%H:%M:%SZ", "%Y%m%dT%H%M%SZ"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=timezone.utc).timestamp()
        except ValueError:
            continue
    return None


def age_of(text: str | None, now: float) -> int | None:
    """Return the age of a time as seconds_of() reads it; None if it is none, or to come by more than clocks differ."""
    at = seconds_of(text)
    return None if at is None or at - now > CLOCKS_DIFFER else max(int(now - at), 0)
