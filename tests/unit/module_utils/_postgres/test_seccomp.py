# Copyright: (c) 2026, microbosh.director contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Under the filter nothing gets out of a process by a socket, whichever way it came by that."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

import pytest
from ansible_collections.microbosh.director.plugins.module_utils._postgres import _seccomp as seccomp

PROBE = """
import ctypes, json, os, socket, sys
from ansible_collections.microbosh.director.plugins.module_utils._postgres import _seccomp as seccomp

libc, where = ctypes.CDLL(None, use_errno=True), sys.argv[1]
assert libc.prctl(38, 1, 0, 0, 0) == 0  # no new privileges
seccomp.install(libc, seccomp.new_secret())
STREAM, DATAGRAM, PACKET, RAW = socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET, socket.SOCK_RAW


def pair(kind):
    return socket.socketpair(socket.AF_UNIX, kind)[0]


WAYS = {
    "a socket of datagrams": lambda: socket.socket(socket.AF_UNIX, DATAGRAM).sendto(b"x", where),
    "a message of one": lambda: socket.socket(socket.AF_UNIX, DATAGRAM).sendmsg([b"x"], [], 0, where),
    "a pair of datagrams": lambda: pair(DATAGRAM).sendmsg([b"x"], [], 0, where),
    "a pair that does not block": lambda: pair(DATAGRAM | socket.SOCK_NONBLOCK).sendmsg([b"x"], [], 0, where),
    "a pair of raw ones": lambda: pair(RAW).sendmsg([b"x"], [], 0, where),
    "a pair of packets": lambda: pair(PACKET).sendmsg([b"x"], [], 0, where),
    "a stream": lambda: pair(STREAM).sendmsg([b"x"], [], 0, where),
    "a connection": lambda: socket.socket(socket.AF_UNIX, STREAM).connect(where),
    "another family": lambda: socket.socketpair(socket.AF_INET, STREAM),
}
said = {}
for name, way in WAYS.items():
    try:
        way()
        said[name] = "sent"
    except OSError as error:
        said[name] = type(error).__name__
STREAMS = socket.socketpair(socket.AF_UNIX, STREAM)
STREAMS[0].sendall(b"own")
said["its own pair"] = STREAMS[1].recv(3).decode()
print(json.dumps(said))
"""


@pytest.mark.skipif(seccomp.machine() is None, reason="there is no filter for this machine")
def test_no_datagram_gets_out(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"{tmp_path}/log")
        listener.setblocking(False)
        command = [sys.executable, "-c", PROBE, f"{tmp_path}/log"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ})
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout)
        assert said.pop("its own pair") == "own"
        assert [way for way, outcome in said.items() if outcome == "sent"] == []
        assert len(said) == 9
        with pytest.raises(BlockingIOError):
            listener.recv(1)
