# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of a backup that are valid one by one, and not together."""

from __future__ import annotations

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._run._backup_settings import settings_refusal

GOOD = {
    "timeout": 600,
    "outage_limit": 1800,
    "online_attempts": 3,
    "keep": {"last": 5},
    "mode": "auto",
    "databases": ["all"],
    "extra_files": ["/root/creds.yml", "/root/state.json"],
}


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"timeout": "1", "outage_limit": "1", "online_attempts": "1"},
        {"keep": {}},
        {"keep": {"last": 0, "daily": "3", "weekly": None}},
        {"mode": "offline", "databases": []},
        {"extra_files": []},
    ],
)
def test_what_goes_together_is_not_refused(given):
    assert settings_refusal({**GOOD, **given}) == ""


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"timeout": 0}, "microbosh_timeout (0)"),
        ({"timeout": None}, "microbosh_timeout (None)"),
        ({"outage_limit": -1}, "microbosh_outage_limit (-1)"),
        ({"online_attempts": 0}, "microbosh_online_attempts (0) is one at least"),
        ({"keep": {"last": 3, "daily": -1}}, "may be negative"),
        ({"mode": "online", "databases": []}, "Set microbosh_databases: all, or microbosh_mode: offline."),
        ({"databases": []}, "microbosh_mode is auto, and microbosh_databases is empty"),
        ({"extra_files": ["/a/x", "/b/x"]}, "/a/x, /b/x"),
        ({"extra_files": ["/a/elsewhere"]}, "Rename one."),
        ({"extra_files": ["/a/attributes.getfattr"]}, "Rename one."),
    ],
)
def test_what_does_not_is_named_with_the_way_out(given, said):
    assert said in settings_refusal({**GOOD, **given})
