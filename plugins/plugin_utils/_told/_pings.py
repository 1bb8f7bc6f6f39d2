# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pings as services want them that watch jobs: healthchecks.io and what speaks like it, and Uptime Kuma."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

START, SUCCESS, FAIL = "start", "success", "fail"
KUMA = "/api/push/"
# healthchecks.io keeps 100,000 bytes.
LONGEST_BODY = 10_000
# In a monitor's list, and in an address.
LONGEST_WORDS = 200
OURS = ("status", "msg", "ping")


def is_address(url: str) -> bool:
    """Return whether that is something that can be pinged."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def ping(url: str, event: str, words: str, seconds: float, run: str) -> dict | None:
    """Return the method, the address and the body that tell an event; None if the service wants to know nothing of it.

    ``words`` begin with a line that says it all, ``seconds`` are how long it took, and ``run`` is the same for the
    start and the end of a run.
    """
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    if KUMA in parts.path:
        return _kuma(parts, query, event, words, seconds)
    path = parts.path.rstrip("/") + ("" if event == SUCCESS else f"/{event}")
    given = [*query, ("rid", run)]
    address = urlunsplit(parts._replace(path=path, query=urlencode(given), fragment=""))
    body = words.encode("utf-8", "replace")
    if len(body) > LONGEST_BODY:
        first, rest = body.split(b"\n", 1) if b"\n" in body[:1000] else (body[:1000], body[1000:])
        body = first + b"\n...\n" + rest[-(LONGEST_BODY - len(first) - 5) :]
    return {"method": "POST", "url": address, "body": body.decode("utf-8", "ignore")}


def _kuma(parts, query, event, words, seconds):
    if event == START:
        return None
    first = words.split("\n", 1)[0][:LONGEST_WORDS]
    state = "up" if event == SUCCESS else "down"
    given = [pair for pair in query if pair[0] not in OURS]
    given += [("status", state), ("msg", first), ("ping", str(int(seconds * 1000)))]
    return {"method": "GET", "url": urlunsplit(parts._replace(query=urlencode(given), fragment="")), "body": ""}
