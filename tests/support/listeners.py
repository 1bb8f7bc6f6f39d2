# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers on loopback for notifications and pings: HTTP and SMTP, with all the ways in which they fail."""

from __future__ import annotations

import contextlib
import email
import email.policy
import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller

HOST = "127.0.0.1"


@dataclass
class Arrived:
    """One request."""

    method: str
    path: str
    body: str


@dataclass
class Web:
    """An HTTP server: what came, and what it answers."""

    port: int = 0
    status: int = 200
    answer: bytes = b"OK"
    look: object = None  # is called while whoever asks waits for the answer
    requests: list = field(default_factory=list)

    def url(self, path="", scheme="http"):
        return f"{scheme}://{HOST}:{self.port}{path}"

    def paths(self):
        return [f"{request.method} {request.path.partition('?')[0]}" for request in self.requests]


@contextlib.contextmanager
def web(status=200, answer=b"OK"):
    """Serve HTTP until the end of the block."""
    served = Web(status=status, answer=answer)

    class Handler(BaseHTTPRequestHandler):
        def take(self):
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length).decode("utf-8", "replace")
            served.requests.append(Arrived(self.command, self.path, body))
            if served.look:
                served.look()
            self.send_response(served.status)
            self.send_header("Content-Length", str(len(served.answer)))
            self.end_headers()
            self.wfile.write(served.answer)

        do_GET = do_POST = take

        def log_message(self, *dummy):
            pass

    server = ThreadingHTTPServer((HOST, 0), Handler)
    served.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Mail:
    """An SMTP server: the mails that came."""

    port: int = 0
    mails: list = field(default_factory=list)

    def url(self, to="ops"):
        return f"mailto://{HOST}:{self.port}?from=backups@example.com&to={to}@example.com"


@contextlib.contextmanager
def mail():
    """Take mails until the end of the block."""
    taken = Mail()

    class Handler:
        async def handle_DATA(self, dummy_server, dummy_session, envelope):
            taken.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
            return "250 OK"

    controller = Controller(Handler(), hostname=HOST, port=free_port())
    controller.start()
    taken.port = controller.port
    try:
        yield taken
    finally:
        controller.stop()


def free_port():
    """Return a port at which nobody listens, so that whoever connects is refused."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def silent():
    """Take connections and never say anything; yields the port."""
    with socket.socket() as server:
        server.bind((HOST, 0))
        server.listen(16)
        yield server.getsockname()[1]
