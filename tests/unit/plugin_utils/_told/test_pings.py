# SPDX-License-Identifier: GPL-3.0-or-later
"""Pings have the form that the services document."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._told import _pings as pings

RUN = "11111111-2222-3333-4444-555555555555"
CHECK = "https://hc-ping.com/0b1c"
KUMA = "https://kuma.example/api/push/T0k?status=up&msg=OK&ping="


@pytest.mark.parametrize(("event", "path"), [("start", "/0b1c/start"), ("success", "/0b1c"), ("fail", "/0b1c/fail")])
def test_healthchecks(event, path):
    made = pings.ping(CHECK, event, "Backup of m1 failed\nmore", 3, RUN)
    assert made == {
        "method": "POST",
        "url": f"https://hc-ping.com{path}?rid={RUN}",
        "body": "Backup of m1 failed\nmore",
    }


def test_what_an_address_asks_for_stays():
    made = pings.ping("https://hc-ping.com/key/slug/?create=1#x", "start", "", 0, RUN)
    assert made["url"] == f"https://hc-ping.com/key/slug/start?create=1&rid={RUN}"


def test_a_body_has_its_first_line_and_its_end_and_a_bound():
    made = pings.ping(CHECK, "fail", "all of it\n" + "x" * 50_000 + "\nthe last \u20ac", 3, RUN)
    assert len(made["body"].encode()) <= pings.LONGEST_BODY
    assert made["body"].startswith("all of it\n...\nx")
    assert made["body"].endswith("\nthe last \u20ac")
    assert len(pings.ping(CHECK, "fail", "x" * 50_000, 3, RUN)["body"]) <= pings.LONGEST_BODY


@pytest.mark.parametrize(("event", "status"), [("success", "up"), ("fail", "down")])
def test_uptime_kuma(event, status):
    made = pings.ping(KUMA, event, "Backup of m1: a & b\nmore", 3.25, RUN)
    assert made["method"] == "GET"
    parts = urlsplit(made["url"])
    assert parts.path == "/api/push/T0k"
    assert parse_qs(parts.query) == {"status": [status], "msg": ["Backup of m1: a & b"], "ping": ["3250"]}


def test_uptime_kuma_knows_no_start_and_takes_no_long_words():
    assert pings.ping(KUMA, "start", "", 0, RUN) is None
    assert len(pings.ping(KUMA, "fail", "x" * 5000, 0, RUN)["url"]) < 400


@pytest.mark.parametrize(
    "url", ["", "hc-ping.com/x", "ftp://a/b", "https://", "http://a:0/", "http://a:x/", "file:///etc"]
)
def test_no_address(url):
    assert not pings.is_address(url)


@pytest.mark.parametrize("url", [CHECK, KUMA, "http://127.0.0.1:8000/x"])
def test_an_address(url):
    assert pings.is_address(url)
