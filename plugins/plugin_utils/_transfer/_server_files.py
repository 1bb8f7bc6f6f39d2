# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides from the places of a server's files what a backup copies, and whether a restore can use the files."""

from __future__ import annotations

import os
import re
from pathlib import PurePosixPath

from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._inside import link_target
from ansible_collections.microbosh.director.plugins.plugin_utils._transfer._rules import copies

TOP = PurePosixPath("/var/vcap")
# Names of services that are PostgreSQL itself, for a director whose processes could not be seen.
SERVICE = re.compile(r"(postgres(ql)?|postmaster|pg)([-_]?\d[\d.]*)?([-_]main)?$")
# Where BOSH's release has its files, for a server that does not tell.
USUAL = "store/postgres*"


def below_top(path: str) -> str:
    """Return a path relative to /var/vcap if it is in there, else as it is."""
    place = PurePosixPath(path)
    return str(place.relative_to(TOP)) if place.is_relative_to(TOP) else str(place)


def postgres_services(names: list[str], seen: list[str] | tuple[str, ...] = ()) -> list[str]:
    """Given the names of monit's services, and those whose process is a server, return those that are PostgreSQL."""
    return [name for name in names if name in seen or SERVICE.match(name)]


def never_live(facts: dict, services: list[str], directories: list[str] | None) -> list[str]:
    """Return the server's own files, relative to /var/vcap, which are not copied while it runs.

    ``directories`` are those that it names, None if it names none. Where no server is, there is nothing to leave out.
    """
    if directories is not None:
        return directories
    return [USUAL] if facts.get("answers") or services else []


def places(facts: dict) -> dict[str, str]:
    """Given what a server says, return where its files are by what they are; nothing of a server that hides it."""
    if not facts["data_directory"]:
        return {}
    found = {"data directory": facts["data_directory"]}
    if facts["wal_directory"]:
        found["write-ahead log"] = facts["wal_directory"]
    found.update({f"tablespace {item['name']}": item["location"] for item in facts["tablespaces"]})
    return {what: below_top(path) for what, path in found.items()}


def where_wal_leads(facts: dict, copy: str) -> str | None:
    """Given a copy of /var/vcap, return where the server's write-ahead log is if its directory is a link."""
    inside = below_top(facts.get("data_directory") or "/")
    if inside.startswith("/"):
        return None
    links = [link_target(os.fsencode(copy), os.fsencode(f"{inside}/{name}")) for name in ("pg_wal", "pg_xlog")]
    target = next((os.fsdecode(link) for link in links if link), None)
    return os.path.normpath(TOP / inside / target) if target else None


def copied(found: dict[str, str], rules: list[str]) -> list[str]:
    """Return the places that a backup copies, none of them inside another."""
    paths = sorted({path for path in found.values() if not path.startswith("/") and copies(rules, path)})
    return [path for path in paths if not any(path.startswith(f"{other}/") for other in paths)]


def outside(found: dict[str, str], rules: list[str]) -> dict[str, str]:
    """Return the places that a backup does not copy."""
    return {what: path for what, path in found.items() if path.startswith("/") or not copies(rules, path)}


def collations(facts: dict) -> dict[str, dict]:
    """Return the databases whose collation has another version now than their indexes were made with."""
    return {
        item["name"]: {"collate": item["collate"], "recorded": recorded, "actual": actual}
        for item in facts["databases"]
        for recorded, actual in [(item["collation_version"], item["actual_version"])]
        if recorded and actual and recorded != actual
    }


def report(facts: dict, rules: list[str]) -> dict | None:
    """Return what backup.json says of a server, null if none answered."""
    if not facts.get("answers"):
        return None
    found = places(facts)
    return {
        "version": facts["version"],
        "port": facts["port"],
        "data_directory": found.get("data directory"),
        "wal_directory": found.get("write-ahead log"),
        "tablespaces": [dict(item, location=below_top(item["location"])) for item in facts["tablespaces"]],
        "collations": collations(facts),
        "collates": {item["name"]: item["collate"] for item in facts["databases"] if not item["template"]},
        "outside": outside(found, rules),
    }


def meaning(facts: dict, rules: list[str], mode: str) -> list[str]:
    """Return, as lines for a person, what there is to know before a restore of such a server is needed."""
    if not facts.get("answers"):
        return []
    lines = []
    if mode == "offline":
        lines += [
            f"PostgreSQL's {what}, {path}, is not in what is copied: this backup cannot come back by files, "
            "only by its dumps"
            for what, path in outside(places(facts), rules).items()
        ]
    lines += [
        f"PostgreSQL has the tablespace {item['name']} in {item['location']}: where a server has none of that name, "
        "a restore by dump puts what is in it into the default one, and tells that"
        for item in facts["tablespaces"]
    ]
    return lines + [
        f"The indexes of the database {name} were made with version {item['recorded']} of the collation "
        f"{item['collate']}, and the host has {item['actual']}: they may be wrong already. A restore by files brings "
        "them back as they are, one by dump makes them anew; REINDEX DATABASE and ALTER DATABASE ... REFRESH "
        "COLLATION VERSION mend them now"
        for name, item in collations(facts).items()
    ]
