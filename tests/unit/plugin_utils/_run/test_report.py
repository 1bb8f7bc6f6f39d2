# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a backup has the same keys, in the same order and of the same types, whatever a run did."""

from __future__ import annotations

import copy
import json

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._run._report import backup_report

BLOBS = {
    "whole": True, "named": 9, "checked": 7, "reused": 2, "unreferenced": ["x"], "external": False, "made_again": 1,
    "without_digest": 0, "lost": [], "damaged": [], "newly_lost": [], "unknown_columns": [], "changed": False,
}  # fmt: skip
PHASE = {"phase": "preflight", "start": "2026-11-22T22:13:26.120+00:00", "seconds": 2.1}
DUMP = {"database": "bosh", "size": 12, "rows": {"tasks": 3}}
MADE = {
    "id": "20261122T221326Z",
    "host": "director1",
    "mode": "offline",
    "collection": "1.0.0",
    "ansible_core": "2.16.19",
    "phases": [{**PHASE, "ended": 1795385608.2}],
    "outage": 11.9,
    "parts": [{"part": "stop", "seconds": 1.9}],
    "filter": ["- /store/microbosh-backup"],
    "summary": {
        "version": "5.2.5", "alarms": [{"name": "disk", "alarm": "full"}], "unmonitored": ["cron"],
        "architecture": "x86_64", "libc": "2.35", "services": [],
    },
    "start": {"alarms": [{"name": "disk", "alarm": "full"}, {"name": "nats", "alarm": "memory"}], "services": []},
    "plan": {"director_database": "bosh", "without": "", "server_elsewhere": None, "postgresql": {"port": 5432}},
    "state": {"resumed_from": None, "previous": "/backups/director1/20261121T221326Z"},
    "passes": [
        {"files": 5, "bytes": 50, "seconds": 0.25},
        {"files": 2, "bytes": 20, "seconds": 0.25},
        {"files": 1, "bytes": 1, "seconds": 0.4, "item": "/x"},
    ],
    "dumps": [{"server_version": "15.3", "dumps": [DUMP]}, {"skipped": True}],
    "reading": {"superuser_for": {"bosh": ["LEAKPROOF"]}},
    "tasks": {"running": [{"id": 3}], "dead": [], "known": True},
    "attributes": {"known": True, "lost": []},
    "left_out": ["sys/log/a"],
    "placed": {"identity": {"taken": "2026-11-20"}, "told": ""},
    "manifest": {"files": 8, "bytes": 71, "read": 3, "read_bytes": 22, "reused": 5, "whole": True},
    "layout": {"unrestorable": "other glibc"},
    "online": {"verdict": {}, "attempt": "0"},
    "blobs": BLOBS,
}  # fmt: skip
# As it was written down before there was a function: numbers, order and all.
EXPECTED = {
    "id": "20261122T221326Z",
    "host": "director1",
    "status": "published",
    "mode": "offline",
    "versions": {"collection": "1.0.0", "ansible_core": "2.16.19", "monit": "5.2.5", "postgresql": "15.3"},
    "phases": [PHASE],
    "outage_seconds": 11.9,
    "outage": [{"part": "stop", "seconds": 1.9}],
    "online": None,
    "resumed_from": None,
    "previous": "20261121T221326Z",
    "moved": {"files": 8, "bytes": 71, "seconds": 0.9},
    "new": {"files": 3, "bytes": 22},
    "all": {"files": 8, "bytes": 71},
    "dumps": [DUMP],
    "director_database": "bosh",
    "without": "",
    "elsewhere": None,
    "postgresql": {"port": 5432},
    "filter": ["- /store/microbosh-backup"],
    "tasks": {"killed": [{"id": 3}], "dead": []},
    "machine": {"architecture": "x86_64", "libc": "2.35"},
    "attributes": {"known": True, "lost": []},
    "superuser_for": {"bosh": ["LEAKPROOF"]},
    "unrestorable_by_files": "other glibc",
    "services": {
        "alarms": [{"name": "disk", "alarm": "full"}, {"name": "nats", "alarm": "memory"}],
        "unmonitored": ["cron"],
    },
    "left_out": ["sys/log/a"],
    "identity": {"taken": "2026-11-20"},
    "proof": {
        "whole": True,
        "manifest": {"files": 8, "read": 3, "reused": 5},
        "blobs": {
            "named": 9, "checked": 7, "reused": 2, "unreferenced": ["x"], "external": False, "made_again": 1,
            "without_digest": 0, "lost": [], "damaged": [], "newly_lost": [], "unknown_columns": [],
        },
    },
}  # fmt: skip


def made(**changed):
    return {**copy.deepcopy(MADE), **changed}


def test_the_report_of_an_outage():
    assert json.dumps(backup_report(made())) == json.dumps(EXPECTED)


def test_numbers_are_numbers_where_ansible_makes_texts_of_them():
    report = backup_report(made(outage="11.9", id=20261122))
    assert (report["outage_seconds"], report["id"]) == (11.9, "20261122")


def test_the_report_of_an_online_backup():
    """No outage, no start and no look at tasks; the databases are not the director's, so no blob was checked."""
    skipped = {"changed": False, "skipped": True}
    online = {"verdict": {"verdict": "still", "moved": [], "harmless": []}, "attempt": "2"}
    report = backup_report(
        made(
            mode="online", outage=0, start={}, tasks={}, blobs=skipped, passes=MADE["passes"][:2], dumps=[skipped, {}],
            online=online,
        )
    )  # fmt: skip
    assert report["online"] == {"verdict": "still", "attempts": 2, "moved": [], "harmless": []}
    assert list(report) == list(EXPECTED)
    assert (report["outage_seconds"], type(report["outage_seconds"])) == (0.0, float)
    assert report["tasks"] == {"killed": [], "dead": []}
    assert report["services"]["alarms"] == MADE["summary"]["alarms"]
    assert report["versions"]["postgresql"] is None
    assert report["dumps"] == []
    assert report["moved"] == {"files": 7, "bytes": 70, "seconds": 0.5}
    assert report["proof"]["blobs"] is None
    assert report["proof"]["whole"] is True


def test_the_report_of_a_first_backup_that_was_not_resumed():
    report = backup_report(made(state={"resumed_from": "", "previous": ""}))
    assert (report["resumed_from"], report["previous"]) == (None, None)


def test_what_is_not_known_yet_when_the_layout_is_judged():
    report = backup_report(made(layout={}, reading={}, attributes={}))
    assert report["unrestorable_by_files"] is None
    assert report["superuser_for"] == {}
    assert report["attributes"] == {"known": False}


def test_what_a_dump_was_compared_by_is_not_kept():
    report = backup_report(made(dumps=[{"dumps": [{**DUMP, "content": {"tables": {"public.tasks": "9f86"}}}]}, {}]))
    assert report["dumps"] == [DUMP]


def test_a_server_elsewhere_alone_was_dumped():
    report = backup_report(made(dumps=[{}, {"server_version": "16.1", "dumps": [DUMP]}]))
    assert (report["versions"]["postgresql"], report["dumps"]) == ("16.1", [DUMP])


@pytest.mark.parametrize(("manifest", "blobs"), [(False, True), (True, False)])
def test_it_is_whole_only_if_both_are(manifest, blobs):
    report = backup_report(made(manifest={**MADE["manifest"], "whole": manifest}, blobs={**BLOBS, "whole": blobs}))
    assert report["proof"]["whole"] is False
