# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends messages and pings: a program of its own, so that none of them outlives its time, whatever a server does.

It reads what is to be sent, with its addresses, from its standard input, so that these are in no list of processes, and
writes a line of JSON for each as soon as it is known what came of it. What it says of a failure has no address in it.
"""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import socket
import ssl
import sys
import time
import urllib.error
import urllib.request

AGENT = "microbosh.director"
TRIES = 2
PAUSE_SECONDS = 1
LATER_SECONDS = 10
ANSWER_BYTES = 200
# healthchecks.io answers with status 200 to an address that it does not know, or asks too often: "OK (not found)".
BUT = re.compile(r"OK \(([a-z ]+)\)")
STATUS = re.compile(r"error=(\d{3})")
NO_CONNECTION = re.compile(r"connect|socket|smtp", re.IGNORECASE)


def main() -> None:
    """Send all that is asked for, each in a process of its own; end with the last of them."""
    asked = json.loads(sys.stdin.buffer.read())
    if any(task["kind"] != "ping" for task in asked["tasks"]):
        _load_apprise()  # once for all of them
    processes = []
    signal.alarm(int(asked["seconds"]) + LATER_SECONDS)  # for when nobody waits any more, as the run was killed
    for task in asked["tasks"]:
        process = os.fork()
        if not process:
            signal.alarm(int(asked["seconds"]) + LATER_SECONDS)
            _do(task, asked["seconds"])
            os._exit(0)
        processes.append(process)
    for process in processes:
        os.waitpid(process, 0)


def _load_apprise():
    try:
        import apprise

        return apprise
    except ImportError:
        return None


def _do(task, seconds):
    try:
        problem = KINDS[task["kind"]](task, seconds)
    except BaseException as error:  # whatever a plugin of Apprise raises: its words may have the address in them
        problem = f"it failed with {type(error).__name__}"
    os.write(1, f"{json.dumps({'id': task['id'], 'problem': problem})}\n".encode("ascii"))


def _ping(task, seconds):
    problem = ""
    for again in range(TRIES):
        if again:
            time.sleep(PAUSE_SECONDS)
        problem, may_help = _asked_once(task, seconds)
        if not may_help:
            break
    return problem


def _asked_once(task, seconds):
    """Return what went wrong, and whether another try may help."""
    body = task["body"].encode("utf-8") if task["method"] == "POST" else None
    try:
        with _opener().open(task["url"], body, timeout=seconds) as answer:
            but = BUT.match(answer.read(ANSWER_BYTES).decode("utf-8", "replace"))
            return (f"it answered: {but.group(1)}" if but else ""), False
    except urllib.error.HTTPError as error:
        return f"it answered with status {error.code}", error.code >= 500
    except OSError as error:
        return words_for(error), True


def _opener():
    """Return what speaks HTTP, by way of a proxy if the environment names one, and nothing else: no files, no FTP."""
    opener = urllib.request.OpenerDirector()
    for kind in (
        urllib.request.ProxyHandler, urllib.request.UnknownHandler, urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler, urllib.request.HTTPDefaultErrorHandler, urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPErrorProcessor,
    ):  # fmt: skip
        opener.add_handler(kind())
    opener.addheaders = [("User-Agent", AGENT)]
    return opener


def words_for(error: OSError) -> str:
    """Return what kept a connection from being made, without the address."""
    reason = getattr(error, "reason", error)
    if isinstance(reason, (socket.timeout, TimeoutError)):
        return "it did not answer in time"
    if isinstance(reason, socket.gaierror):
        return "its name is not known"
    if isinstance(reason, ssl.SSLError):
        return "its certificate or its TLS is not accepted here"
    number = getattr(reason, "errno", None)
    return f"no connection: {os.strerror(number)}" if number else "no connection"


def _made(task):
    """Return Apprise with the address of a task, and why not."""
    apprise = _load_apprise()
    if apprise is None:
        return None, "the Python package apprise is not there"
    asset = apprise.AppriseAsset(app_id="microBOSH backups", async_mode=False, secure_logging=True)
    made = apprise.Apprise(asset=asset)
    return (made, "") if made.add(task["url"]) else (None, "it is no address that Apprise understands")


def _check(task, seconds):
    return _made(task)[1]


def _apprise(task, seconds):
    said = _Said()
    logging.getLogger("apprise").addHandler(said)
    made, problem = _made(task)
    if problem:
        return problem
    sent = made.notify(body=task["body"], title=task["title"], notify_type=task["type"], body_format="text")
    return "" if sent else said.reason()


class _Said(logging.Handler):
    """What Apprise says, in whatever threads it works."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())

    def reason(self):
        """Return why a message was not taken; the words themselves may name the address."""
        text = "\n".join(self.lines)
        status = STATUS.search(text)
        if status:
            return f"it answered with status {status.group(1)}"
        return "no connection, or no answer in time" if NO_CONNECTION.search(text) else "it did not take the message"


KINDS = {"ping": _ping, "apprise": _apprise, "check": _check}

if __name__ == "__main__":
    sys.path.pop(0)  # the directory of this file, which has modules of the collection
    main()
