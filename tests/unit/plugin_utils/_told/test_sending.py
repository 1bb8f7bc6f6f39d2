# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages arrive at real servers, and no server keeps a run longer than it may, or learns an address to anybody."""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
import time
import urllib.error
from pathlib import Path

import pytest
from ansible_collections.microbosh.director.plugins.plugin_utils._told import _sender, _sending
from listeners import HOST, free_port, mail, silent, web

MESSAGE = {"kind": "apprise", "title": "Backup of m1 failed", "body": "FAILED m1: <b> & \u20ac", "type": "failure"}
SECRET = "s3cr3t"


def post(url, body="said"):
    return {"kind": "ping", "method": "POST", "url": url, "body": body}


def test_a_message_arrives_by_mail_and_by_http_with_a_ping():
    with web() as site, mail() as box:
        tasks = [
            {**MESSAGE, "url": site.url("/hook", "json")}, {**MESSAGE, "url": box.url()}, post(site.url("/ping")),
            {"kind": "check", "url": box.url()},
        ]  # fmt: skip
        assert _sending.send(tasks, 30) == ["", "", "", ""]
        assert sorted(site.paths()) == ["POST /hook", "POST /ping"]
        assert [request.body for request in site.requests if request.path == "/ping"] == ["said"]
        assert "FAILED m1: <b> & " in next(request.body for request in site.requests if request.path == "/hook")
        (letter,) = box.mails
        assert letter["subject"] == "Backup of m1 failed"
        assert "FAILED m1" in letter.get_body().get_content()


@pytest.mark.parametrize(("status", "times"), [(500, 2), (404, 1)])
def test_what_answers_otherwise_is_told_and_asked_again_where_that_may_help(status, times):
    with web(status=status) as site:
        problems = _sending.send([post(site.url(f"/{SECRET}")), {**MESSAGE, "url": site.url(f"/{SECRET}", "json")}], 30)
        assert problems == [f"it answered with status {status}"] * 2
        assert sum("said" in request.body for request in site.requests) == times


def test_an_address_that_the_service_does_not_know_is_no_success():
    with web(answer=b"OK (not found)") as site:
        assert _sending.send([post(site.url())], 30) == ["it answered: not found"]


def test_nobody_listens():
    port = free_port()
    tasks = [post(f"http://{HOST}:{port}/{SECRET}"), {**MESSAGE, "url": f"json://u:{SECRET}@{HOST}:{port}/{SECRET}"}]
    tasks += [{**MESSAGE, "url": f"mailto://u:{SECRET}@{HOST}:{port}?from=a@example.com&to=b@example.com"}]
    problems = _sending.send(tasks, 30)
    assert problems[0] == "no connection: Connection refused"
    assert problems[1:] == ["no connection, or no answer in time"] * 2


def test_a_server_that_hangs_keeps_nobody():
    with silent() as port, web() as site:
        began = time.monotonic()
        tasks = [post(f"http://{HOST}:{port}/{SECRET}"), post(site.url()), {**MESSAGE, "url": f"json://{HOST}:{port}"}]
        problems = _sending.send(tasks, 3)
        assert time.monotonic() - began < 6
        assert problems[1] == ""
        assert len(site.requests) == 1
        assert set(problems) <= {
            "", "it did not answer within 3 s", "it did not answer in time", "no connection, or no answer in time",
        }  # fmt: skip
        assert problems[0]
        assert problems[2]


@pytest.mark.parametrize("url", ["nope://x", "json://", "file:///etc/passwd"])
def test_an_address_that_apprise_does_not_know(url):
    assert (
        _sending.send([{"kind": "check", "url": url}, {**MESSAGE, "url": url}], 30)
        == ["it is no address that Apprise understands"] * 2
    )


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x"])
def test_a_ping_is_http_and_nothing_else(url):
    assert _sending.send([post(url)], 30) != [""]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (urllib.error.URLError(socket.gaierror(-2, "x")), "its name is not known"),
        (
            urllib.error.URLError(ssl.SSLCertVerificationError(1, "s3cr3t")),
            "its certificate or its TLS is not accepted here",
        ),
        (urllib.error.URLError(TimeoutError("x")), "it did not answer in time"),
        (urllib.error.URLError("unknown url type: s3cr3t"), "no connection"),
        (OSError(errno.ENETUNREACH, "s3cr3t"), "no connection: Network is unreachable"),
    ],
)
def test_no_failure_has_an_address_in_its_words(error, words):
    assert _sender.words_for(error) == words


def test_an_address_is_in_no_list_of_processes():
    """Nor in an environment: they wait for the answer while all that can be seen of them is looked at."""
    seen = []

    def look():
        for place in ("cmdline", "environ"):
            for path in Path("/proc").glob(f"[0-9]*/{place}"):
                with contextlib.suppress(OSError):
                    seen.append(path.read_bytes())

    with web() as site:
        site.look = look
        tasks = [post(site.url("/in-an-address-4711")), {**MESSAGE, "url": site.url("/in-an-address-4711", "json")}]
        assert _sending.send(tasks, 30) == ["", ""]
    assert len(site.requests) == 2
    assert any(b"_sender.py" in text for text in seen)
    assert not [text for text in seen if b"in-an-address-4711" in text]


def test_nothing_to_send_starts_nothing(monkeypatch):
    monkeypatch.setattr(_sending, "_said", None)
    assert _sending.send([], 30) == []
