# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of who is told what: as they are used, and what is wrong with them, in words that show none of them."""

from __future__ import annotations

import importlib.util
import re

from ansible_collections.microbosh.director.plugins.plugin_utils._told._pings import is_address

NOTIFY, NOTIFY_ON, PING, HOOKS = "microbosh_notify", "microbosh_notify_on", "microbosh_ping_url", "microbosh_hooks"
NAMES = (NOTIFY, NOTIFY_ON, PING, HOOKS)
STAGES = ("before", "after", "failed")
SECONDS = 300
SCHEMA = re.compile(r"\s*([a-z][a-z0-9+]{0,20})://", re.IGNORECASE)
ON = ("failed", "recovered", "too_old")
UNFIT = f"{HOOKS} is no mapping of before, after or failed to a list of commands."
MISSING = (
    f"{NOTIFY} has addresses, and the Python package apprise is not there for them: install it into the Python that "
    f"ansible-playbook runs with ({{python}} -m pip install apprise), or empty {NOTIFY}."
)


def settings_of(values: dict) -> dict:
    """Given the settings as a host has them, by name, return them in one form, {} if nobody is to be told anything."""
    given = values.get(HOOKS) or {}
    hooks = given if isinstance(given, dict) else {}
    made = {
        "notify": texts(values.get(NOTIFY)),
        "on": texts(values.get(NOTIFY_ON)) if NOTIFY_ON in values else list(ON),
        "ping": str(values.get(PING) or "").strip(),
        "hooks": {stage: texts(hooks.get(stage)) for stage in STAGES},
        "unfit": [] if hooks is given else [UNFIT],
    }
    if not (made["notify"] or made["ping"] or any(made["hooks"].values()) or made["unfit"]):
        return {}
    return {**made, "seconds": seconds_of(hooks.get("seconds"))}


def texts(value: object) -> list[str]:
    """Return the texts of a list; one text is a list of one, whatever commas are in it."""
    given = value if isinstance(value, (list, tuple)) else [value]
    return [str(one).strip() for one in given if isinstance(one, (str, int)) and str(one).strip()]


def seconds_of(value: object) -> float:
    """Return how long a hook may take; what is no number is refused by its type, elsewhere."""
    try:
        return float(value) if value is not None and float(value) > 0 else SECONDS
    except (TypeError, ValueError):
        return SECONDS


def problems_of(settings: dict, python: str) -> list[str]:
    """Return what is wrong with settings so that nobody could be told."""
    found = []
    if settings.get("notify") and importlib.util.find_spec("apprise") is None:
        found.append(MISSING.format(python=python))
    found += [
        f"{name_of(number, url)} is no address such as mailtos://user:password@example.com."
        for number, url in enumerate(settings.get("notify") or [])
        if not SCHEMA.match(url)
    ]
    if settings.get("ping") and not is_address(settings["ping"]):
        found.append(f"{PING} is no address that begins with https:// or http://.")
    return found


def name_of(number: int, url: str) -> str:
    """Return an address without any secret: which one it is, and of what kind."""
    kind = SCHEMA.match(url)
    return f"{NOTIFY}[{number}]" + (f" ({kind.group(1).lower()})" if kind else "")
