# SPDX-License-Identifier: GPL-3.0-or-later
"""What a restore says of itself when it is done."""

from __future__ import annotations

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._run._restore_report import restore_report

RUN = {
    "host": "demo", "address": "10.0.0.6", "rolled_back": False, "but": "", "restore": {"backup": "b1"},
    "identity": {}, "left_elsewhere": [], "loaded_elsewhere": [], "stopped_at": 100.5, "up_at": 121.75,
}  # fmt: skip
IDENTITY = {"uuid": "new", "users": ["admin", "ops"], "deployments": ["cf", "db"]}


def told(**more):
    return "\n".join(restore_report({**RUN, **more}))


def test_it_says_what_only_a_person_can_do():
    assert restore_report({**RUN, "identity": IDENTITY, "restore": {"backup": "b1", "uuid_before": "old"}}) == [
        "demo is restored from b1; every service runs",
        "  Next steps, which only a person can take:",
        "  - bosh target https://10.0.0.6:25555 (bosh alias-env), and log in as admin or ops: the passwords are "
        "those of the backup",
        "  - the director UUID is new and was old: put it into director_uuid of every deployment manifest",
        "  - check what changed since the backup: bosh cloud-check of cf, bosh cloud-check of db",
        "  The director was away for 21.25 s",
    ]


@pytest.mark.parametrize("before", [None, "", "new"])
def test_the_uuid_need_not_be_changed(before):
    words = "the director UUID is new, deployment manifests need no change"
    assert words in told(identity=IDENTITY, restore={"backup": "b1", "uuid_before": before})


def test_what_nobody_knows_is_told_as_that():
    said = told(identity={"skipped": True})
    for words in ("UUID is not known, ", "no deployments to check", "with the users of the backup"):
        assert words in said


def test_it_was_rolled_back():
    assert restore_report({**RUN, "rolled_back": True, "but": " BUT uaa", "restore": {"backup": "b1"}}) == [
        "The restore of demo from b1 was rolled back; every service runs on what was there before BUT uaa",
        "  The director was away for 21.25 s",
    ]


@pytest.mark.parametrize("stopped_at", [None, ""])
def test_a_run_that_stopped_nothing_knows_no_time(stopped_at):
    assert told(stopped_at=stopped_at, up_at="").endswith("The director was away until now")


def test_databases_elsewhere_are_told():
    restore = {"backup": "b", "elsewhere_at": "db:1", "elsewhere": "db"}
    loaded = told(loaded_elsewhere=[{"database": "bosh"}, {"database": "uaa"}], restore=restore)
    assert "The database elsewhere (bosh, uaa on db:1) is that of the backup; what it replaced" in loaded
    left = told(left_elsewhere=["bosh"], loaded_elsewhere=[{"database": "bosh"}], restore=restore)
    assert "THE DATABASE ELSEWHERE (bosh) IS AS IT WAS ON db: stop the services" in left
    assert "is that of the backup;" not in left


def test_secrets_are_told_if_the_restore_knows_of_them():
    assert "  - keep this" in told(restore={"backup": "b", "secrets": ["keep this"]})
