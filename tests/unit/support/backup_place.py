# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories of backups as runs leave them, without any data in them."""

from __future__ import annotations

import json
import time

NOW = 1_795_831_200  # 2026-11-28T02:00:00Z
HOUR, DAY = 3600, 24 * 3600
REPORT = {
    "status": "published",
    "mode": "offline",
    "phases": [{"phase": "preflight", "start": "2026-11-28T02:00:00.120+00:00", "seconds": 4.0}],
    "outage_seconds": 7.1,
    "outage": [{"part": "stop", "seconds": 2.8, "services": {"nats": 1.0}}],
    "online": None,
    "moved": {"files": 52, "bytes": 59_310_000, "seconds": 3.1},
    "new": {"files": 50, "bytes": 48_040_000},
    "all": {"files": 1648, "bytes": 284_010_000},
    "without": "",
    "proof": {"whole": True, "manifest": {}, "blobs": {"lost": [], "damaged": [], "newly_lost": []}},
}
GOOD_RECORD = {
    "outcome": "succeeded", "reason": "", "error": "", "seconds": 21.2, "phases": [], "path": "", "archive": "",
}  # fmt: skip


CONTACT = {
    "schema": 1,
    "repository": "sftp:backup@nas:/srv/restic/d1",
    "repository_id": "6f" * 32,
    "at": "2026-11-28T01:03:11Z",
    "checked": {"at": "2026-11-28T01:03:09Z", "good": True, "said": ""},
    "reread": {"next": 5, "of": 30, "since": None},
    "failed": None,
}


def name_of(age):
    """Return the id of a backup of that age."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(NOW - age))


class BackupPlace:
    """One director's directory."""

    def __init__(self, path):
        self.path = path
        (path / "logs").mkdir(parents=True)

    def backup(self, age=HOUR, report=None, verdict=None, **more):
        """Make a backup of that age; return its id. ``report`` may be a text, which is what lies there then."""
        name = name_of(age)
        (self.path / name).mkdir()
        content = report if isinstance(report, str) else json.dumps({**REPORT, "id": name, **(report or {}), **more})
        (self.path / name / "backup.json").write_text(content, encoding="utf-8")
        if verdict is not None:
            text = verdict if isinstance(verdict, str) else json.dumps(verdict)
            (self.path / name / "verdict.json").write_text(text, encoding="utf-8")
        return name

    def record(self, age=HOUR, kind="backup", **content):
        """Make the record of a run of that age; return its id."""
        name = name_of(age)
        made = {"schema": 1, "id": name, "host": "director1", "playbook": kind, "began": NOW - age}
        made |= {"ended": NOW - age + 21, **GOOD_RECORD, **content}
        self.path.joinpath("logs", f"{name}.{kind}.json").write_text(json.dumps(made), encoding="utf-8")
        return name

    def offsite(self, *ages, **content):
        """Write what the last contact with a repository left: copies of backups of these ages; return their ids."""
        names = [name_of(age) for age in ages]
        of = {"of": "backup", "size": 7}
        copies = [{"id": name, "snapshot": f"{number:064x}", **of} for number, name in enumerate(names)]
        made = {**CONTACT, "copies": copies, **content}
        (self.path / "offsite.json").write_text(json.dumps(made), encoding="utf-8")
        return names

    def log(self, name, *lines):
        text = "".join(f"2026-11-28 02:00:00 {line}\n" for line in lines)
        (self.path / "logs" / f"{name}.log").write_text(text, encoding="utf-8")
